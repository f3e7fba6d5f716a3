//! The discovery documents: what they announce works, and they are the same under every name.

use crate::support::{AssertionKey, DEMO, ISSUER, PASSWORD, START, TOKEN, TestServer, UA_SECRET, assertion_claims};
use freshkey_protocol::client_credentials::JWT_BEARER_ASSERTION;
use freshkey_protocol::jose::{Algorithm, Family};
use serde_json::Value;

const PATHS: [&str; 3] = [
    "/realms/UA/.well-known/openid-configuration",
    "/realms/UA/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/realms/UA",
];

async fn document(server: &TestServer) -> Value {
    server.get(PATHS[0]).send().await.json()
}

fn texts(document: &Value, field: &str) -> Vec<String> {
    document[field].as_array().unwrap_or_else(|| panic!("{field}")).iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_documents_are_one_document() {
    let server = TestServer::start().await;
    let first = server.get(PATHS[0]).send().await;
    assert_eq!(first.status, 200);
    for path in PATHS {
        let answer = server.get(path).send().await;
        assert_eq!(answer.body, first.body, "{path}");
        assert_eq!(answer.headers["content-type"], "application/json", "{path}");
        assert_eq!(answer.headers["cache-control"], "no-cache, no-store, must-revalidate", "{path}");
    }
    insta::assert_json_snapshot!(first.json(), @r#"
    {
      "issuer": "https://id.example/realms/UA",
      "token_endpoint": "https://id.example/realms/UA/protocol/openid-connect/token",
      "introspection_endpoint": "https://id.example/realms/UA/protocol/openid-connect/token/introspect",
      "userinfo_endpoint": "https://id.example/realms/UA/protocol/openid-connect/userinfo",
      "end_session_endpoint": "https://id.example/realms/UA/protocol/openid-connect/logout",
      "jwks_uri": "https://id.example/realms/UA/protocol/openid-connect/certs",
      "grant_types_supported": [
        "refresh_token",
        "password",
        "client_credentials"
      ],
      "acr_values_supported": [
        "0",
        "1"
      ],
      "response_types_supported": [],
      "subject_types_supported": [
        "public",
        "pairwise"
      ],
      "id_token_signing_alg_values_supported": [
        "ES256",
        "EdDSA",
        "RS256"
      ],
      "userinfo_signing_alg_values_supported": [
        "ES256",
        "EdDSA",
        "RS256"
      ],
      "token_endpoint_auth_methods_supported": [
        "private_key_jwt",
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt"
      ],
      "token_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
        "HS256",
        "HS384",
        "HS512"
      ],
      "introspection_endpoint_auth_methods_supported": [
        "private_key_jwt",
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt"
      ],
      "introspection_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
        "HS256",
        "HS384",
        "HS512"
      ],
      "claims_supported": [
        "aud",
        "sub",
        "iss",
        "auth_time",
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "email",
        "acr"
      ],
      "claim_types_supported": [
        "normal"
      ],
      "claims_parameter_supported": false,
      "scopes_supported": [
        "openid",
        "acr",
        "address",
        "basic",
        "email",
        "microprofile-jwt",
        "offline_access",
        "organization",
        "phone",
        "profile",
        "roles",
        "service_account",
        "ua",
        "web-origins"
      ],
      "request_parameter_supported": false,
      "request_uri_parameter_supported": false,
      "revocation_endpoint": "https://id.example/realms/UA/protocol/openid-connect/revoke",
      "revocation_endpoint_auth_methods_supported": [
        "private_key_jwt",
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt"
      ],
      "revocation_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
        "HS256",
        "HS384",
        "HS512"
      ]
    }
    "#);
}

