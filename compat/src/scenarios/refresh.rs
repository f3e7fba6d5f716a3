//! The refresh: every refusal that can be caused from outside, what is current in the new token, and scopes.

use crate::realm::SECRET;
use crate::script::{Change, Damage, Made, Request, Scenario, endpoint, refresh, scenario, sign_in, token};
use serde_json::json;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        good(),
        refusals(),
        damaged(),
        scopes(),
        current(),
        person_gone(),
        client_gone(),
        not_before_realm(),
        not_before_client(),
        sessions(),
        kinds(),
    ]
}

fn with_scope(scope: &str) -> Request {
    refresh("public").form(&[("scope", scope)])
}

fn good() -> Scenario {
    scenario("refresh/good")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .wait(2)
        .send("refresh", refresh("public"))
        .send("the same token again", refresh("public"))
        .keep_tokens()
        .send("its successor", refresh("public"))
        .send("from its origin", refresh("public").origin("https://app.example"))
        .send("from another origin", refresh("public").origin("https://evil.example"))
        .send("sign-in without openid", sign_in("public", "profile"))
        .keep_tokens()
        .send("refresh without openid", refresh("public"))
        .send("openid asked for afterwards", with_scope("openid"))
}

fn refusals() -> Scenario {
    scenario("refresh/refusals")
        .send("sign-in", sign_in("public", "openid"))
        .keep("refresh", "/refresh_token")
        .keep("access", "/access_token")
        .keep("id", "/id_token")
        .send("no token", token(&[("grant_type", "refresh_token"), ("client_id", "public")]))
        .send("empty token", token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "")]))
        .send("no JWT", token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "nonsense")]))
        .send("three dots", token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "a.b.c")]))
        .send("an access token", token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "{access}")]))
        .send("an ID token", token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "{id}")]))
        .send("another client's", refresh("other"))
        .send(
            "another client's, confidential",
            token(&[("grant_type", "refresh_token"), ("refresh_token", "{refresh}")]).basic("confidential", SECRET),
        )
        .send("no client", token(&[("grant_type", "refresh_token"), ("refresh_token", "{refresh}")]))
        .send("unknown client", refresh("nobody"))
        .send("twice in one form", refresh("public").form(&[("refresh_token", "{refresh}")]))
        .send(
            "in the query",
            Request {
                path: "/realms/compat/protocol/openid-connect/token?refresh_token={refresh}".into(),
                ..token(&[("grant_type", "refresh_token"), ("client_id", "public")])
            },
        )
        .send("unknown scope", with_scope("nonsense"))
        .send("unknown scope and no token", token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("scope", "nonsense")]))
        .send(
            "unknown scope and a bad token",
            token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "x"), ("scope", "nonsense")]),
        )
        .send("still good", refresh("public"))
}

fn damaged() -> Scenario {
    let damages = [
        ("payload changed", Damage::Payload),
        ("signature changed", Damage::Signature),
        ("signature missing", Damage::NoSignature),
        ("alg none", Damage::AlgorithmNone),
        ("unknown kid", Damage::ForeignKey),
    ];
    let mut all = scenario("refresh/damaged").send("sign-in", sign_in("public", "openid")).keep("good", "/refresh_token");
    for (name, damage) in damages {
        all = all.make("refresh", Made::Damaged("good", damage)).send(name, refresh("public"));
    }
    all
}

fn scopes() -> Scenario {
    scenario("refresh/scopes")
        .send("sign-in", sign_in("public", "openid phone address"))
        .keep_tokens()
        .send("narrowed", with_scope("openid phone"))
        .keep_tokens()
        .send("all again", refresh("public"))
        .send("empty", with_scope(""))
        .send("a default scope", with_scope("email"))
        .send("without openid", with_scope("phone"))
        .send("one that was not granted", with_scope("openid microprofile-jwt"))
        .send("offline_access", with_scope("openid offline_access"))
        .send("a hidden one", with_scope("roles"))
        .send("unknown", with_scope("openid nonsense"))
        .send("still all", refresh("public"))
}

