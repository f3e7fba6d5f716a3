//! The gateway as a whole: its fronts, its files, and the way to stop.

mod watch;

pub use watch::{Watched, follow};

use crate::clock::Clock;
use crate::config::{Loaded, Settings};
use crate::fronts::{ExtAuthz, ForwardAuth, ReverseProxy, Upstreams};
use crate::gate::{Gate, IssuerState, Snapshot};
use crate::identity::IdentityNames;
use crate::limits::{DRAIN_TIMEOUT, MANAGEMENT_CONNECTIONS_MAX, METRICS_UPKEEP};
use crate::listener::{self, Front, PROTOCOLS};
use crate::management::Management;
use freshkey_service::listener::{Listener, Phase};
use freshkey_service::tls::{ServedCertificate, TlsError};
use metrics_exporter_prometheus::PrometheusHandle;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch as channel;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

/// Connections of the endpoints that proxies ask, held at the same time.
const ASKING_CONNECTIONS_MAX: usize = 4_096;

/// A gateway that is running.
pub struct Service {
    /// What judges.
    pub gate: Arc<Gate>,
    /// Where it listens.
    pub addresses: Addresses,
    upstreams: Arc<Upstreams>,
    certificate: Option<Arc<ServedCertificate>>,
    management: Option<Arc<Management>>,
    phase: channel::Sender<Phase>,
    serving: JoinSet<()>,
    looking_after: JoinSet<()>,
}

/// Where a gateway listens; ports that were given as 0 are the real ones here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The reverse proxy.
    pub proxy: Option<SocketAddr>,
    /// The endpoint for other proxies.
    pub forward_auth: Option<SocketAddr>,
    /// The endpoint for Envoy.
    pub ext_authz: Option<SocketAddr>,
    /// The second listener.
    pub management: Option<SocketAddr>,
}

/// A gateway could not be started.
#[derive(Debug)]
pub enum StartError {
    /// A certificate, a key or authorities.
    Tls(TlsError),
    /// An address: the setting, the address, and why.
    Listen(&'static str, SocketAddr, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => error.fmt(f),
            Self::Listen(setting, address, error) => write!(f, "{setting}: {address} cannot be listened on: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<TlsError> for StartError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

/// How a gateway stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every request was finished.
    Drained,
    /// Some took too long.
    CutOff,
}

/// Puts together what is in force, and keeps what an earlier policy had of its issuers.
#[must_use]
pub fn snapshot(loaded: Loaded, before: Option<&Snapshot>) -> Snapshot {
    let Loaded { policy, trusted_proxies, signer, realm, .. } = loaded;
    let known = before.map(|before| before.issuers.as_slice()).unwrap_or_default();
    let issuers = policy.issuers.iter().map(|issuer| match known.iter().find(|state| state.serves(issuer)) {
        Some(state) => Arc::clone(state),
        None => IssuerState::start(issuer),
    });
    let issuers = issuers.collect();
    Snapshot {
        issuers,
        identity_names: IdentityNames::of(&policy.applications),
        trusted_proxies,
        signer: signer.map(Arc::new),
        realm,
        policy,
    }
}

impl Service {
    /// Takes the addresses and begins to serve.
    pub async fn start(loaded: Loaded, clock: Arc<dyn Clock>, metrics: PrometheusHandle) -> Result<Self, StartError> {
        let settings = loaded.settings.clone();
        let snapshot = snapshot(loaded, None);
        let upstreams = Arc::new(Upstreams::default());
        upstreams.take_over(&snapshot.policy)?;
        let gate = Arc::new(Gate::new(snapshot, settings.cached_tokens, clock));
        let mut service = Self {
            gate,
            addresses: Addresses::default(),
            upstreams,
            certificate: None,
            management: None,
            phase: channel::Sender::new(Phase::Serving),
            serving: JoinSet::new(),
            looking_after: JoinSet::new(),
        };
        service.open(&settings, metrics.clone()).await?;
        service.looking_after.spawn(async move {
            let mut ticks = interval(METRICS_UPKEEP);
            loop {
                ticks.tick().await;
                metrics.run_upkeep();
            }
        });
        Ok(service)
    }

    async fn open(&mut self, settings: &Settings, metrics: PrometheusHandle) -> Result<(), StartError> {
        if let Some(address) = settings.management {
            let management = Arc::new(Management::new(Arc::clone(&self.gate), metrics));
            let listener = bind("management.listen", address, None, MANAGEMENT_CONNECTIONS_MAX).await?;
            self.management = Some(Arc::clone(&management));
            self.addresses.management = Some(self.serve(listener, management));
        }
        if let Some(proxy) = &settings.proxy {
            self.certificate = proxy.tls.as_ref().map(|files| ServedCertificate::load(&files.certificate, &files.key)).transpose()?;
            let tls = self.certificate.as_ref().map(|certificate| certificate.acceptor(PROTOCOLS)).transpose()?;
            let listener = bind("proxy.listen", proxy.listen, tls, proxy.connections_max).await?;
            let front = ReverseProxy::new(Arc::clone(&self.gate), Arc::clone(&self.upstreams));
            self.addresses.proxy = Some(self.serve(listener, Arc::new(front)));
        }
        if let Some(forward_auth) = &settings.forward_auth {
            let listener = bind("forward_auth.listen", forward_auth.listen, None, ASKING_CONNECTIONS_MAX).await?;
            let front = ForwardAuth::new(Arc::clone(&self.gate), forward_auth.headers);
            self.addresses.forward_auth = Some(self.serve(listener, Arc::new(front)));
        }
        if let Some(address) = settings.ext_authz {
            let listener = bind("ext_authz.listen", address, None, ASKING_CONNECTIONS_MAX).await?;
            self.addresses.ext_authz = Some(self.serve(listener, Arc::new(ExtAuthz::new(Arc::clone(&self.gate)))));
        }
        Ok(())
    }

    fn serve<F: Front>(&mut self, listener: Listener, front: Arc<F>) -> SocketAddr {
        // A bound socket always has an address.
        let address = listener.local_address().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        self.serving.spawn(listener::serve(listener, front, self.phase.subscribe()));
        address
    }

    /// Follows the files of the configuration and of the certificate from now on.
    pub fn follow_files(&mut self, watched: Watched) {
        self.looking_after.spawn(follow(watched, Arc::clone(&self.gate), Arc::clone(&self.upstreams), self.certificate.clone()));
    }

    /// Finishes the open requests, and stops.
    pub async fn stop(mut self) -> Stopped {
        if let Some(management) = &self.management {
            management.stopping();
        }
        self.phase.send_replace(Phase::Draining);
        if timeout(DRAIN_TIMEOUT, self.finished()).await.is_ok() {
            return Stopped::Drained;
        }
        self.phase.send_replace(Phase::Ending);
        let _ = timeout(Duration::from_secs(1), self.finished()).await;
        Stopped::CutOff
    }

    async fn finished(&mut self) {
        while self.serving.join_next().await.is_some() {}
    }
}

async fn bind(
    setting: &'static str,
    address: SocketAddr,
    tls: Option<tokio_rustls::TlsAcceptor>,
    connections_max: usize,
) -> Result<Listener, StartError> {
    Listener::bind(address, tls, connections_max).await.map_err(|error| StartError::Listen(setting, address, error))
}
