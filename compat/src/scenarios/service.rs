//! The client credentials grant.

use crate::realm::SECRET;
use crate::script::{Change, Request, Scenario, endpoint, scenario, token};
use serde_json::json;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![good(), refusals(), with_refresh_token()]
}

fn service(id: &str, secret: &str) -> Request {
    token(&[("grant_type", "client_credentials")]).basic(id, secret)
}

fn good() -> Scenario {
    let own = || service("confidential", SECRET);
    scenario("service/good")
        .send("without scope", own())
        .keep("access", "/access_token")
        .send("openid", own().form(&[("scope", "openid")]))
        .keep("open", "/access_token")
        .send("an optional scope", own().form(&[("scope", "phone")]))
        .send("empty scope", own().form(&[("scope", "")]))
        .send("from its origin", own().origin("https://shop.example"))
        .send("from another origin", own().origin("https://evil.example"))
        .send("userinfo without openid", endpoint("GET", "userinfo").bearer("{access}"))
        .send("userinfo with openid", endpoint("GET", "userinfo").bearer("{open}"))
        .send("introspected", endpoint("POST", "token/introspect").basic("confidential", SECRET).form(&[("token", "{access}")]))
        .send("revoked", endpoint("POST", "revoke").basic("confidential", SECRET).form(&[("token", "{access}")]))
        .send("introspected after that", endpoint("POST", "token/introspect").basic("confidential", SECRET).form(&[("token", "{access}")]))
        .arrange(Change::GiveRole("service-account-confidential", "admin"))
        .send("with a role", own())
}

fn refusals() -> Scenario {
    scenario("service/refusals")
        .send("public client", token(&[("grant_type", "client_credentials"), ("client_id", "public")]))
        .send("no service account", service("second", "the-secret-of-second"))
        .send("unknown scope", service("confidential", SECRET).form(&[("scope", "nonsense")]))
        .send("offline_access", service("confidential", SECRET).form(&[("scope", "offline_access")]))
        .arrange(Change::User("service-account-confidential", "enabled", json!(false)))
        .send("service account switched off", service("confidential", SECRET))
}

fn with_refresh_token() -> Scenario {
    let again = || {
        token(&[("grant_type", "refresh_token"), ("refresh_token", "{refresh}")]).basic("service-refresh", "the-secret-of-service-refresh")
    };
    scenario("service/with-refresh-token")
        .send("sign-in", service("service-refresh", "the-secret-of-service-refresh"))
        .keep_tokens()
        .send("refresh", again())
        .send("offline", service("service-refresh", "the-secret-of-service-refresh").form(&[("scope", "offline_access")]))
        .keep_tokens()
        .send("offline refresh", again())
}
