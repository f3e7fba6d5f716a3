//! What every realm has and a file may lack: Keycloak adds it at import, and so do we (`RealmManager.importRealm`).

use super::{ImportNote, ImportReport};
use crate::documents::{ConfigItem, ItemKind};
use crate::entropy::{Entropy, random_bytes, random_uuid};
use crate::keycloak::defaults::{
    BUILT_IN_CLIENTS, DEFAULT_SCOPES, OPTIONAL_SCOPES, account_roles, broker_roles, built_in_client, client_item, client_role_items,
    client_scopes, component_name, default_role_name, default_role_reference, item, name_of, realm_management_roles, secret_key,
};
use crate::keycloak::snapshot::KEY_PROVIDER;
use crate::keys::KeyStatus;
use crate::realm::Realm;
use freshkey_protocol::jose::Algorithm;
use serde_json::{Map, Value, json};

/// Adds what is missing.
pub(super) fn add(
    name: &str,
    realm: &mut Map<String, Value>,
    items: &mut Vec<ConfigItem>,
    report: &mut ImportReport,
    entropy: &dyn Entropy,
) {
    if !realm.get("id").is_some_and(Value::is_string) {
        realm.insert("id".to_owned(), json!(random_uuid(entropy)));
    }
    if realm.get("enabled").is_none_or(Value::is_null) {
        report.note(ImportNote::RealmDisabled);
    }
    scopes(realm, items, report, entropy);
    let added = clients(name, realm, items, report, entropy);
    default_role(name, realm, added, items, report, entropy);
    keys(realm, items, report, entropy);
}

/// The algorithm of new tokens, if no active key has it.
pub(super) fn key(realm: &Realm) -> Option<Algorithm> {
    let algorithm = realm.settings.default_signature_algorithm;
    let has = realm.keys.iter().any(|entry| entry.status == KeyStatus::Active && entry.signing.algorithm() == algorithm);
    (!has).then_some(algorithm)
}

fn scopes(realm: &mut Map<String, Value>, items: &mut Vec<ConfigItem>, report: &mut ImportReport, entropy: &dyn Entropy) {
    if items.iter().any(|item| item.kind == ItemKind::ClientScope) {
        return;
    }
    report.note(ImportNote::Added("the built-in client scopes".to_owned()));
    items.extend(client_scopes(entropy).into_iter().map(|scope| item(ItemKind::ClientScope, name_of(&scope, "name"), scope, entropy)));
    realm.entry("defaultDefaultClientScopes").or_insert(json!(DEFAULT_SCOPES));
    realm.entry("defaultOptionalClientScopes").or_insert(json!(OPTIONAL_SCOPES));
    // Without this mapping every user could have offline tokens.
    let mapping = json!({ "clientScope": "offline_access", "roles": ["offline_access"] });
    match realm.get_mut("scopeMappings") {
        Some(Value::Array(mappings)) if mappings.iter().any(|mapping| name_of(mapping, "clientScope") == "offline_access") => {}
        Some(Value::Array(mappings)) => mappings.push(mapping),
        _ => drop(realm.insert("scopeMappings".to_owned(), json!([mapping]))),
    }
}

fn clients(
    name: &str,
    realm: &mut Map<String, Value>,
    items: &mut Vec<ConfigItem>,
    report: &mut ImportReport,
    entropy: &dyn Entropy,
) -> Added {
    let mut added = Added::OtherClients;
    let has = |items: &[ConfigItem], client_id: &str| items.iter().any(|item| item.kind == ItemKind::Client && item.name == client_id);
    for client_id in BUILT_IN_CLIENTS {
        // The master realm has "{realm}-realm" clients in place of this one.
        if has(items, client_id) || (name == "master" && client_id == "realm-management") {
            continue;
        }
        report.note(ImportNote::Added(format!("client {client_id}")));
        items.push(client_item(built_in_client(client_id, name, entropy), entropy));
        if client_id == "account" {
            added = Added::AccountClient;
        }
        let roles = match client_id {
            "account" => account_roles(),
            "broker" => broker_roles(),
            "realm-management" => realm_management_roles(),
            _ => Vec::new(),
        };
        items.extend(client_role_items(client_id, roles, items, entropy));
        if client_id == "account-console" {
            let mappings = realm.entry("clientScopeMappings").or_insert(json!({}));
            if mappings.get("account").is_none_or(Value::is_null) && mappings.is_object() {
                mappings["account"] = json!([{ "client": "account-console", "roles": ["manage-account", "view-groups"] }]);
            }
        }
    }
    added
}

/// Gives new users what Keycloak gives them: a role that is made here for everyone is given to everyone; one that the file has stays with
/// those who have it.
fn default_role(
    name: &str,
    realm: &mut Map<String, Value>,
    added: Added,
    items: &mut Vec<ConfigItem>,
    report: &mut ImportReport,
    entropy: &dyn Entropy,
) {
    let realm_id = realm.get("id").cloned().unwrap_or_default();
    let legacy = legacy_default_roles(realm, items);
    if legacy.is_some() {
        report.note(ImportNote::Legacy("defaultRoles"));
    }
    let named = realm.get("defaultRole").map(|role| name_of(role, "name")).filter(|name| !name.is_empty());
    let role_name = named.clone().unwrap_or_else(|| default_role_name(name));
    if find_realm_role(items, &role_name).is_none() {
        report.note(ImportNote::Added(format!("role {role_name}")));
        let reference = realm.get("defaultRole").filter(|role| role.is_object()).cloned();
        let mut document = reference.unwrap_or_else(|| json!({ "description": "${role_default-roles}" }));
        document["name"] = json!(role_name);
        document["clientRole"] = json!(false);
        document["containerId"] = realm_id.clone();
        items.push(item(ItemKind::Role, role_name.clone(), document, entropy));
    }
    let mut given = legacy.unwrap_or_else(|| json!({}));
    for (role, description) in [("offline_access", "${role_offline-access}"), ("uma_authorization", "${role_uma_authorization}")] {
        if find_realm_role(items, role).is_none() {
            report.note(ImportNote::Added(format!("role {role}")));
            let document =
                json!({ "name": role, "description": description, "composite": false, "clientRole": false, "containerId": realm_id });
            items.push(item(ItemKind::Role, role.to_owned(), document, entropy));
            push_name(&mut given["realm"], role);
        }
    }
    if added == Added::AccountClient {
        for role in ["view-profile", "manage-account"] {
            push_name(&mut given["client"]["account"], role);
        }
    }
    let Some(role) = find_realm_role(items, &role_name) else { return };
    add_composites(&mut role.document, given);
    if named.is_none() {
        realm.insert("defaultRole".to_owned(), default_role_reference(&role.document));
    }
}

