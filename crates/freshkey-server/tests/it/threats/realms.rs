//! T-046: a second realm with the same keys, clients and people.

use crate::support::{Answer, AssertionKey, DEMO, PASSWORD, START, TestServer, UA_SECRET, assertion_claims, payload};
use freshkey_protocol::client_credentials::JWT_BEARER_ASSERTION;
use freshkey_protocol::jose::Algorithm;
use freshkey_store::{EmailRule, NewRealm, RealmCreated, UserCreated};
use serde_json::json;

/// The realm `B`: every document of `UA` under another name, keys included, and the same user with the same ids.
async fn clone_as_b(server: &TestServer) {
    let documents = server.store().load_realm("UA").await.unwrap().unwrap();
    let mut document = documents.document;
    document["realm"] = json!("B");
    let clone = NewRealm { name: "B".into(), document, items: documents.items };
    let RealmCreated::Yes(key) = server.store().create_realm(&clone, &server.audit()).await.unwrap() else { panic!("the name is free") };
    let record = server.store().user_record(server.realm, server.demo().await).await.unwrap().unwrap().record;
    assert_eq!(server.store().create_user(key, &record, EmailRule::Unique, &server.audit()).await.unwrap(), UserCreated::Yes);
}

async fn at_b(server: &TestServer, endpoint: &str, form: &[(&str, &str)]) -> Answer {
    server.post(&format!("/realms/B/protocol/openid-connect/{endpoint}")).form(form).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn t_046_nothing_of_one_realm_works_in_its_twin() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    clone_as_b(&server).await;
    let (public, ua) = (("client_id", "ua-grant"), [("client_id", "ua"), ("client_secret", UA_SECRET)]);
    let password = [("grant_type", "password"), public, ("username", DEMO), ("password", PASSWORD), ("scope", "openid")];
    assert_eq!(at_b(&server, "token", &password).await.status, 200, "the twin itself works");
    let (online, offline) = (server.sign_in("openid").await, server.sign_in("openid offline_access").await);
    let before = server.grants().await;

    for (name, tokens) in [("online", &online), ("offline", &offline)] {
        let (access, refresh, id) = (tokens.access_token(), tokens.refresh_token(), tokens.field("id_token"));
        let refreshed = at_b(&server, "token", &[("grant_type", "refresh_token"), public, ("refresh_token", &refresh)]).await;
        assert_eq!(refreshed.refusal(), "400 invalid_grant: Invalid token issuer. Expected 'https://id.example/realms/B'", "{name}");
        assert_eq!(server.get("/realms/B/protocol/openid-connect/userinfo").bearer(&access).send().await.status, 401, "{name}");
        for token in [&access, &refresh, &id] {
            assert_eq!(
                at_b(&server, "token/introspect", &[&ua[..], &[("token", token)]].concat()).await.text(),
                r#"{"active":false}"#,
                "{name}"
            );
            let revoked = at_b(&server, "revoke", &[public, ("token", token)]).await;
            assert!(revoked.text().contains("invalid_token") || revoked.status == 400, "{name}: {}", revoked.text());
            assert_eq!(at_b(&server, "logout", &[public, ("refresh_token", token)]).await.status, 400, "{name}");
        }
        // Even if somebody signed the session's ids for the twin: the session is not there.
        let moved = server
            .resigned(&refresh, |claims| {
                (claims["iss"], claims["aud"]) = (json!("https://id.example/realms/B"), json!("https://id.example/realms/B"));
            })
            .await;
        let refreshed = at_b(&server, "token", &[("grant_type", "refresh_token"), public, ("refresh_token", &moved)]).await;
        assert_eq!((refreshed.status, refreshed.field("error").as_str()), (400, "invalid_grant"), "{name}");
        assert_eq!(
            at_b(&server, "token/introspect", &[&ua[..], &[("token", &moved)]].concat()).await.text(),
            r#"{"active":false}"#,
            "{name}"
        );
        let _ = at_b(&server, "revoke", &[public, ("token", &moved)]).await;
        let moved = server.resigned(&access, |claims| claims["iss"] = json!("https://id.example/realms/B")).await;
        assert_eq!(server.get("/realms/B/protocol/openid-connect/userinfo").bearer(&moved).send().await.status, 401, "{name}");
    }
    assert_eq!(server.grants().await, before, "and nothing of the first realm has ended");
    assert_eq!(server.refresh(&online.refresh_token()).await.status, 200);
    assert_eq!(server.refresh(&offline.refresh_token()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_046_a_logout_in_the_twin_ends_nothing_here() {
    let server = TestServer::start().await;
    clone_as_b(&server).await;
    let here = server.sign_in("").await.refresh_token();
    // The session's ids, signed for the twin with the key that both have.
    let moved = server.resigned(&here, |claims| claims["iss"] = json!("https://id.example/realms/B")).await;
    let answer = at_b(&server, "logout", &[("client_id", "ua-grant"), ("refresh_token", &moved)]).await;
    let still = server.refresh(&here).await;
    assert_eq!(still.status, 200, "after {} in the twin: {}", answer.status, still.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn t_046_an_assertion_for_one_realm_is_refused_by_its_twin() {
    let server = TestServer::start().await;
    server.set_client("ua", &[("clientAuthenticatorType", "client-secret-jwt")]).await;
    clone_as_b(&server).await;
    let key = AssertionKey::of_secret(Algorithm::Hs256, UA_SECRET);
    let attempt = async |assertion: &str| {
        let form = [
            ("grant_type", "password"),
            ("username", DEMO),
            ("password", PASSWORD),
            ("client_assertion_type", JWT_BEARER_ASSERTION),
            ("client_assertion", assertion),
        ];
        at_b(&server, "token", &form).await.status
    };
    let claims = assertion_claims("ua", START);
    assert_eq!(attempt(&key.sign(&claims)).await, 400);
    let mut for_b = claims;
    for_b["aud"] = json!("https://id.example/realms/B");
    assert_eq!(attempt(&key.sign(&for_b)).await, 200);
    assert_eq!(payload(&server.sign_in("").await.access_token())["iss"], "https://id.example/realms/UA");
}
