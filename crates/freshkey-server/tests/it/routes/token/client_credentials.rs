//! `grant_type=client_credentials`: a client for itself.

use crate::support::{DAY, ISSUER, START, TOKEN, TestServer, UA_SECRET, claims};
use freshkey_core::keycloak::edit::{RoleName, UserChange};

async fn own_token(server: &TestServer, scope: &str) -> crate::support::Answer {
    let form = [("grant_type", "client_credentials"), ("scope", scope)];
    let answer = server.post(TOKEN).basic("ua", UA_SECRET).filled_form(&form).peer([203, 0, 113, 5]).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_043_client_credentials_leave_no_trace() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let answer = own_token(&server, "").await;
    let mut body = answer.json();
    body["access_token"] = "…".into();
    insta::assert_json_snapshot!(body, @r#"
    {
      "access_token": "…",
      "expires_in": 3600,
      "refresh_expires_in": 0,
      "token_type": "Bearer",
      "not-before-policy": 0,
      "scope": "profile email"
    }
    "#);
    let token = claims(&answer.access_token());
    assert!(token.jti.as_deref().unwrap().starts_with("trrtcc:"), "{:?}", token.jti);
    assert_eq!((token.iss.as_deref(), token.azp.as_deref(), token.typ.as_deref()), (Some(ISSUER), Some("ua"), Some("Bearer")));
    assert_eq!((token.iat, token.exp), (Some(START), Some(START + 3600)));
    assert_eq!((token.sid, token.session_state, token.auth_time), (None, None, None));
    assert!(server.grants().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn its_token_names_the_service_account_and_where_the_request_came_from() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let token = claims(&own_token(&server, "").await.access_token());
    let claim = |name: &str| token.other.get(name).and_then(|value| value.as_str()).unwrap_or("none").to_owned();
    assert_eq!(claim("preferred_username"), "service-account-ua");
    assert_eq!(token.other["email_verified"], false);
    assert_eq!(
        (claim("client_id"), claim("clientHost"), claim("clientAddress")),
        ("ua".into(), "203.0.113.5".into(), "203.0.113.5".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_has_the_roles_of_the_service_account_as_of_now() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let roles = async || claims(&own_token(&server, "").await.access_token()).other["realm_access"]["roles"].clone();
    assert!(!roles().await.as_array().unwrap().contains(&"admin".into()));
    server.change_user("service-account-ua", &[UserChange::AddRole(RoleName::of_realm("admin"))]).await;
    assert!(roles().await.as_array().unwrap().contains(&"admin".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_brings_an_id_token_without_a_session() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let answer = own_token(&server, "openid").await;
    let id = claims(&answer.field("id_token"));
    assert_eq!((id.sid, id.typ.as_deref()), (None, Some("ID")));
    assert_eq!(server.userinfo(&answer.access_token()).await.status, 200);
    assert_eq!(server.introspect(&answer.access_token()).await.json()["username"], "service-account-ua");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_have_refresh_tokens_of_its_own() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    server.set_client("ua", &[("attributes.client_credentials.use_refresh_token", "true")]).await;
    let answer = own_token(&server, "").await;
    assert_eq!(answer.json()["refresh_expires_in"], 7 * DAY);
    assert_eq!(claims(&answer.access_token()).sid, Some(answer.field("session_state")));
    assert!(claims(&answer.access_token()).jti.unwrap().starts_with("onrtcc:"));
    assert_eq!(server.grants().await.len(), 1);
    let refreshed = server
        .post(TOKEN)
        .basic("ua", UA_SECRET)
        .form(&[("grant_type", "refresh_token"), ("refresh_token", &answer.refresh_token())])
        .send()
        .await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    assert_eq!(claims(&refreshed.access_token()).sub, claims(&answer.access_token()).sub);

    let offline = own_token(&server, "offline_access").await;
    assert_eq!(claims(&offline.refresh_token()).typ.as_deref(), Some("Offline"));
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_access_without_that_setting_is_only_a_word() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let answer = own_token(&server, "offline_access").await;
    assert!(answer.json().get("refresh_token").is_none());
    assert!(server.grants().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn t_007_a_disabled_or_deleted_service_account_gets_no_token() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let attempt = async || server.post(TOKEN).basic("ua", UA_SECRET).form(&[("grant_type", "client_credentials")]).send().await.refusal();
    server.change_user("service-account-ua", &[UserChange::Enabled(false)]).await;
    assert_eq!(attempt().await, "401 invalid_request: User 'service-account-ua' disabled");
    let user = server.store().user_by_name(server.realm, "service-account-ua").await.unwrap().unwrap();
    let _ = server.store().delete_user(server.realm, user.key, &server.audit()).await.unwrap();
    assert_eq!(attempt().await, "401 invalid_request: The associated service account for the client does not exist");
}
