//! A gateway and an application, and a front before them that is configured as its guide says.

use super::application::Application;
use super::guide::{Guide, with};
use super::judged;
use super::process::{Process, Setup};
use super::provider::{Provider, START_S};
use freshkey_gateway::clock::FixedClock;
use freshkey_gateway::config::load;
use freshkey_gateway::service::{Addresses, Service};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

/// The fronts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    Gateway,
    Nginx,
    Haproxy,
    Caddy,
    Envoy,
}

impl Front {
    pub(crate) const ALL: [Self; 5] = [Self::Gateway, Self::Nginx, Self::Haproxy, Self::Caddy, Self::Envoy];
    /// Those that ask the gateway.
    pub(crate) const ASKING: [Self; 4] = [Self::Nginx, Self::Haproxy, Self::Caddy, Self::Envoy];
}

/// Everything that a case needs.
pub(crate) struct Stage {
    pub(crate) front: Front,
    /// Where callers go.
    pub(crate) address: SocketAddr,
    pub(crate) application: Application,
    pub(crate) provider: Provider,
    pub(crate) clock: Arc<FixedClock>,
    _service: Option<Service>,
    _process: Option<Process>,
    _directory: TempDir,
}

impl Front {
    pub(crate) fn guide(self) -> Guide {
        Guide(match self {
            Self::Gateway => include_str!("../../../../docs/guides/gateway.md"),
            Self::Nginx => include_str!("../../../../docs/guides/gateway-nginx.md"),
            Self::Haproxy => include_str!("../../../../docs/guides/gateway-haproxy.md"),
            Self::Caddy => include_str!("../../../../docs/guides/gateway-caddy.md"),
            Self::Envoy => include_str!("../../../../docs/guides/gateway-envoy.md"),
        })
    }

    /// Where the gateway of a guide listens for this front.
    fn listens_at(self) -> &'static str {
        match self {
            Self::Gateway => "127.0.0.1:8444",
            Self::Nginx | Self::Haproxy | Self::Caddy => "127.0.0.1:8445",
            Self::Envoy => "127.0.0.1:8446",
        }
    }

    fn address_of(self, addresses: Addresses) -> SocketAddr {
        let address = match self {
            Self::Gateway => addresses.proxy,
            Self::Nginx | Self::Haproxy | Self::Caddy => addresses.forward_auth,
            Self::Envoy => addresses.ext_authz,
        };
        address.expect("the guide's gateway listens")
    }

    /// The gateway's configuration in the guide.
    pub(crate) fn configuration(self, issuer: &str, application: SocketAddr) -> String {
        let application = application.to_string();
        let mut changes =
            vec![(self.listens_at(), "127.0.0.1:0"), ("127.0.0.1:9001", "127.0.0.1:0"), ("https://id.example.org/realms/main", issuer)];
        if self == Self::Gateway {
            changes.push(("127.0.0.1:8080", &application));
        }
        with(self.guide().block("toml"), &changes)
    }
}

impl Stage {
    /// The stage as the guide has it.
    pub(crate) async fn build(front: Front) -> Self {
        Self::with(front, str::to_owned).await
    }

    /// The same with another configuration of the gateway.
    pub(crate) async fn with(front: Front, change: impl Fn(&str) -> String) -> Self {
        Self::set_up(front, Setup::Printed, change).await
    }

    /// The stage as the guide has it, but for the protocol of callers.
    pub(crate) async fn in_http2(front: Front) -> Self {
        Self::set_up(front, Setup::Http2, str::to_owned).await
    }

    async fn set_up(front: Front, setup: Setup, change: impl Fn(&str) -> String) -> Self {
        judged::listen();
        let (provider, application, directory) = (Provider::start().await, Application::start().await, directory());
        let path = directory.path().join("gateway.toml");
        std::fs::write(&path, change(&front.configuration(&provider.issuer(), application.address))).expect("written");
        let loaded = load(&path).unwrap_or_else(|problems| panic!("{front:?}: {problems}"));
        let clock = Arc::new(FixedClock::at_s(START_S));
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let service = Service::start(loaded, Arc::clone(&clock) as _, metrics).await.expect("started");
        until("the provider's keys have come", || service.gate.snapshot().is_ready()).await;
        let gateway = front.address_of(service.addresses);
        let process = Process::start(front, &directory, gateway, application.address, setup).await;
        let address = process.as_ref().map_or(gateway, |process| process.address);
        Self { front, address, application, provider, clock, _service: Some(service), _process: process, _directory: directory }
    }

    /// A front before something else than a gateway. Its patience is short.
    pub(crate) async fn before(front: Front, gateway: SocketAddr) -> Self {
        judged::listen();
        let (provider, application, directory) = (Provider::start().await, Application::start().await, directory());
        let process = Process::start(front, &directory, gateway, application.address, Setup::Impatient).await.expect("a process");
        let (address, clock) = (process.address, Arc::new(FixedClock::at_s(START_S)));
        Self { front, address, application, provider, clock, _service: None, _process: Some(process), _directory: directory }
    }
}

/// A directory that a front may enter under any account.
pub(crate) fn directory() -> TempDir {
    TempDir::new().expect("a directory")
}

/// Looks again until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if is_so() {
            return;
        }
        let _ = timeout(Duration::from_millis(5), pending::<()>()).await;
    }
    panic!("it did not come about that {what}");
}
