//! `freshkey-server serve`: production. Everything comes from the configuration; nothing is made that is not there.

use super::{ExitStatus, Failure, open, process};
use crate::clock::{Clock as _, SystemClock, SystemEntropy};
use crate::config::{MigrateOnStart, Settings, TlsSettings};
use crate::limits::STORE_RETRY;
use crate::listener::PROTOCOLS;
use crate::outgoing::Outgoing;
use crate::realms::BaseUrls;
use crate::server::{self, Assembly, Server, StartError};
use crate::telemetry::SpanExporter;
use freshkey_service::network::TrustedProxies;
use freshkey_service::tls::{ServedCertificate, TlsError};
use freshkey_store::{Store, StoreError};
use metrics_exporter_prometheus::PrometheusHandle;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every key of the file can be given in the environment as FRESHKEY_SECTION__KEY, which wins over the file; flags win over both.
SIGTERM and SIGINT stop the server when every open request is finished, a second one at once. Under systemd use Type=notify.")]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "FRESHKEY_CONFIG")]
    config: Option<PathBuf>,
    /// Address and port, instead of server.listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Level, instead of log.level.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// human or json, instead of log.format.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// Serves until it is told to stop.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let layers = open::layers(arguments.config.as_deref())
        .with_flag("listen", "server.listen", arguments.listen.as_deref())
        .with_flag("log-level", "log.level", arguments.log_level.as_deref())
        .with_flag("log-format", "log.format", arguments.log_format.as_deref());
    let settings = open::settings(layers)?;
    let metrics = process::prepare(&settings.log)?;
    for doubt in settings.doubts() {
        tracing::warn!("{doubt}");
    }
    process::runtime()?.block_on(serve(&settings, metrics))
}

async fn serve(settings: &Settings, metrics: PrometheusHandle) -> Result<(), Failure> {
    let mut signals = process::signals()?;
    let (transport, certificate) = transport(&settings.server.tls)?;
    let spans = SpanExporter::new(&settings.telemetry).map_err(|error| Failure::new(ExitStatus::Configuration, error.to_string()))?;
    // Taken before anything slow, so that a port in use is told at once.
    let public = process::bind("server.listen", settings.server.listen, transport, settings.limits.connections_max).await?;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let mut server = Server::new(Arc::clone(&clock) as _, Arc::clone(&entropy) as _, metrics);
    if let Some(address) = settings.management_listen {
        let listener = process::bind("management.listen", address, None, crate::limits::MANAGEMENT_CONNECTIONS_MAX).await?;
        tracing::info!(address = %process::address(&listener), "answering operators");
        server.open_management(listener);
    }
    let address = process::address(&public);
    let app = tokio::select! {
        app = application(settings) => app?,
        () = signals.next() => return Ok(()),
    };
    server.open(app, public, certificate, spans);
    server.announce();
    tracing::info!(%address, public_url = settings.server.public_url, "ready");
    process::until_stopped(server, signals).await
}

/// The application on its database, which may take its time to come up: meanwhile the server lives and says that it is not ready (T-099).
async fn application(settings: &Settings) -> Result<Arc<crate::app::App>, Failure> {
    let mut is_waiting = false;
    loop {
        match try_application(settings).await {
            Ok(app) => return Ok(app),
            Err(Attempt::Again(error)) => {
                if !is_waiting {
                    tracing::warn!(error = %error, detail = error.detail(), "waiting for the database");
                }
                is_waiting = true;
                sleep(STORE_RETRY).await;
            }
            Err(Attempt::Failed(failure)) => return Err(failure),
        }
    }
}

const MIGRATE: &str = "run `freshkey-server migrate` with the same configuration, or set store.migrate = true";

enum Attempt {
    Again(StoreError),
    Failed(Failure),
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::Again(error) } else { Self::Failed(open::schema(&error, MIGRATE)) }
    }
}

async fn try_application(settings: &Settings) -> Result<Arc<crate::app::App>, Attempt> {
    let options = open::store_options(&settings.store, &settings.sealing.key_file).map_err(Attempt::Failed)?;
    let store = Store::open(options).await?;
    match settings.store.migrate {
        MigrateOnStart::No => store.check().await?,
        MigrateOnStart::Yes => {
            for migration in store.migrate(SystemClock.now()).await? {
                tracing::info!(version = migration.version, name = migration.name, "the schema was migrated");
            }
        }
    }
    server::prove_keys(&store).await.map_err(|error| match error {
        StartError::Store(error) => Attempt::from(error),
        other => Attempt::Failed(
            Failure::new(ExitStatus::Material, other.to_string()).with_hint("`freshkey-server admin keys list` shows the keys of a realm"),
        ),
    })?;
    let outgoing = Outgoing::new(&settings.outgoing)
        .map_err(|error| Attempt::Failed(Failure::new(ExitStatus::Configuration, format!("outgoing.ca_file: {error}"))))?;
    let assembly = Assembly {
        store: Arc::new(store),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        urls: BaseUrls { public: settings.server.public_url.clone(), backchannel: settings.server.backchannel_url.clone() },
        path_prefix: settings.server.path_prefix.clone(),
        trusted_proxies: TrustedProxies::new(settings.server.trusted_proxies.clone()),
        hash_concurrency: settings.limits.hash_concurrency,
        outgoing,
    };
    Ok(server::assemble(assembly).await?)
}

fn transport(settings: &TlsSettings) -> Result<(Option<TlsAcceptor>, Option<Arc<ServedCertificate>>), Failure> {
    let unusable = |error: TlsError| {
        Failure::new(ExitStatus::Material, format!("server.tls: {error}"))
            .with_hint("server.tls.certificate and server.tls.key name PEM files that belong together")
    };
    match settings {
        TlsSettings::Off => Ok((None, None)),
        TlsSettings::Files { certificate, key } => {
            let certificate = ServedCertificate::load(certificate, key).map_err(unusable)?;
            Ok((Some(certificate.acceptor(PROTOCOLS).map_err(unusable)?), Some(certificate)))
        }
    }
}
