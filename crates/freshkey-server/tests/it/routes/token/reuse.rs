//! A rotated refresh token used again: in Keycloak's words, and where we differ.

use crate::support::{TestServer, claims};
use freshkey_core::change::Change;
use freshkey_core::grant::{Grant, GrantId};
use freshkey_core::ids::Family;
use serde_json::json;

/// Rotation without a window for retries, which is Keycloak's.
async fn strict() -> TestServer {
    let server = TestServer::start().await;
    server.set_realm(&[("revokeRefreshToken", "true"), ("attributes.freshkey.refresh.grace.seconds", "0")]).await;
    server
}

/// A second chain of the same client in the same session, as another tab has one.
async fn other_tab(server: &TestServer, token: &str) -> String {
    let own = server.grants().await.into_iter().find(|grant| Some(grant.id.sid.to_string()) == claims(token).sid).unwrap();
    let family = Family(own.id.family.0 + 1);
    let tab = Grant { id: GrantId { family, ..own.id }, ..own };
    let begin = Change::BeginGrant { grant: Box::new(tab), offline_grants_max: None };
    let _ = server.store().record(&[begin], &server.audit()).await.unwrap();
    server.resigned(token, |claims| claims["reuse_id"] = json!(family.to_string())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_017_reuse_has_two_texts() {
    let server = strict().await;
    let first = server.sign_in("").await.refresh_token();
    let second = server.refresh(&first).await.refresh_token();
    let _ = server.refresh(&second).await;
    assert_eq!(server.refresh(&first).await.refusal(), "400 invalid_grant: Stale token");
    let first = server.sign_in("").await.refresh_token();
    let _ = server.refresh(&first).await;
    assert_eq!(server.refresh(&first).await.refusal(), "400 invalid_grant: Maximum allowed refresh token reuse exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_reuses_as_the_realm_allows_get_the_same_successor() {
    let server = strict().await;
    server.set_realm(&[("refreshTokenMaxReuse", "2")]).await;
    let first = server.sign_in("").await.refresh_token();
    let mut successors = std::collections::HashSet::new();
    for _ in 0..3 {
        server.clock.advance_s(5);
        successors.insert(server.refresh(&first).await.refresh_token());
    }
    assert_eq!(successors.len(), 1, "one chain");
    assert_eq!(server.refresh(&first).await.refusal(), "400 invalid_grant: Maximum allowed refresh token reuse exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_018_reuse_ends_the_client_in_the_session_only_where_the_realm_says_so() {
    for (setting, tab_lives_on) in [("grant", true), ("client-session", false)] {
        let server = strict().await;
        server.set_realm(&[("attributes.freshkey.refresh.reuse.ends", setting)]).await;
        let first = server.sign_in("").await.refresh_token();
        let tab = other_tab(&server, &first).await;
        let _ = server.refresh(&first).await;
        assert_eq!(server.refresh(&first).await.status, 400);
        assert_eq!(server.refresh(&tab).await.status == 200, tab_lives_on, "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_019_two_refreshes_in_one_second_are_told_apart() {
    let server = strict().await;
    let first = server.sign_in("").await.refresh_token();
    let second = server.refresh(&first).await.refresh_token();
    assert_eq!(claims(&first).iat, claims(&second).iat, "time stands still");
    let _ = server.refresh(&second).await;
    assert_eq!(server.refresh(&first).await.status, 400, "two generations back, in the same second");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_030_revoking_one_tab_ends_the_client_in_that_session_and_nothing_else() {
    let server = strict().await;
    let first = server.sign_in("").await.refresh_token();
    let tab = other_tab(&server, &first).await;
    let elsewhere = server.sign_in("").await.refresh_token();
    let form = [("client_id", "ua-grant"), ("token", first.as_str())];
    assert_eq!(server.post("/realms/UA/protocol/openid-connect/revoke").form(&form).send().await.status, 200);
    assert_eq!(server.refresh(&first).await.refusal(), "400 invalid_grant: Session not active");
    assert_eq!(server.refresh(&tab).await.refusal(), "400 invalid_grant: Session not active");
    assert_eq!(server.refresh(&elsewhere).await.status, 200);
}
