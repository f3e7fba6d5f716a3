//! Every refusal of the token endpoint, each caused for real, in one table: what clients of Keycloak match on.

use crate::support::{Answer, AssertionKey, DAY, DEMO, PASSWORD, START, TOKEN, TestServer, UA_SECRET, assertion_claims, claims};
use axum::http::header;
use freshkey_core::change::Change;
use freshkey_core::documents::CredentialRecord;
use freshkey_core::grant::{Grant, GrantId};
use freshkey_core::keycloak::edit::{self, MappedTo, Membership, RoleName, UserChange};
use freshkey_protocol::Secret;
use freshkey_protocol::client_credentials::JWT_BEARER_ASSERTION;
use freshkey_protocol::jose::Algorithm;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The answers so far, by the name of what caused them.
#[derive(Default)]
struct Table(String);

impl Table {
    fn section(&mut self, title: &str) {
        let _ = writeln!(self.0, "\n{title}");
    }

    fn row(&mut self, name: &str, answer: &Answer) {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let text = |field: &str| body[field].as_str().unwrap_or("-").to_owned();
        let header = |name: header::HeaderName| answer.header(name).unwrap_or("-").to_owned();
        assert!(
            body.as_object().is_some_and(|fields| fields.keys().all(|name| matches!(name.as_str(), "error" | "error_description"))),
            "{name}: {}",
            answer.text()
        );
        let columns = [
            answer.status.to_string(),
            text("error"),
            text("error_description"),
            header(header::CACHE_CONTROL),
            header(header::PRAGMA),
            header(header::CONTENT_TYPE),
            header(header::WWW_AUTHENTICATE),
            header(header::RETRY_AFTER),
        ];
        let _ = writeln!(self.0, "{name} | {}", columns.join(" | "));
    }
}

/// It shows 5.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_the_token_endpoint_as_it_goes_out() {
    let mut table = Table::default();
    requests(&mut table).await;
    clients(&mut table).await;
    assertions(&mut table).await;
    passwords(&mut table).await;
    refresh_tokens(&mut table).await;
    sessions(&mut table).await;
    chains(&mut table).await;
    service_accounts(&mut table).await;
    the_server_itself(&mut table).await;
    let legend = "cause | status | error | error_description | Cache-Control | Pragma | Content-Type | WWW-Authenticate | Retry-After";
    insta::with_settings!({ prepend_module_to_snapshot => false }, { insta::assert_snapshot!("refusals", format!("{legend}{}", table.0)) });
}

