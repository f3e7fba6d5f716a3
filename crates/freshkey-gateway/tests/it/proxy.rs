//! The reverse proxy.

use crate::support::{Application, Gateway, Provider, ask, claims};
use serde_json::{Value, json};

pub(crate) const CONFIGURATION: &str = r#"
default = "deny"
trusted_proxies = []
[proxy]
listen = "127.0.0.1:0"
tls = "off"
[management]
listen = "127.0.0.1:0"
[assertion]
issuer = "https://gateway.test"
[[issuers]]
issuer = "http://{provider}"
audiences = ["api"]
algorithms = ["ES256"]
jwks_url = "http://{provider}/certs"
[[applications]]
name = "api"
hosts = ["api.test"]
upstream = { url = "http://{application}" }
assertion_audience = "https://api.test"
[[applications.rules]]
name = "health"
paths = ["/health"]
allow = "public"
[[applications.rules]]
name = "writing"
paths = ["/api/write/**"]
roles = { any = ["writer"] }
[[applications.rules]]
name = "everything else"
paths = ["/api/**"]
allow = "authenticated"
"#;

pub(crate) fn values(seen: &Value, name: &str) -> Vec<String> {
    let lines = seen["headers"].as_array().expect("header lines");
    lines.iter().filter(|line| line[0] == name).map(|line| line[1].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn a_good_token_opens_and_the_application_is_told_who_came() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let answer = gateway.get_with("/api/whoami?x=1", &provider.token()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = answer.seen();
    assert_eq!((seen["method"].as_str(), seen["target"].as_str()), (Some("GET"), Some("/api/whoami?x=1")));
    assert_eq!(values(&seen, "x-freshkey-subject"), ["u1"]);
    assert_eq!(values(&seen, "x-freshkey-groups"), ["staff,a%2Cadmin"]);
    assert_eq!(values(&seen, "x-freshkey-assertion").len(), 1);
    assert_eq!(values(&seen, "x-request-id"), [answer.header("x-request-id").expect("an id")]);
    assert_eq!(values(&seen, "host"), ["api.test"]);
    assert!(values(&seen, "authorization").is_empty(), "the token is not passed on unless that is wanted");
}

#[tokio::test]
async fn t_072_nothing_but_a_valid_token_opens() {
    let (provider, stranger, application) = (Provider::start().await, Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let with = |change: Value| {
        let mut all = claims(&provider);
        all.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        provider.sign(&all)
    };
    let mut tampered = provider.token().into_bytes();
    let at = tampered.len() - 10;
    tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
    let cases = [
        ("expired", with(json!({ "exp": crate::support::START_S - 60 }))),
        ("foreign", stranger.token()),
        ("wrong audience", with(json!({ "aud": "other" }))),
        ("refresh token", with(json!({ "typ": "Refresh" }))),
        ("tampered", String::from_utf8(tampered).expect("ASCII")),
    ];
    for (name, token) in cases {
        let answer = gateway.get_with("/api/whoami", &token).await;
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"freshkey\", error=\"invalid_token\""), "{name}");
        assert_eq!(answer.body, r#"{"error":"unauthorized"}"#, "{name}");
    }
    let answer = gateway.get("/api/whoami", &[("User-Agent", "ELB-HealthChecker/2.0")]).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"freshkey\"")));
    assert_eq!(gateway.get_with("/api/write/x", &provider.token()).await.status, 403);
    assert_eq!(gateway.get_with("/other", &provider.token()).await.status, 403);
    assert_eq!(ask(gateway.proxy(), "GET", "/api/whoami", "other.test", &[]).await.status, 403);
    assert_eq!(application.requests.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(gateway.get("/health", &[]).await.status, 200);
}
