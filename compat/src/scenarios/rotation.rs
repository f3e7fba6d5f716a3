//! `revokeRefreshToken`: with Keycloak's own rules, that is without a window for lost replies.

use crate::realm::SECRET;
use crate::script::{Change, Request, Scenario, endpoint, scenario, sign_in, token};
use serde_json::json;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![once(), reuse_allowed(), tabs(), switched(), introspected()]
}

fn presented(name: &'static str) -> Request {
    token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", name)])
}

fn once() -> Scenario {
    scenario("rotation/once")
        .in_realm(|realm| realm["revokeRefreshToken"] = json!(true))
        .send("sign-in", sign_in("public", "openid"))
        .keep("first", "/refresh_token")
        .wait(2)
        .send("first", presented("{first}"))
        .keep("second", "/refresh_token")
        .wait(2)
        .send("second", presented("{second}"))
        .keep("third", "/refresh_token")
        .wait(2)
        .send("second again", presented("{second}"))
        .send("third, after reuse", presented("{third}"))
        .send("first, after reuse", presented("{first}"))
}

fn reuse_allowed() -> Scenario {
    scenario("rotation/reuse-allowed")
        .in_realm(|realm| {
            realm["revokeRefreshToken"] = json!(true);
            realm["refreshTokenMaxReuse"] = json!(1);
        })
        .send("sign-in", sign_in("public", "openid"))
        .keep("first", "/refresh_token")
        .wait(2)
        .send("first", presented("{first}"))
        .keep("second", "/refresh_token")
        .send("first again", presented("{first}"))
        .wait(2)
        .send("second", presented("{second}"))
        .keep("third", "/refresh_token")
        .wait(2)
        .send("first, too late", presented("{first}"))
        .send("third, after that", presented("{third}"))
}

fn tabs() -> Scenario {
    scenario("rotation/two-sign-ins")
        .in_realm(|realm| realm["revokeRefreshToken"] = json!(true))
        .send("one", sign_in("public", "openid"))
        .keep("one", "/refresh_token")
        .send("two", sign_in("public", "openid"))
        .keep("two", "/refresh_token")
        .wait(2)
        .send("one refreshed", presented("{one}"))
        .keep("later", "/refresh_token")
        .wait(2)
        .send("one reused", presented("{one}"))
        .send("one's successor", presented("{later}"))
        .send("two goes on", presented("{two}"))
}

fn switched() -> Scenario {
    scenario("rotation/switched-on-later")
        .send("sign-in", sign_in("public", "openid"))
        .keep("first", "/refresh_token")
        .wait(2)
        .send("without rotation", presented("{first}"))
        .keep("second", "/refresh_token")
        .arrange(Change::Realm("revokeRefreshToken", json!(true)))
        .wait(2)
        .send("with rotation", presented("{second}"))
        .keep("third", "/refresh_token")
        .wait(2)
        .send("its successor", presented("{third}"))
        .keep("fourth", "/refresh_token")
        .arrange(Change::Realm("revokeRefreshToken", json!(false)))
        .wait(2)
        .send("without again", presented("{fourth}"))
        .send("and once more", presented("{fourth}"))
}

fn introspected() -> Scenario {
    let introspect = |token: &'static str| endpoint("POST", "token/introspect").basic("confidential", SECRET).form(&[("token", token)]);
    scenario("rotation/introspection")
        .in_realm(|realm| realm["revokeRefreshToken"] = json!(true))
        .send("sign-in", sign_in("public", "openid"))
        .keep("first", "/refresh_token")
        .send("current", introspect("{first}"))
        .wait(2)
        .send("used", presented("{first}"))
        .keep("second", "/refresh_token")
        .send("the used one", introspect("{first}"))
        .send("its successor", introspect("{second}"))
}
