//! What no honest client sends: every answer is a clear OAuth error, and nothing has changed.

use crate::support::{Answer, AssertionKey, DEMO, PASSWORD, TOKEN, TestServer, UA_SECRET, payload};
use freshkey_core::grant::Grant;
use freshkey_protocol::base64url;
use freshkey_protocol::jose::Algorithm;
use serde_json::json;
use std::fmt::Write as _;

/// A server with one live grant, and what it looked like before.
struct Scene {
    server: TestServer,
    refresh_token: String,
    access_token: String,
    grants: Vec<Grant>,
}

impl Scene {
    async fn set() -> Self {
        let server = TestServer::start().await;
        let answer = server.sign_in("openid").await;
        let grants = server.grants().await;
        Self { server, refresh_token: answer.refresh_token(), access_token: answer.access_token(), grants }
    }

    /// A 4xx with an OAuth error in JSON, nobody's stack trace, and the same grants as before.
    async fn refused(&self, name: &str, answer: &Answer) {
        assert!((400..500).contains(&answer.status), "{name}: {} {}", answer.status, answer.text());
        let body = answer.json();
        assert!(body["error"].is_string(), "{name}: {body}");
        assert!(body.get("access_token").is_none(), "{name}: {body}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{name}");
        assert_eq!(self.server.grants().await, self.grants, "{name}");
    }

    async fn still_works(&self) {
        let kinds: Vec<_> = self
            .server
            .events()
            .await
            .into_iter()
            .filter(|event| event.reason.is_none() && event.kind != "ADMIN_CHANGE")
            .map(|event| event.kind)
            .collect();
        assert_eq!(kinds, ["LOGIN"], "all that was written are refusals");
        assert_eq!(self.server.refresh(&self.refresh_token).await.status, 200);
    }

