//! The running server: the application, what works in the background, the listeners, and how all of it stops.
//!
//! Where files and users come from is decided by the commands that start it.

mod notify;
mod signals;
#[cfg(test)]
mod tests;

pub use signals::StopSignals;

use crate::app::App;
use crate::client_keys::PublishedKeys;
use crate::clock::Clock;
use crate::envelope::Envelope;
use crate::guesses::Guesses;
use crate::hashing::HashingPool;
use crate::limits::{CERTIFICATE_POLL, CONFIGURATION_POLL, DRAIN_TIMEOUT, METRICS_UPKEEP};
use crate::management::{self, Health};
use crate::outgoing::Outgoing;
use crate::realms::{BaseUrls, Realms};
use crate::router::router;
use crate::sweeper;
use crate::telemetry::{Observer, SpanExporter, SpanSender};
use freshkey_core::Entropy;
use freshkey_core::keycloak::{WarningReason, build_realm};
use freshkey_core::keys::KeyStatus;
use freshkey_service::listener::{Listener, Phase};
use freshkey_service::network::TrustedProxies;
use freshkey_service::tls::ServedCertificate;
use freshkey_store::{Store, StoreError};
use metrics_exporter_prometheus::PrometheusHandle;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// What an application is made of.
pub struct Assembly {
    /// Memory, open, with the schema of this release.
    pub store: Arc<Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How the server is called.
    pub urls: BaseUrls,
    /// Where everything is served: empty, or `/auth`.
    pub path_prefix: String,
    /// Who may speak for others.
    pub trusted_proxies: TrustedProxies,
    /// Passwords hashed at the same time.
    pub hash_concurrency: usize,
    /// How the server calls others.
    pub outgoing: Outgoing,
}

/// Makes the application and reads the list of realms. [`Server::open`] keeps it current.
pub async fn assemble(assembly: Assembly) -> Result<Arc<App>, StoreError> {
    let Assembly { store, clock, entropy, urls, path_prefix, trusted_proxies, hash_concurrency, outgoing } = assembly;
    let app = App {
        realms: Realms::new(Arc::clone(&store), Arc::clone(&clock), urls),
        hashing: HashingPool::new(hash_concurrency, Arc::clone(&entropy)),
        guesses: Guesses::default(),
        published_keys: PublishedKeys::new(outgoing),
        trusted_proxies,
        path_prefix,
        store,
        clock,
        entropy,
    };
    app.realms.check().await?;
    Ok(Arc::new(app))
}

