//! T-005: what ends a grant, against refreshes of it that are under way.

use crate::support::{Answer, Node, TOKEN, TestServer, UA_SECRET, join_all};
use freshkey_core::keycloak::edit::UserChange;

/// How often each ending is tried; `FRESHKEY_TEST_TRIALS=1000` is what the register asks for.
fn trials() -> usize {
    std::env::var("FRESHKEY_TEST_TRIALS").map_or(25, |text| text.parse().expect("FRESHKEY_TEST_TRIALS is a number"))
}

async fn refresh(node: &Node, token: &str) -> Answer {
    node.post(TOKEN).basic("ua", UA_SECRET).form(&[("grant_type", "refresh_token"), ("refresh_token", token)]).send().await
}

/// A grant that costs no password hash.
async fn begin(server: &TestServer) -> String {
    let answer = server.post(TOKEN).basic("ua", UA_SECRET).form(&[("grant_type", "client_credentials")]).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.refresh_token()
}

/// Two nodes on PostgreSQL, and a client with refresh tokens of its own.
async fn scene(rotation: &str) -> TestServer {
    let server = TestServer::cluster(2).await;
    server.enable_service_account("ua").await;
    server
        .set_client(
            "ua",
            &[("attributes.client_credentials.use_refresh_token", "true"), ("attributes.freshkey.refresh.rotation", rotation)],
        )
        .await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn t_005_nothing_refreshes_after_a_revocation_or_logout_was_answered() {
    for rotation in ["off", "on"] {
        let server = scene(rotation).await;
        for trial in 0..trials() {
            let token = begin(&server).await;
            let (path, parameter, done) = if trial % 2 == 0 { ("revoke", "token", 200) } else { ("logout", "refresh_token", 204) };
            let path = format!("/realms/UA/protocol/openid-connect/{path}");
            let ending = async { server.nodes[trial % 2].post(&path).basic("ua", UA_SECRET).form(&[(parameter, &token)]).send().await };
            let (ended, raced) = tokio::join!(ending, join_all((0..4).map(|number| refresh(&server.nodes[number % 2], &token))));
            assert_eq!((ended.status, ended.text()), (done, ""), "{path}");
            all_are_dead(&server, &token, &raced, &format!("{path}, rotation {rotation}")).await;
        }
        assert!(server.grants().await.is_empty(), "no refresh brought a grant back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_005_nothing_refreshes_after_a_user_was_disabled() {
    for rotation in ["off", "on"] {
        let server = scene(rotation).await;
        for _ in 0..trials() {
            let token = begin(&server).await;
            let disabling = server.change_user("service-account-ua", &[UserChange::Enabled(false)]);
            let ((), raced) = tokio::join!(disabling, join_all((0..4).map(|number| refresh(&server.nodes[number % 2], &token))));
            all_are_dead(&server, &token, &raced, &format!("disabled, rotation {rotation}")).await;
            server.change_user("service-account-ua", &[UserChange::Enabled(true)]).await;
        }
    }
}

/// Neither the token nor any successor that a racing refresh got works on any node.
async fn all_are_dead(server: &TestServer, token: &str, raced: &[Answer], name: &str) {
    let successors = raced.iter().filter(|answer| answer.status == 200).map(Answer::refresh_token);
    assert!(raced.iter().all(|answer| matches!(answer.status, 200 | 400)), "{name}");
    for token in successors.chain([token.to_owned()]) {
        for node in &server.nodes {
            let answer = refresh(node, &token).await;
            assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        }
    }
}
