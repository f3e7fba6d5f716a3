//! What stands in the tokens: scopes, roles, groups and claims, and the settings of a client that shape them.

use crate::support::{Answer, DAY, DEMO, PASSWORD, START, TestServer, UA_SECRET, claims, payload};
use aws_lc_rs::digest::{self, digest};
use freshkey_core::keycloak::edit::{self, GroupRoles, MappedTo, Membership, RoleName, ScopeAssignment, UserChange};
use freshkey_protocol::base64url;
use freshkey_protocol::jose::{Algorithm, CompactJws};
use serde_json::{Value, json};

fn names(list: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        list.as_array().map(|list| list.iter().map(|name| name.as_str().unwrap().to_owned()).collect()).unwrap_or_default();
    names.sort();
    names
}

fn scope(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text.split(' ').map(str::to_owned).collect();
    names.sort();
    names
}

async fn realm_roles(server: &TestServer) -> Vec<String> {
    names(&payload(&server.sign_in("").await.access_token())["realm_access"]["roles"])
}

#[tokio::test(flavor = "multi_thread")]
async fn optional_scopes_come_when_they_are_asked_for() {
    let server = TestServer::start().await;
    assert_eq!(scope(&server.sign_in("").await.field("scope")), ["email", "profile"]);
    assert_eq!(scope(&server.sign_in("openid phone").await.field("scope")), ["email", "openid", "phone", "profile"]);
    let hidden = claims(&server.sign_in("openid").await.refresh_token()).scope.unwrap();
    assert_eq!(
        scope(&hidden),
        ["acr", "basic", "email", "openid", "profile", "roles", "ua", "web-origins"],
        "the refresh token names the hidden ones too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_002_a_refresh_token_keeps_its_first_scope() {
    let server = TestServer::start().await;
    let first = server.sign_in("openid phone").await.refresh_token();
    let narrowed = server.refresh_with(&first, "openid").await;
    assert_eq!(scope(&narrowed.field("scope")), ["email", "openid", "profile"]);
    assert_eq!(claims(&narrowed.refresh_token()).scope, claims(&first).scope);
    assert_eq!(scope(&server.refresh(&narrowed.refresh_token()).await.field("scope")), ["email", "openid", "phone", "profile"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_014_the_answer_to_an_offline_refresh_names_the_whole_scope() {
    let server = TestServer::start().await;
    let offline = server.sign_in("openid phone offline_access").await.refresh_token();
    let narrowed = server.refresh_with(&offline, "openid").await;
    assert_eq!(scope(&narrowed.field("scope")), ["email", "offline_access", "openid", "phone", "profile"]);
    assert_eq!(scope(&claims(&narrowed.access_token()).scope.unwrap()), ["email", "openid", "profile"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_028_a_known_scope_that_was_not_granted_is_dropped_without_a_word() {
    let server = TestServer::start().await;
    let token = server.sign_in("openid").await.refresh_token();
    let answer = server.refresh_with(&token, "openid phone").await;
    assert_eq!(answer.status, 200);
    assert_eq!(scope(&answer.field("scope")), ["email", "openid", "profile"], "defaults come back, phone does not come");
    assert_eq!(server.refresh_with(&token, "openid moon").await.refusal(), "400 invalid_scope: Invalid scopes: openid moon");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_048_a_bad_scope_is_noticed_before_the_refresh_token() {
    let server = TestServer::start().await;
    assert_eq!(server.refresh_with("nonsense", "moon").await.refusal(), "400 invalid_scope: Invalid scopes: moon");
    assert_eq!(server.refresh_with("nonsense", "").await.refusal(), "400 invalid_scope: Invalid scopes: ");
    assert_eq!(server.refresh_with("nonsense", "openid  email").await.refusal(), "400 invalid_scope: Invalid scopes: openid  email");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_029_asking_for_offline_access_at_refresh_upgrades_nothing() {
    let server = TestServer::start().await;
    let token = server.sign_in_at_ua("").await.refresh_token();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "ua"),
        ("client_secret", UA_SECRET),
        ("refresh_token", &token),
        ("scope", "offline_access"),
    ];
    let answer = server.token(&form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(claims(&answer.refresh_token()).typ.as_deref(), Some("Refresh"));
    assert_eq!(answer.json()["refresh_expires_in"], 7 * DAY);
    assert!(server.grants().await.iter().all(|grant| grant.id.kind == freshkey_core::grant::SessionKind::Online));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_claims_are_in_every_token() {
    let server = TestServer::start().await;
    server.configure_with(|documents, entropy| edit::add_group(documents, "/analysts", entropy).unwrap()).await;
    let attribute = |name: &str, value: &str| UserChange::Attribute(name.into(), vec![value.into()]);
    server
        .change_demo(&[
            attribute("department", "blue"),
            attribute("uid", "10001"),
            attribute("gid", "20001"),
            UserChange::AddGroup("/analysts".into()),
        ])
        .await;
    let answer = server.sign_in("openid").await;
    let userinfo = server.userinfo(&answer.access_token()).await.json();
    let introspected = server.introspect(&answer.access_token()).await.json();
    for (place, token) in [
        ("access", payload(&answer.access_token())),
        ("id", payload(&answer.field("id_token"))),
        ("userinfo", userinfo),
        ("introspection", introspected),
    ] {
        let claims = ["department", "uid", "gid", "groups"].map(|name| token[name].clone());
        assert_eq!(claims, [json!("blue"), json!("10001"), json!("20001"), json!(["analysts"])], "{place}");
    }
    let refresh = payload(&answer.refresh_token());
    assert!(
        ["department", "groups", "realm_access", "preferred_username"].iter().all(|name| refresh.get(*name).is_none()),
        "no user data: {refresh}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_022_the_group_mapper_knows_direct_groups_only() {
    let server = TestServer::start().await;
    for path in ["/staff", "/staff/analysts", "/staff/analysts/juniors"] {
        server.configure_with(|documents, entropy| edit::add_group(documents, path, entropy).unwrap()).await;
    }
    let admin = RoleName::of_realm("admin");
    server
        .configure(|documents| {
            edit::set_group_roles(documents, "/staff", GroupRoles { roles: &[admin], membership: Membership::In }).unwrap()
        })
        .await;
    assert!(!realm_roles(&server).await.contains(&"admin".to_owned()));
    server.change_demo(&[UserChange::AddGroup("/staff/analysts/juniors".into())]).await;
    let token = payload(&server.sign_in("").await.access_token());
    assert_eq!(token["groups"], json!(["juniors"]));
    assert!(names(&token["realm_access"]["roles"]).contains(&"admin".to_owned()), "roles come from all ancestors");
    server.change_demo(&[UserChange::RemoveGroup("/staff/analysts/juniors".into())]).await;
    let token = payload(&server.sign_in("").await.access_token());
    assert!(token.get("groups").is_none_or(|groups| *groups == json!([])));
    assert!(!names(&token["realm_access"]["roles"]).contains(&"admin".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_023_a_claim_of_one_value_takes_the_first_of_several() {
    let server = TestServer::start().await;
    server.change_demo(&[UserChange::Attribute("department".into(), vec!["blue".into(), "green".into()])]).await;
    assert_eq!(payload(&server.sign_in("").await.access_token())["department"], "blue");
}

#[tokio::test(flavor = "multi_thread")]
async fn composite_roles_are_expanded_through_realm_and_client_and_circles() {
    let server = TestServer::start().await;
    let (outer, inner, of_client) = (RoleName::of_realm("outer"), RoleName::of_realm("inner"), RoleName::of_client("ua", "reader"));
    for role in [&outer, &inner, &of_client] {
        server.configure_with(|documents, entropy| edit::add_role(documents, role, None, entropy).unwrap()).await;
    }
    for (composite, role) in [(&outer, &inner), (&inner, &of_client), (&inner, &outer)] {
        server.configure(|documents| edit::set_composite(documents, composite, role, Membership::In).unwrap()).await;
    }
    server.change_demo(&[UserChange::AddRole(outer.clone())]).await;
    let token = payload(&server.sign_in("").await.access_token());
    let roles = names(&token["realm_access"]["roles"]);
    assert!(["outer", "inner", "member"].iter().all(|role| roles.contains(&(*role).to_owned())), "{roles:?}");
    assert_eq!(names(&token["resource_access"]["ua"]["roles"]), ["reader"]);
    // T-008: a changed composite shows at once.
    server.configure(|documents| edit::set_composite(documents, &outer, &inner, Membership::Out).unwrap()).await;
    let token = payload(&server.sign_in("").await.access_token());
    assert!(token["resource_access"].get("ua").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_035_a_token_has_no_audience_of_its_own() {
    let server = TestServer::start().await;
    let audience = async || payload(&server.sign_in("").await.access_token()).get("aud").cloned();
    assert_eq!(audience().await, Some(json!("account")), "one value is a string");
    let role = RoleName::of_client("ua", "reader");
    server.configure_with(|documents, entropy| edit::add_role(documents, &role, None, entropy).unwrap()).await;
    server.change_demo(&[UserChange::AddRole(role)]).await;
    assert_eq!(names(&audience().await.unwrap()), ["account", "ua"]);
    let at_ua = payload(&server.sign_in_at_ua("").await.access_token());
    assert_eq!(at_ua["aud"], "account", "never the client itself");
    server
        .change_demo(&[
            UserChange::RemoveRole(RoleName::of_realm("default-roles-ua")),
            UserChange::RemoveRole(RoleName::of_client("ua", "reader")),
        ])
        .await;
    assert_eq!(audience().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_full_scope_only_mapped_roles_are_in_the_token() {
    let server = TestServer::start().await;
    server.change_demo(&[UserChange::AddRole(RoleName::of_realm("admin"))]).await;
    server.set_client("ua-grant", &[("fullScopeAllowed", "false")]).await;
    assert_eq!(realm_roles(&server).await, Vec::<String>::new());
    let admin = RoleName::of_realm("admin");
    server.configure(|documents| edit::set_scope_mapping(documents, MappedTo::Client("ua-grant"), &admin, Membership::In).unwrap()).await;
    assert_eq!(realm_roles(&server).await, ["admin"]);
    let member = RoleName::of_realm("member");
    server.configure(|documents| edit::set_scope_mapping(documents, MappedTo::ClientScope("ua"), &member, Membership::In).unwrap()).await;
    assert_eq!(realm_roles(&server).await, ["admin", "member"], "a granted client scope brings its own");
    assert_eq!(
        names(&payload(&server.sign_in("offline_access").await.access_token())["realm_access"]["roles"]),
        ["admin", "member", "offline_access"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_034_a_client_scope_is_granted_only_to_those_who_have_its_roles() {
    let server = TestServer::start().await;
    let admin = RoleName::of_realm("admin");
    server.configure(|documents| edit::set_scope_mapping(documents, MappedTo::ClientScope("phone"), &admin, Membership::In).unwrap()).await;
    server.change_demo(&[UserChange::Attribute("phoneNumber".into(), vec!["+49".into()])]).await;
    let without = server.sign_in("phone").await;
    assert_eq!(scope(&without.field("scope")), ["email", "profile"]);
    assert!(payload(&without.access_token()).get("phone_number").is_none());
    server.change_demo(&[UserChange::AddRole(admin)]).await;
    let with = server.sign_in("phone").await;
    assert_eq!(scope(&with.field("scope")), ["email", "phone", "profile"]);
    assert_eq!(payload(&with.access_token())["phone_number"], "+49");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_021_sub_comes_from_a_mapper() {
    let server = TestServer::start().await;
    assert!(claims(&server.sign_in("").await.access_token()).sub.is_some());
    server.configure(|documents| edit::assign_scope(documents, "ua-grant", "basic", ScopeAssignment::None).unwrap()).await;
    let answer = server.sign_in("openid").await;
    assert_eq!(claims(&answer.access_token()).sub, None);
    assert_eq!(claims(&answer.refresh_token()).sub, None, "what the access token does not say the refresh token does not either (KC-061)");
    assert_eq!(server.refresh(&answer.refresh_token()).await.status, 200);
    assert_eq!(server.userinfo(&answer.access_token()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn lightweight_tokens_carry_next_to_nothing_and_introspection_gives_it_back() {
    let server = TestServer::start().await;
    server.set_client("ua-grant", &[("attributes.client.use.lightweight.access.token.enabled", "true")]).await;
    let answer = server.sign_in("openid").await;
    let token = payload(&answer.access_token());
    let mut fields: Vec<&str> = token.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["azp", "exp", "iat", "iss", "jti", "scope", "sid", "typ"]);
    assert!(token["jti"].as_str().unwrap().starts_with("onltro:"));
    let full = server.introspect(&answer.access_token()).await.json();
    assert_eq!((full["preferred_username"].as_str(), full["active"].as_bool()), (Some(DEMO), Some(true)));
    assert!(full["realm_access"]["roles"].as_array().unwrap().contains(&json!("member")));
    assert!(full["sub"].is_string());
    assert_eq!(payload(&answer.field("id_token"))["preferred_username"], DEMO, "the ID token is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_lifetimes_of_its_own() {
    let server = TestServer::start().await;
    let settings = [
        ("attributes.access.token.lifespan", "120"),
        ("attributes.client.session.idle.timeout", "600"),
        ("attributes.client.session.max.lifespan", "900"),
    ];
    server.set_client("ua-grant", &settings).await;
    let answer = server.sign_in("").await;
    assert_eq!((answer.json()["expires_in"].as_i64(), answer.json()["refresh_expires_in"].as_i64()), (Some(120), Some(600)));
    server.clock.advance_s(500);
    let later = server.refresh(&answer.refresh_token()).await;
    assert_eq!(later.json()["refresh_expires_in"], 400, "never beyond the end of the client session");
    server.clock.advance_s(300);
    let last = server.refresh(&later.refresh_token()).await;
    assert_eq!((last.json()["expires_in"].as_i64(), last.json()["refresh_expires_in"].as_i64()), (Some(100), Some(100)));

    server
        .set_client(
            "ua-grant",
            &[
                ("attributes.access.token.lifespan", "-1"),
                ("attributes.client.session.max.lifespan", ""),
                ("attributes.client.session.idle.timeout", ""),
            ],
        )
        .await;
    assert_eq!(server.sign_in("").await.json()["expires_in"], 30 * DAY, "-1 is as long as the session may last");
    assert_eq!(server.sign_in_at_ua("").await.json()["expires_in"], 3600, "other clients are as the realm");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_011_a_clients_own_limit_on_offline_sessions_does_not_show_in_the_token() {
    let server = TestServer::start().await;
    server.set_client("ua-grant", &[("attributes.client.offline.session.max.lifespan", "1000")]).await;
    let offline = server.sign_in("offline_access").await;
    assert_eq!((claims(&offline.refresh_token()).exp, offline.json()["refresh_expires_in"].as_i64()), (None, Some(0)));
    server.clock.advance_s(999);
    assert_eq!(server.refresh(&offline.refresh_token()).await.status, 200);
    server.clock.advance_s(1);
    assert_eq!(server.refresh(&offline.refresh_token()).await.refusal(), "400 invalid_grant: Client session not active");

    server.set_client("ua-grant", &[("attributes.client.offline.session.max.lifespan", "")]).await;
    server.set_realm(&[("offlineSessionMaxLifespanEnabled", "true"), ("offlineSessionMaxLifespan", "5000")]).await;
    let limited = server.sign_in("offline_access").await;
    assert_eq!(limited.json()["refresh_expires_in"], 5000, "the realm's limit does");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_016_idle_sessions_end_without_grace() {
    let server = TestServer::start().await;
    server.set_realm(&[("revokeRefreshToken", "true"), ("ssoSessionIdleTimeout", "1800")]).await;
    let (early, late) = (server.sign_in("").await.refresh_token(), server.sign_in("").await.refresh_token());
    server.clock.advance_s(1799);
    assert_eq!(server.refresh(&early).await.status, 200);
    server.clock.advance_s(1);
    assert_eq!(server.refresh(&late).await.refusal(), "400 invalid_grant: Session not active");
}

/// The algorithm of each kind of token is the client's choice; the key set verifies all of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_chooses_the_algorithms_of_its_tokens() {
    let server = TestServer::start().await;
    for (access, id) in [("RS256", "ES256"), ("ES256", "EdDSA"), ("EdDSA", "RS256")] {
        server
            .set_client(
                "ua-grant",
                &[("attributes.access.token.signed.response.alg", access), ("attributes.id.token.signed.response.alg", id)],
            )
            .await;
        let answer = server.sign_in("openid").await;
        let (access_token, id_token) = (answer.access_token(), answer.field("id_token"));
        assert_eq!(
            (algorithm(&access_token), algorithm(&id_token), algorithm(&answer.refresh_token())),
            (access.into(), id.into(), "HS512".into())
        );
        verifies_with_the_key_set(&server, &access_token).await;
        verifies_with_the_key_set(&server, &id_token).await;
        at_hash_is_right(&id_token, &access_token);
        assert_eq!(server.userinfo(&access_token).await.status, 200, "{access}");
        assert_eq!(server.introspect(&access_token).await.json()["active"], true, "{access}");
        assert_eq!(server.refresh(&answer.refresh_token()).await.status, 200);
    }
}

fn algorithm(token: &str) -> String {
    let header: Value = serde_json::from_slice(&base64url::decode(token.split('.').next().unwrap().as_bytes()).unwrap()).unwrap();
    let names: Vec<&str> = header.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "typ", "kid"]);
    assert_eq!(header["typ"], "JWT");
    header["alg"].as_str().unwrap().to_owned()
}

async fn verifies_with_the_key_set(server: &TestServer, token: &str) {
    let keys = server.get("/realms/UA/protocol/openid-connect/certs").send().await;
    let set = freshkey_protocol::jose::JwkSet::parse(&keys.body).unwrap();
    let jws = CompactJws::parse(token.as_bytes()).unwrap();
    let header = jws.header();
    let kid = header.key_id.as_ref().unwrap().as_str();
    let jwk = set.keys.iter().find(|jwk| jwk.key_id.as_deref() == Some(kid)).expect("the key is published");
    jws.verify(&jwk.verifying_key(header.algorithm).unwrap()).unwrap();
}

/// OpenID Connect Core §3.1.3.6: the left half of the hash that goes with the algorithm of the ID token.
fn at_hash_is_right(id_token: &str, access_token: &str) {
    let hash = match algorithm(id_token).as_str() {
        "EdDSA" => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let hash = digest(hash, access_token.as_bytes());
    let half = &hash.as_ref()[..hash.as_ref().len() / 2];
    assert_eq!(payload(id_token)["at_hash"], base64url::encode(half));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_algorithm_without_a_key_makes_no_token_and_uses_nothing_up() {
    let server = TestServer::start().await;
    server.set_realm(&[("revokeRefreshToken", "true"), ("attributes.freshkey.refresh.grace.seconds", "0")]).await;
    let token = server.sign_in("").await.refresh_token();
    server.set_client("ua-grant", &[("attributes.access.token.signed.response.alg", "PS512")]).await;
    let failed = server.refresh(&token).await;
    assert_eq!((failed.status, failed.field("error").as_str()), (500, "server_error"));
    server.set_client("ua-grant", &[("attributes.access.token.signed.response.alg", "")]).await;
    assert_eq!(server.refresh(&token).await.status, 200, "signed before recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_type_is_in_lower_case_where_a_client_wants_it() {
    let server = TestServer::start().await;
    server.set_client("ua-grant", &[("attributes.token.response.type.bearer.lower-case", "true")]).await;
    let answer = server.sign_in("openid").await;
    assert_eq!(answer.field("token_type"), "bearer");
    assert_eq!(claims(&answer.access_token()).typ.as_deref(), Some("bearer"));
    assert_eq!(server.userinfo(&answer.access_token()).await.status, 200);
    assert_eq!(server.introspect(&answer.access_token()).await.json()["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_says_at_jwt_where_a_client_wants_it() {
    let server = TestServer::start().await;
    server.set_client("ua-grant", &[("attributes.access.token.header.type.rfc9068", "true")]).await;
    let answer = server.sign_in("openid").await;
    let header: Value =
        serde_json::from_slice(&base64url::decode(answer.access_token().split('.').next().unwrap().as_bytes()).unwrap()).unwrap();
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(server.userinfo(&answer.access_token()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_refresh_tokens_gets_none() {
    let server = TestServer::start().await;
    server.set_client("ua-grant", &[("attributes.use.refresh.tokens", "false")]).await;
    let answer = server.sign_in("openid").await;
    assert_eq!((answer.json().get("refresh_token"), answer.json()["refresh_expires_in"].as_i64()), (None, Some(0)));
    assert_eq!(server.userinfo(&answer.access_token()).await.status, 200, "its session lives all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_041_refresh_tokens_are_signed_with_a_shared_key() {
    let server = TestServer::start().await;
    let answer = server.sign_in("").await;
    assert_eq!(algorithm(&answer.refresh_token()), "HS512");
    // One without `kid` is checked with the active key.
    let key = server.served().await;
    let secret_key = key.realm.keys.signer(Algorithm::Hs512).unwrap();
    let header = base64url::encode(br#"{"alg":"HS512","typ":"JWT"}"#);
    let text = answer.refresh_token();
    let mut signed = format!("{header}.{}", text.split('.').nth(1).unwrap()).into_bytes();
    let mut signature = Vec::new();
    secret_key.sign(&signed, &mut signature).unwrap();
    signed.push(b'.');
    base64url::append(&signature, &mut signed);
    assert_eq!(server.refresh(std::str::from_utf8(&signed).unwrap()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_046_very_old_refresh_tokens_name_their_session_differently() {
    let server = TestServer::start().await;
    let token = server.sign_in("").await.refresh_token();
    let old = server
        .resigned(&token, |claims| {
            let sid = claims.as_object_mut().unwrap().shift_remove("sid").unwrap();
            claims["session_state"] = sid;
        })
        .await;
    let answer: Answer = server.refresh(&old).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(claims(&answer.refresh_token()).sid, claims(&token).sid);
    assert_eq!(claims(&answer.refresh_token()).iat, Some(START));
    assert_eq!(server.password(DEMO, PASSWORD).await.status, 200);
}