    async fn raw(&self, body: impl Into<axum::body::Bytes>) -> Answer {
        self.server.post(TOKEN).raw_form(body).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_017_one_request_has_one_reading() {
    let scene = Scene::set().await;
    let token = &scene.refresh_token;
    let form = format!("grant_type=refresh_token&client_id=ua-grant&refresh_token={token}");
    for again in [
        "grant_type=refresh_token",
        "client_id=ua-grant",
        &format!("refresh_token={token}"),
        "scope=openid&scope=openid",
        "unknown=1&unknown=1",
        "refresh%5Ftoken=x",
    ] {
        scene.refused(again, &scene.raw(format!("{form}&{again}")).await).await;
    }
    for (first, second) in [("Basic dWE6eA==", "Basic dWE6eA=="), ("Basic dWE6eA==", "Bearer x")] {
        let answer =
            scene.server.post(TOKEN).header("authorization", first).header("authorization", second).raw_form(form.clone()).send().await;
        assert_eq!(answer.status, 400);
        scene.refused("two Authorization headers", &answer).await;
    }
    for media_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx", ""] {
        let answer = scene.server.post(TOKEN).header("content-type", media_type).body(form.clone()).send().await;
        assert_eq!(answer.refusal(), "415 HTTP 415 Unsupported Media Type", "{media_type}");
        scene.refused(media_type, &answer).await;
    }
    let two_types = scene
        .server
        .post(TOKEN)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-type", "text/plain")
        .body(form.clone());
    scene.refused("two media types", &two_types.send().await).await;
    let with_charset =
        scene.server.post(TOKEN).header("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8").body(form.clone()).send().await;
    assert_eq!(with_charset.status, 200, "a parameter of the media type changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_045_the_query_string_does_not_count() {
    let scene = Scene::set().await;
    let token = &scene.refresh_token;
    let in_query = format!("{TOKEN}?grant_type=refresh_token&client_id=ua-grant&refresh_token={token}");
    let answer = scene.server.post(&in_query).raw_form("").send().await;
    assert_eq!(answer.refusal(), "400 invalid_request: Missing form parameter: grant_type");
    scene.refused("all of it in the query", &answer).await;
    let beside = format!("{TOKEN}?grant_type=magic&client_id=nobody&scope=moon&client_id=twice");
    let form = [("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", token.as_str())];
    assert_eq!(scene.server.post(&beside).form(&form).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_008_repeated_parameters_are_noticed_only_after_the_client_is_known() {
    let scene = Scene::set().await;
    let attempt = async |body: &'static str| scene.raw(body).await.refusal();
    assert_eq!(attempt("a=1&a=1").await, "400 invalid_request: Missing form parameter: grant_type");
    assert_eq!(attempt("grant_type=magic&a=1&a=1").await, "400 unsupported_grant_type: Unsupported grant_type");
    assert_eq!(
        attempt("grant_type=password&client_id=nobody&a=1&a=1").await,
        "401 invalid_client: Invalid client or Invalid client credentials"
    );
    assert_eq!(attempt("grant_type=password&client_id=ua-grant&a=1&a=1").await, "400 invalid_request: duplicated parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_049_input_without_bounds_is_refused_before_it_costs_anything() {
    let scene = Scene::set().await;
    let megabyte = "x".repeat(1_000_000);
    let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", megabyte.as_str())];
    let answer = scene.server.token(&form).await;
    assert_eq!(answer.status, 413);
    scene.refused("a password of 1 MB", &answer).await;
    let long_password = "x".repeat(30_000);
    let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", long_password.as_str())];
    scene.refused("a password of 30 kB", &scene.server.token(&form).await).await;
    let mut many = String::from("grant_type=password&client_id=ua-grant");
    for number in 0..10_000 {
        let _ = write!(many, "&p{number}=");
    }
    scene.refused("10,000 parameters", &scene.raw(many).await).await;
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let header = base64url::encode(br#"{"alg":"HS512"}"#);
    for payload in [format!(r#"{{"typ":{deep}}}"#), deep.clone()] {
        let token = format!("{header}.{}.AAAA", base64url::encode(payload.as_bytes()));
        scene.refused("JSON 1,000 levels deep", &scene.server.refresh(&token).await).await;
    }
    let token = format!("{}.e30.AAAA", base64url::encode(format!(r#"{{"alg":{deep}}}"#).as_bytes()));
    scene.refused("a header 1,000 levels deep", &scene.server.refresh(&token).await).await;
    scene.still_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_form_are_refused() {
    let scene = Scene::set().await;
    let token = &scene.refresh_token;
    let start = "grant_type=refresh_token&client_id=ua-grant&refresh_token=";
    let bodies: [(&str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("a lone escape", format!("{start}%").into_bytes()),
        ("half an escape", format!("{start}%4").into_bytes()),
        ("bytes that are no UTF-8", [start.as_bytes(), &[0xff, 0xfe]].concat()),
        ("escaped bytes that are no UTF-8", format!("{start}%ff%fe").into_bytes()),
        ("NUL in a value", [start.as_bytes(), token.as_bytes(), b"\0"].concat()),
        ("an escaped NUL in a value", format!("{start}{token}%00").into_bytes()),
        ("NUL in a name", format!("{start}{token}&sc%00ope=x&client_secret%00=").replace("client_id", "client%00id").into_bytes()),
        ("a truncated token", format!("{start}{}", &token[..token.len() / 2]).into_bytes()),
    ];
    for (name, body) in bodies {
        scene.refused(name, &scene.raw(body).await).await;
    }
    scene.still_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_chooses_its_own_key_or_algorithm_is_refused() {
    let scene = Scene::set().await;
    let token = &scene.refresh_token;
    let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let kid = "k".repeat(300);
    let headers = [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"nOnE","typ":"JWT"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":["HS512"]}"#,
        r#"{"alg":"HS512","kid":"../../../../dev/null"}"#,
        r#"{"alg":"HS512","kid":"' OR 1=1 --"}"#,
        r#"{"alg":"HS512","kid":""}"#,
        r#"{"alg":"HS512","kid":7}"#,
        r#"{"alg":"HS512","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS512","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"HS512","jwk":{"kty":"oct","k":"AAAA"}}"#,
        r#"{"alg":"HS512","jku":"https://canary.example/keys"}"#,
        r#"{"alg":"HS512","x5u":"https://canary.example/chain"}"#,
        "not json",
        "",
    ];
    let long_kid = format!(r#"{{"alg":"HS512","kid":"{kid}"}}"#);
    for header in headers.iter().copied().chain([long_kid.as_str()]) {
        for signature in ["", signature, "AAAA"] {
            let forged = format!("{}.{claims}.{signature}", base64url::encode(header.as_bytes()));
            let answer = scene.server.refresh(&forged).await;
            assert_eq!(answer.refusal(), "400 invalid_grant: Invalid refresh token", "{header}");
            scene.refused(header, &answer).await;
        }
    }
    // Claims of ours under keys of others: our public key as a secret, and keys that nobody knows.
    let served = scene.server.served().await;
    let public_key = served.realm.keys.signer(Algorithm::Rs256).unwrap().public_key().unwrap().to_spki_der();
    let secret = String::from_utf8_lossy(&public_key).into_owned();
    let foreign = [
        AssertionKey::of_secret(Algorithm::Hs512, &secret),
        AssertionKey::generate(Algorithm::Rs256),
        AssertionKey::generate(Algorithm::EdDsa),
    ];
    for key in foreign {
        scene.refused("a foreign key", &scene.server.refresh(&key.sign(&payload(token))).await).await;
    }
    scene.still_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_or_oddly_shaped_tokens_are_refused() {
    let scene = Scene::set().await;
    let token = &scene.refresh_token;
    let huge = format!("{token}{}", "A".repeat(60_000));
    let odd = [
        huge.as_str(),
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b.c.d.e",
        &format!("{token}."),
        &format!(" {token}"),
        &format!("{token}\n"),
        &format!("{token}="),
        &token.replace('.', ".."),
    ];
    for text in odd {
        scene.refused(&text.chars().take(40).collect::<String>(), &scene.server.refresh(text).await).await;
    }
    let wrong_claims = [
        ("sid", json!(7)),
        ("sid", json!("not an id")),
        ("sub", json!(null)),
        ("exp", json!("tomorrow")),
        ("exp", json!(-1)),
        ("iat", json!(null)),
        ("typ", json!("refresh")),
        ("azp", json!(["ua-grant"])),
        ("generation", json!(-1)),
        ("generation", json!("0")),
        ("reuse_id", json!("../x")),
    ];
    for (name, value) in wrong_claims {
        let text = scene.server.resigned(token, |claims| claims[name] = value.clone()).await;
        scene.refused(&format!("{name}: {value}"), &scene.server.refresh(&text).await).await;
    }
    scene.still_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_020_an_unknown_realm_has_its_own_body() {
    let scene = Scene::set().await;
    for name in
        ["nowhere", "ua", "UA%20", "..", "%2e%2e", "UA%00", "%ff", "' OR 1=1 --", &"r".repeat(5_000)].map(|name| name.replace(' ', "%20"))
    {
        let path = format!("/realms/{name}/protocol/openid-connect/token");
        let form = [("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", scene.refresh_token.as_str())];
        let answer = scene.server.post(&path).form(&form).send().await;
        assert_eq!((answer.status, answer.text()), (404, r#"{"error":"Realm does not exist"}"#), "{name}");
    }
    for path in ["/realms/nowhere", "/realms/nowhere/protocol/openid-connect/certs", "/realms/nowhere/.well-known/openid-configuration"] {
        assert_eq!(scene.server.get(path).send().await.text(), r#"{"error":"Realm does not exist"}"#, "{path}");
    }
    scene.server.set_realm(&[("enabled", "false")]).await;
    assert_eq!(
        scene.server.get("/realms/UA/protocol/openid-connect/userinfo").send().await.refusal(),
        "403 access_denied: Realm not enabled"
    );
    for path in ["/realms/UA", "/realms/UA/.well-known/openid-configuration"] {
        assert_eq!(scene.server.get(path).send().await.status, 200, "{path} says what anybody may know");
    }
}

/// Refused before the store is asked for anything: `verify` in the refresh grant, and `verify_access_token` in userinfo, have no store to ask. What is written is the
/// refusal's event.
#[tokio::test(flavor = "multi_thread")]
async fn t_016_every_altered_token_is_refused() {
    let scene = Scene::set().await;
    scene.server.nodes[0].cut_off();
    let escaped = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
    let refresh =
        async |token: &[u8]| scene.raw(format!("grant_type=refresh_token&client_id=ua-grant&refresh_token={}", escaped(token))).await;
    let userinfo = async |token: &[u8]| {
        let path = "/realms/UA/protocol/openid-connect/userinfo";
        scene.server.post(path).raw_form(format!("access_token={}", escaped(token))).send().await
    };
    for (at, _) in scene.refresh_token.bytes().enumerate() {
        for bit in 0..8 {
            let mut altered = scene.refresh_token.clone().into_bytes();
            altered[at] ^= 1 << bit;
            let answer = refresh(&altered).await;
            assert_eq!(answer.status, 400, "byte {at}, bit {bit}: {}", answer.text());
        }
        assert_eq!(refresh(&scene.refresh_token.as_bytes()[..at]).await.status, 400, "cut at {at}");
    }
    for (at, _) in scene.access_token.bytes().enumerate() {
        let mut altered = scene.access_token.clone().into_bytes();
        altered[at] ^= 1 << (at % 8);
        let answer = userinfo(&altered).await;
        assert!(matches!(answer.status, 400 | 401), "byte {at}: {}", answer.status);
    }
    for extension in ["A", "AA", "AAAA", ".", "=", " "] {
        assert_eq!(refresh(format!("{}{extension}", scene.refresh_token).as_bytes()).await.status, 400, "{extension:?}");
        assert!(matches!(userinfo(format!("{}{extension}", scene.access_token).as_bytes()).await.status, 400 | 401), "{extension:?}");
    }
    assert_eq!(scene.server.grants().await, scene.grants);
    assert_eq!(userinfo(scene.access_token.as_bytes()).await.status, 200);
    assert_eq!(refresh(scene.refresh_token.as_bytes()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_endpoints_read_forms_as_strictly() {
    let scene = Scene::set().await;
    let token = &scene.refresh_token;
    for (endpoint, parameter) in [("token/introspect", "token"), ("revoke", "token"), ("logout", "refresh_token")] {
        let path = format!("/realms/UA/protocol/openid-connect/{endpoint}");
        let credentials = if endpoint == "token/introspect" {
            format!("client_id=ua&client_secret={UA_SECRET}")
        } else {
            "client_id=ua-grant".to_owned()
        };
        let bodies = [
            ("twice", format!("{credentials}&{parameter}={token}&{parameter}={token}")),
            ("NUL", format!("{credentials}&{parameter}={token}%00&%00")),
            ("broken", format!("{credentials}&{parameter}=%f")),
            ("nothing", String::new()),
            ("too large", format!("{credentials}&{parameter}={}", "x".repeat(70_000))),
        ];
        for (name, body) in bodies {
            let answer = scene.server.post(&path).raw_form(body).send().await;
            scene.refused(&format!("{endpoint}: {name}"), &answer).await;
        }
        let answer = scene.server.post(&path).header("content-type", "application/json").body("{}").send().await;
        assert_eq!(answer.status, 415, "{endpoint}");
        let query = format!("{path}?{credentials}&{parameter}={token}");
        scene.refused(&format!("{endpoint}: query"), &scene.server.post(&query).raw_form("").send().await).await;
    }
    assert_eq!(scene.server.password(DEMO, PASSWORD).await.status, 200);
}
