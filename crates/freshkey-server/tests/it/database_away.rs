//! The database goes away and comes back. Meanwhile nobody is told that a good token is bad, and nobody is signed out.

use crate::support::{Answer, TestServer, claims, join_all};
use freshkey_testkit::databases::TestPostgres;
use std::sync::Arc;

fn is_503(answer: &Answer) -> bool {
    answer.status == 503 && answer.headers.contains_key("retry-after")
}

#[tokio::test(flavor = "multi_thread")]
async fn t_096_a_node_cut_off_from_its_database_says_503_and_acknowledges_nothing() {
    let postgres = TestPostgres::start().await;
    let server = TestServer::on_server(&postgres).await;
    server.set_realm(&[("revokeRefreshToken", "true")]).await;
    let token = server.sign_in("openid").await;
    postgres.kill_9();
    let refresh_token = token.refresh_token();
    let answers = join_all((0..8).map(|_| server.refresh(&refresh_token))).await;
    assert!(answers.iter().all(is_503), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let revoke = server.post("/realms/UA/protocol/openid-connect/revoke").form(&[("client_id", "ua-grant"), ("token", &refresh_token)]);
    assert!(is_503(&revoke.send().await), "a revocation that is not durable is not confirmed");
    let userinfo = server.get("/realms/UA/protocol/openid-connect/userinfo").bearer(&token.access_token()).send().await;
    assert!(is_503(&userinfo), "{}", userinfo.status);
    assert_eq!(server.get("/realms/UA/protocol/openid-connect/certs").send().await.status, 200, "keys are there all the same");

    postgres.restart().await;
    let answer = server.refresh(&refresh_token).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(claims(&answer.refresh_token()).other["generation"], 1, "none of the eight advanced the chain");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_088_a_database_that_restarts_under_load_gives_200_or_503_and_nothing_else() {
    let postgres = Arc::new(TestPostgres::start().await);
    let server = TestServer::on_server(&postgres).await;
    server.set_realm(&[("revokeRefreshToken", "true"), ("attributes.freshkey.refresh.grace.seconds", "60")]).await;
    let mut tokens = Vec::new();
    for _ in 0..8 {
        tokens.push(server.sign_in("").await.refresh_token());
    }
    // Each chain goes on from what it was acknowledged; the interruption falls somewhere into each of them.
    let chain = async |first: String| {
        let (mut newest, mut statuses) = (first, Vec::new());
        for _ in 0..25 {
            let answer = server.refresh(&newest).await;
            statuses.push(answer.status);
            if answer.status == 200 {
                newest = answer.refresh_token();
            }
        }
        (newest, statuses)
    };
    let interruption = tokio::spawn(async move {
        let ended = Arc::clone(&postgres);
        tokio::task::spawn_blocking(move || ended.shut_down_fast()).await.unwrap();
        postgres.restart().await;
        postgres
    });
    let chains = join_all(tokens.into_iter().map(chain)).await;
    let _postgres = interruption.await.unwrap();
    for (newest, statuses) in chains {
        assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
        let answer = server.refresh(&newest).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let acknowledged = claims(&newest).other["generation"].as_i64().unwrap();
        assert_eq!(claims(&answer.refresh_token()).other["generation"], acknowledged + 1, "advanced once beyond what was acknowledged");
    }
}
