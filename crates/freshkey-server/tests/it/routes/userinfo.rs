//! `GET` and `POST …/userinfo` (OpenID Connect Core §5.3).

use crate::support::{Answer, TestServer, claims, payload};
use freshkey_core::keycloak::edit::UserChange;
use freshkey_protocol::jose::{CompactJws, JwkSet};

const PATH: &str = "/realms/UA/protocol/openid-connect/userinfo";

fn challenge(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.headers["www-authenticate"].to_str().unwrap(), answer.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_those_of_now() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await.access_token();
    server
        .change_demo(&[
            UserChange::FirstName(Some("Dee".into())),
            UserChange::Email(Some("demo@example.org".into())),
            UserChange::Attribute("department".into(), vec!["blue".into()]),
        ])
        .await;
    let answer = server.userinfo(&token).await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "application/json"));
    let mut body = answer.json();
    assert_eq!(body["sub"].as_str(), claims(&token).sub.as_deref());
    body["sub"] = "…".into();
    insta::assert_json_snapshot!(body, @r#"
    {
      "sub": "…",
      "name": "Dee",
      "given_name": "Dee",
      "preferred_username": "demo",
      "email": "demo@example.org",
      "email_verified": false,
      "department": "blue"
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_comes_in_the_header_or_the_form_and_never_in_the_query() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await.access_token();
    assert_eq!(server.get(PATH).bearer(&token).send().await.status, 200);
    assert_eq!(server.post(PATH).bearer(&token).send().await.status, 200);
    assert_eq!(server.post(PATH).form(&[("access_token", &token)]).send().await.status, 200);
    assert_eq!(server.get(PATH).header("authorization", &format!("bearer {token}")).send().await.status, 200, "the scheme in any case");
    let query = format!("{PATH}?access_token={token}");
    assert_eq!(challenge(&server.get(&query).send().await), (401, r#"Bearer realm="UA""#, ""));
    let both = server.post(PATH).bearer(&token).form(&[("access_token", &token)]).send().await;
    assert_eq!(both.status, 400);
    assert!(challenge(&both).1.contains(r#"error="invalid_request""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_032_userinfo_answers_errors_without_a_body() {
    let server = TestServer::start().await;
    let without_openid = server.sign_in("").await.access_token();
    let tokens = server.sign_in("openid").await;
    let none = server.get(PATH).send().await;
    assert_eq!(challenge(&none), (401, r#"Bearer realm="UA""#, ""));
    let bad = server.userinfo("nonsense").await;
    assert_eq!(challenge(&bad), (401, r#"Bearer realm="UA", error="invalid_token", error_description="Token verification failed""#, ""));
    assert_eq!(
        challenge(&server.userinfo(&without_openid).await),
        (403, r#"Bearer realm="UA", error="insufficient_scope", error_description="Missing openid scope""#, "")
    );
    for kind in [tokens.refresh_token(), tokens.field("id_token")] {
        assert_eq!(challenge(&server.userinfo(&kind).await).0, 401);
    }
    server.clock.advance_s(3601);
    assert_eq!(
        challenge(&server.userinfo(&tokens.access_token()).await).1,
        r#"Bearer realm="UA", error="invalid_token", error_description="Token verification failed""#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_rests_on_is_named_when_it_is_gone() {
    let server = TestServer::start().await;
    let description = async |token: &str| {
        let answer = server.userinfo(token).await;
        assert_eq!((answer.status, answer.text()), (401, ""));
        challenge(&answer).1.split("error_description=").nth(1).unwrap().trim_matches('"').to_owned()
    };
    let token = server.sign_in("openid").await;
    server.change_demo(&[UserChange::Enabled(false)]).await;
    assert_eq!(description(&token.access_token()).await, "User disabled");
    server.change_demo(&[UserChange::Enabled(true)]).await;
    server.set_client("ua-grant", &[("enabled", "false")]).await;
    assert_eq!(description(&token.access_token()).await, "Client disabled");
    server.set_client("ua-grant", &[("enabled", "true")]).await;
    server.set_realm(&[("notBefore", &(crate::support::START + 1).to_string())]).await;
    assert_eq!(description(&token.access_token()).await, "Token verification failed");
    server.set_realm(&[("notBefore", "0")]).await;
    assert_eq!(server.userinfo(&token.access_token()).await.status, 200);
    server.set_realm(&[("ssoSessionIdleTimeout", "60")]).await;
    server.clock.advance_s(100);
    assert_eq!(description(&token.access_token()).await, "user_session_not_found");
    server.set_realm(&[("ssoSessionIdleTimeout", "604800")]).await;
    let _ = server.log_out(&token.refresh_token()).await;
    assert_eq!(description(&token.access_token()).await, "user_session_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_signed_for_a_client_that_wants_it() {
    let server = TestServer::start().await;
    server.set_client("ua-grant", &[("attributes.user.info.response.signature.alg", "ES256")]).await;
    let token = server.sign_in("openid").await.access_token();
    let answer = server.userinfo(&token).await;
    assert_eq!(answer.headers["content-type"], "application/jwt");
    let body = payload(answer.text());
    assert_eq!((body["iss"].as_str(), body["aud"].as_str()), (Some(crate::support::ISSUER), Some("ua-grant")));
    assert_eq!(body["preferred_username"], "demo");
    let keys = server.get("/realms/UA/protocol/openid-connect/certs").send().await;
    let jws = CompactJws::parse(&answer.body).unwrap();
    let header = jws.header();
    let set = JwkSet::parse(&keys.body).unwrap();
    let jwk = set.keys.iter().find(|jwk| jwk.key_id.as_deref() == header.key_id.as_ref().map(|id| id.as_str())).unwrap();
    jws.verify(&jwk.verifying_key(header.algorithm).unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_store_it_is_503() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await.access_token();
    server.store().clone().close().await.unwrap();
    let answer = server.userinfo(&token).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_067_a_lightweight_access_token_is_not_for_userinfo() {
    let server = TestServer::start().await;
    server.set_client("ua-grant", &[("attributes.client.use.lightweight.access.token.enabled", "true")]).await;
    let answer = server.userinfo(&server.sign_in("openid").await.access_token()).await;
    assert_eq!((answer.status, challenge(&answer).1.contains("Lightweight access token not allowed for userinfo endpoint")), (401, true));
}
