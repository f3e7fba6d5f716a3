//! `grant_type=refresh_token` with rotation: one chain, whatever happens at once or gets lost.

use crate::support::{TestServer, claims};

async fn rotating(server: &TestServer) {
    server.set_realm(&[("revokeRefreshToken", "true")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t_003_a_lost_reply_heals_itself() {
    let server = TestServer::start().await;
    rotating(&server).await;
    let first = server.sign_in("").await.refresh_token();
    let lost = server.refresh(&first).await;
    server.advance_s(9).await;
    let retry = server.refresh(&first).await;
    assert_eq!(retry.refresh_token(), lost.refresh_token(), "the identical successor");
    assert_ne!(retry.access_token(), lost.access_token());
    assert_eq!(claims(&retry.refresh_token()).other["generation"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_004_reuse_after_the_window_ends_the_grant_and_only_that_grant() {
    let server = TestServer::start().await;
    rotating(&server).await;
    let stolen = server.sign_in("openid").await.refresh_token();
    let neighbour = server.sign_in("openid").await.refresh_token();
    let successor = server.refresh(&stolen).await;
    server.advance_s(11).await;
    assert_eq!(server.refresh(&stolen).await.refusal(), "400 invalid_grant: Maximum allowed refresh token reuse exceeded");
    assert_eq!(server.refresh(&successor.refresh_token()).await.refusal(), "400 invalid_grant: Session not active");
    let userinfo = server.get("/realms/UA/protocol/openid-connect/userinfo").bearer(&successor.access_token()).send().await;
    assert_eq!(userinfo.status, 401, "its access tokens are dead too");
    assert_eq!(server.refresh(&neighbour).await.status, 200);
    assert_eq!(server.events().await.iter().filter(|event| event.kind == "REFRESH_TOKEN_REUSE").count(), 1);
}

/// It shows 4: 64 concurrent uses of one token on PostgreSQL, three servers.
#[tokio::test(flavor = "multi_thread")]
async fn t_001_of_64_uses_at_once_on_three_nodes_all_get_the_one_successor() {
    let server = TestServer::cluster(3).await;
    rotating(&server).await;
    let token = server.sign_in("").await.refresh_token();
    let answers = crate::support::join_all((0..64).map(|number| server.nodes[number % 3].refresh(&token))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let successors: std::collections::HashSet<_> = answers.iter().map(|answer| answer.refresh_token()).collect();
    assert_eq!(successors.len(), 1);
    let successor = successors.into_iter().next().unwrap();
    assert_eq!(claims(&successor).other["generation"], 1, "the chain advanced once");
    assert_eq!(server.nodes[2].refresh(&successor).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_001_64_uses_of_a_token_that_does_not_rotate_all_succeed() {
    let server = TestServer::cluster(3).await;
    let token = server.sign_in("").await.refresh_token();
    let answers = crate::support::join_all((0..64).map(|number| server.nodes[number % 3].refresh(&token))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_002_a_restart_forgets_no_use() {
    let mut server = TestServer::start().await;
    server.set_realm(&[("revokeRefreshToken", "true"), ("attributes.freshkey.refresh.grace.seconds", "0")]).await;
    let used = server.sign_in("").await.refresh_token();
    let unused = server.sign_in("").await.refresh_token();
    assert_eq!(server.refresh(&used).await.status, 200);
    server.restart().await;
    assert_eq!(server.refresh(&used).await.status, 400);
    assert_eq!(server.refresh(&unused).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_rotate_in_a_realm_that_does_not() {
    let server = TestServer::start().await;
    server.set_client("ua-grant", &[("attributes.freshkey.refresh.rotation", "on")]).await;
    let first = server.sign_in("").await.refresh_token();
    assert_eq!(server.refresh(&first).await.status, 200);
    server.advance_s(11).await;
    assert_eq!(server.refresh(&first).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_095_a_token_newer_than_its_row_is_not_accepted_silently() {
    let server = TestServer::start().await;
    rotating(&server).await;
    let first = server.sign_in("").await;
    let second = server.refresh(&first.refresh_token()).await.refresh_token();
    let third = server.refresh(&second).await.refresh_token();
    // The database comes back from before the second rotation.
    let id = server.store().grants(&freshkey_store::GrantFilter::realm(server.realm), &freshkey_store::Page::first(1)).await.unwrap()[0].id;
    let _ = server.store().set_generation(&id, 2, 1, &server.audit()).await.unwrap();
    let answer = server.refresh(&third).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "1"));
    assert_eq!(server.events().await.iter().filter(|event| event.kind == "DATABASE_REGRESSION").count(), 1);
    let noticed = server.store().regressed_grants(&freshkey_store::Page::first(10)).await.unwrap();
    assert_eq!(noticed.len(), 1);
    let _ = server.store().set_generation(&id, 1, 2, &server.audit()).await.unwrap();
    assert_eq!(server.refresh(&third).await.status, 200, "stepped forward by the operator");
}
