//! Takes the lists out of a realm's fields and makes items of their entries.

use super::{ImportNote, ImportReport, SERVICE_ACCOUNT_FIELD, twice};
use crate::documents::{ConfigItem, ItemKind};
use crate::entropy::Entropy;
use crate::keycloak::defaults::{component_name, ensure_id, item, name_of, random_client_secret};
use crate::keycloak::fields::{self, Field};
use crate::keycloak::problems::{Problems, named};
use crate::keycloak::representation::{
    ClientRepresentation, ClientScopeRepresentation, ComponentRepresentation, GroupRepresentation, RoleRepresentation,
};
use crate::keycloak::secrets::MASK;
use crate::keycloak::users::check_name;
use crate::limits::{CONFIG_DEPTH_MAX, CONFIG_ITEMS_MAX};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The items of a realm; what they are made from is gone from its fields.
pub(super) fn take(
    realm: &mut Map<String, Value>,
    report: &mut ImportReport,
    problems: &mut Problems,
    entropy: &dyn Entropy,
) -> Vec<ConfigItem> {
    let mut taker = Taker { report, problems, entropy, items: Vec::new(), names: HashSet::new(), ids: HashSet::new() };
    taker.clients(realm);
    taker.client_scopes(realm);
    taker.roles(realm);
    taker.groups(realm);
    taker.components(realm);
    taker.items
}

struct Taker<'a> {
    report: &'a mut ImportReport,
    problems: &'a mut Problems,
    entropy: &'a dyn Entropy,
    items: Vec<ConfigItem>,
    names: HashSet<(ItemKind, String)>,
    ids: HashSet<(ItemKind, String)>,
}

