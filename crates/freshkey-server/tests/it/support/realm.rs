//! The realm `UA` of the tests: as the quickstart makes it, with a user and a client secret that tests know.

use super::entropy::SeededEntropy;
use freshkey_core::documents::{CredentialRecord, ItemKind};
use freshkey_core::entropy::{random_bytes, random_uuid};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::RealmKey;
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::defaults::{GeneratedKey, GeneratedKeys, realm_ua};
use freshkey_core::keycloak::edit::{RoleName, UserChange, change_user, new_user};
use freshkey_core::keycloak::users::password_record;
use freshkey_core::passwords::{self, HashWorkspace, PasswordHash, PlainPassword};
use freshkey_core::{Entropy, Now};
use freshkey_protocol::Secret;
use freshkey_protocol::jose::{KeyKind, generate_private_key};
use freshkey_store::{AuditRecord, EmailRule, NewRealm, RealmCreated, Store, UserCreated};
use std::sync::LazyLock;

/// The user.
pub const DEMO: &str = "demo";

/// The user's password.
pub const PASSWORD: &str = "correct horse battery";

/// The secret of the client `ua`.
pub const UA_SECRET: &str = "3EMVFnKnOU3B5Yh9B8MchwcFHvOVTcdh";

/// Made once for a test process: an RSA key takes its time.
static KEYS: LazyLock<[Secret<Vec<u8>>; 3]> =
    LazyLock::new(|| [KeyKind::Rsa2048, KeyKind::P256, KeyKind::Ed25519].map(|kind| generate_private_key(kind).unwrap()));

static HASH: LazyLock<PasswordHash> = LazyLock::new(|| {
    let algorithm = passwords::HashAlgorithm::RECOMMENDED;
    passwords::hash(PlainPassword::new(PASSWORD).unwrap(), &algorithm, [1; 16], &mut HashWorkspace::new()).unwrap()
});

/// The password of every user that a test adds.
pub fn password_credential(entropy: &dyn Entropy) -> CredentialRecord {
    password_record(random_uuid(entropy), &HASH, 0)
}

pub async fn make(store: &Store, now: Now) -> RealmKey {
    let entropy = SeededEntropy::of_node(0);
    let key = |number: usize| GeneratedKey { pkcs8: KEYS[number].clone(), certificate: None };
    let keys = GeneratedKeys { rsa: key(0), p256: Some(key(1)), ed25519: Some(key(2)) };
    let mut realm = realm_ua(&["https://app.example/*"], &entropy, keys);
    let ua = realm.items.iter_mut().find(|item| item.kind == ItemKind::Client && item.name == "ua").unwrap();
    ua.secrets = Some(Secret::new(format!(r#"{{"secret":"{UA_SECRET}"}}"#)));
    let audit = |realm| AuditRecord {
        event: Event::new(now.milliseconds(), realm, EventKind::AdminChange),
        reason: None,
        address: None,
        correlation_id: random_uuid(&entropy),
    };
    let new = NewRealm { name: realm.name, document: realm.document, items: realm.items };
    let RealmCreated::Yes(key) = store.create_realm(&new, &audit(RealmKey(0))).await.unwrap() else {
        panic!("a fresh database has no realm")
    };

    let documents = store.load_realm("UA").await.unwrap().unwrap();
    let (realm, _) = build_realm(&documents).unwrap();
    let mut record = new_user(&documents, &realm, DEMO, now, &entropy).unwrap();
    record.user = change_user(&realm, &record.user, &[UserChange::AddRole(RoleName::of_realm("member"))]).unwrap();
    let _ = random_bytes::<1>(&entropy);
    record.credentials.push(password_record(random_uuid(&entropy), &HASH, now.milliseconds()));
    assert_eq!(store.create_user(key, &record, EmailRule::Unique, &audit(key)).await.unwrap(), UserCreated::Yes);
    key
}
