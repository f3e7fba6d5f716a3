//! `freshkey-gateway serve`: runs until it is told to stop.

use super::{ExitStatus, Failure, check};
use crate::clock::SystemClock;
use crate::service::{Service, StartError, Stopped, Watched};
use crate::telemetry;
use freshkey_service::logging::{LogFormat, install_logging};
use metrics_exporter_prometheus::PrometheusHandle;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  freshkey-gateway serve --config gateway.toml
  freshkey-gateway serve --config gateway.toml --log-format json 2>> gateway.log

The file is looked at twice a second. When it changes, it is taken over whole, without dropping a request; if it cannot be used, the old one stays in
force and the log says so. SIGTERM and SIGINT stop the gateway when every open request is finished, a second one at once.")]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "FRESHKEY_GATEWAY_CONFIG")]
    config: PathBuf,
    /// human or json, instead of log.format.
    #[arg(long, value_name = "FORMAT", value_parser = ["human", "json"])]
    log_format: Option<String>,
    /// Level, instead of log.level.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut loaded = check::loaded(&arguments.config)?;
    let watched = Watched::new(&arguments.config, &loaded);
    let log = &mut loaded.settings.log;
    if let Some(level) = &arguments.log_level {
        log.level.clone_from(level);
    }
    match arguments.log_format.as_deref() {
        Some("json") => log.format = LogFormat::Json,
        Some(_) => log.format = LogFormat::Human,
        None => {}
    }
    let failed = |error: &dyn std::fmt::Display| Failure::new(ExitStatus::Failed, error.to_string());
    install_logging(log).map_err(|error| failed(&error).with_hint("log.level is info, debug, or what `tracing` calls a filter"))?;
    telemetry::install_panic_hook();
    let metrics = telemetry::install_metrics().map_err(|error| failed(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| failed(&error))?;
    runtime.block_on(serve(loaded, watched, metrics))
}

async fn serve(loaded: crate::config::Loaded, watched: Watched, metrics: PrometheusHandle) -> Result<(), Failure> {
    let unheard = |error: io::Error| Failure::new(ExitStatus::Failed, format!("signals cannot be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    let mut service = Service::start(loaded, Arc::new(SystemClock), metrics).await.map_err(|error| start_failure(&error))?;
    service.follow_files(watched);
    let addresses = service.addresses;
    let shown = |address: Option<std::net::SocketAddr>| address.map(|address| address.to_string());
    tracing::info!(
        proxy = shown(addresses.proxy),
        forward_auth = shown(addresses.forward_auth),
        ext_authz = shown(addresses.ext_authz),
        management = shown(addresses.management),
        "serving"
    );
    order(&mut terminate, &mut interrupt).await;
    tracing::info!("stopping: open requests are finished");
    tokio::select! {
        stopped = service.stop() => {
            if stopped == Stopped::CutOff {
                tracing::warn!("some requests took too long and were cut off");
            }
            tracing::info!("stopped");
            Ok(())
        }
        () = order(&mut terminate, &mut interrupt) => {
            Err(Failure::new(ExitStatus::Failed, "stopped at once by a second signal, with requests still open"))
        }
    }
}

async fn order(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::Tls(_) => Failure::new(ExitStatus::Material, error.to_string()),
        StartError::Listen(setting, address, cause) => {
            let hint = match cause.kind() {
                io::ErrorKind::AddrInUse => {
                    format!("port {} is taken by another program: stop it, or choose another with {setting}", address.port())
                }
                io::ErrorKind::PermissionDenied => format!("ports below 1024 need a privilege: choose another with {setting}"),
                _ => format!("choose another address with {setting}"),
            };
            Failure::new(ExitStatus::Listen, error.to_string()).with_hint(hint)
        }
    }
}
