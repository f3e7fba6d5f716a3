//! `GET …/certs`: the public keys.

use crate::support::{TestServer, payload};
use freshkey_core::keycloak::defaults::GeneratedKey;
use freshkey_core::keycloak::edit::{self, KeyUse};
use freshkey_protocol::jose::{Algorithm, KeyKind, generate_private_key};
use serde_json::Value;

const PATH: &str = "/realms/UA/protocol/openid-connect/certs";

async fn keys(server: &TestServer) -> Vec<Value> {
    server.get(PATH).send().await.json()["keys"].as_array().unwrap().clone()
}

async fn key_ids(server: &TestServer, algorithm: &str) -> Vec<String> {
    keys(server).await.iter().filter(|key| key["alg"] == algorithm).map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// A new RSA key signs from now on.
async fn rotate(server: &TestServer) {
    let pkcs8 = generate_private_key(KeyKind::Rsa2048).unwrap();
    server
        .configure_with(|documents, entropy| {
            edit::add_key(documents, Algorithm::Rs256, Some(GeneratedKey { pkcs8, certificate: None }), entropy).unwrap()
        })
        .await;
}

fn key_id(token: &str) -> String {
    let header = freshkey_protocol::base64url::decode(token.split('.').next().unwrap().as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn t_030_no_private_member_is_ever_published() {
    let server = TestServer::start().await;
    rotate(&server).await;
    let answer = server.get(PATH).send().await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].to_str().unwrap(), answer.headers["cache-control"].to_str().unwrap()),
        (200, "application/json", "no-cache")
    );
    assert_eq!(answer.json().as_object().unwrap().len(), 1);
    let public = ["kid", "kty", "alg", "use", "n", "e", "crv", "x", "y", "x5c", "x5t", "x5t#S256"];
    for key in keys(&server).await {
        let fields: Vec<&String> = key.as_object().unwrap().keys().collect();
        assert!(fields.iter().all(|field| public.contains(&field.as_str())), "{fields:?}");
        assert!(matches!(key["kty"].as_str(), Some("RSA" | "EC" | "OKP")), "{key}");
        assert_eq!(key["use"], "sig");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_040_the_key_set_lists_signing_keys_alone() {
    let server = TestServer::start().await;
    let mut algorithms: Vec<String> = keys(&server).await.iter().map(|key| key["alg"].as_str().unwrap().to_owned()).collect();
    algorithms.sort();
    assert_eq!(algorithms, ["ES256", "EdDSA", "RS256"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passive_key_verifies_and_is_published_and_a_disabled_one_is_neither() {
    let server = TestServer::start().await;
    let old_token = server.sign_in("openid").await;
    let old = key_id(&old_token.access_token());
    rotate(&server).await;
    let new = key_id(&server.sign_in("").await.access_token());
    assert_ne!(old, new);
    server.configure(|documents| edit::set_key_use(documents, &old, KeyUse::VerifyOnly).unwrap()).await;
    let mut published = key_ids(&server, "RS256").await;
    published.sort();
    let mut both = vec![old.clone(), new.clone()];
    both.sort();
    assert_eq!(published, both);
    assert_eq!(server.userinfo(&old_token.access_token()).await.status, 200);

    server.configure(|documents| edit::set_key_use(documents, &old, KeyUse::Nothing).unwrap()).await;
    assert_eq!(key_ids(&server, "RS256").await, [new]);
    assert_eq!(server.userinfo(&old_token.access_token()).await.status, 401, "after an emergency nothing of it is accepted");
    assert_eq!(server.introspect(&old_token.access_token()).await.text(), r#"{"active":false}"#);
    assert_eq!(server.refresh(&old_token.refresh_token()).await.status, 200, "refresh tokens have a key of their own");
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_the_shared_key_ends_every_refresh_token() {
    let server = TestServer::start().await;
    let tokens = server.sign_in("openid").await;
    let shared = key_id(&tokens.refresh_token());
    server.configure_with(|documents, entropy| edit::add_key(documents, Algorithm::Hs512, None, entropy).unwrap()).await;
    assert_eq!(server.refresh(&tokens.refresh_token()).await.status, 200, "the one before still verifies");
    server.configure(|documents| edit::set_key_use(documents, &shared, KeyUse::Nothing).unwrap()).await;
    assert_eq!(server.refresh(&tokens.refresh_token()).await.refusal(), "400 invalid_grant: Invalid refresh token");
    let anew = server.sign_in("").await;
    assert_eq!(server.refresh(&anew.refresh_token()).await.status, 200);
    assert_eq!(payload(&anew.refresh_token())["typ"], "Refresh");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served_while_the_store_is_away() {
    let server = TestServer::start().await;
    let before = server.get(PATH).send().await;
    server.store().clone().close().await.unwrap();
    server.clock.advance_s(3600);
    let after = server.get(PATH).send().await;
    assert_eq!((after.status, after.body), (200, before.body));
    assert_eq!(server.get("/realms/UA/.well-known/openid-configuration").send().await.status, 200);
}
