//! Connections to applications: one pool for each upstream, kept for as long as the configuration names it in the same words.

use super::proxy::RequestBody;
use crate::policy::{Policy, Upstream, UpstreamProtocol};
use arc_swap::ArcSwap;
use freshkey_service::FileState;
use freshkey_service::tls::{TlsError, client_config};
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::Service;

/// The client of one upstream.
pub(super) type UpstreamClient = Client<FixedConnector, RequestBody>;

/// The clients of all upstreams.
#[derive(Default)]
pub struct Upstreams {
    clients: ArcSwap<HashMap<Upstream, (Option<FileState>, UpstreamClient)>>,
}

/// Connects to one origin, whatever the URL of a request says. In HTTP/2 the authority of the URL is the host that the application sees, and that is the
/// one that was judged.
#[derive(Debug, Clone)]
pub(super) struct FixedConnector {
    inner: HttpsConnector<HttpConnector>,
    origin: Uri,
}

impl Service<Uri> for FixedConnector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = <HttpsConnector<HttpConnector> as Service<Uri>>::Error;
    type Future = <HttpsConnector<HttpConnector> as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::poll_ready(&mut self.inner, context)
    }

    fn call(&mut self, _requested: Uri) -> Self::Future {
        self.inner.call(self.origin.clone())
    }
}

/// How long a connection to an application may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an unused connection to an application is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

impl Upstreams {
    /// Makes the clients that a policy needs, keeps those that there are, and drops the others.
    pub fn take_over(&self, policy: &Policy) -> Result<(), TlsError> {
        let known = self.clients.load();
        let mut clients = HashMap::new();
        for upstream in policy.applications.iter().filter_map(|application| application.upstream.as_ref()) {
            let authorities = upstream.ca_file.as_deref().and_then(FileState::of);
            let client = match known.get(upstream) {
                Some((of, client)) if *of == authorities => client.clone(),
                _ => client(upstream)?,
            };
            clients.insert(upstream.clone(), (authorities, client));
        }
        self.clients.store(Arc::new(clients));
        Ok(())
    }

    pub(super) fn get(&self, upstream: &Upstream) -> Option<UpstreamClient> {
        self.clients.load().get(upstream).map(|(_, client)| client.clone())
    }
}

fn client(upstream: &Upstream) -> Result<UpstreamClient, TlsError> {
    let config = client_config(upstream.ca_file.as_deref(), &[])?;
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connector = match upstream.protocol {
        UpstreamProtocol::Negotiated => builder.enable_http1().enable_http2().wrap_connector(http),
        UpstreamProtocol::Http2 => builder.enable_http2().wrap_connector(http),
    };
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new()).timer(TokioTimer::new());
    client.http2_only(upstream.protocol == UpstreamProtocol::Http2);
    // The host is ours to set: an application sees the one that was judged.
    client.set_host(false);
    Ok(client.build(FixedConnector { inner: connector, origin: upstream.origin.clone() }))
}
