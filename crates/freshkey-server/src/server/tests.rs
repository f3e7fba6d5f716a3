use super::*;
use crate::clock::SystemEntropy;
use crate::key_material::generate_realm_keys;
use freshkey_core::Now;
use freshkey_core::documents::{ConfigItem, ItemKind};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::RealmKey;
use freshkey_core::keycloak::defaults::realm_ua;
use freshkey_protocol::Secret;
use freshkey_store::{AuditRecord, DbOptions, NewRealm, RealmCreated, SealingKey, StoreOptions};
use freshkey_testkit::databases::TestSqlite;

/// What the start says of a realm whose items were changed in this way.
async fn start(change: impl FnOnce(&mut Vec<ConfigItem>)) -> Result<(), StartError> {
    let now = Now::from_seconds(1_800_000_000);
    let database = TestSqlite::new();
    let sealing_key = SealingKey::from_bytes(&Secret::new([1; 32])).expect("a key");
    let db = DbOptions::from_url(&database.url()).expect("an address");
    let store = Store::open(StoreOptions { db, sealing_key, entropy: Arc::new(SystemEntropy) }).await.expect("opened");
    let _ = store.migrate(now).await.expect("migrated");
    let mut realm = realm_ua(&[], &SystemEntropy, generate_realm_keys("UA", now).expect("made"));
    change(&mut realm.items);
    let new = NewRealm { name: realm.name, document: realm.document, items: realm.items };
    let event = Event::new(now.milliseconds(), RealmKey(0), EventKind::AdminChange);
    let audit = AuditRecord { event, reason: None, address: None, correlation_id: String::new() };
    assert!(matches!(store.create_realm(&new, &audit).await.expect("made"), RealmCreated::Yes(_)));
    prove_keys(&store).await
}

fn key<'i>(items: &'i mut [ConfigItem], provider: &str) -> &'i mut ConfigItem {
    let is_it = |item: &&mut ConfigItem| item.kind == ItemKind::Component && item.document["providerId"] == provider;
    items.iter_mut().find(is_it).expect("a key")
}

#[tokio::test]
async fn t_030_every_key_signs_once_or_the_start_names_the_one_that_does_not() {
    start(|_| {}).await.expect("every key signs");

    let mut id = String::new();
    let refused = start(|items| {
        // The parts of an EC key where those of an Ed25519 key should be.
        let other = key(items, "ecdsa-generated").secrets.clone();
        let broken = key(items, "eddsa-generated");
        broken.secrets = other;
        id = broken.id.clone();
    });
    let error = refused.await.expect_err("a key that cannot sign").to_string();
    assert!(error.contains(&id) && error.contains("\"UA\""), "{error}");

    let none = start(|items| items.retain(|item| item.document["providerId"] != "rsa-generated")).await.expect_err("no RSA key");
    assert_eq!(none.to_string(), "realm \"UA\" has no active key for RS256");
}