impl Taker<'_> {
    fn clients(&mut self, realm: &mut Map<String, Value>) {
        let mut clients = self.list(realm, "clients", "realm");
        for legacy in ["applications", "oauthClients"] {
            let list = self.list(realm, legacy, "realm");
            if !list.is_empty() {
                self.report.note(ImportNote::Legacy(legacy));
            }
            clients.extend(list.into_iter().map(|client| from_application(client, legacy)));
        }
        for mut client in clients {
            let client_id = name_of(&client, "clientId");
            self.sight::<ClientRepresentation>(&client, "clients[]", fields::CLIENT, &named("client", &client_id));
            if let Some(fields) = client.as_object_mut() {
                // Only this server says which user stands for a client.
                fields.shift_remove(SERVICE_ACCOUNT_FIELD);
            }
            if needs_secret(&client) {
                client["secret"] = json!(random_client_secret(self.entropy).expose());
                self.report.note(ImportNote::NewClientSecret(client_id.clone()));
            }
            self.add(ItemKind::Client, client_id.clone(), "clientId", &client_id, client);
        }
    }

    fn client_scopes(&mut self, realm: &mut Map<String, Value>) {
        for scope in self.list(realm, "clientScopes", "realm") {
            let name = name_of(&scope, "name");
            self.sight::<ClientScopeRepresentation>(&scope, "clientScopes[]", fields::CLIENT_SCOPE, &named("client scope", &name));
            self.add(ItemKind::ClientScope, name.clone(), "name", &name, scope);
        }
    }

    fn roles(&mut self, realm: &mut Map<String, Value>) {
        let Some(mut roles) = self.object(realm, "roles", "realm") else { return };
        for role in self.list(&mut roles, "realm", "roles") {
            let name = name_of(&role, "name");
            self.role(name.clone(), &name, role);
        }
        for (field, legacy) in [("client", false), ("application", true)] {
            let Some(by_client) = self.object(&mut roles, field, "roles") else { continue };
            if legacy {
                self.report.note(ImportNote::Legacy("roles.application"));
            }
            for (client_id, list) in by_client {
                self.client_roles(&client_id, list);
            }
        }
    }

    fn client_roles(&mut self, client_id: &str, list: Value) {
        let id = self.items.iter().find(|item| item.kind == ItemKind::Client && item.name == client_id).map(|item| item.id.clone());
        let Some(id) = id else {
            self.problems.of("roles".to_owned()).broken("client", format!("{client_id:.100?}"), "the clientId of a client in the file");
            return;
        };
        let Value::Array(list) = list else {
            self.problems.of("roles".to_owned()).broken("client", "something else".to_owned(), "a list of roles");
            return;
        };
        for mut role in list {
            if !role.is_object() {
                self.problems.of("roles".to_owned()).broken("client", "something else".to_owned(), "a list of roles");
                continue;
            }
            role["clientRole"] = json!(true);
            role["containerId"] = json!(id);
            let name = name_of(&role, "name");
            self.role(format!("{client_id}/{name}"), &name, role);
        }
    }

    fn role(&mut self, item_name: String, name: &str, mut role: Value) {
        self.sight::<RoleRepresentation>(&role, "roles[]", fields::ROLE, &named("role", &item_name));
        // The role "b" of client "a" and the realm role "a/b" are two.
        let taken = self.names.contains(&(ItemKind::Role, item_name.clone()));
        let same_container = taken && self.items.iter().any(|item| item.kind == ItemKind::Role && same_role(&item.document, &role));
        let item_name = if taken && !same_container { format!("{item_name}#{}", ensure_id(&mut role, self.entropy)) } else { item_name };
        self.add(ItemKind::Role, item_name, "name", name, role);
    }

    fn groups(&mut self, realm: &mut Map<String, Value>) {
        let mut open: Vec<(Value, String, Option<String>, usize)> =
            self.list(realm, "groups", "realm").into_iter().rev().map(|group| (group, String::new(), None, 0)).collect();
        while let Some((mut group, parent_path, parent_id, depth)) = open.pop() {
            let name = name_of(&group, "name");
            let path = format!("{parent_path}/{name}");
            self.sight::<GroupRepresentation>(&group, "groups[]", fields::GROUP, &named("group", &path));
            let Some(fields) = group.as_object_mut() else {
                self.problems.of("groups".to_owned()).broken("groups", "something else".to_owned(), "a list of groups");
                continue;
            };
            let below = self.list(fields, "subGroups", "group");
            // These follow from the tree.
            for derived in ["path", "subGroupCount", "parentId"] {
                fields.shift_remove(derived);
            }
            if let Some(parent_id) = parent_id {
                fields.insert("parentId".to_owned(), json!(parent_id));
            }
            if depth >= CONFIG_DEPTH_MAX {
                self.problems.of(named("group", &path)).broken("subGroups", "nested too deeply".to_owned(), "at most 100 levels");
                continue;
            }
            let Some(id) = self.add(ItemKind::Group, path.clone(), "name", &name, group) else { continue };
            open.extend(below.into_iter().rev().map(|group| (group, path.clone(), Some(id.clone()), depth + 1)));
        }
    }

    fn components(&mut self, realm: &mut Map<String, Value>) {
        let Some(by_type) = self.object(realm, "components", "realm") else { return };
        let mut open: Vec<(String, Value, Option<String>, usize)> = vec![];
        let spread = |by_type: Map<String, Value>, parent: Option<&String>, depth: usize, open: &mut Vec<_>| {
            for (provider_type, list) in by_type.into_iter().rev() {
                match list {
                    Value::Array(list) => {
                        open.extend(list.into_iter().rev().map(|component| (provider_type.clone(), component, parent.cloned(), depth)));
                    }
                    other => open.push((provider_type, other, parent.cloned(), depth)),
                }
            }
        };
        spread(by_type, None, 0, &mut open);
        while let Some((provider_type, mut component, parent_id, depth)) = open.pop() {
            self.sight::<ComponentRepresentation>(
                &component,
                "components[]",
                fields::COMPONENT,
                &named("component", &name_of(&component, "name")),
            );
            let Some(fields) = component.as_object_mut() else {
                self.problems.of(named("component", &provider_type)).broken(
                    "components",
                    "something else".to_owned(),
                    "a list of components",
                );
                continue;
            };
            let below = self.object(fields, "subComponents", "component").unwrap_or_default();
            fields.insert("providerType".to_owned(), json!(provider_type));
            fields.shift_remove("parentId");
            if let Some(parent_id) = parent_id {
                fields.insert("parentId".to_owned(), json!(parent_id));
            }
            let item = item(ItemKind::Component, String::new(), component, self.entropy);
            let (name, id) = (component_name(&item.document), item.id.clone());
            self.push(ConfigItem { name, ..item }, "id");
            if depth < CONFIG_DEPTH_MAX {
                spread(below, Some(&id), depth + 1, &mut open);
            } else if !below.is_empty() {
                self.problems.of(named("component", &id)).broken("subComponents", "nested too deeply".to_owned(), "at most 100 levels");
            }
        }
    }

    /// Makes an item; the id that it has now, unless it is broken.
    fn add(&mut self, kind: ItemKind, item_name: String, field: &str, name: &str, document: Value) -> Option<String> {
        if !document.is_object() {
            self.problems.of(kind.as_str().to_owned()).broken("document", "something else".to_owned(), "an object");
            return None;
        }
        check_name(field, name, &mut self.problems.of(named(kind.as_str(), &item_name)));
        let item = item(kind, item_name, document, self.entropy);
        let id = item.id.clone();
        self.push(item, field);
        Some(id)
    }

    fn push(&mut self, item: ConfigItem, field: &str) {
        check_name("id", &item.id, &mut self.problems.of(named(item.kind.as_str(), &item.name)));
        if !self.names.insert((item.kind, item.name.clone())) {
            self.problems.broken.push(twice(item.kind.as_str(), field, &item.name));
        } else if !self.ids.insert((item.kind, item.id.clone())) {
            self.problems.broken.push(twice(item.kind.as_str(), "id", &item.name));
        } else if self.items.len() >= CONFIG_ITEMS_MAX {
            self.problems.of("realm".to_owned()).broken(item.kind.as_str(), "more".to_owned(), "at most a million things");
        } else {
            self.items.push(item);
        }
    }

    fn sight<'de, T: Deserialize<'de>>(&mut self, document: &'de Value, place: &str, known: &[Field], item: &str) {
        self.report.sight::<T>(document, place, known, item);
    }

    fn list(&mut self, from: &mut Map<String, Value>, field: &str, place: &str) -> Vec<Value> {
        match from.shift_remove(field) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.problems.of(place.to_owned()).broken(field, "something else".to_owned(), "a list");
                Vec::new()
            }
        }
    }

    fn object(&mut self, from: &mut Map<String, Value>, field: &str, place: &str) -> Option<Map<String, Value>> {
        match from.shift_remove(field) {
            None | Some(Value::Null) => None,
            Some(Value::Object(object)) => Some(object),
            Some(_) => {
                self.problems.of(place.to_owned()).broken(field, "something else".to_owned(), "an object");
                None
            }
        }
    }
}