/// Before any client is known (KEYCLOAK §2.1).
async fn requests(table: &mut Table) {
    let server = TestServer::start().await;
    table.section("the request");
    let form = [("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", "x")];
    table.row("unknown realm", &server.post("/realms/nowhere/protocol/openid-connect/token").form(&form).send().await);
    table.row("plain http from a public address", &server.post(TOKEN).form(&form).in_clear().send().await);
    table.row("GET", &server.get(TOKEN).send().await);
    table.row(
        "a body of JSON",
        &server.post(TOKEN).header("content-type", "application/json").body(r#"{"grant_type":"password"}"#).send().await,
    );
    table.row("a body without a type", &server.post(TOKEN).body("grant_type=password").send().await);
    table.row("a body of 65 KiB", &server.post(TOKEN).raw_form(vec![b'a'; 65 * 1024]).send().await);
    table.row("a broken escape", &server.post(TOKEN).raw_form("grant_type=%zz").send().await);
    table.row("no grant_type", &server.token(&[("client_id", "ua-grant")]).await);
    table.row("an unknown grant_type", &server.token(&[("grant_type", "magic"), ("client_id", "nobody")]).await);
    table.row(
        "a grant_type that is not offered yet",
        &server.token(&[("grant_type", "authorization_code"), ("client_id", "ua-grant"), ("code", "x")]).await,
    );
    let twice = "grant_type=refresh_token&client_id=ua-grant&refresh_token=x&refresh_token=x";
    table.row("a parameter twice", &server.post(TOKEN).raw_form(twice).send().await);
    let two_headers = server.post(TOKEN).form(&form).basic("ua", UA_SECRET).basic("ua", UA_SECRET);
    table.row("two Authorization headers", &two_headers.send().await);
    server.set_realm(&[("enabled", "false")]).await;
    table.row("a disabled realm", &server.post(TOKEN).form(&form).send().await);
}

/// Client authentication without assertions (KEYCLOAK §2.2).
async fn clients(table: &mut Table) {
    let server = TestServer::start().await;
    table.section("the client");
    let grant = ("grant_type", "client_credentials");
    table.row("no client", &server.token(&[grant]).await);
    table.row("Authorization of another scheme", &server.post(TOKEN).header("authorization", "Negotiate abc").form(&[grant]).send().await);
    table.row("Authorization without base64", &server.post(TOKEN).header("authorization", "Basic !").form(&[grant]).send().await);
    table.row("an unknown client", &server.token(&[grant, ("client_id", "nobody"), ("client_secret", "x")]).await);
    table.row("no secret", &server.token(&[grant, ("client_id", "ua")]).await);
    table.row("an empty secret", &server.token(&[grant, ("client_id", "ua"), ("client_secret", "")]).await);
    table.row("a wrong secret", &server.token(&[grant, ("client_id", "ua"), ("client_secret", "wrong")]).await);
    table.row("a wrong secret by Basic", &server.post(TOKEN).basic("ua", "wrong").form(&[grant]).send().await);
    server.set_client("ua", &[("attributes.client.secret.expiration.time", &(START - 1).to_string())]).await;
    table.row("an expired secret", &server.token(&[grant, ("client_id", "ua"), ("client_secret", UA_SECRET)]).await);
    server.set_client("ua", &[("attributes.client.secret.expiration.time", "")]).await;
    for _ in 0..100 {
        let _ = server.token(&[grant, ("client_id", "ua"), ("client_secret", "wrong")]).await;
    }
    table.row("the right secret after 100 wrong ones", &server.token(&[grant, ("client_id", "ua"), ("client_secret", UA_SECRET)]).await);
    server.clock.advance_s(DAY);
    table.row("a bearer-only client", &server.token(&[grant, ("client_id", "realm-management"), ("client_secret", "x")]).await);
    server.set_client("ua", &[("protocol", "saml")]).await;
    table.row("a client of another protocol", &server.token(&[grant, ("client_id", "ua"), ("client_secret", UA_SECRET)]).await);
    server.set_client("ua", &[("protocol", "openid-connect"), ("clientAuthenticatorType", "client-x509")]).await;
    table.row("a client with a certificate", &server.token(&[grant, ("client_id", "ua"), ("client_secret", UA_SECRET)]).await);
    server.set_client("ua", &[("clientAuthenticatorType", "client-jwt")]).await;
    table.row("a secret instead of a signature", &server.token(&[grant, ("client_id", "ua"), ("client_secret", UA_SECRET)]).await);
    server.set_client("ua", &[("clientAuthenticatorType", "client-secret-jwt")]).await;
    table.row("a secret instead of a MAC", &server.token(&[grant, ("client_id", "ua"), ("client_secret", UA_SECRET)]).await);
    server.set_client("ua", &[("clientAuthenticatorType", "client-secret"), ("enabled", "false")]).await;
    table.row("a disabled client", &server.token(&[grant, ("client_id", "ua"), ("client_secret", UA_SECRET)]).await);
}

/// Client assertions of both kinds (KEYCLOAK §2.2).
async fn assertions(table: &mut Table) {
    let server = TestServer::start().await;
    let key = AssertionKey::generate(Algorithm::Es256);
    let secret_key = AssertionKey::of_secret(Algorithm::Hs256, UA_SECRET);
    for (title, method, key, foreign) in [
        ("private_key_jwt", "client-jwt", &key, AssertionKey::generate(Algorithm::Es256)),
        ("client_secret_jwt", "client-secret-jwt", &secret_key, AssertionKey::of_secret(Algorithm::Hs256, &"x".repeat(32))),
    ] {
        table.section(title);
        let mut settings = vec![("clientAuthenticatorType", method)];
        let jwks = if method == "client-jwt" { key.jwks() } else { String::new() };
        settings.push(("attributes.jwks.string", &jwks));
        server.set_client("ua", &settings).await;
        let present = async |kind: &str, assertion: &str, more: &[(&str, &str)]| {
            let form = [("grant_type", "password"), ("client_assertion_type", kind), ("client_assertion", assertion), ("username", DEMO)];
            server.token(&[&form[..], more].concat()).await
        };
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut claims = assertion_claims("ua", START);
            change(&mut claims);
            key.sign(&claims)
        };
        let good = changed(&|_| {});
        let no_type = [("grant_type", "password"), ("client_assertion", good.as_str()), ("username", DEMO)];
        table.row("no client_assertion_type", &server.token(&no_type).await);
        table.row("another client_assertion_type", &present("urn:other", &good, &[]).await);
        table.row(
            "no client_assertion",
            &server.token(&[("grant_type", "password"), ("client_id", "ua"), ("client_assertion_type", JWT_BEARER_ASSERTION)]).await,
        );
        let other_kind = if method == "client-jwt" { &secret_key } else { &foreign_pair() };
        table.row(
            "an algorithm of the other kind",
            &present(JWT_BEARER_ASSERTION, &other_kind.sign(&assertion_claims("ua", START)), &[]).await,
        );
        let id = [("client_id", "ua")];
        let cases: [(&str, String); 12] = [
            ("not a JWT", "nonsense".to_owned()),
            ("signed by a foreign key", foreign.sign(&assertion_claims("ua", START))),
            ("no sub", changed(&|claims| drop(claims.as_object_mut().unwrap().shift_remove("sub")))),
            ("iss is not sub", changed(&|claims| claims["iss"] = json!("ua-grant"))),
            ("sub is another client", changed(&|claims| (claims["iss"], claims["sub"]) = (json!("ua-grant"), json!("ua-grant")))),
            ("a foreign audience", changed(&|claims| claims["aud"] = json!("https://elsewhere.example"))),
            ("two audiences", changed(&|claims| claims["aud"] = json!([claims["aud"], "https://elsewhere.example"]))),
            ("expired", changed(&|claims| claims["exp"] = json!(START - 16))),
            ("expires in six minutes", changed(&|claims| claims["exp"] = json!(START + 360))),
            ("neither exp nor iat", changed(&|claims| claims.as_object_mut().unwrap().retain(|name, _| name != "exp" && name != "iat"))),
            ("issued in the future", changed(&|claims| claims["iat"] = json!(START + 16))),
            ("no jti", changed(&|claims| drop(claims.as_object_mut().unwrap().shift_remove("jti")))),
        ];
        for (name, assertion) in &cases {
            table.row(name, &present(JWT_BEARER_ASSERTION, assertion, &id).await);
        }
        let first = present(JWT_BEARER_ASSERTION, &good, &[("password", PASSWORD)]).await;
        assert_eq!(first.status, 200, "{}", first.text());
        table.row("used before", &present(JWT_BEARER_ASSERTION, &good, &[("password", PASSWORD)]).await);
    }
}

