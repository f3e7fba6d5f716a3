//! `POST …/revoke` (RFC 7009).

use crate::support::{TestServer, UA_SECRET, claims};

const PATH: &str = "/realms/UA/protocol/openid-connect/revoke";

#[tokio::test(flavor = "multi_thread")]
async fn t_019_after_the_200_and_a_restart_the_grant_is_dead_and_nothing_else() {
    let mut server = TestServer::start().await;
    for scope in ["openid", "openid offline_access"] {
        let (ended, neighbour) = (server.sign_in(scope).await, server.sign_in(scope).await);
        let answer = server.revoke(&ended.refresh_token()).await;
        assert_eq!((answer.status, answer.text()), (200, ""));
        assert_eq!(
            (answer.headers["cache-control"].to_str().unwrap(), answer.headers["pragma"].to_str().unwrap()),
            ("no-store", "no-cache")
        );
        server.restart().await;
        assert_eq!(server.refresh(&ended.refresh_token()).await.status, 400, "{scope}");
        assert_eq!(server.userinfo(&ended.access_token()).await.status, 401, "{scope}");
        assert_eq!(server.introspect(&ended.access_token()).await.json()["active"], false, "{scope}");
        assert_eq!(server.refresh(&neighbour.refresh_token()).await.status, 200, "{scope}");
        assert_eq!(server.userinfo(&neighbour.access_token()).await.status, 200, "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_019_after_the_200_and_a_restart_one_access_token_is_dead_and_nothing_else() {
    let mut server = TestServer::start().await;
    let tokens = server.sign_in("openid").await;
    let second = server.refresh(&tokens.refresh_token()).await;
    let answer = server.revoke(&tokens.access_token()).await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    server.restart().await;
    assert_eq!(server.userinfo(&tokens.access_token()).await.status, 401);
    assert_eq!(server.introspect(&tokens.access_token()).await.json()["active"], false);
    assert_eq!(server.userinfo(&second.access_token()).await.status, 200, "the other of the same session");
    assert_eq!(server.refresh(&tokens.refresh_token()).await.status, 200);
    server.clock.advance_s(3500);
    assert_eq!(server.userinfo(&tokens.access_token()).await.status, 401, "until its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_019_without_the_store_nothing_is_said_to_be_revoked() {
    let server = TestServer::start().await;
    let tokens = server.sign_in("openid").await;
    server.store().clone().close().await.unwrap();
    for token in [tokens.refresh_token(), tokens.access_token()] {
        let answer = server.revoke(&token).await;
        assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "1"), "{}", answer.text());
    }
    assert_eq!(server.log_out(&tokens.refresh_token()).await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_005_revoking_an_invalid_token_answers_200_with_an_error_in_the_body() {
    let server = TestServer::start().await;
    let tokens = server.sign_in("openid").await;
    assert_eq!(server.revoke(&tokens.refresh_token()).await.text(), "");
    for token in [&tokens.refresh_token(), "nonsense", "a.b.c"] {
        let answer = server.revoke(token).await;
        assert_eq!((answer.status, answer.text()), (200, r#"{"error":"invalid_token","error_description":"Invalid token"}"#), "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_026_revoking_another_clients_token_says_so() {
    let server = TestServer::start().await;
    let tokens = server.sign_in("openid").await;
    let before = server.grants().await;
    for token in [tokens.refresh_token(), tokens.access_token()] {
        let answer = server.post(PATH).form(&[("client_id", "ua"), ("client_secret", UA_SECRET), ("token", &token)]).send().await;
        assert_eq!(answer.refusal(), "400 invalid_request: Unmatching clients");
    }
    assert_eq!(server.grants().await, before);
    assert_eq!(server.userinfo(&tokens.access_token()).await.status, 200);
    assert_eq!(server.refresh(&tokens.refresh_token()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_of_another_type_is_said() {
    let server = TestServer::start().await;
    let tokens = server.sign_in("openid").await;
    assert_eq!(server.revoke("").await.refusal(), "200 invalid_token: Invalid token");
    assert_eq!(server.revoke(&tokens.field("id_token")).await.refusal(), "400 unsupported_token_type: Unsupported token type");
    assert_eq!(server.post(PATH).form(&[("client_id", "ua-grant")]).send().await.refusal(), "400 invalid_request: Token not provided");
    let unknown = server.post(PATH).form(&[("client_id", "nobody"), ("token", "x")]).send().await;
    assert_eq!(unknown.refusal(), "401 invalid_client: Invalid client or Invalid client credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_hint_is_ignored() {
    let server = TestServer::start().await;
    let token = server.sign_in("").await.refresh_token();
    let answer = server.post(PATH).form(&[("client_id", "ua-grant"), ("token", &token), ("token_type_hint", "access_token")]).send().await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    assert_eq!(server.refresh(&token).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_token_takes_the_online_session_of_its_sign_in_along() {
    let server = TestServer::start().await;
    let online = server.sign_in("").await.refresh_token();
    let offline = server.refresh_with(&online, "offline_access").await.refresh_token();
    assert_eq!(claims(&offline).typ.as_deref(), Some("Offline"));
    assert_eq!(server.revoke(&offline).await.text(), "");
    assert_eq!(server.refresh(&offline).await.refusal(), "400 invalid_grant: Offline user session not found");
    assert_eq!(server.refresh(&online).await.refusal(), "400 invalid_grant: Session not active", "it could make a new one");
    assert!(server.grants().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn t_045_a_revocation_is_one_event() {
    let server = TestServer::start().await;
    let token = server.sign_in("").await.refresh_token();
    let _ = server.revoke(&token).await;
    let _ = server.revoke(&token).await;
    let told: Vec<_> = server
        .events()
        .await
        .into_iter()
        .rev()
        .filter(|event| event.kind == "REVOKE_GRANT")
        .map(|event| (event.client_id, event.reason))
        .collect();
    assert_eq!(told, [(Some("ua-grant".into()), None), (Some("ua-grant".into()), Some("revocation_of_invalid_token".into()))]);
}
