//! `GET /realms/{realm}`

use crate::support::TestServer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_protocol::jose::{Algorithm, CompactJws, VerifyingKey};

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_the_public_facts() {
    let server = TestServer::start().await;
    server.set_realm(&[("notBefore", "7")]).await;
    let answer = server.get("/realms/UA").send().await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "application/json"));
    let mut body = answer.json();
    let key = body["public_key"].as_str().unwrap().to_owned();
    assert!(STANDARD.decode(&key).is_ok());
    body["public_key"] = "…".into();
    insta::assert_json_snapshot!(body, @r#"
    {
      "realm": "UA",
      "public_key": "…",
      "token-service": "https://id.example/realms/UA/protocol/openid-connect",
      "account-service": "https://id.example/realms/UA/account",
      "tokens-not-before": 7
    }
    "#);

    // The key is the one that signs, in the form that adapters paste into their configuration.
    server.set_realm(&[("notBefore", "0")]).await;
    let token = server.sign_in("").await.access_token();
    let jws = CompactJws::parse(token.as_bytes()).unwrap();
    assert!(jws.verify(&VerifyingKey::from_text(Algorithm::Rs256, &key).unwrap()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn http_in_clear_is_for_private_addresses_unless_the_realm_says_otherwise() {
    let server = TestServer::start().await;
    let status = async |address: [u8; 4]| server.get("/realms/UA").peer(address).in_clear().send().await.status;
    let both = async || [status([127, 0, 0, 1]).await, status([203, 0, 113, 9]).await];
    assert_eq!(both().await, [200, 403], "external");
    server.set_realm(&[("sslRequired", "all")]).await;
    assert_eq!(both().await, [403, 403], "all");
    server.set_realm(&[("sslRequired", "none")]).await;
    assert_eq!(both().await, [200, 200], "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_listed_proxy_is_believed_about_https() {
    let server = TestServer::start().await;
    server.set_realm(&[("sslRequired", "all")]).await;
    let status =
        async |peer: [u8; 4]| server.get("/realms/UA").peer(peer).in_clear().header("x-forwarded-proto", "https").send().await.status;
    assert_eq!(status([10, 1, 2, 3]).await, 200);
    assert_eq!(status([203, 0, 113, 9]).await, 403);
}
