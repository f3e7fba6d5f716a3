//! What a sign-in by password reads.

use freshkey_core::brute_force::LoginFailures;
use freshkey_core::change::{Applied, Change};
use freshkey_core::event::EventKind;
use freshkey_core::grants::password::SecondFactor;
use freshkey_core::one_time_codes::CodeUse;
use freshkey_core::passwords::{HashAlgorithm, PasswordHash, Pbkdf2Parameters, Pbkdf2Prf, write_stored};
use freshkey_core::user::User;
use freshkey_store::{EmailRule, LoginBy, UserCreated};
use serde_json::json;

use super::engine;
use crate::stores::{apply, audit, create, credential, realm, record, user};

fn hash() -> PasswordHash {
    let algorithm = HashAlgorithm::Pbkdf2(Pbkdf2Parameters { prf: Pbkdf2Prf::Sha512, iterations: 210_000, hash_bytes: 64 });
    PasswordHash::new(algorithm, vec![1; 16], vec![2; 64]).expect("within the limits")
}

#[tokio::test]
async fn everything_about_a_sign_in_comes_at_once() {
    let test = engine::open().await;
    let realm = realm(&test.store, "first").await;
    let (document, secret) = write_stored(&json!({}), &hash());
    let mut ann = record(user("ann"));
    ann.credentials = vec![
        credential("otp", "o-1", "{}"),
        freshkey_core::documents::CredentialRecord { document, secret, ..credential("password", "p-1", "") },
    ];
    create(&test.store, realm, &ann).await;
    create(&test.store, realm, &record(user("bob"))).await;
    let failures = LoginFailures { count: 2, last_failure_at_ms: 5, last_address: Some("::1".into()), ..LoginFailures::default() };
    apply(&test.store, &[Change::LoginFailures { realm, user: ann.user.key, seen: None, becomes: Some(failures.clone()) }]).await;
    for (login, by) in [
        ("ann", LoginBy::Username),
        ("ANN", LoginBy::Username),
        ("Ann@Example.org", LoginBy::UsernameOrEmail),
        ("ann", LoginBy::UsernameOrEmail),
    ] {
        let context = test.store.sign_in_context(realm, login, by).await.expect("readable");
        assert_eq!(context.user, Some(ann.user.clone()), "{login}");
        assert!(context.password.is_some_and(|stored| stored.hash == hash() && stored.credential_id == "p-1"), "{login}");
        assert_eq!(context.second_factor, SecondFactor::OneTimeCode(Vec::new()), "a device that cannot be read is one all the same");
        assert_eq!(context.failures, Some(failures.clone()));
    }
    let bob = test.store.sign_in_context(realm, "bob", LoginBy::Username).await.expect("readable");
    assert!(bob.user.is_some() && bob.password.is_none() && bob.failures.is_none());
    assert_eq!(bob.second_factor, SecondFactor::None);
}

fn device(id: &str, data: &serde_json::Value) -> freshkey_core::documents::CredentialRecord {
    let document = json!({ "userLabel": id, "credentialData": data.to_string() });
    let secret = json!({ "value": "12345678901234567890" }).to_string();
    freshkey_core::documents::CredentialRecord { document, ..credential("otp", id, &secret) }
}

fn by_count(counter: i64) -> serde_json::Value {
    json!({ "subType": "hotp", "digits": 6, "counter": counter, "period": 30, "algorithm": "HmacSHA1" })
}

fn by_time() -> serde_json::Value {
    json!({ "subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1" })
}

async fn next_counts(store: &freshkey_store::Store, realm: freshkey_core::ids::RealmKey) -> Vec<(String, i64)> {
    let context = store.sign_in_context(realm, "ann", LoginBy::Username).await.expect("readable");
    match context.second_factor {
        SecondFactor::None => Vec::new(),
        SecondFactor::OneTimeCode(devices) => devices.into_iter().map(|device| (device.credential_id, device.next)).collect(),
    }
}

