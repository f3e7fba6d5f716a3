//! What the commands that serve have in common: log, metrics, runtime, sockets, and the way to stop.

use super::{ExitStatus, Failure};
use crate::envelope::install_panic_hook;
use crate::server::{Server, StopSignals, Stopped};
use crate::telemetry;
use freshkey_service::listener::Listener;
use freshkey_service::logging::{LogSettings, install_logging};
use metrics_exporter_prometheus::PrometheusHandle;
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// Sets up log, panic hook and metrics of this process.
pub(crate) fn prepare(log: &LogSettings) -> Result<PrometheusHandle, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(ExitStatus::Failed, error.to_string());
    install_logging(log).map_err(|error| failed(&error))?;
    install_panic_hook();
    let recorder = telemetry::prometheus().map_err(|error| failed(&error))?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| failed(&error))?;
    telemetry::describe();
    Ok(handle)
}

/// One thread for each core.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(ExitStatus::Failed, format!("the runtime cannot be started: {error}")))
}

/// One thread, for commands that ask the database a question and end.
pub(crate) fn small_runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(ExitStatus::Failed, format!("the runtime cannot be started: {error}")))
}

/// Listens for signals from now on.
pub(crate) fn signals() -> Result<StopSignals, Failure> {
    StopSignals::listen().map_err(|error| Failure::new(ExitStatus::Failed, format!("signals cannot be received: {error}")))
}

/// Takes an address, or says which setting to change.
pub(crate) async fn bind(
    setting: &str,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    connections_max: usize,
) -> Result<Listener, Failure> {
    Listener::bind(address, tls, connections_max).await.map_err(|error| {
        let failure = Failure::new(ExitStatus::Listen, format!("{address} cannot be listened on: {error}"));
        match error.kind() {
            ErrorKind::AddrInUse => {
                failure.with_hint(format!("port {} is taken by another program: stop it, or choose another with {setting}", address.port()))
            }
            ErrorKind::PermissionDenied => failure
                .with_hint(format!("ports below 1024 need a privilege: choose another with {setting}, or grant CAP_NET_BIND_SERVICE")),
            ErrorKind::AddrNotAvailable => {
                failure.with_hint(format!("this machine does not have the address {}: choose one with {setting}", address.ip()))
            }
            _ => failure.with_hint(format!("choose another address with {setting}")),
        }
    })
}

/// The address of a listener, with the port that it was given. A bound socket always has one.
pub(crate) fn address(listener: &Listener) -> SocketAddr {
    listener.local_address().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}

/// Waits for the order to stop, and stops. A second order ends everything at once.
pub(crate) async fn until_stopped(server: Server, mut signals: StopSignals) -> Result<(), Failure> {
    signals.next().await;
    tracing::info!("stopping: open requests are finished");
    let outcome = tokio::select! {
        outcome = server.stop() => outcome,
        () = signals.next() => return Err(Failure::new(ExitStatus::Failed, "stopped at once by a second signal, with requests still open")),
    };
    match outcome {
        Ok(Stopped::Drained) => {}
        Ok(Stopped::CutOff) => tracing::warn!("some requests took too long and were cut off"),
        Err(error) => {
            return Err(Failure::new(
                ExitStatus::Failed,
                format!("the last audit events could not be written: {error}: {}", error.detail()),
            ));
        }
    }
    tracing::info!("stopped");
    Ok(())
}
