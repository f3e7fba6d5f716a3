//! How a client proves itself at the token endpoint and at the three others that want it.

use crate::support::{Answer, AssertionKey, DEMO, PASSWORD, START, TOKEN, TestServer, UA_SECRET, assertion_claims, join_all};
use freshkey_core::keycloak::edit;
use freshkey_protocol::client_credentials::JWT_BEARER_ASSERTION;
use freshkey_protocol::jose::Algorithm;
use serde_json::json;

/// The endpoints that authenticate clients; of logout and revocation the paths only, since each wants another parameter.
const ENDPOINTS: [&str; 4] = ["token", "token/introspect", "revoke", "logout"];

const PASSWORD_GRANT: [(&str, &str); 3] = [("grant_type", "password"), ("username", DEMO), ("password", PASSWORD)];

fn path(endpoint: &str) -> String {
    format!("/realms/UA/protocol/openid-connect/{endpoint}")
}

/// The name under which the last sign-in says that the client authenticated.
async fn method(server: &TestServer) -> String {
    let events = server.events().await;
    let login = events.iter().find(|event| event.kind == "LOGIN" && event.reason.is_none()).expect("a sign-in");
    login.details.iter().find(|(name, _)| name == "client_auth_method").expect("how").1.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_taken_from_the_header_or_the_form() {
    let server = TestServer::start().await;
    let by_basic = server.post(TOKEN).basic("ua", UA_SECRET).form(&PASSWORD_GRANT).send().await;
    assert_eq!(by_basic.status, 200, "{}", by_basic.text());
    assert_eq!(method(&server).await, "client_secret_basic");
    server.clock.advance_s(1);
    let by_form = server.token(&[&PASSWORD_GRANT[..], &[("client_id", "ua"), ("client_secret", UA_SECRET)]].concat()).await;
    assert_eq!(by_form.status, 200, "{}", by_form.text());
    assert_eq!(method(&server).await, "client_secret_post");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_halves_of_the_header_are_decoded() {
    let server = TestServer::start().await;
    let (id, secret) = ("batch:täglich 1", "a+b %c:d&e=ü-0123456789");
    server.add_confidential_client(id, secret).await;
    let answer = server.post(TOKEN).basic(id, secret).form(&[("grant_type", "client_credentials")]).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_001_form_parameters_beat_the_basic_header() {
    let server = TestServer::start().await;
    server.add_confidential_client("batch", "secret-of-batch").await;
    let grant = ("grant_type", "client_credentials");
    let form_wins =
        server.post(TOKEN).basic("ua", "wrong").form(&[grant, ("client_id", "batch"), ("client_secret", "secret-of-batch")]).send().await;
    assert_eq!(form_wins.status, 200, "{}", form_wins.text());
    let wrong_in_form = server.post(TOKEN).basic("batch", "secret-of-batch").form(&[grant, ("client_secret", "wrong")]).send().await;
    assert_eq!(wrong_in_form.refusal(), "401 unauthorized_client: Invalid client or Invalid client credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_003_the_secret_of_a_public_client_is_ignored() {
    let server = TestServer::start().await;
    let answer = server.token(&[&PASSWORD_GRANT[..], &[("client_id", "ua-grant"), ("client_secret", "whatever")]].concat()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_004_an_unknown_client_and_a_wrong_secret_answer_differently() {
    let server = TestServer::start().await;
    let at =
        async |client_id: &str| server.token(&[&PASSWORD_GRANT[..], &[("client_id", client_id), ("client_secret", "x")]].concat()).await;
    let (unknown, wrong) = (at("nobody").await, at("ua").await);
    assert_eq!(unknown.refusal(), "401 invalid_client: Invalid client or Invalid client credentials");
    assert_eq!(wrong.refusal(), "401 unauthorized_client: Invalid client or Invalid client credentials");
    for answer in [unknown, wrong] {
        assert!(!answer.headers.contains_key("www-authenticate"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_036_credentials_of_the_wrong_kind_are_answered_by_the_right_kind() {
    let server = TestServer::start().await;
    server.set_client("ua", &[("clientAuthenticatorType", "client-jwt")]).await;
    let with_secret = server.token(&[&PASSWORD_GRANT[..], &[("client_id", "ua"), ("client_secret", UA_SECRET)]].concat()).await;
    assert_eq!(with_secret.refusal(), "400 invalid_client: Parameter client_assertion_type is missing");
}

/// Every algorithm that is announced, with a key of its own, registered as a key set.
#[tokio::test(flavor = "multi_thread")]
async fn private_key_jwt_works_with_every_asymmetric_algorithm() {
    let server = TestServer::start().await;
    for name in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] {
        let key = AssertionKey::generate(Algorithm::parse(name).unwrap());
        server.set_client("ua", &[("clientAuthenticatorType", "client-jwt"), ("attributes.jwks.string", &key.jwks())]).await;
        let answer = with_assertion(&server, &key.sign(&assertion_claims("ua", START))).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    assert_eq!(method(&server).await, "private_key_jwt");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_secret_jwt_works_with_every_hmac_algorithm() {
    let server = TestServer::start().await;
    let secret = "s".repeat(64);
    let client =
        json!({ "clientId": "long", "secret": secret, "clientAuthenticatorType": "client-secret-jwt", "directAccessGrantsEnabled": true });
    server.add_client(client).await;
    for name in ["HS256", "HS384", "HS512"] {
        let key = AssertionKey::of_secret(Algorithm::parse(name).unwrap(), &secret);
        let answer = with_assertion(&server, &key.sign(&assertion_claims("long", START))).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    assert_eq!(method(&server).await, "client_secret_jwt");
}

async fn with_assertion(server: &TestServer, assertion: &str) -> Answer {
    server.token(&[&PASSWORD_GRANT[..], &[("client_assertion_type", JWT_BEARER_ASSERTION), ("client_assertion", assertion)]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_be_held_to_one_algorithm() {
    let server = TestServer::start().await;
    let key = AssertionKey::generate(Algorithm::Es256);
    let settings = [
        ("clientAuthenticatorType", "client-jwt"),
        ("attributes.jwks.string", &key.jwks()),
        ("attributes.token.endpoint.auth.signing.alg", "EdDSA"),
    ];
    server.set_client("ua", &settings).await;
    let answer = with_assertion(&server, &key.sign(&assertion_claims("ua", START))).await;
    assert_eq!(answer.refusal(), "400 invalid_client: invalid signature algorithm");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_044_a_client_assertion_needs_exactly_one_audience() {
    let server = TestServer::start().await;
    let key = AssertionKey::of_secret(Algorithm::Hs256, UA_SECRET);
    server.set_client("ua", &[("clientAuthenticatorType", "client-secret-jwt")]).await;
    let attempt = async |audience: serde_json::Value| {
        let mut claims = assertion_claims("ua", START);
        claims["aud"] = audience;
        with_assertion(&server, &key.sign(&claims)).await.status
    };
    let (issuer, endpoint) = ("https://id.example/realms/UA", "https://id.example/realms/UA/protocol/openid-connect/token");
    assert_eq!(attempt(json!(issuer)).await, 200);
    assert_eq!(attempt(json!([issuer])).await, 200);
    assert_eq!(attempt(json!(endpoint)).await, 200);
    assert_eq!(attempt(json!([issuer, endpoint])).await, 400, "two, each of them right");
    assert_eq!(attempt(json!([])).await, 400);

    let mut without_expiry = assertion_claims("ua", START);
    without_expiry.as_object_mut().unwrap().shift_remove("exp");
    let answer = with_assertion(&server, &key.sign(&without_expiry)).await;
    assert_eq!(answer.refusal(), "400 invalid_client: Token exp claim is required");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_025_of_64_uses_of_one_assertion_on_two_nodes_one_gets_in() {
    let server = TestServer::cluster(2).await;
    server.set_client("ua", &[("clientAuthenticatorType", "client-secret-jwt")]).await;
    let key = AssertionKey::of_secret(Algorithm::Hs256, UA_SECRET);
    let assertion = key.sign(&assertion_claims("ua", START));
    let refresh_token = server.sign_in("").await.refresh_token();
    // At introspection, where getting in shows and costs nothing else.
    let form =
        [("client_assertion_type", JWT_BEARER_ASSERTION), ("client_assertion", assertion.as_str()), ("token", refresh_token.as_str())];
    let uses =
        (0..64).map(|number| server.nodes[number % 2].post("/realms/UA/protocol/openid-connect/token/introspect").form(&form).send());
    let statuses: Vec<u16> = join_all(uses).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 63, "{statuses:?}");
    let elsewhere = server.token(&[&PASSWORD_GRANT[..], &form[..2]].concat()).await;
    assert_eq!(elsewhere.status, 400, "nor at another endpoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_025_the_same_id_of_another_client_is_another_id() {
    let server = TestServer::start().await;
    let secret = "t".repeat(32);
    let client =
        json!({ "clientId": "other", "secret": secret, "clientAuthenticatorType": "client-secret-jwt", "directAccessGrantsEnabled": true });
    server.add_client(client).await;
    server.set_client("ua", &[("clientAuthenticatorType", "client-secret-jwt")]).await;
    for (client_id, secret) in [("ua", UA_SECRET), ("other", &secret)] {
        let mut claims = assertion_claims(client_id, START);
        claims["jti"] = json!("the same");
        let assertion = AssertionKey::of_secret(Algorithm::Hs256, secret).sign(&claims);
        assert_eq!(with_assertion(&server, &assertion).await.status, 200, "{client_id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_022_without_its_own_secret_a_client_gets_in_nowhere() {
    let server = TestServer::start().await;
    server.add_confidential_client("other", "secret-of-other").await;
    let tokens = server.sign_in_at_ua("openid").await;
    let before = server.grants().await;
    let attempts: [(&str, &[(&str, &str)]); 4] = [
        ("no secret", &[("client_id", "ua")]),
        ("an empty one", &[("client_id", "ua"), ("client_secret", "")]),
        ("a wrong one", &[("client_id", "ua"), ("client_secret", "3EMVFnKnOU3B5Yh9B8MchwcFHvOVTcdH")]),
        ("another client's", &[("client_id", "ua"), ("client_secret", "secret-of-other")]),
    ];
    for endpoint in ENDPOINTS {
        for (name, credentials) in attempts {
            refused(&server, endpoint, name, credentials, &tokens.refresh_token()).await;
        }
        server.set_client("ua", &[("clientAuthenticatorType", "client-jwt")]).await;
        refused(
            &server,
            endpoint,
            "a secret for private_key_jwt",
            &[("client_id", "ua"), ("client_secret", UA_SECRET)],
            &tokens.refresh_token(),
        )
        .await;
        server.set_client("ua", &[("clientAuthenticatorType", "client-secret")]).await;
    }
    assert_eq!(server.grants().await, before, "nothing has changed");
    let form =
        [("grant_type", "refresh_token"), ("client_id", "ua"), ("client_secret", UA_SECRET), ("refresh_token", &tokens.refresh_token())];
    assert_eq!(server.token(&form).await.status, 200, "and its own secret still works");
}

async fn refused(server: &TestServer, endpoint: &str, name: &str, credentials: &[(&str, &str)], token: &str) {
    let rest = [("grant_type", "refresh_token"), ("token", token), ("refresh_token", token)];
    let answer = server.post(&path(endpoint)).form(&[credentials, &rest[..]].concat()).send().await;
    assert!(matches!(answer.status, 400 | 401), "{endpoint}, {name}: {} {}", answer.status, answer.text());
    let error = answer.field("error");
    assert!(matches!(error.as_str(), "invalid_client" | "unauthorized_client" | "invalid_request"), "{endpoint}, {name}: {error}");
    let by_header = credentials.iter().find(|(field, _)| *field == "client_secret");
    if let Some((_, secret)) = by_header {
        let answer = server.post(&path(endpoint)).basic("ua", secret).form(&rest).send().await;
        assert!(matches!(answer.status, 400 | 401), "{endpoint}, {name} by header: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_024_wrong_secrets_shut_out_the_right_one_from_that_address_only() {
    let server = TestServer::start().await;
    let form = [&PASSWORD_GRANT[..], &[("client_id", "ua")]].concat();
    let attempt =
        async |secret: &str, address: [u8; 4]| server.post(TOKEN).basic("ua", secret).form(&form).peer(address).send().await.status;
    for _ in 0..100 {
        assert_eq!(attempt("wrong", [198, 51, 100, 7]).await, 401);
    }
    assert_eq!(attempt(UA_SECRET, [198, 51, 100, 7]).await, 401);
    assert_eq!(attempt(UA_SECRET, [203, 0, 113, 9]).await, 200);
    server.clock.advance_s(10);
    assert_eq!(attempt(UA_SECRET, [198, 51, 100, 7]).await, 200, "it drains");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_024_wrong_passwords_of_people_do_not_shut_out_the_application_they_use() {
    let server = TestServer::start().await;
    let refresh_token = server.sign_in_at_ua("").await.refresh_token();
    // Longer than any password, so that it costs no hash.
    let guess = "x".repeat(5_000);
    for number in 0..101 {
        let name = format!("nobody-{number}");
        let form = [
            ("grant_type", "password"),
            ("client_id", "ua"),
            ("client_secret", UA_SECRET),
            ("username", name.as_str()),
            ("password", guess.as_str()),
        ];
        assert_eq!(server.token(&form).await.status, 400);
    }
    let form = [("grant_type", "refresh_token"), ("client_id", "ua"), ("client_secret", UA_SECRET), ("refresh_token", &refresh_token)];
    let answer = server.token(&form).await;
    assert_eq!(answer.status, 200, "live grants refresh on: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn t_010_the_secret_before_counts_until_its_overlap_ends() {
    let mut server = TestServer::start().await;
    server.add_node().await;
    let mut new = None;
    server
        .configure_with(|documents, entropy| {
            let (edit, secret) =
                edit::rotate_client_secret(documents, "ua", 3600, freshkey_core::Now::from_seconds(START), entropy).unwrap();
            new = Some(secret);
            edit
        })
        .await;
    let new = new.unwrap().expose().clone();
    let statuses = async |secret: &str| {
        let form = [&PASSWORD_GRANT[..], &[("client_id", "ua"), ("client_secret", secret)]].concat();
        let mut statuses = Vec::new();
        for node in &server.nodes {
            statuses.push(node.post(TOKEN).form(&form).send().await.status);
        }
        statuses
    };
    assert_eq!(statuses(&new).await, [200, 200]);
    assert_eq!(statuses(UA_SECRET).await, [200, 200]);
    server.clock.advance_s(3601);
    assert_eq!(statuses(UA_SECRET).await, [401, 401]);
    assert_eq!(statuses(&new).await, [200, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_010_a_disabled_client_is_unknown_on_every_node() {
    let mut server = TestServer::start().await;
    server.add_node().await;
    let refresh_token = server.sign_in("openid").await.refresh_token();
    assert_eq!(server.nodes[1].refresh(&refresh_token).await.status, 200);
    server.set_client("ua-grant", &[("enabled", "false")]).await;
    for node in &server.nodes {
        assert_eq!(node.refresh(&refresh_token).await.refusal(), "401 invalid_client: Invalid client or Invalid client credentials");
    }
    assert_eq!(server.introspect(&refresh_token).await.text(), r#"{"active":false}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_010_a_node_that_cannot_look_for_changes_gives_no_tokens_after_five_seconds() {
    let mut server = TestServer::start().await;
    server.add_node().await;
    let tokens = server.sign_in("openid").await;
    let (sound, lost) = (&server.nodes[0], &server.nodes[1]);
    assert_eq!(lost.refresh(&tokens.refresh_token()).await.status, 200);
    lost.cut_off();
    server.clock.advance_s(5);
    assert_eq!(lost.refresh(&tokens.refresh_token()).await.status, 200);
    server.clock.advance_s(1);
    let refused = lost.refresh(&tokens.refresh_token()).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (503, "1"));
    let introspection = lost
        .post(&path("token/introspect"))
        .form(&[("client_id", "ua"), ("client_secret", UA_SECRET), ("token", &tokens.access_token())])
        .send()
        .await;
    assert_eq!(introspection.status, 503);
    assert_eq!(lost.get(&path("userinfo")).bearer(&tokens.access_token()).send().await.status, 503);
    assert_eq!(lost.get(&path("certs")).send().await.status, 200);
    assert_eq!(lost.get("/realms/UA/.well-known/openid-configuration").send().await.status, 200);
    assert_eq!(sound.refresh(&tokens.refresh_token()).await.status, 200, "the other node goes on");
    let revoked = lost.post(&path("revoke")).form(&[("client_id", "ua-grant"), ("token", &tokens.refresh_token())]).send().await;
    assert_eq!((revoked.status, revoked.text()), (200, ""));
    assert_eq!(sound.refresh(&tokens.refresh_token()).await.status, 400);
}
