//! What anybody may read: the realm, its discovery documents, its keys; and what browsers ask before they ask.

use crate::script::{Change, Request, Scenario, endpoint, scenario, sign_in};
use serde_json::json;

pub(super) fn scenarios() -> Vec<Scenario> {
    let realm = || Request::new("GET", "/realms/compat");
    let discovery = || Request::new("GET", "/realms/compat/.well-known/openid-configuration");
    vec![
        scenario("documents/read")
            .send("realm info", realm())
            .send("discovery", discovery())
            .send("the same for OAuth 2.0", Request::new("GET", "/realms/compat/.well-known/oauth-authorization-server"))
            .send("RFC 8414's place for it", Request::new("GET", "/.well-known/oauth-authorization-server/realms/compat"))
            .send("keys", endpoint("GET", "certs"))
            .send("realm info from a page", realm().origin("https://anywhere.example"))
            .send("discovery from a page", discovery().origin("https://anywhere.example"))
            .send("keys from a page", endpoint("GET", "certs").origin("https://anywhere.example")),
        scenario("documents/preflights")
            .send("realm info", preflight(Request::new("OPTIONS", "/realms/compat"), "GET"))
            .send("discovery", preflight(Request::new("OPTIONS", "/realms/compat/.well-known/openid-configuration"), "GET"))
            .send("keys", preflight(endpoint("OPTIONS", "certs"), "GET"))
            .send("token", preflight(endpoint("OPTIONS", "token"), "POST"))
            .send("token, another origin", endpoint("OPTIONS", "token").origin("https://anywhere.example"))
            .send("token, no origin", endpoint("OPTIONS", "token"))
            .send("revocation", preflight(endpoint("OPTIONS", "revoke"), "POST"))
            .send("userinfo", preflight(endpoint("OPTIONS", "userinfo"), "GET")),
        scenario("documents/unknown-realm")
            .send("realm info", Request::new("GET", "/realms/nowhere"))
            .send("discovery", Request::new("GET", "/realms/nowhere/.well-known/openid-configuration"))
            .send("keys", Request::new("GET", "/realms/nowhere/protocol/openid-connect/certs"))
            .send("token", Request::new("POST", "/realms/nowhere/protocol/openid-connect/token").form(&[("grant_type", "password")]))
            .send("userinfo", Request::new("GET", "/realms/nowhere/protocol/openid-connect/userinfo")),
        scenario("documents/disabled-realm")
            .arrange(Change::Realm("enabled", json!(false)))
            .send("realm info", realm())
            .send("discovery", discovery())
            .send("token", sign_in("public", "openid"))
            .send("introspection", endpoint("POST", "token/introspect").form(&[("token", "x")]))
            .send("userinfo", endpoint("GET", "userinfo"))
            .send("revocation", endpoint("POST", "revoke").form(&[("client_id", "public"), ("token", "x")])),
        scenario("documents/wrong-methods")
            .send("token by GET", endpoint("GET", "token"))
            .send("token by PUT", endpoint("PUT", "token"))
            .send("token by DELETE", endpoint("DELETE", "token"))
            .send("introspection by GET", endpoint("GET", "token/introspect"))
            .send("revocation by GET", endpoint("GET", "revoke"))
            .send("keys by POST", endpoint("POST", "certs"))
            .send("userinfo by DELETE", endpoint("DELETE", "userinfo"))
            .send("discovery by POST", Request::new("POST", "/realms/compat/.well-known/openid-configuration"))
            .send("an unknown endpoint", endpoint("GET", "nothing")),
    ]
}

fn preflight(request: Request, method: &str) -> Request {
    request
        .origin("https://app.example")
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,content-type")
}