fn foreign_pair() -> AssertionKey {
    AssertionKey::generate(Algorithm::Es256)
}

/// The password grant (KEYCLOAK §2.3).
async fn passwords(table: &mut Table) {
    let server = TestServer::start().await;
    table.section("grant_type=password");
    let form = |more: &[(&'static str, &'static str)]| [&[("grant_type", "password"), ("client_id", "ua-grant")][..], more].concat();
    let demo = ("username", DEMO);
    let right = ("password", PASSWORD);
    table.row("a scope that the client lacks", &server.token(&form(&[demo, right, ("scope", "openid moon")])).await);
    table.row("no username", &server.token(&form(&[right])).await);
    table.row("an unknown user", &server.token(&form(&[("username", "nobody"), right])).await);
    table.row("a wrong password", &server.token(&form(&[demo, ("password", "wrong")])).await);
    table.row("the right password in the lock of a quick second failure", &{
        let _ = server.token(&form(&[demo, ("password", "wrong")])).await;
        server.token(&form(&[demo, right])).await
    });
    server.clock.advance_s(DAY);
    table.row("no password", &server.token(&form(&[demo])).await);
    server.clock.advance_s(DAY);
    let long: &'static str = Box::leak("x".repeat(5_000).into_boxed_str());
    table.row("a password of 5,000 characters", &server.token(&form(&[demo, ("password", long)])).await);
    server.clock.advance_s(DAY);
    server.change_demo(&[UserChange::AddRequiredAction("VERIFY_EMAIL".into())]).await;
    table.row("a required action", &server.token(&form(&[demo, right])).await);
    server.change_demo(&[UserChange::RemoveRequiredAction("VERIFY_EMAIL".into()), UserChange::Enabled(false)]).await;
    table.row("a disabled user", &server.token(&form(&[demo, ("password", "wrong")])).await);
    server.change_demo(&[UserChange::Enabled(true), UserChange::RemoveRole(RoleName::of_realm("default-roles-ua"))]).await;
    table.row("offline_access without the role", &server.token(&form(&[demo, right, ("scope", "offline_access")])).await);
    let device = CredentialRecord {
        id: "device".into(),
        kind: "otp".into(),
        document: json!({ "credentialData": "{}" }),
        secret: Secret::new("{}".into()),
    };
    let _ = server.store().set_credential(server.realm, server.demo().await, &device, &server.audit()).await.unwrap();
    table.row("a second factor", &server.token(&form(&[demo, right])).await);
    server.set_client("ua-grant", &[("consentRequired", "true")]).await;
    table.row("consent required", &server.token(&form(&[demo, right])).await);
    server.set_client("ua-grant", &[("directAccessGrantsEnabled", "false")]).await;
    table.row("direct grants off", &server.token(&form(&[demo, right])).await);
    server.set_client("ua-grant", &[("directAccessGrantsEnabled", "true"), ("consentRequired", "false")]).await;
    for number in 0..100 {
        let name = format!("nobody-{number}");
        let _ = server.password(&name, long).await;
    }
    table.row("the right password from an address of 100 failures", &server.token(&form(&[demo, right])).await);
}

