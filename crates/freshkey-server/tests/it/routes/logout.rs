//! `POST …/logout` with a refresh token.

use crate::support::{DAY, TestServer, UA_SECRET, claims};
use freshkey_core::change::Change;
use freshkey_core::grant::{Grant, GrantId};

const PATH: &str = "/realms/UA/protocol/openid-connect/logout";

#[tokio::test(flavor = "multi_thread")]
async fn kc_031_logging_out_with_a_refresh_token_ends_the_whole_session() {
    let mut server = TestServer::start().await;
    let (ended, neighbour) = (server.sign_in("openid").await, server.sign_in("openid").await);
    // The same session has a grant of another client.
    let own = server.grants().await.into_iter().find(|grant| Some(grant.id.sid.to_string()) == claims(&ended.access_token()).sid).unwrap();
    let other = Grant { id: GrantId { client: server.served().await.realm.clients["ua"].key, ..own.id }, ..own.clone() };
    let begin = Change::BeginGrant { grant: Box::new(other), offline_grants_max: None };
    let _ = server.store().record(&[begin], &server.audit()).await.unwrap();

    let answer = server.log_out(&ended.refresh_token()).await;
    assert_eq!((answer.status, answer.text()), (204, ""));
    server.restart().await;
    assert_eq!(server.grants().await.len(), 1, "those of all clients have ended");
    assert_eq!(server.refresh(&ended.refresh_token()).await.refusal(), "400 invalid_grant: Session not active");
    assert_eq!(server.userinfo(&ended.access_token()).await.status, 401);
    assert_eq!(server.refresh(&neighbour.refresh_token()).await.status, 200, "other sign-ins go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_204_when_the_session_is_gone_or_the_token_expired() {
    let server = TestServer::start().await;
    let token = server.sign_in("").await.refresh_token();
    assert_eq!(server.log_out(&token).await.status, 204);
    assert_eq!(server.log_out(&token).await.status, 204);
    server.clock.advance_s(8 * DAY);
    assert_eq!(server.log_out(&token).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_token_ends_its_offline_session_too() {
    let server = TestServer::start().await;
    let online = server.sign_in("").await.refresh_token();
    let offline = server.refresh_with(&online, "offline_access").await.refresh_token();
    assert_eq!(server.log_out(&offline).await.status, 204);
    assert!(server.grants().await.is_empty());
    let offline = server.sign_in("offline_access").await.refresh_token();
    let other = server.sign_in("offline_access").await.refresh_token();
    assert_eq!(server.log_out(&offline).await.status, 204);
    assert_eq!(server.refresh(&offline).await.refusal(), "400 invalid_grant: Offline user session not found");
    assert_eq!(server.refresh(&other).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_not_the_clients_own_is_refused() {
    let server = TestServer::start().await;
    let token = server.sign_in("").await.refresh_token();
    assert_eq!(server.post(PATH).form(&[("client_id", "ua-grant")]).send().await.refusal(), "400 invalid_request: No refresh token");
    assert_eq!(server.log_out("nonsense").await.refusal(), "400 invalid_grant: Invalid refresh token");
    let foreign = server.post(PATH).form(&[("client_id", "ua"), ("client_secret", UA_SECRET), ("refresh_token", &token)]).send().await;
    assert_eq!(foreign.refusal(), "400 invalid_grant: Invalid refresh token. Token client and authorized client don't match");
    assert_eq!(server.refresh(&token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_045_a_logout_is_one_event() {
    let server = TestServer::start().await;
    let tokens = server.sign_in("").await;
    let _ = server.log_out(&tokens.refresh_token()).await;
    let events = server.events().await;
    let logouts: Vec<_> = events.iter().filter(|event| event.kind == "LOGOUT").collect();
    assert_eq!(logouts.len(), 1);
    assert_eq!((logouts[0].client_id.as_deref(), logouts[0].user_id.clone()), (Some("ua-grant"), claims(&tokens.access_token()).sub));
    assert_eq!(logouts[0].sid.map(|sid| sid.to_string()), claims(&tokens.access_token()).sid);
}