#[tokio::test]
async fn a_used_code_stays_used_whatever_an_administrator_writes_back() {
    let test = engine::open().await;
    let realm = realm(&test.store, "first").await;
    let mut ann = record(user("ann"));
    let (document, secret) = write_stored(&json!({}), &hash());
    let password = freshkey_core::documents::CredentialRecord { document, secret, ..credential("password", "p-1", "") };
    ann.credentials = vec![device("token", &by_count(5)), password, device("phone", &by_time())];
    create(&test.store, realm, &ann).await;
    let key = ann.user.key;
    let used = |id: &str, next| [Change::UseOneTimeCode(CodeUse { realm, user: key, credential_id: id.into(), next })];
    let login = audit(EventKind::Login);
    let names = |token, phone| vec![("token".to_owned(), token), ("phone".to_owned(), phone)];
    assert_eq!(next_counts(&test.store, realm).await, names(5, 0));
    let before = test.store.user_record(realm, key).await.expect("readable").expect("there");
    for (id, next, expected) in [
        ("token", 8, Applied::Yes),
        ("token", 8, Applied::Raced),
        ("token", 7, Applied::Raced),
        ("phone", 60, Applied::Yes),
        ("other", 1, Applied::Raced),
    ] {
        assert_eq!(test.store.record(&used(id, next), &login).await, Ok(expected), "{id} {next}");
    }
    assert_eq!(next_counts(&test.store, realm).await, names(8, 60));
    let exported = test.store.user_record(realm, key).await.expect("readable").expect("there");
    let counter = |id: &str| {
        let credential = exported.record.credentials.iter().find(|credential| credential.id == id).expect("there");
        let data: serde_json::Value = serde_json::from_str(credential.document["credentialData"].as_str().expect("a text")).expect("JSON");
        data["counter"].clone()
    };
    assert_eq!((counter("token"), counter("phone")), (json!(8), json!(0)), "Keycloak goes on where we are");
    let admin = audit(EventKind::AdminChange);
    let put = test.store.put_user(realm, &before.record, before.version, EmailRule::Unique, &admin).await;
    assert_eq!(put, Ok(freshkey_store::UserChanged::Yes));
    assert_eq!(next_counts(&test.store, realm).await, names(8, 60));

    assert_eq!(test.store.remove_credential(realm, key, "token", &admin).await, Ok(Applied::Yes));
    assert_eq!(next_counts(&test.store, realm).await, names(8, 60)[1..]);
    assert_eq!(test.store.set_credential(realm, key, &device("token", &by_count(2)), &admin).await, Ok(Applied::Yes));
    assert_eq!(next_counts(&test.store, realm).await, [("token".to_owned(), 2)], "a new device of an old name begins anew");
    assert_eq!(test.store.record(&used("token", 3), &login).await, Ok(Applied::Yes));
    assert_eq!(test.store.delete_user(realm, key, &admin).await, Ok(Applied::Yes));
    create(&test.store, realm, &ann).await;
    assert_eq!(next_counts(&test.store, realm).await, names(5, 0), "nothing is known of a user who was deleted");
}

#[tokio::test]
async fn nobody_is_found_by_what_is_no_login_name() {
    let test = engine::open().await;
    let first = realm(&test.store, "first").await;
    let second = realm(&test.store, "second").await;
    create(&test.store, first, &record(user("ann"))).await;
    let cases = [
        (first, "ann@example.org", LoginBy::Username),
        (second, "ann", LoginBy::Username),
        (first, "an_", LoginBy::Username),
        (first, "ann\0", LoginBy::Username),
        (first, "", LoginBy::UsernameOrEmail),
    ];
    for (realm, login, by) in cases {
        assert!(test.store.sign_in_context(realm, login, by).await.expect("readable").user.is_none(), "{login}");
    }
}

#[tokio::test]
async fn an_address_wins_over_a_name_and_an_address_of_two_names_nobody() {
    let test = engine::open().await;
    let realm = realm(&test.store, "first").await;
    let holder = user("holder");
    let squatter = User { username: "holder@example.org".into(), email: None, ..user("squatter") };
    create(&test.store, realm, &record(holder.clone())).await;
    create(&test.store, realm, &record(squatter.clone())).await;
    let found = |by| test.store.sign_in_context(realm, "holder@example.org", by);
    assert_eq!(found(LoginBy::UsernameOrEmail).await.expect("readable").user, Some(holder));
    assert_eq!(found(LoginBy::Username).await.expect("readable").user, Some(squatter));
    let twin = User { email: Some("holder@example.org".into()), ..user("twin") };
    let made = test.store.create_user(realm, &record(twin), EmailRule::MayRepeat, &audit(EventKind::AdminChange)).await;
    assert_eq!(made, Ok(UserCreated::Yes));
    assert!(found(LoginBy::UsernameOrEmail).await.expect("readable").user.is_none());
}

#[tokio::test]
async fn a_new_password_is_the_only_one_and_an_old_decision_cannot_undo_it() {
    let test = engine::open().await;
    let realm = realm(&test.store, "first").await;
    let mut ann = record(user("ann"));
    let with = |id: &str| {
        let (document, secret) = write_stored(&json!({}), &hash());
        freshkey_core::documents::CredentialRecord { document, secret, ..credential("password", id, "") }
    };
    ann.credentials = vec![with("p-1"), credential("otp", "o-1", "{}")];
    create(&test.store, realm, &ann).await;
    let admin = audit(EventKind::AdminChange);
    assert_eq!(test.store.set_credential(realm, ann.user.key, &with("p-2"), &admin).await, Ok(Applied::Yes));
    assert_eq!(test.store.set_credential(realm, ann.user.key, &with("p-2"), &admin).await, Ok(Applied::Raced), "the id is in use");
    assert_eq!(test.store.set_credential(realm, user("nobody").key, &with("p-3"), &admin).await, Ok(Applied::Raced));
    apply(&test.store, &[Change::Rehash { realm, user: ann.user.key, credential_id: "p-1".into(), hash: hash() }]).await;
    let stored = test.store.user_record(realm, ann.user.key).await.expect("readable").expect("there");
    let mut ids: Vec<_> = stored.record.credentials.iter().map(|credential| credential.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["o-1", "p-2"]);
    assert_eq!(stored.version, 2);
    assert_eq!(test.store.remove_credential(realm, ann.user.key, "p-2", &admin).await, Ok(Applied::Yes));
    assert_eq!(test.store.remove_credential(realm, ann.user.key, "p-2", &admin).await, Ok(Applied::Raced));
}
