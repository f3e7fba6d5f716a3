//! Rules over random values, through the endpoint.

use crate::support::{AssertionKey, START, TestServer, UA_SECRET, assertion_claims, claims, payload};
use freshkey_core::keycloak::edit::UserChange;
use freshkey_protocol::client_credentials::JWT_BEARER_ASSERTION;
use freshkey_protocol::jose::Algorithm;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::collections::BTreeSet;

/// The same cases in every run, so that a failure can be looked into.
fn cases<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn t_011_a_token_is_stale_exactly_if_it_is_older_than_the_largest_not_before() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await;
    let around = || prop_oneof![Just(0), START - 2..=START + 2];
    let mut seen = BTreeSet::new();
    for (realm, client, user) in cases(&(around(), around(), around()), 24) {
        server.set_realm(&[("notBefore", &realm.to_string())]).await;
        server.set_client("ua-grant", &[("notBefore", &client.to_string())]).await;
        server.change_demo(&[UserChange::NotBefore(user)]).await;
        let stale = START < realm.max(client).max(user);
        seen.insert(stale);
        let answer = server.refresh(&token.refresh_token()).await;
        let expected = if stale { 400 } else { 200 };
        assert_eq!(answer.status, expected, "realm {realm}, client {client}, user {user}: {}", answer.text());
        if stale {
            assert_eq!(answer.refusal(), "400 invalid_grant: Stale token");
        }
        assert_eq!(server.userinfo(&token.access_token()).await.status == 200, !stale, "realm {realm}, client {client}, user {user}");
        assert_eq!(server.introspect(&token.access_token()).await.json()["active"], !stale);
    }
    assert_eq!(seen.len(), 2, "both happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_015_the_largest_not_before_decides() {
    let server = TestServer::start().await;
    let token = server.sign_in("").await.refresh_token();
    server.set_realm(&[("notBefore", &(START + 1).to_string())]).await;
    server.set_client("ua-grant", &[("notBefore", &(START - 1).to_string())]).await;
    assert_eq!(server.refresh(&token).await.refusal(), "400 invalid_grant: Stale token", "the smaller one of the client masks nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_012_the_scope_never_grows_at_refresh() {
    const KNOWN: [&str; 8] = ["openid", "profile", "email", "phone", "address", "microprofile-jwt", "organization", "basic"];
    const DEFAULTS: [&str; 2] = ["profile", "email"];
    let server = TestServer::start().await;
    let known = proptest::sample::subsequence(KNOWN.to_vec(), 0..KNOWN.len());
    let unknown = prop_oneof![4 => Just(""), 1 => Just("moon"), 1 => Just("Profile"), 1 => Just("openid2")];
    let firsts = cases(&known, 4);
    let refreshes = cases(&(known, unknown), 60);
    let set = |text: &str| text.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>();
    for (first, refreshes) in firsts.iter().zip(refreshes.chunks(15)) {
        let signed_in = server.sign_in(&first.join(" ")).await;
        let first_scope = set(&signed_in.field("scope"));
        let whole = claims(&signed_in.refresh_token()).scope;
        let mut token = signed_in.refresh_token();
        for (names, unknown) in refreshes {
            let wanted = format!("{} {unknown}", names.join(" ")).trim().to_owned();
            let answer = if wanted.is_empty() { server.refresh(&token).await } else { server.refresh_with(&token, &wanted).await };
            if unknown.is_empty() {
                assert_eq!(answer.status, 200, "{wanted}: {}", answer.text());
                let granted = set(&answer.field("scope"));
                assert!(granted.is_subset(&first_scope), "{first:?} then {wanted}: {granted:?}");
                assert!(DEFAULTS.iter().all(|name| granted.contains(*name)), "{wanted}: {granted:?}");
                assert_eq!(set(payload(&answer.access_token())["scope"].as_str().unwrap()), granted);
                assert_eq!(claims(&answer.refresh_token()).scope, whole, "the refresh token's own scope stays");
                token = answer.refresh_token();
            } else {
                assert_eq!(answer.refusal(), format!("400 invalid_scope: Invalid scopes: {wanted}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_015_a_token_whose_user_client_and_session_are_not_one_row_is_refused() {
    let server = TestServer::start().await;
    server.add_user("other", &[], None).await;
    let own = server.sign_in("").await.refresh_token();
    let other_user = server.password("other", crate::support::PASSWORD).await.refresh_token();
    let other_client = server.sign_in_at_ua("").await.refresh_token();
    let offline = server.sign_in("offline_access").await.refresh_token();
    let before = server.grants().await;
    // Each takes exactly one field from another token; they are signed with the realm's key.
    for (name, from, field) in [
        ("user", &other_user, "sub"),
        ("session of another user", &other_user, "sid"),
        ("session of another client", &other_client, "sid"),
        ("session of another kind", &offline, "sid"),
        ("kind", &offline, "typ"),
    ] {
        let value = payload(from)[field].clone();
        let mixed = server.resigned(&own, |claims| claims[field] = value).await;
        let answer = server.refresh(&mixed).await;
        assert_eq!((answer.status, answer.field("error").as_str()), (400, "invalid_grant"), "{name}: {}", answer.text());
        assert_eq!(server.introspect(&mixed).await.text(), r#"{"active":false}"#, "{name}");
    }
    assert_eq!(server.grants().await, before, "and none of it ended anything");
    assert_eq!(server.refresh(&own).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_032_what_was_used_as_one_thing_is_unused_as_another() {
    let server = TestServer::start().await;
    server.set_client("ua", &[("clientAuthenticatorType", "client-secret-jwt")]).await;
    let key = AssertionKey::of_secret(Algorithm::Hs256, UA_SECRET);
    let tokens = server.sign_in("openid").await;
    let sign_in = async |id: &serde_json::Value| {
        let mut claims = assertion_claims("ua", START);
        claims["jti"] = id.clone();
        let assertion = key.sign(&claims);
        let form = [
            ("grant_type", "password"),
            ("username", "demo"),
            ("password", crate::support::PASSWORD),
            ("client_assertion_type", JWT_BEARER_ASSERTION),
            ("client_assertion", &assertion),
        ];
        server.token(&form).await.status
    };
    // An assertion with the id of an access token uses up nothing of the token, and the revoked token nothing of the assertion.
    let id = payload(&tokens.access_token())["jti"].clone();
    assert_eq!(sign_in(&id).await, 200);
    assert_eq!(server.userinfo(&tokens.access_token()).await.status, 200);
    let second = server.refresh(&tokens.refresh_token()).await.access_token();
    assert_eq!(server.revoke(&second).await.text(), "");
    assert_eq!(sign_in(&payload(&second)["jti"]).await, 200);
    assert_eq!(sign_in(&payload(&second)["jti"]).await, 400, "as an assertion it is used up now");
    assert_eq!(server.userinfo(&second).await.status, 401, "and as a token it stays revoked");
    assert_eq!(sign_in(&json!(payload(&tokens.refresh_token())["jti"])).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_052_a_refresh_writes_at_most_one_session_row() {
    for rotation in ["off", "on"] {
        let server = TestServer::start().await;
        server.set_client("ua-grant", &[("attributes.freshkey.refresh.rotation", rotation)]).await;
        let mut tokens = Vec::new();
        for scope in ["", "openid", "offline_access", "offline_access"] {
            tokens.push(server.sign_in(scope).await.refresh_token());
        }
        for elapsed_s in [1, 30, 61, 90_000] {
            server.clock.advance_s(elapsed_s);
            for token in &mut tokens {
                let before = server.grants().await;
                *token = server.refresh(token).await.refresh_token();
                let after = server.grants().await;
                assert_eq!(after.len(), before.len());
                let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
                assert!(changed <= 1, "{changed} rows after {elapsed_s} s with rotation {rotation}");
                assert!(changed == 1 || rotation == "off", "a rotation is written");
            }
        }
    }
}