/// OpenID Connect Discovery §4.3: the issuer is the prefix of the address that the document was found at, byte for byte.
#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_is_the_address_without_its_end() {
    let server = TestServer::start().await;
    assert_eq!(document(&server).await["issuer"], ISSUER);
    assert_eq!(format!("{ISSUER}/.well-known/openid-configuration"), format!("https://id.example{}", PATHS[0]));
    server.set_realm(&[("attributes.frontendUrl", "https://other.example/auth/")]).await;
    let moved = document(&server).await;
    assert_eq!(moved["issuer"], "https://other.example/auth/realms/UA", "no slash at the end");
    assert_eq!(moved["end_session_endpoint"], "https://other.example/auth/realms/UA/protocol/openid-connect/logout");
    assert_eq!(crate::support::payload(&server.sign_in("").await.access_token())["iss"], moved["issuer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_that_is_named_is_there() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let endpoints: Vec<(&String, &str)> = document
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .collect();
    assert!(endpoints.len() >= 6, "{endpoints:?}");
    for (name, url) in endpoints {
        let path = url.strip_prefix("https://id.example").unwrap_or_else(|| panic!("{name}: {url}"));
        let method = if name == "jwks_uri" || name == "userinfo_endpoint" { "GET" } else { "POST" };
        let answer = server.nodes[0].request(method, path).send().await;
        assert!(!matches!(answer.status, 404 | 405), "{name}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_grant_type_that_is_named_gives_tokens_and_no_other() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let refresh_token = server.sign_in_at_ua("").await.refresh_token();
    let named = texts(&document(&server).await, "grant_types_supported");
    for grant_type in &named {
        let more: &[(&str, &str)] = match grant_type.as_str() {
            "refresh_token" => &[("refresh_token", &refresh_token)],
            "password" => &[("username", DEMO), ("password", PASSWORD)],
            "client_credentials" => &[],
            other => panic!("{other} is announced and nothing here tries it"),
        };
        let answer = server.post(TOKEN).basic("ua", UA_SECRET).form(&[&[("grant_type", grant_type.as_str())], more].concat()).send().await;
        assert_eq!(answer.status, 200, "{grant_type}: {}", answer.text());
    }
    for other in [
        "authorization_code",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        assert!(!named.contains(&other.to_owned()), "{other}");
        let answer = server.post(TOKEN).basic("ua", UA_SECRET).form(&[("grant_type", other)]).send().await;
        assert_eq!(answer.refusal(), "400 unsupported_grant_type: Unsupported grant_type");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_authenticate_that_is_named_works_at_all_three_endpoints() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let key = AssertionKey::generate(Algorithm::Es256);
    for (endpoint, path) in [("token", "token"), ("introspection", "token/introspect"), ("revocation", "revoke")] {
        let path = format!("/realms/UA/protocol/openid-connect/{path}");
        for method in texts(&document, &format!("{endpoint}_endpoint_auth_methods_supported")) {
            let kind = match method.as_str() {
                "client_secret_basic" | "client_secret_post" => "client-secret",
                "client_secret_jwt" => "client-secret-jwt",
                "private_key_jwt" => "client-jwt",
                other => panic!("{other} is announced and nothing here tries it"),
            };
            let jwks = key.jwks();
            server
                .set_client(
                    "ua",
                    &[("clientAuthenticatorType", kind), ("attributes.jwks.string", if kind == "client-jwt" { &jwks } else { "" })],
                )
                .await;
            let assertion = match kind {
                "client-jwt" => key.sign(&assertion_claims("ua", START)),
                _ => AssertionKey::of_secret(Algorithm::Hs256, UA_SECRET).sign(&assertion_claims("ua", START)),
            };
            let mut form = vec![("grant_type", "password"), ("username", DEMO), ("password", PASSWORD), ("token", "x")];
            let mut request = server.post(&path);
            match method.as_str() {
                "client_secret_basic" => request = request.basic("ua", UA_SECRET),
                "client_secret_post" => form.extend([("client_id", "ua"), ("client_secret", UA_SECRET)]),
                _ => form.extend([("client_assertion_type", JWT_BEARER_ASSERTION), ("client_assertion", &assertion)]),
            }
            let answer = request.form(&form).send().await;
            assert_eq!(answer.status, 200, "{endpoint}, {method}: {}", answer.text());
        }
    }
}

/// That each works is shown beside client authentication, by the same names.
#[tokio::test(flavor = "multi_thread")]
async fn the_algorithms_of_assertions_that_are_named_are_those_that_are_tried() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let mut tried = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"]
        .map(str::to_owned)
        .to_vec();
    tried.sort();
    for endpoint in ["token", "introspection", "revocation"] {
        let mut named = texts(&document, &format!("{endpoint}_endpoint_auth_signing_alg_values_supported"));
        named.sort();
        assert_eq!(named, tried, "{endpoint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_algorithm_that_is_named_signs() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let named = texts(&document, "id_token_signing_alg_values_supported");
    assert_eq!(named, texts(&document, "userinfo_signing_alg_values_supported"));
    for algorithm in &named {
        let settings =
            [("attributes.id.token.signed.response.alg", algorithm.as_str()), ("attributes.user.info.response.signature.alg", algorithm)];
        server.set_client("ua-grant", &settings).await;
        let answer = server.sign_in("openid").await;
        assert!(answer.json()["id_token"].is_string());
        assert_eq!(server.userinfo(&answer.access_token()).await.headers["content-type"], "application/jwt", "{algorithm}");
    }
    for other in Algorithm::ALL.into_iter().filter(|other| other.family() != Family::Hmac && !named.contains(&other.as_str().to_owned())) {
        server
            .set_client(
                "ua-grant",
                &[("attributes.id.token.signed.response.alg", other.as_str()), ("attributes.user.info.response.signature.alg", "")],
            )
            .await;
        let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", PASSWORD), ("scope", "openid")];
        assert_eq!(server.token(&form).await.status, 500, "{other} is not named, since there is no key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scope_that_is_named_can_be_had_by_some_client() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let realm = std::sync::Arc::clone(&server.served().await.realm);
    for scope in texts(&document(&server).await, "scopes_supported") {
        let known = scope == "openid" || realm.clients.values().any(|client| client.has_scope(&scope));
        assert!(known, "{scope}");
    }
}
