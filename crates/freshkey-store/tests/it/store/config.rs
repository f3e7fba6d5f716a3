//! Realms and what they consist of.

use freshkey_core::documents::{ConfigItem, ItemKind};
use freshkey_core::event::EventKind;
use freshkey_core::ids::{GroupKey, RealmKey, RoleKey};
use freshkey_protocol::Secret;
use freshkey_store::{NewRealm, Page, RealmChange, RealmChanged, RealmCreated};
use serde_json::json;

use super::engine;
use crate::stores::{audit, create, id_of, realm, record, user};

fn item(kind: ItemKind, id: &str, name: &str, secret: Option<&str>) -> ConfigItem {
    let secrets = secret.map(|secret| Secret::new(json!({"secret": secret}).to_string()));
    ConfigItem { kind, id: id.into(), name: name.into(), document: json!({"name": name}), secrets }
}

fn shown(item: &ConfigItem) -> (ItemKind, String, String, serde_json::Value, Option<String>) {
    (item.kind, item.id.clone(), item.name.clone(), item.document.clone(), item.secrets.as_ref().map(|secrets| secrets.expose().clone()))
}

#[tokio::test]
async fn a_realm_is_loaded_as_it_was_made() {
    let test = engine::open().await;
    let items = vec![
        item(ItemKind::Client, "c-1", "app", Some("s3cret")),
        item(ItemKind::Role, "r-1", "admin", None),
        item(ItemKind::Role, "c-1", "app", None),
    ];
    let new = NewRealm { name: "first".into(), document: json!({"displayName": "The first", "z": 1, "a": 2}), items };
    let RealmCreated::Yes(key) = test.store.create_realm(&new, &audit(EventKind::AdminChange)).await.expect("written") else {
        panic!("taken")
    };
    let loaded = test.another_node().await.load_realm("first").await.expect("readable").expect("there");
    assert_eq!((loaded.key, loaded.version, loaded.name.as_str()), (key, 1, "first"));
    assert_eq!(loaded.document.to_string(), new.document.to_string(), "in the same order");
    let mut expected: Vec<_> = new.items.iter().map(shown).collect();
    expected.sort_by_key(|item| (item.0.as_str(), item.2.clone()));
    assert_eq!(loaded.items.iter().map(shown).collect::<Vec<_>>(), expected);
    assert!(test.store.load_realm("First").await.expect("readable").is_none());
}

#[tokio::test]
async fn a_taken_name_is_an_answer_and_changes_nothing() {
    let test = engine::open().await;
    let key = realm(&test.store, "first").await;
    let version = test.store.config_version().await;
    let again = NewRealm { name: "first".into(), document: json!({}), items: Vec::new() };
    assert_eq!(test.store.create_realm(&again, &audit(EventKind::AdminChange)).await, Ok(RealmCreated::NameTaken));
    assert_eq!(test.store.config_version().await, version);
    assert_ne!(realm(&test.store, "second").await, key);
    let rename = RealmChange { name: Some("second".into()), ..RealmChange::default() };
    assert_eq!(test.store.change_realm(key, 1, &rename, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::NameTaken));
}

#[tokio::test]
async fn t_010_a_change_raises_both_versions_in_one_step() {
    let test = engine::open().await;
    let node = test.another_node().await;
    let key = realm(&test.store, "first").await;
    let before = node.config_version().await.expect("readable");
    let change = RealmChange {
        put: vec![item(ItemKind::Client, "c-1", "app", Some("one")), item(ItemKind::Client, "c-2", "web", None)],
        document: Some(json!({"enabled": false})),
        ..RealmChange::default()
    };
    assert_eq!(test.store.change_realm(key, 1, &change, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::Yes));
    assert_eq!(node.config_version().await, Ok(before + 1));
    assert_eq!(test.store.change_realm(key, 1, &change, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::Raced));
    assert_eq!(node.config_version().await, Ok(before + 1));
    // The freed name can be given to another item in the same change.
    let swap = RealmChange {
        remove: vec![(ItemKind::Client, "c-1".into())],
        put: vec![item(ItemKind::Client, "c-2", "app", Some("two"))],
        ..RealmChange::default()
    };
    assert_eq!(test.store.change_realm(key, 2, &swap, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::Yes));
    let loaded = node.load_realm("first").await.expect("readable").expect("there");
    assert_eq!(loaded.items.iter().map(shown).collect::<Vec<_>>(), swap.put.iter().map(shown).collect::<Vec<_>>());
    assert_eq!((loaded.version, loaded.document), (3, json!({"enabled": false})));
}

#[tokio::test]
async fn two_items_of_a_kind_cannot_have_one_name() {
    let test = engine::open().await;
    let key = realm(&test.store, "first").await;
    let change = RealmChange {
        put: vec![item(ItemKind::Role, "r-1", "admin", None), item(ItemKind::Role, "r-2", "admin", None)],
        ..RealmChange::default()
    };
    assert_eq!(test.store.change_realm(key, 1, &change, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::NameTaken));
    assert!(test.store.load_realm("first").await.expect("readable").expect("there").items.is_empty());
}

#[tokio::test]
async fn a_role_or_group_that_is_made_anew_has_no_members() {
    let test = engine::open().await;
    let key = realm(&test.store, "first").await;
    let (role, group) = (id_of("role"), id_of("group"));
    let mut ann = user("ann");
    (ann.roles, ann.groups) = (vec![RoleKey::of(&role)], vec![GroupKey::of(&group)]);
    create(&test.store, key, &record(ann.clone())).await;
    assert_eq!(test.store.members_of_role(key, RoleKey::of(&role), &Page::first(9)).await.expect("readable").len(), 1);
    let remove = RealmChange { remove: vec![(ItemKind::Role, role), (ItemKind::Group, group)], ..RealmChange::default() };
    assert_eq!(test.store.change_realm(key, 1, &remove, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::Yes));
    let after = test.store.user(key, ann.key).await.expect("readable").expect("there");
    assert!(after.roles.is_empty() && after.groups.is_empty());
}

#[tokio::test]
async fn a_deleted_realm_is_gone_and_its_key_is_never_used_again() {
    let test = engine::open().await;
    let key = realm(&test.store, "first").await;
    let before = test.store.config_version().await.expect("readable");
    assert_eq!(test.store.delete_realm(key, 7, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::Raced));
    assert_eq!(test.store.delete_realm(key, 1, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::Yes));
    assert_eq!(test.store.config_version().await, Ok(before + 1));
    assert!(test.store.load_realm("first").await.expect("readable").is_none());
    assert_eq!(test.store.realm_list().await, Ok(Vec::new()));
    assert_eq!(realm(&test.store, "first").await, RealmKey(key.0 + 1));
}
