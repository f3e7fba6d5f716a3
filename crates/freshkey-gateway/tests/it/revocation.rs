//! Tokens that their issuer takes back.

use crate::proxy::CONFIGURATION;
use crate::support::{Application, Gateway, Provider};
use std::sync::atomic::Ordering;

async fn gateway() -> (Gateway, Provider, Application) {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "s3cr3t\n").expect("written");
    let table = format!(
        "[issuers.introspection]\nurl = \"http://{{provider}}/introspect\"\nclient_id = \"gateway\"\nclient_secret_file = {:?}\n[[applications]]",
        secret.path()
    );
    let gateway = Gateway::start(&CONFIGURATION.replace("[[applications]]", &table), &provider, &application).await;
    (gateway, provider, application)
}

#[tokio::test]
async fn a_revoked_token_is_refused_within_two_seconds() {
    let (gateway, provider, _application) = gateway().await;
    let token = provider.token();
    for _ in 0..5 {
        assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 200);
    }
    assert_eq!(provider.introspections.load(Ordering::SeqCst), 1, "a yes is good for a second");
    provider.answer_introspection(r#"{"active":false}"#);
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 200, "and for that second it is believed");
    gateway.clock.advance_ms(1000);
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 401);
    provider.answer_introspection(r#"{"active":true}"#);
    gateway.clock.advance_ms(5000);
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 401, "a token that was revoked does not come back");
}

#[tokio::test]
async fn t_072_an_issuer_that_does_not_say_whether_a_token_is_revoked_opens_nothing() {
    let (gateway, provider, _application) = gateway().await;
    for answer in ["", "{}", "[]", r#"{"active":"true"}"#, r#"{"active":1}"#, r#"{"active":null}"#, "<html>"] {
        provider.answer_introspection(answer);
        let answer = gateway.get_with("/api/whoami", &provider.token()).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
}

#[tokio::test]
async fn questions_share_a_connection_and_survive_its_end() {
    let (gateway, provider, _application) = gateway().await;
    assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 200);
    let connections = provider.connections();
    for _ in 0..4 {
        gateway.clock.advance_ms(1000);
        assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 200);
    }
    assert_eq!((provider.introspections.load(Ordering::SeqCst), provider.connections()), (5, connections));
    provider.hang_up();
    assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 200, "the question is asked again on a new connection");
    assert_eq!(provider.connections(), connections + 1);
    provider.break_off_once();
    assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 200, "also when it ends under the question");
    assert_eq!(provider.connections(), connections + 2);
}
