//! What an application is told, and what a caller may not tell it.

use crate::proxy::{CONFIGURATION, values};
use crate::support::{Application, Gateway, Provider, ask, claims};
use freshkey_protocol::jose::{CompactJws, JwkSet};
use serde_json::json;

const SPELLINGS: [&str; 12] = [
    "X-Freshkey-Subject",
    "x-freshkey-subject",
    "X-FRESHKEY-SUBJECT",
    "X_Freshkey_Subject",
    "X-Freshkey_Subject",
    "X_FRESHKEY-SUBJECT",
    "X.Freshkey.Subject",
    "X-Freshkey-Groups",
    "X-Freshkey-Anything",
    "X-Freshkey-Assertion",
    "Remote-User",
    "Remote_User",
];

#[tokio::test]
async fn t_071_no_identity_header_of_a_caller_reaches_the_application_in_any_spelling() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let identity = "assertion_audience = \"https://api.test\"\n[applications.identity]\nx-freshkey-subject = \"sub\"\nremote-user = \"preferred_username\"";
    let configuration = CONFIGURATION.replace("assertion_audience = \"https://api.test\"", identity);
    let gateway = Gateway::start(&configuration, &provider, &application).await;
    let bearer = format!("Bearer {}", provider.token());
    for name in SPELLINGS {
        for connection in ["close", &format!("close, {name}")] {
            for path in ["/api/whoami", "/health"] {
                let mut headers = vec![(name, "root"), ("Connection", connection)];
                if path != "/health" {
                    headers.push(("Authorization", &bearer));
                }
                let answer = ask(gateway.proxy(), "GET", path, "api.test", &headers).await;
                assert_eq!(answer.status, 200, "{name} {path}: {answer:?}");
                assert!(!answer.body.contains("\"root\""), "{name} {connection} {path}: {}", answer.body);
            }
        }
    }
    let seen = gateway.get("/api/whoami", &[("Authorization", &bearer), ("Connection", "X-Freshkey-Subject, Remote-User")]).await.seen();
    assert_eq!((values(&seen, "x-freshkey-subject"), values(&seen, "remote-user")), (vec!["u1".to_owned()], vec!["alice".to_owned()]));
}

#[tokio::test]
async fn t_071_a_group_with_a_comma_or_a_line_end_arrives_as_one() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let mut all = claims(&provider);
    all["groups"] = json!(["a,admin", "b\r\nX-Freshkey-Subject: root", "\u{416}"]);
    all["preferred_username"] = json!("eve, root");
    let seen = gateway.get_with("/api/whoami", &provider.sign(&all)).await.seen();
    assert_eq!(values(&seen, "x-freshkey-groups"), ["a%2Cadmin,b%0D%0AX-Freshkey-Subject:%20root,%D0%96"]);
    assert_eq!(values(&seen, "x-freshkey-user"), ["eve%2C%20root"]);
    assert_eq!(values(&seen, "x-freshkey-subject"), ["u1"]);
}

#[tokio::test]
async fn t_070_what_a_stranger_says_about_a_request_changes_nothing() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let lies = [
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Host", "other.test"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Uri", "/health"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Port", "1"),
        ("X-Original-URL", "/health"),
        ("X-Original-URI", "/health"),
        ("X-Original-Method", "GET"),
        ("X-Rewrite-URL", "/health"),
        ("X-Real-IP", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1;host=other.test;proto=https"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-HTTP-Method", "DELETE"),
        ("X-Method-Override", "DELETE"),
    ];
    for lie in lies {
        assert_eq!(gateway.get("/api/whoami", &[lie]).await.status, 401, "{lie:?}");
    }
    let bearer = format!("Bearer {}", provider.token());
    let mut headers = lies.to_vec();
    headers.push(("Authorization", &bearer));
    let seen = gateway.get("/api/whoami", &headers).await.seen();
    assert_eq!(values(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&seen, "x-forwarded-host"), ["api.test"]);
    assert_eq!(values(&seen, "x-forwarded-proto"), ["http"]);
    for (name, _) in lies.iter().skip(3) {
        assert!(values(&seen, &name.to_ascii_lowercase()).is_empty(), "{name}: {seen}");
    }
}

#[tokio::test]
async fn t_076_an_assertion_is_for_one_application_and_for_a_minute() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let token = provider.token();
    let assertion = |seen: &serde_json::Value| values(seen, "x-freshkey-assertion")[0].clone();
    let first = assertion(&gateway.get_with("/api/whoami", &token).await.seen());
    let management = gateway.service.addresses.management.expect("a second listener");
    let keys = ask(management, "GET", "/jwks", "gateway", &[]).await;
    let set = JwkSet::parse(keys.body.as_bytes()).expect("keys");
    let key = set.keys[0].verifying_key(set.keys[0].signature_algorithm().expect("an algorithm")).expect("a key");
    let said = CompactJws::parse(first.as_bytes()).expect("a JWS").verify(&key).expect("signed by the gateway").claims().expect("claims");
    assert_eq!((said.iss.as_deref(), said.sub.as_deref()), (Some("https://gateway.test"), Some("u1")));
    assert_eq!(said.aud.as_ref().and_then(|audience| audience.only()), Some("https://api.test"));
    assert_eq!(said.exp, Some(crate::support::START_S + 60));
    assert_eq!(assertion(&gateway.get_with("/api/whoami", &token).await.seen()), first, "a fresh one is used again");
    gateway.clock.advance_s(31);
    assert_ne!(assertion(&gateway.get_with("/api/whoami", &token).await.seen()), first, "and made anew before it is old");
}

#[tokio::test]
async fn t_078_a_token_in_the_query_is_refused_and_one_of_an_s3_client_is_checked() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let configuration = CONFIGURATION.replace("allow = \"authenticated\"", "allow = \"authenticated\"\ns3_credentials = true");
    let gateway = Gateway::start(&configuration, &provider, &application).await;
    let (token, bearer) = (provider.token(), format!("Bearer {}", provider.token()));
    for query in [format!("access_token={token}"), format!("X-Amz-Credential={token}%2F20260101"), format!("a=b&%61ccess_token={token}")] {
        let answer = gateway.get(&format!("/api/whoami?{query}"), &[("Authorization", &bearer)]).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (400, Some("Bearer realm=\"freshkey\", error=\"invalid_request\"")));
        assert_eq!(gateway.get(&format!("/health?{query}"), &[]).await.status, 400);
    }
    let s3 = |token: &str| format!("AWS4-HMAC-SHA256 Credential={token}/20260101/eu/s3/aws4_request, SignedHeaders=host, Signature=00");
    assert_eq!(gateway.get("/api/bucket/key", &[("Authorization", &s3(&token))]).await.status, 200);
    assert_eq!(gateway.get("/api/bucket/key", &[("Authorization", &s3("AKIAIOSFODNN7EXAMPLE"))]).await.status, 401);
    let expired = {
        let mut all = claims(&provider);
        all["exp"] = json!(1);
        provider.sign(&all)
    };
    assert_eq!(gateway.get("/api/bucket/key", &[("Authorization", &s3(&expired))]).await.status, 401);
    assert_eq!(gateway.get("/api/write/key", &[("Authorization", &s3(&token))]).await.status, 401, "only where a rule wants it");
}
