//! Which origins may read which answers (Keycloak's `DefaultCors`).

use crate::support::{Answer, TOKEN, TestServer, UA_SECRET};
use axum::http::HeaderMap;
use serde_json::json;

const OWN: &str = "https://app.example";
const OTHER: &str = "https://evil.example";

fn cors(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut found: Vec<_> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("access-control"))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    found.sort();
    found
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_049_a_page_of_a_foreign_origin_is_refused() {
    let server = TestServer::start().await;
    let form = [("grant_type", "password"), ("username", "demo"), ("password", crate::support::PASSWORD)];
    let own = server.post(TOKEN).basic("ua", UA_SECRET).header("origin", OWN).form(&form).send().await;
    assert_eq!(own.status, 200);
    let expected = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", OWN),
        ("access-control-expose-headers", "Access-Control-Allow-Methods"),
    ];
    assert_eq!(cors(&own.headers), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(own.headers["vary"], "Origin");
    for origin in [OTHER, "https://app.example.evil.example", "http://app.example", "https://app.example:8443", "null"] {
        let other = server.post(TOKEN).basic("ua", UA_SECRET).header("origin", origin).form(&form).send().await;
        assert_eq!((other.status, other.text(), cors(&other.headers)), (403, r#"{"error":"Invalid origin"}"#, vec![]), "{origin}");
    }
    let kinds: Vec<String> = server.events().await.iter().map(|stored| format!("{:?} {:?}", stored.kind, stored.reason)).collect();
    let signed_in = kinds.iter().filter(|kind| kind.to_uppercase().contains("LOGIN") && kind.ends_with("None")).count();
    assert_eq!(signed_in, 1, "nobody was signed in for a foreign page: {kinds:?}");
    let none = server.post(TOKEN).basic("ua", UA_SECRET).form(&form).send().await;
    assert_eq!(cors(&none.headers), []);
    server.set_client("ua", &[("webOrigins", "*")]).await;
    let any = server.post(TOKEN).basic("ua", UA_SECRET).header("origin", OTHER).form(&form).send().await;
    assert_eq!(allowed(&any), Some(OTHER));
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_037_early_refusals_are_readable_from_every_origin() {
    let server = TestServer::start().await;
    for form in [
        &[("grant_type", "password"), ("client_id", "nobody")][..],
        &[("grant_type", "password"), ("client_id", "ua"), ("client_secret", "wrong")],
    ] {
        let answer = server.post(TOKEN).header("origin", OTHER).form(form).send().await;
        assert_eq!(allowed(&answer), Some(OTHER), "{form:?}");
    }
    let before_any_client = server.post(TOKEN).header("origin", OWN).form(&[("grant_type", "magic"), ("client_id", "ua")]).send().await;
    assert_eq!((before_any_client.status, cors(&before_any_client.headers)), (400, vec![]));
    let late = [("grant_type", "refresh_token"), ("client_id", "ua"), ("client_secret", UA_SECRET), ("refresh_token", "x")];
    let answer = server.post(TOKEN).header("origin", OTHER).form(&late).send().await;
    assert_eq!((answer.status, allowed(&answer)), (403, None), "the client is known by then");
    assert_eq!(allowed(&server.post(TOKEN).header("origin", OWN).form(&late).send().await), Some(OWN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_for_every_origin() {
    let server = TestServer::start().await;
    for (path, methods) in
        [("token", "POST, OPTIONS"), ("revoke", "POST, OPTIONS"), ("userinfo", "GET, POST, OPTIONS"), ("certs", "GET, OPTIONS")]
    {
        let path = format!("/realms/UA/protocol/openid-connect/{path}");
        let answer =
            server.nodes[0].request("OPTIONS", &path).header("origin", OTHER).header("access-control-request-method", "POST").send().await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some(OTHER)), "{path}");
        assert_eq!(answer.headers["access-control-allow-methods"], methods);
        assert_eq!(answer.headers["access-control-max-age"], "3600");
        assert_eq!(answer.headers["access-control-allow-credentials"], "true");
        let headers = answer.headers["access-control-allow-headers"].to_str().unwrap();
        assert!(["Authorization", "Content-Type", "DPoP"].iter().all(|name| headers.contains(name)), "{headers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_documents_are_for_every_origin() {
    let server = TestServer::start().await;
    for path in ["/realms/UA", "/realms/UA/protocol/openid-connect/certs", "/realms/UA/.well-known/openid-configuration"] {
        let answer = server.get(path).header("origin", OTHER).send().await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some(OTHER)), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_018_a_token_that_nobody_verified_opens_nothing() {
    let server = TestServer::start().await;
    let token = server.sign_in_at_ua("openid").await;
    let forged = |azp: &str| {
        let key = crate::support::AssertionKey::of_secret(freshkey_protocol::jose::Algorithm::Hs512, &"f".repeat(64));
        let mut claims = crate::support::payload(&token.access_token());
        claims["azp"] = json!(azp);
        key.sign(&claims)
    };
    for origin in [OWN, OTHER] {
        let mut seen = Vec::new();
        for azp in ["ua", "ua-grant", "nobody"] {
            let token = forged(azp);
            let userinfo = server.get("/realms/UA/protocol/openid-connect/userinfo").header("origin", origin).bearer(&token).send().await;
            assert_eq!(userinfo.status, 401);
            let form =
                [("client_id", "ua-grant"), ("token", token.as_str()), ("refresh_token", token.as_str()), ("grant_type", "refresh_token")];
            let mut headers = vec![cors(&userinfo.headers)];
            for endpoint in ["revoke", "logout", "token", "token/introspect"] {
                let path = format!("/realms/UA/protocol/openid-connect/{endpoint}");
                headers.push(cors(&server.post(&path).header("origin", origin).form(&form).send().await.headers));
            }
            seen.push(headers);
        }
        assert!(seen.iter().all(|headers| *headers == seen[0]), "{origin}: {seen:?}");
    }
    let good = server.get("/realms/UA/protocol/openid-connect/userinfo").header("origin", OTHER).bearer(&token.access_token()).send().await;
    assert_eq!((good.status, allowed(&good)), (403, None));
    let good = server.get("/realms/UA/protocol/openid-connect/userinfo").header("origin", OWN).bearer(&token.access_token()).send().await;
    assert_eq!((good.status, allowed(&good)), (200, Some(OWN)));
}
