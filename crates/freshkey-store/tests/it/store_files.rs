//! The files of SQLite after the store has been used: nobody else may read them, and nothing in them is a secret in clear (T-053).

use crate::stores::{audit, create, credential, record, sqlite, user};
use freshkey_core::documents::{ConfigItem, ItemKind};
use freshkey_core::event::EventKind;
use freshkey_protocol::Secret;
use freshkey_store::{NewRealm, RealmCreated};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn t_053_file_and_log_are_private_and_hold_no_secret() {
    let test = sqlite::open().await;
    let secrets = Some(Secret::new(json!({"secret": "CANARY-CLIENT", "privateKey": "CANARY-KEY"}).to_string()));
    let item = ConfigItem { kind: ItemKind::Client, id: "a".into(), name: "a".into(), document: json!({"seen": "VISIBLE"}), secrets };
    let new = NewRealm { name: "first".into(), document: json!({}), items: vec![item] };
    let RealmCreated::Yes(realm) = test.store.create_realm(&new, &audit(EventKind::AdminChange)).await.expect("written") else {
        panic!("taken")
    };
    let mut ann = record(user("ann"));
    ann.credentials = vec![credential("password", "p-1", "CANARY-CREDENTIAL")];
    create(&test.store, realm, &ann).await;
    let second = credential("password", "p-2", "CANARY-SECOND");
    assert_eq!(
        test.store.set_credential(realm, ann.user.key, &second, &audit(EventKind::AdminChange)).await,
        Ok(freshkey_core::change::Applied::Yes)
    );
    let path = test.url.strip_prefix("sqlite:").expect("a file");
    let mut everything = Vec::new();
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{path}{suffix}");
        let Ok(metadata) = std::fs::metadata(&file) else { continue };
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{suffix}");
        everything.extend(std::fs::read(&file).expect("readable"));
    }
    let contains = |needle: &str| everything.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(contains("VISIBLE") && contains("ann@example.org"), "the scan sees what is in clear");
    assert!(!contains("CANARY"));
}