/// What is stored can't be served.
#[derive(Debug)]
pub enum StartError {
    /// The store.
    Store(StoreError),
    /// A realm can't be read.
    BrokenRealm {
        /// Its name.
        realm: String,
        /// What is wrong.
        reason: String,
    },
    /// A key that makes no valid signatures.
    UnusableKey {
        /// Name of the realm.
        realm: String,
        /// Names the key component, and says what is wrong with it.
        reason: String,
    },
    /// A realm has no key that signs with its algorithm.
    NoKey {
        /// Name of the realm.
        realm: String,
        /// Name of the algorithm.
        algorithm: &'static str,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::BrokenRealm { realm, reason } => write!(f, "the configuration of realm {realm:?} cannot be used: {reason}"),
            Self::UnusableKey { realm, reason } => write!(f, "realm {realm:?}: {reason}"),
            Self::NoKey { realm, algorithm } => write!(f, "realm {realm:?} has no active key for {algorithm}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Signs once with every key of every realm, and verifies it (T-030). Better no start than a first request that fails.
pub async fn prove_keys(store: &Store) -> Result<(), StartError> {
    for entry in store.realm_list().await.map_err(StartError::Store)? {
        let Some(documents) = store.load_realm(&entry.name).await.map_err(StartError::Store)? else { continue };
        let (realm, warnings) =
            build_realm(&documents).map_err(|error| StartError::BrokenRealm { realm: entry.name.clone(), reason: error.to_string() })?;
        if let Some(warning) = warnings.iter().find(|warning| matches!(warning.reason, WarningReason::UnusableKey(_))) {
            return Err(StartError::UnusableKey { realm: entry.name, reason: warning.to_string() });
        }
        for key in realm.keys.iter().filter(|key| key.status != KeyStatus::Disabled) {
            key.signing.prove().map_err(|error| StartError::UnusableKey {
                realm: entry.name.clone(),
                reason: format!("key {} ({}): it makes no valid signature: {error:?}", key.component_id, key.signing.algorithm()),
            })?;
        }
        let algorithm = realm.settings.default_signature_algorithm;
        if realm.settings.enabled && realm.keys.signer(algorithm).is_none() {
            return Err(StartError::NoKey { realm: entry.name, algorithm: algorithm.as_str() });
        }
    }
    Ok(())
}

/// Follows changes of the configuration, for ever. One line in the log when the store goes away and one when it is back.
async fn keep_current(app: Arc<App>) {
    let mut ticks = interval(CONFIGURATION_POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        let outcome = app.realms.check().await;
        match &outcome {
            Ok(()) if is_failing => tracing::info!("the configuration can be checked again"),
            Err(error) if !is_failing => tracing::warn!(error = %error, detail = error.detail(), "the configuration cannot be checked"),
            _ => {}
        }
        is_failing = outcome.is_err();
    }
}

/// Takes over a certificate that was renewed on disk, for ever.
async fn follow_certificate(certificate: Arc<ServedCertificate>) {
    let mut ticks = interval(CERTIFICATE_POLL);
    loop {
        ticks.tick().await;
        match certificate.follow() {
            Ok(true) => tracing::info!("the certificate has changed and is taken over"),
            Ok(false) => {}
            Err(error) => tracing::error!(error = %error, "the certificate has changed and cannot be used; the old one stays in use"),
        }
    }
}

async fn keep_metrics(metrics: PrometheusHandle) {
    let mut ticks = interval(METRICS_UPKEEP);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

/// A server: its listeners, and what works in the background.
pub struct Server {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: PrometheusHandle,
    health: Arc<Health>,
    phase: watch::Sender<Phase>,
    listeners: JoinSet<()>,
    background: JoinSet<()>,
    app: Option<Arc<App>>,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every open request was finished.
    Drained,
    /// Some took too long and were cut off.
    CutOff,
}

impl Server {
    /// A server that listens to nobody yet.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, metrics: PrometheusHandle) -> Self {
        let mut background = JoinSet::new();
        background.spawn(keep_metrics(metrics.clone()));
        Self {
            clock,
            entropy,
            metrics,
            health: Arc::default(),
            phase: watch::Sender::new(Phase::Serving),
            listeners: JoinSet::new(),
            background,
            app: None,
        }
    }

    /// Answers operators from now on, while the application is not there yet, too.
    pub fn open_management(&mut self, listener: Listener) {
        let router = management::router(Arc::clone(&self.health), self.metrics.clone());
        // Probes are not counted among the requests that they ask about.
        let observer = Observer::silent(Arc::clone(&self.clock), Arc::clone(&self.entropy));
        self.listeners.spawn(listener.serve(Arc::new(Envelope::new(router, Arc::new(observer))), self.phase.subscribe()));
    }

    /// Answers everyone from now on, and begins the work in the background.
    pub fn open(
        &mut self,
        app: Arc<App>,
        listener: Listener,
        certificate: Option<Arc<ServedCertificate>>,
        spans: Option<(SpanSender, SpanExporter)>,
    ) {
        let spans = spans.map(|(sender, exporter)| {
            self.background.spawn(exporter.run());
            sender
        });
        self.background.spawn(keep_current(Arc::clone(&app)));
        self.background.spawn(sweeper::run(Arc::clone(&app)));
        if let Some(certificate) = certificate {
            self.background.spawn(follow_certificate(certificate));
        }
        let observer = Observer::new(Arc::clone(&self.clock), Arc::clone(&self.entropy), spans);
        let envelope = Envelope::new(router(Arc::clone(&app)), Arc::new(observer));
        self.listeners.spawn(listener.serve(Arc::new(envelope), self.phase.subscribe()));
        self.health.started(Arc::clone(&app));
        self.app = Some(app);
    }

    /// Tells the service manager, if one asked to be told, that requests are answered.
    pub fn announce(&self) {
        notify::tell("READY=1");
    }

    /// Stops: no new connections, open requests are finished, everything recorded is made durable.
    pub async fn stop(mut self) -> Result<Stopped, StoreError> {
        notify::tell("STOPPING=1");
        self.health.stopping();
        // Nobody listening to the phase means that nothing was opened.
        let _ = self.phase.send(Phase::Draining);
        let drained = timeout(DRAIN_TIMEOUT, async { while self.listeners.join_next().await.is_some() {} }).await;
        let _ = self.phase.send(Phase::Ending);
        self.background.shutdown().await;
        if let Some(app) = self.app {
            // Makes what is buffered durable, and leaves no log behind that the next start would have to read.
            Store::clone(&app.store).close().await?;
        }
        Ok(if drained.is_ok() { Stopped::Drained } else { Stopped::CutOff })
    }
}