fn current() -> Scenario {
    scenario("refresh/current")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .arrange(Change::GiveRole("ann", "auditor"))
        .send("role given", refresh("public"))
        .arrange(Change::TakeRole("ann", "boss"))
        .send("composite taken", refresh("public"))
        .arrange(Change::JoinGroup("ann", "/staff"))
        .send("group joined", refresh("public"))
        .arrange(Change::LeaveGroup("ann", "/staff/night"))
        .send("group left", refresh("public"))
        .arrange(Change::User("ann", "email", json!("new@example.org")))
        .arrange(Change::User("ann", "emailVerified", json!(true)))
        .send("address changed", refresh("public"))
        .arrange(Change::User("ann", "firstName", json!("Anna")))
        .send("name changed", refresh("public"))
        .arrange(Change::Client("public", "webOrigins", json!(["https://new.example"])))
        .send("origins changed", refresh("public"))
        .arrange(Change::Realm("accessTokenLifespan", json!(600)))
        .send("lifespan changed", refresh("public"))
        .arrange(Change::Client("public", "fullScopeAllowed", json!(false)))
        .send("full scope switched off", refresh("public"))
}

fn person_gone() -> Scenario {
    scenario("refresh/person-gone")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .arrange(Change::User("ann", "enabled", json!(false)))
        .send("disabled", refresh("public"))
        .arrange(Change::User("ann", "enabled", json!(true)))
        .send("enabled again", refresh("public"))
        .arrange(Change::DeleteUser("ann"))
        .send("deleted", refresh("public"))
}

fn client_gone() -> Scenario {
    scenario("refresh/client-gone")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .arrange(Change::Client("public", "enabled", json!(false)))
        .send("disabled", refresh("public"))
        .arrange(Change::Client("public", "enabled", json!(true)))
        .send("enabled again", refresh("public"))
        .arrange(Change::Client("public", "directAccessGrantsEnabled", json!(false)))
        .send("no direct grants any more", refresh("public"))
        .arrange(Change::Client("public", "consentRequired", json!(true)))
        .send("consent required now", refresh("public"))
        .arrange(Change::DeleteClient("public"))
        .send("deleted", refresh("public"))
}

fn not_before_realm() -> Scenario {
    scenario("refresh/not-before-of-the-realm")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .wait(2)
        .arrange(Change::RealmNotBefore)
        .send("an older token", refresh("public"))
        .wait(1)
        .send("sign-in afterwards", sign_in("public", "openid"))
        .keep_tokens()
        .send("a newer token", refresh("public"))
        .send("realm info", Request::new("GET", "/realms/compat"))
}

fn not_before_client() -> Scenario {
    scenario("refresh/not-before-of-the-client")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .wait(2)
        .arrange(Change::ClientNotBefore("public"))
        .send("an older token", refresh("public"))
        .wait(1)
        .send("sign-in afterwards", sign_in("public", "openid"))
        .keep_tokens()
        .send("a newer token", refresh("public"))
}

fn sessions() -> Scenario {
    scenario("refresh/sessions")
        .send("first sign-in", sign_in("public", "openid"))
        .keep("first", "/refresh_token")
        .send("second sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .send("the first", token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "{first}")]))
        .arrange(Change::EndSessions("ann"))
        .send("the first, ended", token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "{first}")]))
        .send("the second, ended", refresh("public"))
        .send("userinfo, ended", endpoint("GET", "userinfo").bearer("{access}"))
}

fn kinds() -> Scenario {
    scenario("refresh/kinds-of-clients")
        .in_realm(|realm| realm["addedKeys"] = json!(["ES256"]))
        .send("no refresh tokens", sign_in("no-refresh", "openid"))
        .send("lower case", sign_in("lower", "openid"))
        .keep_tokens()
        .send("lower case, refreshed", refresh("lower"))
        .send("light", sign_in("light", "openid"))
        .keep_tokens()
        .send("light, refreshed", refresh("light"))
        .send("ES256", sign_in("es256", "openid"))
        .keep_tokens()
        .send("ES256, refreshed", refresh("es256"))
        .send("at+jwt", sign_in("at-jwt", "openid"))
        .keep_tokens()
        .send("at+jwt, refreshed", refresh("at-jwt"))
        .send("narrow", sign_in("narrow", "openid"))
        .keep_tokens()
        .send("narrow, refreshed", refresh("narrow"))
}
