//! The gate as a layer of a Rust service: the same verdict, without a process in between.
//!
//! ```
//! use freshkey_gateway::layer::{Caller, GateLayer};
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{Layer as _, ServiceExt as _, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let gate = GateLayer::from_toml(
//!     r#"
//!     default = "deny"
//!     trusted_proxies = []
//!     [[issuers]]
//!     issuer = "https://id.example.org/realms/main"
//!     audiences = ["api"]
//!     algorithms = ["RS256"]
//!     [[applications]]
//!     name = "api"
//!     hosts = ["api.example.org"]
//!     [[applications.rules]]
//!     paths = ["/health"]
//!     allow = "public"
//!     [[applications.rules]]
//!     paths = ["/things/**"]
//!     scopes = { all = ["things"] }
//!     "#,
//! )
//! .expect("a configuration that can be used");
//! let service = gate.layer(service_fn(|request: Request<String>| async move {
//!     let caller = request.extensions().get::<Caller>();
//!     Ok::<_, Infallible>(Response::new(format!("hello {:?}", caller.and_then(Caller::subject))))
//! }));
//! let request = |path: &str| Request::get(path).header("host", "api.example.org").body(String::new()).unwrap();
//! assert_eq!(service.clone().oneshot(request("/health")).await.unwrap().status(), 200);
//! assert_eq!(service.oneshot(request("/things/1")).await.unwrap().status(), 401);
//! # });
//! ```

use crate::answer::{REQUEST_ID, RequestId, challenge, constant_body};
use crate::claim::ClaimValue;
use crate::clock::SystemClock;
use crate::config::{ConfigProblems, load_for_service, read_for_service};
use crate::fronts::{FrontName, Report};
use crate::gate::Gate;
use crate::policy::FactSource;
use crate::reason::Reason;
use crate::request::CanonicalRequest;
use crate::service::snapshot;
use crate::token::VerifiedToken;
use http::{HeaderValue, Request, Response, Uri, header};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Puts a gate before services.
#[derive(Clone)]
pub struct GateLayer {
    gate: Arc<Gate>,
}

/// A service behind a gate.
#[derive(Clone)]
pub struct Gated<S> {
    inner: S,
    gate: Arc<Gate>,
}

/// Who called, for the service: in the extensions of a request that passed with a token.
#[derive(Clone)]
pub struct Caller {
    token: Arc<VerifiedToken>,
    gate: Arc<crate::gate::Snapshot>,
}

impl Caller {
    /// The subject of the token.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.token.subject.as_deref()
    }

    /// The issuer of the token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.gate.policy.issuers.get(self.token.issuer).map_or("", |issuer| issuer.name.as_str())
    }

    /// What the token says at a path, such as `realm_access.roles`; only of the claims that the rules or the identity of an application name.
    #[must_use]
    pub fn claim(&self, path: &str) -> Option<&ClaimValue> {
        let path = crate::claim::ClaimPath::parse(path)?;
        let id = self.gate.policy.facts.id(&FactSource::Claim(path))?;
        Some(id.of(&self.token.facts))
    }
}

/// How many tokens a layer remembers.
const CACHED_TOKENS: usize = 100_000;

impl GateLayer {
    /// A layer with the configuration of a text. It has no need of listeners; relative paths in it start from the working directory. Must be called
    /// inside a Tokio runtime, which then fetches the keys.
    pub fn from_toml(text: &str) -> Result<Self, ConfigProblems> {
        Ok(Self::of(read_for_service(text)?))
    }

    /// The same with a file.
    pub fn from_file(path: &Path) -> Result<Self, ConfigProblems> {
        Ok(Self::of(load_for_service(path)?))
    }

    /// A layer with a gate that is there already.
    #[must_use]
    pub fn with_gate(gate: Arc<Gate>) -> Self {
        Self { gate }
    }

    fn of(loaded: crate::config::Loaded) -> Self {
        Self::with_gate(Arc::new(Gate::new(snapshot(loaded, None), CACHED_TOKENS, Arc::new(SystemClock))))
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: Arc::clone(&self.gate) }
    }
}

impl<S, B, R> Service<Request<B>> for Gated<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<&'static str> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let gate = Arc::clone(&self.gate);
        // The one that is ready is the one that is called.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            match judged(&gate, &mut request).await {
                Ok(()) => inner.call(request).await,
                Err(refused) => Ok(refused),
            }
        })
    }
}

/// Judges a request and brings it into its one form, with what the service is told of the caller.
async fn judged<B, R: From<&'static str>>(gate: &Gate, request: &mut Request<B>) -> Result<(), Response<R>> {
    let id = RequestId::next();
    let snapshot = gate.snapshot();
    let report = Report {
        front: FrontName::Layer,
        request_id: id.as_str(),
        method: "",
        host: "",
        path: "",
        peer: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let refuse = |reason: Reason| refusal(reason, &snapshot.realm, id);
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let uri = request.uri().clone();
    let canonical = CanonicalRequest::of_http(&method, request.version(), &uri, &headers).map_err(|ambiguity| {
        report.refused(ambiguity.into());
        refuse(ambiguity.into())
    })?;
    let judgement = gate.judge(&snapshot, &canonical).await;
    Report { method: method.as_str(), host: canonical.host.name(), path: canonical.path.as_str(), ..report }.judged(&judgement);
    let pass = judgement.outcome.map_err(refuse)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = canonical.target().try_into().ok();
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| refuse(Reason::Failed))?;
    snapshot.identity_names.strip(request.headers_mut());
    for (name, value) in pass.identity.iter().flat_map(|identity| identity.headers()) {
        request.headers_mut().insert(name.clone(), value.clone());
    }
    if let Some(token) = pass.token {
        request.extensions_mut().insert(Caller { token, gate: snapshot });
    }
    Ok(())
}

fn refusal<R: From<&'static str>>(reason: Reason, realm: &str, id: RequestId) -> Response<R> {
    let mut response = Response::new(R::from(constant_body(reason.status())));
    *response.status_mut() = reason.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = challenge(reason, realm) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    headers.insert(REQUEST_ID, id.into());
    response
}