/// What can be said of a refresh token without the store (KEYCLOAK §2.4, rows 1 to 8).
async fn refresh_tokens(table: &mut Table) {
    let server = TestServer::start().await;
    table.section("grant_type=refresh_token, the token");
    let signed_in = server.sign_in("openid").await;
    let (good, access, id) = (signed_in.refresh_token(), signed_in.access_token(), signed_in.field("id_token"));
    table.row("1 no refresh_token", &server.token(&[("grant_type", "refresh_token"), ("client_id", "ua-grant")]).await);
    table.row("2 a scope that the client lacks", &server.refresh_with("x", "openid moon").await);
    table.row("3 not a JWT", &server.refresh("nonsense").await);
    table.row("3 an empty one", &server.refresh("").await);
    table.row("3 a wrong signature", &server.refresh(&format!("{}AAAA", &good[..good.len() - 4])).await);
    let foreign = AssertionKey::of_secret(Algorithm::Hs512, &"k".repeat(64)).sign(&crate::support::payload(&good));
    table.row("3 a foreign key", &server.refresh(&foreign).await);
    table.row("4 an access token", &server.refresh(&access).await);
    table.row("4 an ID token", &server.refresh(&id).await);
    table.row(
        "4 a MAC of ours over another type",
        &server.refresh(&server.resigned(&good, |claims| claims["typ"] = json!("Bearer")).await).await,
    );
    table.row(
        "5 another issuer",
        &server.refresh(&server.resigned(&good, |claims| claims["iss"] = json!("https://id.example/realms/B")).await).await,
    );
    server.set_realm(&[("notBefore", &(START + 1).to_string())]).await;
    table.row("6 the realm's not-before", &server.refresh(&good).await);
    server.set_realm(&[("notBefore", "0")]).await;
    table.row("7 issued in the future", &server.refresh(&server.resigned(&good, |claims| claims["iat"] = json!(START + 11)).await).await);
    let form = [("grant_type", "refresh_token"), ("client_id", "ua"), ("client_secret", UA_SECRET), ("refresh_token", &good)];
    table.row("8 of another client", &server.token(&form).await);
    server.clock.advance_s(7 * DAY + 1);
    table.row("7 expired", &server.refresh(&good).await);
}

