use super::*;
use crate::keycloak::build_realm;
use crate::keycloak::testing::{Seeded, import, imported, now};

#[test]
fn a_stored_password_is_the_hash_that_was_stored() {
    let plan = import(crate::keycloak::testing::EXPORT).unwrap();
    let record = plan.users(&Seeded::new()).next().unwrap().unwrap().record.credentials.remove(0);
    let hash = stored_password(&record).unwrap();
    let again = password_record("new".to_owned(), &hash, 5);
    assert_eq!(stored_password(&again).unwrap(), hash);
    assert_eq!(again.document["createdDate"], 5);
}

#[test]
fn the_administration_shows_no_credentials() {
    let documents = imported();
    let (realm, _) = build_realm(&documents).unwrap();
    let plan = import(crate::keycloak::testing::EXPORT).unwrap();
    let record = plan.users(&Seeded::new()).next().unwrap().unwrap().record;
    let shown = write_user(&realm, &record, Credentials::LeftOut);
    assert!(shown.get("credentials").is_none());
    assert!(!shown.to_string().contains("secretData"));
    assert_eq!(shown["groups"], json!(["/engineering/data"]));
}

#[test]
fn names_are_bounded_and_printable() {
    let documents = imported();
    let (realm, _) = build_realm(&documents).unwrap();
    let reader = UserReader::new(&realm, None, now());
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    for (document, field) in [
        (json!({ "username": long }), "username"),
        (json!({ "username": "a\u{0}b" }), "username"),
        (json!({ "username": "a", "email": "a\nb@example.org" }), "email"),
        (json!({ "username": "a", "id": "\u{1b}[31m" }), "id"),
        (json!({ "username": "a", "firstName": "\u{7}" }), "firstName"),
        (json!({ "username": "a", "attributes": "x" }), "attributes"),
        (json!({ "username": "a", "credentials": [{ "type": "password", "credentialData": "{}", "secretData": "{}" }] }), "credentials"),
    ] {
        let mut problems = Problems::default();
        assert!(reader.read(document, &Seeded::new(), &mut problems).is_none(), "{field}");
        assert_eq!(problems.broken.iter().map(|broken| broken.field.as_str()).collect::<Vec<_>>(), [field]);
    }
}

#[test]
fn a_user_without_default_role_to_get_is_noted() {
    let documents = imported();
    let (realm, _) = build_realm(&documents).unwrap();
    let reader = UserReader::new(&realm, None, now());
    let read = reader.read(json!({ "username": "a" }), &Seeded::new(), &mut Problems::default()).unwrap();
    assert_eq!(read.notes, [UserNote::NoDefaultRole]);
    assert_eq!(read.record.user.created_at_ms, now().milliseconds());
}
