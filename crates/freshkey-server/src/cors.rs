//! CORS headers as Keycloak sends them (`DefaultCors`): judged by the authenticated client, never by anything in an unverified token (T-018).

use axum::http::{HeaderMap, HeaderValue, header};
use freshkey_core::client::{Client, WebOrigins};

/// Whose web origins decide.
#[derive(Debug, Clone, Copy)]
pub enum Allow<'a> {
    /// Any origin: public documents, preflights, and errors before the client is known.
    AnyOrigin,
    /// The web origins of this client.
    OriginsOf(&'a Client),
}

/// Methods named in a preflight answer.
const METHODS_TOKEN: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
const METHODS_PUBLIC: HeaderValue = HeaderValue::from_static("GET, OPTIONS");
const METHODS_USERINFO: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Origin, Accept, X-Requested-With, Content-Type, Access-Control-Request-Method, Access-Control-Request-Headers, DPoP, Authorization",
);

/// Which methods an endpoint has.
#[derive(Debug, Clone, Copy)]
pub enum Endpoint {
    /// Token, revocation.
    Token,
    /// Realm info, discovery, keys.
    Public,
    /// Userinfo.
    Userinfo,
}

/// Whether a page of this origin may make requests of this client. What comes from no page may always.
pub fn admits(origin: Option<&HeaderValue>, client: &Client) -> bool {
    origin.is_none_or(|origin| is_allowed(origin, Allow::OriginsOf(client)))
}

/// Adds what an actual answer carries. Without an `Origin` nothing is added.
pub fn add(response: &mut HeaderMap, origin: Option<&HeaderValue>, allow: Allow<'_>) {
    let Some(origin) = origin else { return };
    if !is_allowed(origin, allow) {
        return;
    }
    response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Access-Control-Allow-Methods"));
    response.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// Lets a page read why its token was refused.
pub fn expose_challenge(response: &mut HeaderMap) {
    if response.contains_key(header::ACCESS_CONTROL_EXPOSE_HEADERS) {
        let names = HeaderValue::from_static("Access-Control-Allow-Methods, WWW-Authenticate");
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
}

/// Adds what the answer to a preflight carries, for any origin.
pub fn add_preflight(response: &mut HeaderMap, origin: Option<&HeaderValue>, endpoint: Endpoint) {
    let Some(origin) = origin else { return };
    let methods = match endpoint {
        Endpoint::Token => METHODS_TOKEN,
        Endpoint::Public => METHODS_PUBLIC,
        Endpoint::Userinfo => METHODS_USERINFO,
    };
    response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    response.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    response.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    response.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
}

fn is_allowed(origin: &HeaderValue, allow: Allow<'_>) -> bool {
    match allow {
        Allow::AnyOrigin => true,
        Allow::OriginsOf(client) => match &client.web_origins {
            WebOrigins::Any => true,
            WebOrigins::These(origins) => origins.iter().any(|own| own.as_bytes() == origin.as_bytes()),
        },
    }
}
