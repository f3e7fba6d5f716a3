//! One file for each endpoint under `/realms/{realm}`, and the way in that they share.

pub mod certs;
pub mod discovery;
pub mod introspect;
pub mod logout;
pub mod realm_info;
pub mod revoke;
pub mod token;
pub mod userinfo;

mod client;

use crate::answer;
use crate::app::App;
use crate::caller::{Caller, Scheme, resolve, trace_id};
use crate::grants::store_refusal;
use crate::realms::{Freshness, ServedRealm};
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use freshkey_core::entropy::random_bytes;
use freshkey_core::grants::Setting;
use freshkey_core::realm::SslRequired;
use freshkey_core::{Now, Refusal};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What the listener knows of a connection; an extension of every request.
#[derive(Debug, Clone, Copy)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// Whether it is encrypted.
    pub scheme: Scheme,
}

/// A request that has found its realm.
pub struct Visit {
    /// The application.
    pub app: Arc<App>,
    /// The realm.
    pub served: Arc<ServedRealm>,
    /// The caller.
    pub caller: Caller,
    /// `Origin`, for CORS.
    pub origin: Option<HeaderValue>,
    /// All headers.
    pub headers: HeaderMap,
    /// The moment at which all of the request is judged.
    pub now: Now,
}

/// How much an endpoint depends on the configuration being current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// It says what anybody may know, and that of a disabled realm, too: realm info and discovery.
    Nothing,
    /// It may act on what was last known: keys, revocation.
    Anything,
    /// It answers 503 rather than act on something old (T-010).
    Current,
}

impl Visit {
    /// Finds the realm and checks what every endpoint checks: it exists, it is enabled, and HTTPS where it wants that.
    pub async fn enter(app: Arc<App>, realm: &str, parts: &Parts, needs: Needs) -> Result<Self, Response<Body>> {
        let caller = caller(&app, parts);
        let refuse = |refusal: Refusal| answer::no_store(answer::refusal(&refusal, &caller.correlation_id));
        let served = match app.realms.get(realm).await {
            Ok(Some(served)) => served,
            Ok(None) => return Err(refuse(Refusal::UnknownRealm)),
            Err(error) => return Err(refuse(store_refusal(&error))),
        };
        let settings = &served.realm.settings;
        if needs_https(settings.ssl_required, &caller) {
            return Err(refuse(Refusal::HttpsRequired));
        }
        if !settings.enabled && needs != Needs::Nothing {
            return Err(refuse(Refusal::RealmDisabled));
        }
        if needs == Needs::Current && app.realms.freshness() == Freshness::Stale {
            return Err(refuse(Refusal::StoreUnavailable));
        }
        let now = app.clock.now();
        let origin = parts.headers.get(header::ORIGIN).cloned();
        Ok(Self { served, caller, origin, headers: parts.headers.clone(), now, app })
    }

    /// Where and when the rules judge.
    pub fn setting(&self) -> Setting<'_> {
        Setting { realm: &self.served.realm, issuer: &self.served.issuer, now: self.now }
    }

    /// A refusal as an answer.
    pub fn refuse(&self, refusal: &Refusal) -> Response<Body> {
        answer::refusal(refusal, &self.caller.correlation_id)
    }
}

fn caller(app: &App, parts: &Parts) -> Caller {
    let unknown = Connection { peer: SocketAddr::from(([0, 0, 0, 0], 0)), scheme: Scheme::Http };
    let connection = parts.extensions.get::<Connection>().copied().unwrap_or(unknown);
    let (address, scheme) = resolve(&app.trusted_proxies, connection.peer, connection.scheme, &parts.headers);
    let correlation_id =
        trace_id(&parts.headers).map_or_else(|| format!("{:032x}", u128::from_be_bytes(random_bytes(&*app.entropy))), str::to_owned);
    Caller { address, scheme, correlation_id }
}

fn needs_https(required: SslRequired, caller: &Caller) -> bool {
    caller.scheme == Scheme::Http
        && match required {
            SslRequired::None => false,
            SslRequired::External => !is_private(caller.address),
            SslRequired::All => true,
        }
}

/// Loopback, link-local and private addresses: those that Keycloak's `external` exempts.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Splits a request for handlers that read the body themselves.
pub(crate) fn split(request: Request<Body>) -> (Parts, Body) {
    request.into_parts()
}

/// The realm's name in the path, decoded.
#[derive(Debug)]
pub struct RealmName(pub String);

impl<S: Send + Sync> FromRequestParts<S> for RealmName {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match axum::extract::Path::<String>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(name)) => Ok(Self(name)),
            Err(_) => Err(answer::refusal(&Refusal::UnknownRealm, "")),
        }
    }
}

/// An answer to a method that a path does not have.
pub async fn method_not_allowed() -> Response<Body> {
    answer::refusal(&Refusal::MethodNotAllowed, "")
}

/// An answer to a path that does not exist.
pub async fn not_found() -> Response<Body> {
    answer::json(StatusCode::NOT_FOUND, r#"{"error":"HTTP 404 Not Found"}"#)
}
