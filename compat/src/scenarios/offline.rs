//! Offline tokens: how they are had, kept, refused and ended.

use crate::realm::SECRET;
use crate::script::{Change, Scenario, endpoint, refresh, scenario, sign_in, token};
use serde_json::json;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![good(), not_allowed(), right_taken(), limited(), ended(), rotating()]
}

fn good() -> Scenario {
    scenario("offline/good")
        .send("sign-in", sign_in("public", "openid offline_access"))
        .keep_tokens()
        .wait(2)
        .send("refresh", refresh("public"))
        .send("the same again", refresh("public"))
        .send("narrowed", refresh("public").form(&[("scope", "openid")]))
        .send("offline_access alone", refresh("public").form(&[("scope", "offline_access")]))
        .send("userinfo", endpoint("GET", "userinfo").bearer("{access}"))
        .send("introspected", endpoint("POST", "token/introspect").basic("confidential", SECRET).form(&[("token", "{refresh}")]))
        .send("without openid", sign_in("public", "offline_access"))
        .keep_tokens()
        .send("without openid, refreshed", refresh("public"))
        .send("with an optional scope", sign_in("public", "openid offline_access phone"))
        .keep_tokens()
        .send("the optional scope left out", refresh("public").form(&[("scope", "openid offline_access")]))
        .send("at a client without refresh tokens", sign_in("no-refresh", "openid offline_access"))
}

fn not_allowed() -> Scenario {
    let dan = |scope| {
        token(&[("grant_type", "password"), ("client_id", "public"), ("username", "dan"), ("password", "the password"), ("scope", scope)])
    };
    scenario("offline/not-allowed")
        .send("without the role", dan("openid offline_access"))
        .send("without asking", dan("openid"))
        .keep_tokens()
        .send("asked for at refresh", refresh("public").form(&[("scope", "openid offline_access")]))
        .send("narrow client", sign_in("narrow", "openid offline_access"))
}

fn right_taken() -> Scenario {
    scenario("offline/right-taken-away")
        .send("sign-in", sign_in("public", "openid offline_access"))
        .keep_tokens()
        .arrange(Change::TakeRole("ann", "default-roles-compat"))
        .send("without the role", refresh("public"))
        .arrange(Change::GiveRole("ann", "offline_access"))
        .send("with the role itself", refresh("public"))
        .arrange(Change::User("ann", "enabled", json!(false)))
        .send("disabled", refresh("public"))
        .arrange(Change::User("ann", "enabled", json!(true)))
        .send("enabled again", refresh("public"))
        .arrange(Change::EndSessions("ann"))
        .send("after the online sessions ended", refresh("public"))
        .arrange(Change::DeleteUser("ann"))
        .send("deleted", refresh("public"))
}

fn limited() -> Scenario {
    scenario("offline/limited")
        .in_realm(|realm| {
            realm["offlineSessionMaxLifespanEnabled"] = json!(true);
            realm["offlineSessionMaxLifespan"] = json!(5000);
            realm["offlineSessionIdleTimeout"] = json!(4000);
        })
        .send("sign-in", sign_in("public", "openid offline_access"))
        .keep_tokens()
        .send("refresh", refresh("public"))
        .arrange(Change::Client("public", "attributes.client.offline.session.idle.timeout", json!("1000")))
        .send("client idle", refresh("public"))
        .arrange(Change::Client("public", "attributes.client.offline.session.max.lifespan", json!("900")))
        .send("client maximum", refresh("public"))
        .arrange(Change::Realm("offlineSessionMaxLifespanEnabled", json!(false)))
        .send("realm limit switched off", refresh("public"))
}

fn ended() -> Scenario {
    scenario("offline/ended")
        .send("sign-in", sign_in("public", "openid offline_access"))
        .keep_tokens()
        .send("revoked", endpoint("POST", "revoke").form(&[("client_id", "public"), ("token", "{refresh}")]))
        .send("refresh after that", refresh("public"))
        .send("userinfo after that", endpoint("GET", "userinfo").bearer("{access}"))
        .send("sign-in again", sign_in("public", "openid offline_access"))
        .keep_tokens()
        .send("logged out", endpoint("POST", "logout").form(&[("client_id", "public"), ("refresh_token", "{refresh}")]))
        .send("refresh after logout", refresh("public"))
        .send("a third sign-in", sign_in("public", "openid offline_access"))
        .keep_tokens()
        .wait(2)
        .arrange(Change::RealmNotBefore)
        .send("not-before", refresh("public"))
}

fn rotating() -> Scenario {
    let presented = |name: &'static str| token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", name)]);
    scenario("offline/rotating")
        .in_realm(|realm| realm["revokeRefreshToken"] = json!(true))
        .send("sign-in", sign_in("public", "openid offline_access"))
        .keep("first", "/refresh_token")
        .wait(2)
        .send("first", presented("{first}"))
        .keep("second", "/refresh_token")
        .wait(2)
        .send("second", presented("{second}"))
        .keep("third", "/refresh_token")
        .wait(2)
        .send("first again", presented("{first}"))
        .send("third after that", presented("{third}"))
}
