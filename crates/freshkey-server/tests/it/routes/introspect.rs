//! `POST …/token/introspect` (RFC 7662).

use crate::support::{DAY, ISSUER, START, TestServer, UA_SECRET, claims};
use freshkey_core::keycloak::edit::{self, RoleName, ScopeAssignment, UserChange};
use serde_json::json;

const PATH: &str = "/realms/UA/protocol/openid-connect/token/introspect";
const INACTIVE: &str = r#"{"active":false}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_live_access_token_is_described() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await.access_token();
    let answer = server.introspect(&token).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let mut body = answer.json();
    for name in ["jti", "sub", "sid"] {
        assert!(body[name].as_str().is_some_and(|text| text.len() >= 36), "{name}");
        body[name] = "…".into();
    }
    insta::assert_json_snapshot!(body, @r#"
    {
      "exp": 1800003600,
      "iat": 1800000000,
      "jti": "…",
      "iss": "https://id.example/realms/UA",
      "aud": "account",
      "sub": "…",
      "typ": "Bearer",
      "azp": "ua-grant",
      "sid": "…",
      "acr": "1",
      "preferred_username": "demo",
      "email_verified": false,
      "realm_access": {
        "roles": [
          "default-roles-ua",
          "member",
          "offline_access",
          "uma_authorization"
        ]
      },
      "resource_access": {
        "account": {
          "roles": [
            "manage-account",
            "manage-account-links",
            "view-profile"
          ]
        }
      },
      "scope": "openid profile email",
      "client_id": "ua-grant",
      "username": "demo",
      "token_type": "Bearer",
      "active": true
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_refresh_and_offline_tokens_are_described() {
    let server = TestServer::start().await;
    for (scope, typ, expiry) in [("openid", "Refresh", json!(START + 7 * DAY)), ("offline_access", "Offline", json!(null))] {
        let token = server.sign_in(scope).await.refresh_token();
        let body = server.introspect(&token).await.json();
        assert_eq!((body["active"].clone(), body["typ"].clone(), body["exp"].clone()), (json!(true), json!(typ), expiry));
        assert_eq!(
            (body["client_id"].clone(), body["username"].clone(), body["iss"].clone()),
            (json!("ua-grant"), json!("demo"), json!(ISSUER))
        );
        assert_eq!(body["sub"].as_str(), claims(&token).sub.as_deref());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_024_public_clients_may_not_introspect() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await.access_token();
    let answer = server.post(PATH).form(&[("client_id", "ua-grant"), ("token", &token)]).send().await;
    assert_eq!(answer.refusal(), "403 invalid_request: Client not allowed.");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_025_introspection_words_failed_client_authentication_in_its_own_way() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await.access_token();
    let failed = "401 invalid_client: Client authentication failed.";
    let unknown = "401 invalid_client: Invalid client or Invalid client credentials";
    for (credentials, expected) in [
        (&[][..], unknown),
        (&[("client_id", "nobody")], unknown),
        (&[("client_id", "ua")], failed),
        (&[("client_id", "ua"), ("client_secret", "wrong")], failed),
        (&[("client_id", "realm-management")], "400 invalid_client: Bearer-only not allowed"),
    ] {
        let answer = server.post(PATH).form(&[credentials, &[("token", token.as_str())]].concat()).send().await;
        assert_eq!(answer.refusal(), expected, "{credentials:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_unknown_is_said() {
    let server = TestServer::start().await;
    let ask = async |more: &[(&str, &str)]| {
        server.post(PATH).form(&[&[("client_id", "ua"), ("client_secret", UA_SECRET)][..], more].concat()).send().await.refusal()
    };
    assert_eq!(ask(&[]).await, "400 invalid_request: Token not provided.");
    assert_eq!(server.introspect("").await.text(), INACTIVE);
    assert_eq!(ask(&[("token", "x"), ("token_type_hint", "magic")]).await, "400 invalid_request: Unsupported token type.");
    assert_eq!(ask(&[("token", "x"), ("token", "x")]).await, "400 invalid_request: duplicated parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_051_the_hint_decides_nothing() {
    let server = TestServer::start().await;
    let answer = server.sign_in("openid").await;
    for token in [answer.access_token(), answer.refresh_token()] {
        for hint in ["access_token", "refresh_token"] {
            let form = [("client_id", "ua"), ("client_secret", UA_SECRET), ("token", &token), ("token_type_hint", hint)];
            assert_eq!(server.post(PATH).form(&form).send().await.json()["active"], true, "{hint}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_020_whatever_is_not_alive_gets_the_same_bytes() {
    let server = TestServer::start().await;
    let ended = server.sign_in("openid").await;
    assert_eq!(server.log_out(&ended.refresh_token()).await.status, 204);
    let revoked = server.sign_in("openid").await;
    assert_eq!(server.revoke(&revoked.access_token()).await.status, 200);
    let expired = server.sign_in("openid").await;
    server.clock.advance_s(3601);
    let fresh = server.sign_in("openid").await;
    let foreign = server.resigned(&fresh.access_token(), |claims| claims["iss"] = json!("https://id.example/realms/B")).await;
    let unsigned = format!("{}AAAA", &fresh.access_token()[..fresh.access_token().len() - 4]);
    let dead = [
        ("ended", ended.access_token()),
        ("ended", ended.refresh_token()),
        ("revoked", revoked.access_token()),
        ("expired", expired.access_token()),
        ("foreign", foreign),
        ("unsigned", unsigned),
        ("an ID token", fresh.field("id_token")),
        ("garbled", "x.y.z".to_owned()),
        ("text", "nonsense".to_owned()),
    ];
    let first = server.introspect("x").await;
    for (name, token) in &dead {
        let answer = server.introspect(token).await;
        assert_eq!((answer.status, answer.text(), &answer.headers), (200, INACTIVE, &first.headers), "{name}");
    }
    assert_eq!(server.introspect(&fresh.access_token()).await.json()["active"], true);
    assert_eq!(server.introspect(&expired.refresh_token()).await.json()["active"], true, "its refresh token lives a week");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_020_without_the_store_there_is_no_answer() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await;
    server.store().clone().close().await.unwrap();
    for token in [token.access_token(), token.refresh_token()] {
        let answer = server.introspect(&token).await;
        assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "1"), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_inactive_as_soon_as_anything_it_rests_on_is_gone() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await;
    let active = async || {
        let answers = [server.introspect(&token.access_token()).await.json(), server.introspect(&token.refresh_token()).await.json()];
        answers.map(|answer| answer["active"] == true)
    };
    assert_eq!(active().await, [true, true]);
    server.change_demo(&[UserChange::Enabled(false)]).await;
    assert_eq!(active().await, [false, false], "the user is disabled");
    server.change_demo(&[UserChange::Enabled(true), UserChange::NotBefore(START + 1)]).await;
    assert_eq!(active().await, [false, false], "the user's not-before");
    server.change_demo(&[UserChange::NotBefore(0)]).await;
    for (field, on, off) in [("enabled", "false", "true"), ("notBefore", &*(START + 1).to_string(), "0")] {
        server.set_client("ua-grant", &[(field, on)]).await;
        assert_eq!(active().await, [false, false], "the client's {field}");
        server.set_client("ua-grant", &[(field, off)]).await;
    }
    server.set_realm(&[("notBefore", &(START + 1).to_string())]).await;
    assert_eq!(active().await, [false, false], "the realm's not-before");
    server.set_realm(&[("notBefore", "0")]).await;
    assert_eq!(active().await, [true, true]);
    server.delete_demo().await;
    assert_eq!(active().await, [false, false], "the user is deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_009_an_offline_token_is_inactive_once_the_right_to_it_is_gone() {
    let server = TestServer::start().await;
    let token = server.sign_in("offline_access").await.refresh_token();
    let default_roles = RoleName::of_realm("default-roles-ua");
    server.change_demo(&[UserChange::RemoveRole(default_roles.clone())]).await;
    assert_eq!(server.introspect(&token).await.text(), INACTIVE);
    assert_eq!(
        server.refresh(&token).await.refusal(),
        "400 invalid_grant: Offline session invalid because offline access not granted anymore"
    );
    server.change_demo(&[UserChange::AddRole(default_roles)]).await;
    assert_eq!(server.introspect(&token).await.json()["active"], true);
    server.configure(|documents| edit::assign_scope(documents, "ua-grant", "offline_access", ScopeAssignment::None).unwrap()).await;
    assert_eq!(server.introspect(&token).await.text(), INACTIVE);
    assert_eq!(
        server.refresh(&token).await.refusal(),
        "400 invalid_grant: Offline session invalid because offline access not granted anymore"
    );
    server.configure(|documents| edit::assign_scope(documents, "ua-grant", "offline_access", ScopeAssignment::Optional).unwrap()).await;
    server.set_client("ua-grant", &[("consentRequired", "true")]).await;
    assert_eq!(server.introspect(&token).await.text(), INACTIVE);
    assert_eq!(server.refresh(&token).await.refusal(), "400 invalid_scope: Client no longer has requested consent from user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_inactive_and_asking_about_it_ends_nothing() {
    let server = TestServer::start().await;
    server.set_realm(&[("revokeRefreshToken", "true"), ("attributes.freshkey.refresh.grace.seconds", "0")]).await;
    let first = server.sign_in("").await.refresh_token();
    let second = server.refresh(&first).await.refresh_token();
    assert_eq!(server.introspect(&first).await.text(), INACTIVE);
    for _ in 0..3 {
        assert_eq!(server.introspect(&second).await.json()["active"], true, "looking does not use it up");
    }
    assert_eq!(server.refresh(&second).await.status, 200);
}

/// T-028: each kind of token at each endpoint; only the intended cells succeed.
#[tokio::test(flavor = "multi_thread")]
async fn t_028_one_kind_of_token_never_serves_as_another() {
    let server = TestServer::start().await;
    server.enable_service_account("ua").await;
    let online = server.sign_in("openid").await;
    let offline = server.sign_in("openid offline_access").await;
    let own = server.token(&[("grant_type", "client_credentials"), ("client_id", "ua"), ("client_secret", UA_SECRET)]).await;
    let tokens = [
        ("access", online.access_token()),
        ("refresh", online.refresh_token()),
        ("offline", offline.refresh_token()),
        ("id", online.field("id_token")),
        ("service", own.access_token()),
    ];
    let mut table = String::from("token: refresh userinfo introspection logout revocation\n");
    for (name, token) in &tokens {
        let refresh = server.refresh(token).await.status;
        let userinfo = server.userinfo(token).await.status;
        let active = server.introspect(token).await.json()["active"].clone();
        // Each of these ends something, so a good token is tried at neither.
        let (logout, revocation) = match *name {
            "refresh" | "offline" => ("not tried".to_owned(), "not tried".to_owned()),
            "access" => (server.log_out(token).await.refusal(), "not tried".to_owned()),
            _ => (server.log_out(token).await.refusal(), server.revoke(token).await.refusal()),
        };
        table += &format!("{name}: {refresh} {userinfo} {active} | {logout} | {revocation}\n");
    }
    insta::assert_snapshot!(table, @r#"
    token: refresh userinfo introspection logout revocation
    access: 400 200 true | 400 invalid_grant: Invalid refresh token | not tried
    refresh: 200 401 true | not tried | not tried
    offline: 200 401 true | not tried | not tried
    id: 400 401 false | 400 invalid_grant: Invalid refresh token | 400 unsupported_token_type: Unsupported token type
    service: 400 403 true | 400 invalid_grant: Invalid refresh token | 400 invalid_request: Unmatching clients
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_052_an_introspection_writes_no_session_row() {
    let server = TestServer::start().await;
    let answer = server.sign_in("openid").await;
    let before = server.grants().await;
    server.clock.advance_s(3000);
    for token in [answer.access_token(), answer.refresh_token()] {
        assert_eq!(server.introspect(&token).await.json()["active"], true);
        let _ = server.userinfo(&answer.access_token()).await;
    }
    assert_eq!(server.grants().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_050_introspection_may_be_for_the_audience() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await.access_token();
    assert_eq!(server.introspect(&token).await.json()["active"], true, "any confidential client may ask by default");
    server.set_realm(&[("attributes.freshkey.introspection.by", "audience")]).await;
    assert_eq!(server.introspect(&token).await.text(), INACTIVE, "the token is not for this client");
    let mapper = json!({
        "name": "for ua", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
        "config": { "included.client.audience": "ua", "access.token.claim": "true", "introspection.token.claim": "true" },
    });
    server.set_client("ua-grant", &[("protocolMappers", &json!([mapper]).to_string())]).await;
    let token = server.sign_in("openid").await.access_token();
    assert_eq!(server.introspect(&token).await.json()["active"], true);
}
