//! How long tokens and sessions live: what the answers promise, and that it is kept. Short times, because a real clock has to pass them.

use crate::script::{Change, Scenario, endpoint, refresh, scenario, sign_in};
use serde_json::{Value, json};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![promised(), clients_own(), idle(), kept_alive(), maximum(), client_idle(), offline_idle(), offline_maximum(), access_token()]
}

fn times(realm: &mut Value, times: &[(&str, i64)]) {
    for (field, seconds) in times {
        realm[*field] = json!(seconds);
    }
}

fn promised() -> Scenario {
    scenario("lifetimes/promised")
        .send("defaults", sign_in("public", "openid"))
        .arrange(Change::Realm("accessTokenLifespan", json!(60)))
        .send("access tokens 60 s", sign_in("public", "openid"))
        .arrange(Change::Realm("ssoSessionIdleTimeout", json!(900)))
        .send("idle 900 s", sign_in("public", "openid"))
        .arrange(Change::Realm("ssoSessionMaxLifespan", json!(800)))
        .send("maximum 800 s, below idle", sign_in("public", "openid"))
        .arrange(Change::Realm("ssoSessionMaxLifespan", json!(36000)))
        .arrange(Change::Realm("clientSessionIdleTimeout", json!(700)))
        .send("client idle 700 s", sign_in("public", "openid"))
        .arrange(Change::Realm("clientSessionMaxLifespan", json!(600)))
        .send("client maximum 600 s", sign_in("public", "openid"))
        .arrange(Change::Realm("accessTokenLifespan", json!(1000)))
        .send("access tokens longer than the session", sign_in("public", "openid"))
        .arrange(Change::Realm("offlineSessionIdleTimeout", json!(5000)))
        .send("offline idle 5000 s", sign_in("public", "openid offline_access"))
}

fn clients_own() -> Scenario {
    let set = |name: &'static str, value: &str| Change::Client("public", name, json!(value));
    scenario("lifetimes/of-the-client")
        .arrange(set("attributes.access.token.lifespan", "90"))
        .send("access tokens 90 s", sign_in("public", "openid"))
        .arrange(set("attributes.access.token.lifespan", "-1"))
        .send("access tokens as long as the session", sign_in("public", "openid"))
        .arrange(set("attributes.access.token.lifespan", ""))
        .arrange(set("attributes.client.session.idle.timeout", "500"))
        .send("idle 500 s", sign_in("public", "openid"))
        .arrange(set("attributes.client.session.max.lifespan", "400"))
        .send("maximum 400 s", sign_in("public", "openid"))
}

fn idle() -> Scenario {
    scenario("lifetimes/idle")
        .in_realm(|realm| times(realm, &[("ssoSessionIdleTimeout", 3)]))
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .wait(6)
        .send("too late", refresh("public"))
        .send("userinfo", endpoint("GET", "userinfo").bearer("{access}"))
}

fn kept_alive() -> Scenario {
    scenario("lifetimes/kept-alive")
        .in_realm(|realm| times(realm, &[("ssoSessionIdleTimeout", 6)]))
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .wait(4)
        .send("in time", refresh("public"))
        .keep_tokens()
        .wait(4)
        .send("in time again", refresh("public"))
        .keep_tokens()
        .wait(9)
        .send("too late", refresh("public"))
}

fn maximum() -> Scenario {
    scenario("lifetimes/maximum")
        .in_realm(|realm| times(realm, &[("ssoSessionIdleTimeout", 60), ("ssoSessionMaxLifespan", 6)]))
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .wait(2)
        .send("in time", refresh("public"))
        .keep_tokens()
        .wait(7)
        .send("too late", refresh("public"))
}

fn client_idle() -> Scenario {
    scenario("lifetimes/client-idle")
        .in_realm(|realm| times(realm, &[("clientSessionIdleTimeout", 3)]))
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .wait(6)
        .send("too late", refresh("public"))
}

fn offline_idle() -> Scenario {
    scenario("lifetimes/offline-idle")
        .in_realm(|realm| times(realm, &[("offlineSessionIdleTimeout", 3)]))
        .send("sign-in", sign_in("public", "openid offline_access"))
        .keep_tokens()
        .wait(6)
        .send("too late", refresh("public"))
        .send("once more", refresh("public"))
}

fn offline_maximum() -> Scenario {
    scenario("lifetimes/offline-maximum")
        .in_realm(|realm| {
            realm["offlineSessionMaxLifespanEnabled"] = json!(true);
            times(realm, &[("offlineSessionIdleTimeout", 60), ("offlineSessionMaxLifespan", 5)]);
        })
        .send("sign-in", sign_in("public", "openid offline_access"))
        .keep_tokens()
        .wait(8)
        .send("too late", refresh("public"))
}

fn access_token() -> Scenario {
    scenario("lifetimes/access-token")
        .in_realm(|realm| times(realm, &[("accessTokenLifespan", 2)]))
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .send("userinfo in time", endpoint("GET", "userinfo").bearer("{access}"))
        .wait(5)
        .send("userinfo too late", endpoint("GET", "userinfo").bearer("{access}"))
        .send(
            "introspected too late",
            endpoint("POST", "token/introspect").basic("confidential", crate::realm::SECRET).form(&[("token", "{access}")]),
        )
        .send("refresh", refresh("public"))
}