/// Whether a client authenticates by a secret that the file doesn't have. Keycloak would take its own mask for a secret; we don't.
fn needs_secret(client: &Value) -> bool {
    let flag = |name: &str| matches!(client.get(name), Some(Value::Bool(true))) || client.get(name).and_then(Value::as_str) == Some("true");
    let authenticator = client.get("clientAuthenticatorType").and_then(Value::as_str).unwrap_or("client-secret");
    let protocol = client.get("protocol").and_then(Value::as_str).unwrap_or("openid-connect");
    let secret = client.get("secret").and_then(Value::as_str).unwrap_or_default();
    client.is_object()
        && protocol == "openid-connect"
        && matches!(authenticator, "client-secret" | "client-secret-jwt")
        && !flag("publicClient")
        && !flag("bearerOnly")
        && (secret.is_empty() || secret == MASK)
}

/// Before version 1.2 clients were applications and OAuth clients, and their `clientId` was `name`.
fn from_application(mut client: Value, legacy: &str) -> Value {
    if let Some(fields) = client.as_object_mut() {
        if !fields.contains_key("clientId")
            && let Some(name) = fields.shift_remove("name")
        {
            fields.insert("clientId".to_owned(), name);
        }
        if legacy == "oauthClients" {
            fields.entry("consentRequired").or_insert(json!(true));
        }
    }
    client
}

fn same_role(one: &Value, other: &Value) -> bool {
    let client = |role: &Value| (role.get("clientRole") == Some(&Value::Bool(true))).then(|| name_of(role, "containerId"));
    name_of(one, "name") == name_of(other, "name") && client(one) == client(other)
}