/// What the store knows of its session (KEYCLOAK §2.4, rows 11 to 21, 24).
async fn sessions(table: &mut Table) {
    table.section("grant_type=refresh_token, the session");
    let server = TestServer::start().await;
    let offline = server.sign_in("offline_access").await.refresh_token();
    assert_eq!(server.revoke(&offline).await.status, 200);
    table.row("11 offline session gone", &server.refresh(&offline).await);

    let offline = server.sign_in("offline_access").await.refresh_token();
    server.clock.advance_s(31 * DAY + 1);
    table.row("12 offline session unused for too long", &server.refresh(&offline).await);

    let online = server.sign_in("").await.refresh_token();
    assert_eq!(server.log_out(&online).await.status, 204);
    table.row("13 session gone", &server.refresh(&online).await);

    let online = server.sign_in("").await.refresh_token();
    server.set_realm(&[("ssoSessionIdleTimeout", "60")]).await;
    server.clock.advance_s(DAY);
    table.row("13 session unused for too long", &server.refresh(&online).await);
    server.set_realm(&[("ssoSessionIdleTimeout", &(7 * DAY).to_string())]).await;

    let online = server.sign_in("").await.refresh_token();
    table.row("14 user unknown", &server.refresh(&server.resigned(&online, |claims| claims["sub"] = json!("nobody")).await).await);
    server.change_demo(&[UserChange::Enabled(false)]).await;
    table.row("15 user disabled", &server.refresh(&online).await);
    server.change_demo(&[UserChange::Enabled(true)]).await;
    let early = server.now().seconds() - 1;
    table.row("16 older than the session", &server.refresh(&server.resigned(&online, |claims| claims["iat"] = json!(early)).await).await);
    beside_another_client(table, &server, &online).await;

    let online = server.sign_in("").await.refresh_token();
    server.set_client("ua-grant", &[("attributes.client.session.idle.timeout", "60")]).await;
    server.clock.advance_s(DAY);
    table.row("18 client session unused for too long", &server.refresh(&online).await);
    server.set_client("ua-grant", &[("attributes.client.session.idle.timeout", "")]).await;

    let online = server.sign_in("").await.refresh_token();
    let later = server.now().seconds() + 1;
    server.set_client("ua-grant", &[("notBefore", &later.to_string())]).await;
    table.row("20 the client's not-before", &server.refresh(&online).await);
    server.set_client("ua-grant", &[("notBefore", "0")]).await;
    server.change_demo(&[UserChange::NotBefore(later)]).await;
    table.row("20 the user's not-before", &server.refresh(&online).await);
    server.change_demo(&[UserChange::NotBefore(0)]).await;
    server.set_client("ua-grant", &[("consentRequired", "true")]).await;
    table.row("21 consent withdrawn", &server.refresh(&online).await);
    server.set_client("ua-grant", &[("consentRequired", "false")]).await;

    let offline = server.sign_in("offline_access").await.refresh_token();
    server.change_demo(&[UserChange::RemoveRole(RoleName::of_realm("default-roles-ua"))]).await;
    table.row("24 the right to offline tokens lost", &server.refresh(&offline).await);
}

