//! Keys that come, go, and are asked for; and what was verified before.

use crate::proxy::CONFIGURATION;
use crate::support::{Application, Gateway, Provider, START_S, claims};
use serde_json::json;

#[tokio::test]
async fn t_074_a_token_that_was_known_is_judged_again_when_it_ends_or_the_policy_changes() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let token = provider.token();
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 200);
    assert_eq!(gateway.service.gate.cached_tokens(), 1);
    assert_eq!(gateway.get_with("/api/write/x", &token).await.status, 403, "known, and still not a writer");
    gateway.change(|text| text.replace("[\"writer\"]", "[\"reader\"]")).await;
    assert_eq!(gateway.get_with("/api/write/x", &token).await.status, 200, "the rule has changed");
    gateway.change(|text| text.replace("audiences = [\"api\"]", "audiences = [\"elsewhere\"]")).await;
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 401, "so has the audience");
    gateway.change(|text| text.replace("[\"elsewhere\"]", "[\"api\"]")).await;
    gateway.clock.advance_s(304);
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 200, "within the skew");
    gateway.clock.advance_s(1);
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 401, "it has ended");
    gateway.clock.advance_s(-400);
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 401, "a clock that was set back: it has not begun");
}

#[tokio::test]
async fn t_074_a_token_whose_key_was_withdrawn_is_forgotten_with_it() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let old = provider.token();
    assert_eq!(gateway.get_with("/api/whoami", &old).await.status, 200);
    provider.rotate("k2");
    assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 200, "a new key passes on its first request");
    assert_eq!(gateway.get_with("/api/whoami", &old).await.status, 401, "and the old one is gone");
}

#[tokio::test]
async fn a_new_source_of_keys_is_taken_over_without_refusing_a_good_token() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let token = provider.token();
    let before = gateway.service.gate.snapshot().policy.generation;
    let text = std::fs::read_to_string(gateway.configuration()).expect("readable");
    std::fs::write(gateway.configuration(), text.replace("/certs\"", "/other-certs\"\nrefresh_s = 7")).expect("written");
    while gateway.service.gate.snapshot().policy.generation == before {
        assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 200);
    }
    assert_eq!(gateway.get_with("/api/whoami", &token).await.status, 200);
}

#[tokio::test]
async fn t_073_a_broken_new_configuration_leaves_the_old_one_in_force() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let path = gateway.configuration();
    let good = std::fs::read_to_string(&path).expect("readable");
    std::fs::write(&path, good.replace("default = \"deny\"", "default = \"allow\"")).expect("written");
    let mut watched = gateway.watched_as(&good);
    assert!(watched.changed().is_none());
    assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 200);
    assert_eq!(gateway.get("/api/whoami", &[]).await.status, 401);
}

#[tokio::test]
async fn t_076_two_issuers_do_not_speak_for_each_other() {
    let (first, application) = (Provider::start().await, Application::start().await);
    // With an id of a key that the first has, too, and with one that tells the second before its claims are looked at.
    for id in ["k1", "k2"] {
        let second = Provider::with_key(Provider::key(id)).await;
        let other = format!(
            "[[issuers]]\nissuer = \"{0}\"\naudiences = [\"api\"]\nalgorithms = [\"ES256\"]\njwks_url = \"{0}/certs\"\n[[applications]]",
            second.issuer()
        );
        let gateway = Gateway::start(&CONFIGURATION.replace("[[applications]]", &other), &first, &application).await;
        assert_eq!(gateway.get_with("/api/whoami", &first.token()).await.status, 200);
        assert_eq!(gateway.get_with("/api/whoami", &second.token()).await.status, 200);
        let mut crossed = claims(&first);
        crossed["exp"] = json!(START_S + 300);
        assert_eq!(gateway.get_with("/api/whoami", &second.sign(&crossed)).await.status, 401, "{id}");
    }
}
