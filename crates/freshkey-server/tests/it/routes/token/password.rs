//! `grant_type=password`.

use crate::support::{Answer, DAY, DEMO, ISSUER, PASSWORD, START, TOKEN, TestServer, claims};
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_core::documents::CredentialRecord;
use freshkey_core::keycloak::edit::{RoleName, UserChange};
use freshkey_core::passwords::{Argon2Parameters, Argon2Variant, Argon2Version, HashAlgorithm, HashWorkspace, PlainPassword};
use freshkey_protocol::Secret;
use serde_json::{Value, json};
use std::num::NonZeroU32;

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_answers_as_keycloak_does() {
    let server = TestServer::start().await;
    server
        .change_demo(&[
            UserChange::FirstName(Some("Dee".into())),
            UserChange::LastName(Some("Mo".into())),
            UserChange::Email(Some("demo@example.org".into())),
        ])
        .await;
    let answer = server.sign_in("openid").await;
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
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["pragma"], "no-cache");
    assert_eq!(answer.headers["content-type"], "application/json");

    let shown = |name: &str| {
        let mut token = crate::support::payload(&answer.field(name));
        for name in ["jti", "sub", "sid", "at_hash"] {
            if let Some(value) = token.get_mut(name) {
                assert!(value.as_str().is_some_and(|text| text.len() >= 22), "{name}");
                *value = "…".into();
            }
        }
        token
    };
    insta::assert_json_snapshot!(shown("access_token"), @r#"
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
      "name": "Dee Mo",
      "family_name": "Mo",
      "given_name": "Dee",
      "preferred_username": "demo",
      "email": "demo@example.org",
      "email_verified": false
    }
    "#);
    insta::assert_json_snapshot!(shown("refresh_token"), @r#"
    {
      "exp": 1800604800,
      "iat": 1800000000,
      "jti": "…",
      "iss": "https://id.example/realms/UA",
      "aud": "https://id.example/realms/UA",
      "sub": "…",
      "typ": "Refresh",
      "azp": "ua-grant",
      "sid": "…",
      "scope": "openid web-origins acr profile roles basic email ua"
    }
    "#);
    insta::assert_json_snapshot!(shown("id_token"), @r#"
    {
      "exp": 1800003600,
      "iat": 1800000000,
      "jti": "…",
      "iss": "https://id.example/realms/UA",
      "aud": "ua-grant",
      "sub": "…",
      "typ": "ID",
      "azp": "ua-grant",
      "sid": "…",
      "at_hash": "…",
      "acr": "1",
      "name": "Dee Mo",
      "family_name": "Mo",
      "given_name": "Dee",
      "preferred_username": "demo",
      "email": "demo@example.org",
      "email_verified": false
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_006_the_id_of_an_access_token_tells_where_it_came_from() {
    let server = TestServer::start().await;
    let id = |answer: &Answer| claims(&answer.access_token()).jti.unwrap();
    let (online, offline) = (server.sign_in("").await, server.sign_in("offline_access").await);
    let refreshed = [server.refresh(&online.refresh_token()).await, server.refresh(&offline.refresh_token()).await];
    for (id, prefix) in [(id(&online), "onrtro"), (id(&offline), "ofrtro"), (id(&refreshed[0]), "onrtrt"), (id(&refreshed[1]), "ofrtrt")] {
        let (start, uuid) = id.split_once(':').expect("a colon");
        assert_eq!((start, uuid.len()), (prefix, 36));
    }
    assert_eq!(claims(&online.refresh_token()).jti.unwrap().len(), 36, "a refresh token has a plain id");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_007_an_offline_token_claims_to_expire_in_0_seconds() {
    let server = TestServer::start().await;
    let offline = server.sign_in("offline_access").await;
    assert_eq!(offline.json()["refresh_expires_in"], 0);
    assert_eq!(claims(&offline.refresh_token()).exp, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_009_a_wrong_password_is_400_and_was_401() {
    let server = TestServer::start().await;
    assert_eq!(server.password(DEMO, "wrong").await.refusal(), "400 invalid_grant: Invalid user credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_010_losing_the_right_to_offline_tokens_has_a_code_of_its_own() {
    let server = TestServer::start().await;
    server.change_demo(&[UserChange::RemoveRole(RoleName::of_realm("default-roles-ua"))]).await;
    let form =
        [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", PASSWORD), ("scope", "offline_access")];
    assert_eq!(server.token(&form).await.refusal(), "400 not_allowed: Offline tokens not allowed for the user or client");
    assert!(server.grants().await.is_empty());
    assert_eq!(server.password(DEMO, PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_012_only_the_right_password_tells_that_an_account_is_disabled() {
    let server = TestServer::start().await;
    server.change_demo(&[UserChange::Enabled(false)]).await;
    assert_eq!(server.password(DEMO, PASSWORD).await.refusal(), "400 invalid_grant: Account disabled");
    assert_eq!(server.password(DEMO, "wrong").await.refusal(), "400 invalid_grant: Invalid user credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_013_the_offline_session_has_the_id_of_the_sign_in() {
    let server = TestServer::start().await;
    let online = server.sign_in("").await;
    let offline = server.refresh_with(&online.refresh_token(), "offline_access").await;
    assert_eq!(online.field("session_state"), offline.field("session_state"));
    assert_eq!(server.grants().await.len(), 2, "in name spaces of their own");
    assert_eq!(server.refresh(&online.refresh_token()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_033_an_offline_sign_in_with_a_password_leaves_no_online_session() {
    let server = TestServer::start().await;
    let offline = server.sign_in("offline_access").await;
    let kinds: Vec<_> = server.grants().await.iter().map(|grant| grant.id.kind).collect();
    assert_eq!(kinds, [freshkey_core::grant::SessionKind::Offline]);
    assert_eq!(Some(offline.field("session_state")), claims(&offline.access_token()).sid);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_038_not_before_policy_is_always_there() {
    let server = TestServer::start().await;
    let policy = async || server.sign_in("").await.json()["not-before-policy"].clone();
    assert_eq!(policy().await, 0);
    server.set_realm(&[("notBefore", "1000")]).await;
    server.set_client("ua-grant", &[("notBefore", "3000")]).await;
    server.change_demo(&[UserChange::NotBefore(2000)]).await;
    assert_eq!(policy().await, 3000);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_042_a_missing_user_name_is_401() {
    let server = TestServer::start().await;
    let answer = server.token(&[("grant_type", "password"), ("client_id", "ua-grant"), ("password", PASSWORD)]).await;
    assert_eq!(answer.refusal(), "401 invalid_request: Missing parameter: username");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_047_a_locked_account_answers_like_a_wrong_password() {
    let server = TestServer::start().await;
    let wrong = server.password(DEMO, "wrong").await;
    let _ = server.password(DEMO, "wrong").await;
    let locked = server.password(DEMO, PASSWORD).await;
    assert_eq!((locked.status, &locked.body), (wrong.status, &wrong.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_015_every_sign_in_has_a_session_id_of_its_own() {
    let mut server = TestServer::start().await;
    let mut ids = std::collections::HashSet::new();
    for round in 0..3 {
        for scope in ["", "offline_access", "openid"] {
            ids.insert(server.sign_in(scope).await.field("session_state"));
        }
        if round == 1 {
            server.restart().await;
        }
    }
    assert_eq!(ids.len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_is_found_by_name_in_any_case_or_by_address_where_the_realm_allows_it() {
    let server = TestServer::start().await;
    server.change_demo(&[UserChange::Email(Some("demo@example.org".into()))]).await;
    for name in ["demo", "DEMO", "demo@example.org", "Demo@Example.org"] {
        let answer = server.password(name, PASSWORD).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(claims(&answer.access_token()).other["preferred_username"], "demo");
    }
    server.set_realm(&[("loginWithEmailAllowed", "false")]).await;
    assert_eq!(server.password("demo@example.org", PASSWORD).await.status, 400);
    assert_eq!(server.password("demo", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_action_keeps_out_until_it_is_done() {
    let server = TestServer::start().await;
    for action in ["UPDATE_PASSWORD", "VERIFY_EMAIL", "CONFIGURE_TOTP"] {
        server.change_demo(&[UserChange::AddRequiredAction(action.into())]).await;
        assert_eq!(server.password(DEMO, PASSWORD).await.refusal(), "400 invalid_grant: Account is not fully set up");
        server.change_demo(&[UserChange::RemoveRequiredAction(action.into())]).await;
        assert_eq!(server.password(DEMO, PASSWORD).await.status, 200);
    }
    assert_eq!(server.events().await.iter().filter(|event| event.reason.as_deref() == Some("account_not_set_up")).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_one_time_code_cannot_do_with_the_password_alone() {
    let server = TestServer::start().await;
    let device = CredentialRecord {
        id: "device".into(),
        kind: "otp".into(),
        document: json!({ "credentialData": "{}" }),
        secret: Secret::new("{}".into()),
    };
    let _ = server.store().set_credential(server.realm, server.demo().await, &device, &server.audit()).await.unwrap();
    let refused = server.password(DEMO, PASSWORD).await;
    assert_eq!(refused.refusal(), "400 invalid_grant: Invalid user credentials");
    assert!(server.grants().await.is_empty());
    assert!(server.events().await.iter().any(|event| event.reason.as_deref() == Some("second_factor_required")));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_024_a_locked_account_is_refused_the_right_password_and_its_grants_refresh_on() {
    let server = TestServer::start().await;
    let live = server.sign_in("").await.refresh_token();
    for number in 0..30 {
        assert_eq!(server.password(DEMO, &format!("guess {number}")).await.status, 400);
        server.clock.advance_s(2);
    }
    assert_eq!(server.password(DEMO, PASSWORD).await.refusal(), "400 invalid_grant: Invalid user credentials");
    assert!(server.events().await.iter().any(|event| event.reason.as_deref() == Some("user_locked")));
    let form = [("grant_type", "password"), ("username", DEMO), ("password", PASSWORD)];
    let elsewhere = server.post(TOKEN).basic("ua", crate::support::UA_SECRET).form(&form).peer([203, 0, 113, 9]).send().await;
    assert_eq!(elsewhere.status, 400, "at another client and from another address too");
    assert_eq!(server.refresh(&live).await.status, 200);
    server.clock.advance_s(60);
    assert_eq!(server.password(DEMO, PASSWORD).await.status, 200, "the wait is over");
    assert_eq!(server.store().login_failures(server.realm, server.demo().await).await.unwrap(), None, "and all is forgiven");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_024_a_permanent_lock_is_lifted_by_an_administrator_alone() {
    let server = TestServer::start().await;
    server.set_realm(&[("permanentLockout", "true"), ("failureFactor", "3")]).await;
    for _ in 0..3 {
        let _ = server.password(DEMO, "wrong").await;
        server.clock.advance_s(100);
    }
    server.clock.advance_s(30 * DAY);
    assert_eq!(server.password(DEMO, PASSWORD).await.status, 400);
    server.store().clear_login_failures(server.realm, Some(server.demo().await), &server.audit()).await.unwrap();
    assert_eq!(server.password(DEMO, PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_024_guesses_at_many_accounts_are_stopped_by_the_address() {
    let server = TestServer::start().await;
    // Longer than any password, so that it costs no hash.
    let guess = "x".repeat(5_000);
    for number in 0..100 {
        assert_eq!(server.password(&format!("person-{number}"), &guess).await.status, 400);
    }
    assert_eq!(server.password(DEMO, PASSWORD).await.refusal(), "400 invalid_grant: Invalid user credentials");
    let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", PASSWORD)];
    assert_eq!(server.post(TOKEN).form(&form).peer([203, 0, 113, 9]).send().await.status, 200);
    server.clock.advance_s(10);
    assert_eq!(server.password(DEMO, PASSWORD).await.status, 200, "it drains");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_023_unknown_locked_and_wrong_get_identical_bytes() {
    let server = TestServer::start().await;
    let unknown = server.password("nobody", PASSWORD).await;
    let wrong = server.password(DEMO, "wrong").await;
    let _ = server.password(DEMO, "wrong").await;
    let locked = server.password(DEMO, PASSWORD).await;
    let reasons: Vec<_> = server.events().await.iter().filter_map(|event| event.reason.clone()).collect();
    assert_eq!(reasons, ["user_locked", "wrong_password", "wrong_password", "unknown_user"], "they differ in the events");
    for answer in [&wrong, &locked] {
        assert_eq!((answer.status, &answer.headers, &answer.body), (unknown.status, &unknown.headers, &unknown.body));
    }
}

/// Hashes as Keycloak's own versions made them.
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_hash_lets_in_and_is_replaced_by_one_of_today() {
    let server = TestServer::start().await;
    let pbkdf2 = [
        ("pbkdf2", 20_000, 64, pbkdf2::PBKDF2_HMAC_SHA1),
        ("pbkdf2-sha256", 27_500, 64, pbkdf2::PBKDF2_HMAC_SHA256),
        ("pbkdf2-sha512", 30_000, 64, pbkdf2::PBKDF2_HMAC_SHA512),
    ];
    for (name, iterations, length, algorithm) in pbkdf2 {
        let mut value = vec![0; length];
        pbkdf2::derive(algorithm, NonZeroU32::new(iterations).unwrap(), SALT, PASSWORD.as_bytes(), &mut value);
        let data = json!({ "hashIterations": iterations, "algorithm": name, "additionalParameters": {} });
        is_replaced(&server, name, credential(&data, &value)).await;
    }
    let of_keycloak = Argon2Parameters {
        variant: Argon2Variant::Id,
        version: Argon2Version::V1_3,
        memory_kib: 7168,
        iterations: 5,
        parallelism: 1,
        hash_bytes: 32,
    };
    is_replaced(&server, "argon2", argon2(of_keycloak)).await;
}

async fn is_replaced(server: &TestServer, name: &str, credential: CredentialRecord) {
    let user = format!("of-{name}");
    server.add_user(&user, &[], Some(credential)).await;
    assert_eq!(server.password(&user, "wrong").await.status, 400, "{name}");
    server.clock.advance_s(2);
    assert_eq!(server.password(&user, PASSWORD).await.status, 200, "{name}");
    assert_eq!(stored_cost(server, &user).await, cost(&today()), "{name}");
    assert_eq!(server.password(&user, PASSWORD).await.status, 200, "{name}, by the new hash");
    assert_eq!(server.password(&user, "wrong").await.status, 400, "{name}, by the new hash");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_that_is_stronger_than_todays_stays_as_it_is() {
    let server = TestServer::start().await;
    let stronger = Argon2Parameters { memory_kib: today().memory_kib + 1024, ..today() };
    server.add_user("careful", &[], Some(argon2(stronger))).await;
    assert_eq!(server.password("careful", PASSWORD).await.status, 200);
    assert_eq!(stored_cost(&server, "careful").await, cost(&stronger));
}

const SALT: &[u8; 16] = b"0123456789abcdef";

fn today() -> Argon2Parameters {
    match HashAlgorithm::RECOMMENDED {
        HashAlgorithm::Argon2(parameters) => parameters,
        HashAlgorithm::Pbkdf2(_) => panic!("Argon2 is what is recommended"),
    }
}

fn argon2(parameters: Argon2Parameters) -> CredentialRecord {
    let plain = PlainPassword::new(PASSWORD).unwrap();
    let hash = freshkey_core::passwords::hash(plain, &HashAlgorithm::Argon2(parameters), *SALT, &mut HashWorkspace::new()).unwrap();
    credential(&cost(&parameters), hash.value())
}

/// `credentialData` as Keycloak writes it.
fn cost(parameters: &Argon2Parameters) -> Value {
    let text = |number: u32| json!([number.to_string()]);
    let additional =
        json!({ "hashLength": ["32"], "memory": text(parameters.memory_kib), "type": ["id"], "version": ["1.3"], "parallelism": ["1"] });
    json!({ "hashIterations": parameters.iterations, "algorithm": "argon2", "additionalParameters": additional })
}

fn credential(data: &Value, value: &[u8]) -> CredentialRecord {
    let secret = json!({ "value": STANDARD.encode(value), "salt": STANDARD.encode(SALT), "additionalParameters": {} });
    let document = json!({ "createdDate": START * 1000, "credentialData": data.to_string() });
    CredentialRecord { id: "imported".into(), kind: "password".into(), document, secret: Secret::new(secret.to_string()) }
}

async fn stored_cost(server: &TestServer, user: &str) -> Value {
    let user = server.store().user_by_name(server.realm, user).await.unwrap().unwrap();
    let record = server.store().user_record(server.realm, user.key).await.unwrap().unwrap().record;
    assert_eq!(record.credentials.len(), 1);
    serde_json::from_str(record.credentials[0].document["credentialData"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_039_the_issuer_of_a_refreshed_token_is_the_one_of_the_sign_in() {
    let server = TestServer::start().await;
    let token = server.sign_in("").await.refresh_token();
    assert_eq!(claims(&server.refresh(&token).await.access_token()).iss.as_deref(), Some(ISSUER));
    server.set_realm(&[("attributes.frontendUrl", "https://new.example/auth/")]).await;
    let refused = server.refresh(&token).await;
    assert_eq!(refused.refusal(), "400 invalid_grant: Invalid token issuer. Expected 'https://new.example/auth/realms/UA'");
}
