//! Offline tokens.

use crate::support::{DAY, TestServer, claims};

#[tokio::test(flavor = "multi_thread")]
async fn t_013_the_pages_command_makes_an_offline_token_where_the_client_allows_it() {
    let server = TestServer::start().await;
    let signed_in = server.sign_in("").await;
    let upgraded = server.refresh_with(&signed_in.refresh_token(), "offline_access").await;
    let token = claims(&upgraded.refresh_token());
    assert_eq!((token.typ.as_deref(), token.exp), (Some("Offline"), None));
    assert_eq!(upgraded.json()["refresh_expires_in"], 0);
    assert_eq!(token.sid, claims(&signed_in.refresh_token()).sid, "the same sign-in");
    assert!(claims(&upgraded.access_token()).jti.unwrap().starts_with("ofrtrt:"));
    assert_eq!(server.events().await.iter().filter(|event| event.kind == "OFFLINE_UPGRADE").count(), 1);

    server.set_client("ua-grant", &[("attributes.freshkey.offline.upgrade.on.refresh", "false")]).await;
    let as_keycloak = server.refresh_with(&signed_in.refresh_token(), "offline_access").await;
    assert_eq!(as_keycloak.status, 200);
    assert_eq!(claims(&as_keycloak.refresh_token()).typ.as_deref(), Some("Refresh"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_token_works_after_a_restart_and_100_times_at_once() {
    let mut server = TestServer::start().await;
    let offline = server.sign_in("offline_access").await.refresh_token();
    server.restart().await;
    let uses = crate::support::join_all((0..100).map(|_| server.refresh(&offline))).await;
    assert!(uses.iter().all(|answer| answer.status == 200));
    let ids: std::collections::HashSet<_> = uses.iter().map(|answer| claims(&answer.access_token()).jti).collect();
    assert_eq!(ids.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_014_an_offline_token_lives_29_days_unused_and_not_31() {
    let server = TestServer::start().await;
    let offline = server.sign_in("offline_access").await.refresh_token();
    for _ in 0..3 {
        server.advance_s(29 * DAY).await;
        assert_eq!(server.refresh(&offline).await.status, 200, "each use restarts the thirty days");
    }
    server.advance_s(31 * DAY + 1).await;
    assert_eq!(server.refresh(&offline).await.refusal(), "400 invalid_grant: Offline user session not found");
    assert_eq!(server.refresh(&offline).await.refusal(), "400 invalid_grant: Offline user session not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_021_the_oldest_offline_grant_gives_way_at_the_cap() {
    let server = TestServer::start().await;
    server.set_realm(&[("attributes.freshkey.offline.grants.max", "3")]).await;
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(server.sign_in("offline_access").await.refresh_token());
        server.advance_s(10).await;
    }
    assert_eq!(server.refresh(&tokens[0]).await.refusal(), "400 invalid_grant: Offline user session not found");
    for token in &tokens[1..] {
        assert_eq!(server.refresh(token).await.status, 200);
    }
}
