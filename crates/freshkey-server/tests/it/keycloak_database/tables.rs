//! What is put together from the tables against what Keycloak itself exported from them.

use super::recorded::{Keycloak, Ours, Recording, everybody};
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::export::export_realm;
use freshkey_core::keycloak::users::{Credentials, write_user};
use freshkey_store::Page;
use serde_json::Value;

const EXPORT: &str = include_str!("../../fixtures/keycloak-26.7.3/shop-export.json");

/// What an export has and no table: Keycloak derives it, or writes what is not set.
const DERIVED: [&str; 17] = [
    "/adminPermissionsEnabled",
    "/attributes/webAuthnPolicyResidentKey",
    "/attributes/webAuthnPolicyResidentKeyPasswordless",
    "/attributes/maxSecondaryAuthFailures",
    "/clientPolicies",
    "/clientProfiles",
    "/clients/*/attributes/realm_client",
    "/identityProviders/*/types",
    "/maxSecondaryAuthFailures",
    "/organizationsEnabled",
    "/otpPolicyCodeReusable",
    "/otpSupportedApplications",
    "/scimApiEnabled",
    "/users/*/totp",
    "/verifiableCredentialsEnabled",
    "/webAuthnPolicyPasswordlessResidentKey",
    "/webAuthnPolicyResidentKey",
];

/// Lifetimes that are not set.
const ZERO: [&str; 4] =
    ["clientOfflineSessionIdleTimeout", "clientOfflineSessionMaxLifespan", "clientSessionIdleTimeout", "clientSessionMaxLifespan"];

#[tokio::test]
async fn the_tables_say_what_keycloak_exports() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["shop"], recording.taken_at).await;
    let documents = ours.store.load_realm("shop").await.unwrap().unwrap();
    let (realm, _) = build_realm(&documents).unwrap();
    let mut moved = Value::Object(export_realm(&documents));
    let mut users = Vec::new();
    for user in ours.store.list_users(documents.key, &everybody(), &Page::first(1000)).await.unwrap() {
        let record = ours.store.user_record(documents.key, user.key).await.unwrap().unwrap().record;
        users.push(write_user(&realm, &record, Credentials::Included));
    }
    moved["users"] = Value::Array(users);
    let mut exported: Value = serde_json::from_str(EXPORT).unwrap();
    ZERO.iter().for_each(|field| drop(exported.as_object_mut().unwrap().remove(*field)));
    let mut differences = Vec::new();
    compare("", &meaning(exported), &meaning(moved), &mut differences);
    assert_eq!(differences, Vec::<String>::new());
}

/// Without order in lists, and without what is empty: neither means anything in an export.
fn meaning(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, meaning(value))).filter(|(_, value)| !is_empty(value)).collect()
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(meaning).collect();
            list.sort_by_cached_key(|value| name_of(value).unwrap_or_else(|| sorted_text(value)));
            Value::Array(list)
        }
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A text that is the same for the same fields in any order.
fn sorted_text(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut texts: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{}", sorted_text(value))).collect();
            texts.sort();
            format!("{{{}}}", texts.join(","))
        }
        other => other.to_string(),
    }
}

fn name_of(value: &Value) -> Option<String> {
    ["clientId", "username", "alias", "id", "priority"].iter().find_map(|field| value.get(field)).map(ToString::to_string)
}

fn compare(path: &str, exported: &Value, moved: &Value, differences: &mut Vec<String>) {
    let is_derived = |path: &str| {
        let general: Vec<&str> = path.split('/').map(|part| if part.parse::<usize>().is_ok() { "*" } else { part }).collect();
        DERIVED.iter().any(|derived| general.join("/").starts_with(derived))
    };
    if is_derived(path) || exported == moved {
        return;
    }
    match (exported, moved) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let part = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                compare(&format!("{path}/{name}"), &part(one), &part(other), differences);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (number, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}/{number}"), one, other, differences);
            }
        }
        // All that a client of Keycloak's own has is derived.
        (Value::Object(one), Value::Null) if path.ends_with("/attributes") && one.len() == 1 && one.contains_key("realm_client") => {}
        _ => differences.push(format!("{path}: {exported:.100} is {moved:.100}")),
    }
}
