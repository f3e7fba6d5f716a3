//! `freshkey-gateway sample-api`: a small API to try a gateway with.

use super::{ExitStatus, Failure, output};
use crate::limits::{DRAIN_TIMEOUT, MANAGEMENT_CONNECTIONS_MAX};
use crate::listener;
use crate::sample_api::{PATH, SampleApi};
use freshkey_service::listener::{Listener, Phase};
use freshkey_service::logging::{Colour, LogFormat, LogSettings, install_logging};
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  freshkey-gateway sample-api --listen 127.0.0.1:8080 --issuer https://gateway.example.org --audience sample-api --keys-url http://127.0.0.1:9001/jwks

GET /api/whoami answers who the gateway's signed assertion says the caller is, and every header that came, as JSON.
`cargo xtask up` runs it behind a gateway.")]
pub(super) struct Arguments {
    /// Address and port, on this machine alone.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// assertion.issuer of the gateway.
    #[arg(long, value_name = "ISSUER")]
    issuer: String,
    /// assertion_audience of this application.
    #[arg(long, value_name = "AUDIENCE")]
    audience: String,
    /// Where the gateway's management listener shows the key of its assertions.
    #[arg(long, value_name = "URL")]
    keys_url: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.listen.ip().is_loopback() {
        return Err(Failure::new(ExitStatus::Usage, format!("{} is an address that other machines reach", arguments.listen))
            .with_hint("the sample shows every header that it gets: let it listen on 127.0.0.1 or [::1]"));
    }
    let failed = |error: &dyn Display| Failure::new(ExitStatus::Failed, error.to_string());
    let log = LogSettings { format: LogFormat::Human, level: "info".to_owned(), colour: Colour::Auto };
    install_logging(&log).map_err(|error| failed(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: &Arguments) -> Result<(), Failure> {
    let unheard = |error: std::io::Error| Failure::new(ExitStatus::Failed, format!("signals cannot be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    let taken = |error: std::io::Error| {
        Failure::new(ExitStatus::Listen, format!("{} cannot be listened on: {error}", arguments.listen))
            .with_hint("choose another address with --listen")
    };
    let listener = Listener::bind(arguments.listen, None, MANAGEMENT_CONNECTIONS_MAX).await.map_err(taken)?;
    let address = listener.local_address().map_err(taken)?;
    let api = Arc::new(SampleApi::new(&arguments.issuer, &arguments.audience, &arguments.keys_url));
    let phase = watch::Sender::new(Phase::Serving);
    let serving = listener::serve(listener, api, phase.subscribe());
    tokio::pin!(serving);
    output::print(format!("ready: http://{address}{PATH}\n").as_bytes())?;
    tokio::select! {
        () = &mut serving => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    phase.send_replace(Phase::Draining);
    let _ = timeout(DRAIN_TIMEOUT, serving).await;
    Ok(())
}