/// Rows 17 and 19: a session that another client shares.
async fn beside_another_client(table: &mut Table, server: &TestServer, online: &str) {
    let served = server.served().await;
    let own = server.grants().await.into_iter().find(|grant| Some(grant.id.sid.to_string()) == claims(online).sid).unwrap();
    let other = Grant { id: GrantId { client: served.realm.clients["ua"].key, ..own.id }, started_at: own.started_at + 100, ..own.clone() };
    let begin = Change::BeginGrant { grant: Box::new(other), offline_grants_max: None };
    let _ = server.store().record(&[begin], &server.audit()).await.unwrap();
    let of_ua = server
        .resigned(online, |claims| {
            claims["azp"] = json!("ua");
            claims["iat"] = json!(own.started_at + 50);
        })
        .await;
    server.clock.advance_s(100);
    let form = [("grant_type", "refresh_token"), ("client_id", "ua"), ("client_secret", UA_SECRET), ("refresh_token", &of_ua)];
    assert_eq!(server.revoke(online).await.status, 200);
    table.row("17 the client left the session", &server.refresh(online).await);
    table.row("19 older than the client session", &server.token(&form).await);
}

/// Rotation (KEYCLOAK §2.4, rows 22 and 23).
async fn chains(table: &mut Table) {
    table.section("grant_type=refresh_token, the chain");
    let server = TestServer::start().await;
    server.set_realm(&[("revokeRefreshToken", "true"), ("attributes.freshkey.refresh.grace.seconds", "0")]).await;
    let first = server.sign_in("").await.refresh_token();
    let second = server.refresh(&first).await.refresh_token();
    let _ = server.refresh(&second).await;
    table.row("22 an older one", &server.refresh(&first).await);
    let first = server.sign_in("").await.refresh_token();
    let _ = server.refresh(&first).await;
    table.row("23 the last one once more", &server.refresh(&first).await);
    let first = server.sign_in("").await.refresh_token();
    table.row("newer than its row", &server.refresh(&server.resigned(&first, |claims| claims["generation"] = json!(7)).await).await);
}

/// Client credentials (KEYCLOAK §2.5).
async fn service_accounts(table: &mut Table) {
    table.section("grant_type=client_credentials");
    let server = TestServer::start().await;
    let own = async |scope: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", "ua"), ("client_secret", UA_SECRET), ("scope", scope)];
        server.post(TOKEN).filled_form(&form).send().await
    };
    table.row("a public client", &server.token(&[("grant_type", "client_credentials"), ("client_id", "ua-grant")]).await);
    table.row("not enabled", &own("").await);
    server.set_client("ua", &[("serviceAccountsEnabled", "true")]).await;
    table.row("service account missing", &own("").await);
    server.enable_service_account("ua").await;
    assert_eq!(own("").await.status, 200);
    table.row("a scope that the client lacks", &own("moon").await);
    server.set_client("ua", &[("attributes.client_credentials.use_refresh_token", "true"), ("fullScopeAllowed", "false")]).await;
    server
        .configure(|documents| {
            edit::set_scope_mapping(
                documents,
                MappedTo::ClientScope("offline_access"),
                &RoleName::of_realm("offline_access"),
                Membership::Out,
            )
            .unwrap()
        })
        .await;
    table.row("offline_access out of reach", &own("offline_access").await);
    server.change_user("service-account-ua", &[UserChange::Enabled(false)]).await;
    table.row("service account disabled", &own("").await);
}

async fn the_server_itself(table: &mut Table) {
    table.section("this server");
    let server = TestServer::start().await;
    let good = server.sign_in("").await.refresh_token();
    server.nodes[0].cut_off();
    server.clock.advance_s(6);
    table.row("configuration unchecked for 6 s", &server.refresh(&good).await);
    server.clock.advance_s(-6);
    server.store().clone().close().await.unwrap();
    table.row("the database is away", &server.refresh(&good).await);
}