/// Whether the account client, whose roles are for everyone, was made here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Added {
    AccountClient,
    OtherClients,
}

fn push_name(list: &mut Value, name: &str) {
    match list {
        Value::Array(names) if names.iter().any(|known| known == name) => {}
        Value::Array(names) => names.push(json!(name)),
        Value::Null => *list = json!([name]),
        // A broken value stays for `build_realm` to name.
        _ => {}
    }
}

/// Adds names to the composites of a role.
fn add_composites(role: &mut Value, given: Value) {
    let Value::Object(given) = given else { return };
    for (kind, names) in given {
        match names {
            Value::Array(names) => names.iter().filter_map(Value::as_str).for_each(|name| add_composite(role, &kind, None, name)),
            Value::Object(by_client) => {
                for (client_id, names) in by_client {
                    let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
                    names.for_each(|name| add_composite(role, &kind, Some(&client_id), name));
                }
            }
            _ => {}
        }
    }
}

fn add_composite(role: &mut Value, kind: &str, client_id: Option<&str>, name: &str) {
    // A broken value stays for `build_realm` to name.
    if !role["composites"].is_object() && !role["composites"].is_null() {
        return;
    }
    role["composite"] = json!(true);
    let of_kind = &mut role["composites"][kind];
    match client_id {
        None => push_name(of_kind, name),
        Some(client_id) if of_kind.is_null() || of_kind.is_object() => push_name(&mut of_kind[client_id], name),
        Some(_) => {}
    }
}

fn find_realm_role<'i>(items: &'i mut [ConfigItem], name: &str) -> Option<&'i mut ConfigItem> {
    items
        .iter_mut()
        .filter(|item| item.kind == ItemKind::Role && item.document.get("clientRole") != Some(&Value::Bool(true)))
        .find(|item| item.document.get("name").and_then(Value::as_str) == Some(name))
}

/// Before version 13 the realm and each client had a list of names instead of one composite role.
fn legacy_default_roles(realm: &mut Map<String, Value>, items: &mut [ConfigItem]) -> Option<Value> {
    let of_realm = realm.shift_remove("defaultRoles").filter(Value::is_array);
    let mut of_clients = Map::new();
    for item in items.iter_mut().filter(|item| item.kind == ItemKind::Client) {
        let roles = item.document.as_object_mut().and_then(|fields| fields.shift_remove("defaultRoles"));
        if let Some(roles) = roles.filter(|roles| roles.as_array().is_some_and(|roles| !roles.is_empty())) {
            of_clients.insert(item.name.clone(), roles);
        }
    }
    if of_realm.is_none() && of_clients.is_empty() {
        return None;
    }
    Some(json!({ "realm": of_realm.unwrap_or_else(|| json!([])), "client": of_clients }))
}

fn keys(realm: &mut Map<String, Value>, items: &mut Vec<ConfigItem>, report: &mut ImportReport, entropy: &dyn Entropy) {
    let is_key = |item: &ConfigItem| item.kind == ItemKind::Component && name_of(&item.document, "providerType") == KEY_PROVIDER;
    let private_key = realm.shift_remove("privateKey");
    let certificate = realm.shift_remove("certificate");
    realm.shift_remove("publicKey");
    if let Some(private_key) = private_key.filter(|key| key.as_str().is_some_and(|key| !key.is_empty()))
        && !items.iter().any(is_key)
    {
        report.note(ImportNote::Legacy("privateKey"));
        let mut config = json!({ "privateKey": [private_key], "priority": ["100"], "algorithm": ["RS256"] });
        if let Some(certificate) = certificate.filter(Value::is_string) {
            config["certificate"] = json!([certificate]);
        }
        let document =
            json!({ "id": random_uuid(entropy), "name": "rsa", "providerId": "rsa", "providerType": KEY_PROVIDER, "config": config });
        items.push(item(ItemKind::Component, component_name(&document), document, entropy));
    }
    let of_kind = |item: &ConfigItem, provider: &str, algorithm: Option<&str>| {
        let named = item.document.pointer("/config/algorithm/0").and_then(Value::as_str);
        let flag = |name: &str| item.document.pointer(&format!("/config/{name}/0")).and_then(Value::as_str) != Some("false");
        is_key(item)
            && name_of(&item.document, "providerId") == provider
            && algorithm.is_none_or(|algorithm| named == Some(algorithm))
            && flag("enabled")
            && flag("active")
    };
    // Refresh tokens are made with HS512 since Keycloak 24; older realms have HS256 alone, which goes on verifying.
    if !items.iter().any(|item| of_kind(item, "hmac-generated", Some("HS512"))) {
        report.note(ImportNote::Added("a key for HS512".to_owned()));
        items.push(secret_key("hmac-generated-hs512", "hmac-generated", Some("HS512"), &random_bytes::<128>(entropy), entropy));
    }
}
