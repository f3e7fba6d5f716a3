//! `grant_type=password` of an account with devices for one-time codes.

use crate::support::{Answer, Node, PASSWORD, START, TOKEN, TestServer, join_all};
use freshkey_core::documents::CredentialRecord;
use freshkey_core::keycloak::edit::UserChange;
use freshkey_core::one_time_codes::{Device, read_device};
use freshkey_protocol::Secret;
use freshkey_store::{EmailRule, UserChanged};
use serde_json::{Value, json};

const WRONG: &str = "400 invalid_grant: Invalid user credentials";

fn credential(label: &str, data: &Value, value: &str) -> CredentialRecord {
    CredentialRecord {
        id: format!("device-{label}"),
        kind: "otp".into(),
        document: json!({ "userLabel": label, "createdDate": START * 1000, "credentialData": data.to_string() }),
        secret: Secret::new(json!({ "value": value }).to_string()),
    }
}

fn by_time(label: &str) -> CredentialRecord {
    let data = json!({ "subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1" });
    credential(label, &data, &format!("the key of {label}"))
}

fn by_count(label: &str) -> CredentialRecord {
    let data = json!({ "subType": "hotp", "digits": 8, "counter": 5, "period": 30, "algorithm": "HmacSHA512", "secretEncoding": "BASE32" });
    credential(label, &data, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
}

/// What the person has in hand.
fn device(credential: &CredentialRecord) -> Device {
    read_device(&credential.id, &credential.document, &credential.secret, None).expect("a device")
}

fn code(credential: &CredentialRecord, count: i64) -> String {
    device(credential).code(count).expose().clone()
}

/// A user with these devices beside the password.
async fn user_with(server: &TestServer, name: &str, devices: &[CredentialRecord]) {
    server.add_user(name, &[], None).await;
    let user = server.store().user_by_name(server.realm, name).await.unwrap().unwrap();
    let mut stored = server.store().user_record(server.realm, user.key).await.unwrap().unwrap();
    stored.record.credentials.extend(devices.iter().cloned());
    let put = server.store().put_user(server.realm, &stored.record, stored.version, EmailRule::Unique, &server.audit()).await.unwrap();
    assert_eq!(put, UserChanged::Yes);
}

async fn sign_in_at(node: &Node, name: &str, password: &str, parameter: &str, code: &str) -> Answer {
    let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", name), ("password", password), (parameter, code)];
    node.post(TOKEN).form(&form).send().await
}

async fn sign_in(server: &TestServer, name: &str, code: &str) -> Answer {
    sign_in_at(&server.nodes[0], name, PASSWORD, "otp", code).await
}

async fn reasons(server: &TestServer) -> Vec<String> {
    server.events().await.into_iter().filter_map(|event| event.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_by_time_serves_once_within_the_window() {
    let server = TestServer::start().await;
    let phone = by_time("phone");
    user_with(&server, "ann", std::slice::from_ref(&phone)).await;
    let now = START / 30;
    let tries = [
        (now + 2, 400, "too far ahead"),
        (now - 2, 400, "too far behind"),
        (now - 1, 200, "a period behind"),
        (now - 1, 400, "the same again"),
        (now + 1, 200, "a period ahead"),
    ];
    for (count, status, name) in tries {
        assert_eq!(sign_in(&server, "ann", &code(&phone, count)).await.status, status, "{name}");
        server.clock.advance_s(2);
    }
    server.clock.advance_s(120);
    let old_name = sign_in_at(&server.nodes[0], "ann", PASSWORD, "totp", &code(&phone, now + 4)).await;
    assert_eq!(old_name.status, 200, "the older name of the parameter");
    let reasons = reasons(&server).await;
    assert_eq!(reasons.iter().filter(|reason| *reason == "used_one_time_code").count(), 1, "{reasons:?}");
    assert_eq!(reasons.iter().filter(|reason| *reason == "wrong_one_time_code").count(), 2, "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_070_no_code_by_time_after_a_newer_one() {
    let server = TestServer::start().await;
    let phone = by_time("phone");
    user_with(&server, "ann", std::slice::from_ref(&phone)).await;
    let now = START / 30;
    for (count, status) in [(now + 1, 200), (now, 400), (now - 1, 400)] {
        assert_eq!(sign_in(&server, "ann", &code(&phone, count)).await.status, status, "{}", count - now);
        server.clock.advance_s(2);
    }
    assert_eq!(reasons(&server).await, ["used_one_time_code", "used_one_time_code"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counted_code_may_be_ahead_and_moves_the_counter_for_good() {
    let mut server = TestServer::start().await;
    let token = by_count("token");
    server.set_realm(&[("otpPolicyLookAheadWindow", "3"), ("otpPolicyCodeReusable", "true")]).await;
    user_with(&server, "ann", std::slice::from_ref(&token)).await;
    for (count, status) in [(4, 400), (9, 400), (8, 200), (8, 400), (7, 400), (9, 200)] {
        assert_eq!(sign_in(&server, "ann", &code(&token, count)).await.status, status, "{count}");
        server.clock.advance_s(2);
    }
    server.change_user("ann", &[UserChange::FirstName(Some("Ann".into()))]).await;
    server.restart().await;
    assert_eq!(sign_in(&server, "ann", &code(&token, 9)).await.status, 400);
    server.clock.advance_s(2);
    assert_eq!(sign_in(&server, "ann", &code(&token, 10)).await.status, 200);
    let user = server.store().user_by_name(server.realm, "ann").await.unwrap().unwrap();
    let record = server.store().user_record(server.realm, user.key).await.unwrap().unwrap().record;
    let exported = record.credentials.iter().find(|credential| credential.kind == "otp").unwrap();
    assert_eq!(device(exported).next, 11, "an export says where the device is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_may_let_a_code_by_time_be_used_again() {
    let server = TestServer::start().await;
    let phone = by_time("phone");
    user_with(&server, "ann", std::slice::from_ref(&phone)).await;
    server.set_realm(&[("otpPolicyCodeReusable", "true")]).await;
    for _ in 0..2 {
        assert_eq!(sign_in(&server, "ann", &code(&phone, START / 30)).await.status, 200);
    }
    server.set_realm(&[("otpPolicyCodeReusable", "false")]).await;
    for status in [200, 400] {
        assert_eq!(sign_in(&server, "ann", &code(&phone, START / 30)).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_069_a_code_of_any_device_will_do() {
    let server = TestServer::start().await;
    let (phone, token) = (by_time("phone"), by_count("token"));
    let broken = credential("broken", &json!({ "subType": "totp", "digits": 6, "period": 30, "algorithm": "HmacMD5" }), "k");
    user_with(&server, "ann", &[broken.clone(), phone.clone(), token.clone()]).await;
    assert_eq!(sign_in(&server, "ann", &code(&token, 5)).await.status, 200);
    assert_eq!(sign_in(&server, "ann", &code(&phone, START / 30)).await.status, 200);
    user_with(&server, "bob", &[broken]).await;
    assert_eq!(sign_in(&server, "bob", "123456").await.refusal(), WRONG, "a device that cannot be read keeps out all the same");
    assert_eq!(server.password("bob", PASSWORD).await.refusal(), WRONG);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_071_a_code_is_used_up_though_something_must_be_done_first() {
    let server = TestServer::start().await;
    let phone = by_time("phone");
    user_with(&server, "ann", std::slice::from_ref(&phone)).await;
    server.change_user("ann", &[UserChange::AddRequiredAction("UPDATE_PASSWORD".into())]).await;
    let right = code(&phone, START / 30);
    assert_eq!(sign_in(&server, "ann", &right).await.refusal(), "400 invalid_grant: Account is not fully set up");
    assert_eq!(sign_in(&server, "ann", &right).await.refusal(), WRONG);
    assert_eq!(reasons(&server).await.iter().filter(|reason| *reason == "used_one_time_code").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_023_a_wrong_used_or_missing_code_looks_like_a_wrong_password() {
    let server = TestServer::start().await;
    let phone = by_time("phone");
    user_with(&server, "ann", std::slice::from_ref(&phone)).await;
    let right = code(&phone, START / 30);
    assert_eq!(sign_in(&server, "ann", &right).await.status, 200);
    let looks = |answer: Answer| (answer.status, answer.text().to_owned(), format!("{:?}", answer.headers));
    let expected = looks(sign_in_at(&server.nodes[0], "ann", "wrong", "otp", &right).await);
    for code in [right.as_str(), "000000", "", "0", "1234567890123456789"] {
        server.clock.advance_s(2);
        assert_eq!(looks(sign_in(&server, "ann", code).await), expected, "{code}");
    }
    assert_eq!(looks(server.password("ann", PASSWORD).await), expected, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_024_wrong_and_missing_codes_lock_the_account_for_the_right_one_too() {
    let server = TestServer::start().await;
    let phone = by_time("phone");
    user_with(&server, "ann", std::slice::from_ref(&phone)).await;
    for number in 0..30 {
        let refused = if number % 2 == 0 { sign_in(&server, "ann", "000000").await } else { server.password("ann", PASSWORD).await };
        assert_eq!(refused.refusal(), WRONG);
        server.clock.advance_s(2);
    }
    let now = server.now().seconds();
    assert_eq!(sign_in(&server, "ann", &code(&phone, now / 30)).await.refusal(), WRONG);
    assert!(reasons(&server).await.contains(&"user_locked".to_owned()));
    server.clock.advance_s(61);
    assert_eq!(sign_in(&server, "ann", &code(&phone, (now + 61) / 30)).await.status, 200, "the wait is over");
    let ann = server.store().user_by_name(server.realm, "ann").await.unwrap().unwrap();
    assert_eq!(server.store().login_failures(server.realm, ann.key).await.unwrap(), None, "and all is forgiven");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_024_an_address_runs_out_of_codes_as_it_does_of_passwords() {
    let server = TestServer::start().await;
    server.set_realm(&[("failureFactor", "1000"), ("quickLoginCheckMilliSeconds", "0")]).await;
    let phone = by_time("phone");
    user_with(&server, "ann", std::slice::from_ref(&phone)).await;
    for _ in 0..100 {
        let _ = sign_in(&server, "ann", "000000").await;
    }
    assert_eq!(sign_in(&server, "ann", &code(&phone, START / 30)).await.refusal(), WRONG);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_6238_5_2_of_many_sign_ins_with_one_code_over_two_nodes_one_gets_in() {
    let server = TestServer::cluster(2).await;
    server.set_realm(&[("bruteForceProtected", "false")]).await;
    for credential in [by_time("phone"), by_count("token")] {
        let name = format!("with-{}", credential.id);
        user_with(&server, &name, std::slice::from_ref(&credential)).await;
        let count = device(&credential).next.max(if credential.id == "device-phone" { START / 30 } else { 0 });
        let right = code(&credential, count);
        let answers = join_all((0..16).map(|number| sign_in_at(&server.nodes[number % 2], &name, PASSWORD, "otp", &right))).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{name}: {statuses:?}");
    }
}
