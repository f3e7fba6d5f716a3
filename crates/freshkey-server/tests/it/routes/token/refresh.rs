//! `grant_type=refresh_token` without rotation.

use crate::support::{DAY, ISSUER, START, TestServer, claims};
use freshkey_core::keycloak::edit::{RoleName, UserChange};

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_answers_as_keycloak_does() {
    let server = TestServer::start().await;
    let signed_in = server.sign_in("openid").await;
    server.advance_s(100).await;
    let answer = server.refresh(&signed_in.refresh_token()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut body = answer.json();
    for name in ["access_token", "refresh_token", "id_token", "session_state"] {
        assert!(body[name].as_str().is_some_and(|text| text.len() >= 36), "{name}");
        body[name] = "…".into();
    }
    insta::assert_json_snapshot!(body, @r#"
    {
      "access_token": "…",
      "expires_in": 3600,
      "refresh_expires_in": 604800,
      "refresh_token": "…",
      "token_type": "Bearer",
      "id_token": "…",
      "not-before-policy": 0,
      "session_state": "…",
      "scope": "openid profile email"
    }
    "#);
    let [access, refresh, id] = ["access_token", "refresh_token", "id_token"].map(|name| claims(&answer.field(name)));
    let sid = answer.field("session_state");
    assert!(access.jti.as_deref().unwrap().starts_with("onrtrt:"), "{:?}", access.jti);
    for token in [&access, &refresh, &id] {
        assert_eq!(token.iss.as_deref(), Some(ISSUER));
        assert_eq!(token.sid.as_deref(), Some(sid.as_str()));
        assert_eq!(token.azp.as_deref(), Some("ua-grant"));
        assert_eq!(token.iat, Some(START + 100));
        assert_eq!(token.sub, access.sub);
    }
    assert_eq!((access.typ.as_deref(), refresh.typ.as_deref(), id.typ.as_deref()), (Some("Bearer"), Some("Refresh"), Some("ID")));
    assert_eq!((access.exp, refresh.exp), (Some(START + 3700), Some(START + 100 + 7 * DAY)));
    assert_eq!((refresh.reuse_id, refresh.other.len()), (None, 0), "no claim that Keycloak does not have");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_008_the_next_refresh_reflects_the_user_as_of_now() {
    let server = TestServer::start().await;
    let refresh_token = server.sign_in("openid").await.refresh_token();
    let roles = |token: &str| {
        let roles = claims(token).other["realm_access"]["roles"].clone();
        (roles.as_array().unwrap().contains(&"admin".into()), claims(token).other.get("department").cloned())
    };
    server
        .change_demo(&[UserChange::AddRole(RoleName::of_realm("admin")), UserChange::Attribute("department".into(), vec!["blue".into()])])
        .await;
    assert_eq!(roles(&server.refresh(&refresh_token).await.access_token()), (true, Some("blue".into())));
    server
        .change_demo(&[
            UserChange::RemoveRole(RoleName::of_realm("admin")),
            UserChange::Attribute("department".into(), vec!["green".into()]),
        ])
        .await;
    assert_eq!(roles(&server.refresh(&refresh_token).await.access_token()), (false, Some("green".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_007_a_disabled_or_deleted_user_gets_no_token_by_any_grant() {
    let server = TestServer::start().await;
    let refresh_token = server.sign_in("openid").await.refresh_token();
    let password = async || {
        let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", "demo"), ("password", crate::support::PASSWORD)];
        server.post(crate::support::TOKEN).form(&form).send().await.refusal()
    };
    server.change_demo(&[UserChange::Enabled(false)]).await;
    assert_eq!(server.refresh(&refresh_token).await.refusal(), "400 invalid_grant: User disabled");
    assert_eq!(password().await, "400 invalid_grant: Account disabled");
    server.change_demo(&[UserChange::Enabled(true)]).await;
    assert_eq!(server.refresh(&refresh_token).await.status, 200, "enabled again, and nobody has to sign in anew");
    server.delete_demo().await;
    assert_eq!(server.refresh(&refresh_token).await.status, 400);
    assert_eq!(password().await, "400 invalid_grant: Invalid user credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_006_a_token_of_another_client_is_refused_and_still_works_for_its_own() {
    let server = TestServer::start().await;
    let refresh_token = server.sign_in("openid").await.refresh_token();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "ua"),
        ("client_secret", crate::support::UA_SECRET),
        ("refresh_token", &refresh_token),
    ];
    let stolen = server.post(crate::support::TOKEN).form(&form).send().await;
    assert_eq!(stolen.refusal(), "400 invalid_grant: Invalid refresh token. Token client and authorized client don't match");
    assert_eq!(server.refresh(&refresh_token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_045_every_token_request_is_one_event_with_its_reason() {
    let server = TestServer::start().await;
    let refresh_token = server.sign_in("openid").await.refresh_token();
    assert_eq!(server.refresh(&refresh_token).await.status, 200);
    assert_eq!(server.refresh("nonsense").await.refusal(), "400 invalid_grant: Invalid refresh token");
    let events = server.events().await;
    let told: Vec<_> = events
        .iter()
        .rev()
        .filter(|event| event.kind != "ADMIN_CHANGE")
        .map(|event| (event.kind.as_str(), event.reason.as_deref()))
        .collect();
    assert_eq!(told, [("LOGIN", None), ("REFRESH_TOKEN", None), ("REFRESH_TOKEN", Some("invalid_refresh_token:malformed"))]);
    assert!(events.iter().all(|event| !format!("{event:?}").contains(&refresh_token[refresh_token.len() - 12..])), "no token in an event");
}
