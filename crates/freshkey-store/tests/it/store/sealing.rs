//! Secrets at rest (T-053).

use freshkey_core::documents::{ConfigItem, ItemKind};
use freshkey_core::event::EventKind;
use freshkey_protocol::Secret;
use freshkey_store::{NewRealm, RealmCreated, StoreError};
use serde_json::json;

use super::engine;
use crate::stores::{audit, create, credential, open, record, user};

#[tokio::test]
async fn another_key_is_refused_at_the_start_with_a_way_out() {
    let test = engine::open().await;
    let wrong = open(&test.url, [8; 32]).await;
    for refused in [wrong.check().await.err(), wrong.migrate(crate::stores::now()).await.err()] {
        let Some(StoreError::Misconfigured { what }) = refused else { panic!("{refused:?}") };
        assert!(what.contains("put back the key file"), "{what}");
    }
    assert_eq!(test.another_node().await.check().await, Ok(()));
}

#[tokio::test]
async fn t_053_a_secret_moved_to_another_row_does_not_open() {
    let test = engine::open().await;
    let item = |id: &str, secret: Option<&str>| ConfigItem {
        kind: ItemKind::Client,
        id: id.into(),
        name: id.into(),
        document: json!({}),
        secrets: secret.map(|secret| Secret::new(secret.into())),
    };
    let new = NewRealm { name: "first".into(), document: json!({}), items: vec![item("a", Some("CANARY-A")), item("b", None)] };
    let RealmCreated::Yes(_) = test.store.create_realm(&new, &audit(EventKind::AdminChange)).await.expect("written") else {
        panic!("taken")
    };
    assert!(test.store.load_realm("first").await.is_ok());
    let db = crate::engines::open(&test.url).await;
    let moved = "UPDATE config_item SET secrets = (SELECT o.secrets FROM config_item o WHERE o.id = 'a') WHERE id = 'b'";
    let moved = freshkey_store::db::Transaction::new().then(moved, Vec::new(), freshkey_store::db::Expect::Rows(1));
    assert!(db.write(moved).await.expect("written").is_committed());
    assert!(matches!(test.store.load_realm("first").await, Err(StoreError::Inconsistent { .. })));
}

#[tokio::test]
async fn t_053_no_secret_is_in_any_column() {
    let test = engine::open().await;
    let secrets = Some(Secret::new(json!({"secret": "CANARY-CLIENT", "privateKey": "CANARY-KEY"}).to_string()));
    let item = ConfigItem { kind: ItemKind::Client, id: "a".into(), name: "a".into(), document: json!({"seen": "VISIBLE"}), secrets };
    let new = NewRealm { name: "first".into(), document: json!({}), items: vec![item] };
    let RealmCreated::Yes(realm) = test.store.create_realm(&new, &audit(EventKind::AdminChange)).await.expect("written") else {
        panic!("taken")
    };
    let mut ann = record(user("ann"));
    ann.credentials = vec![credential("password", "p-1", "CANARY-CREDENTIAL")];
    create(&test.store, realm, &ann).await;
    let db = crate::engines::open(&test.url).await;
    let mut dump = Vec::new();
    for sql in ["SELECT document, secrets FROM config_item", "SELECT document, secret FROM credential"] {
        for row in db.read(sql, &[]).await.expect("readable") {
            dump.extend_from_slice(row.text(0).expect("text").as_bytes());
            dump.extend_from_slice(row.bytes(1).expect("bytes"));
        }
    }
    let contains = |needle: &str| dump.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(contains("VISIBLE"), "the scan sees what is in clear");
    assert!(!contains("CANARY"));
    let read = test.store.load_realm("first").await.expect("readable").expect("there");
    assert!(read.items[0].secrets.as_ref().is_some_and(|secrets| secrets.expose().contains("CANARY-KEY")));
}
