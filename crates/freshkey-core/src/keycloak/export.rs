//! Documents and users back to one realm in the shape of Keycloak's exports. What an import took comes out again; derived fields
//! (`path`, `parentId`) are written afresh, and lists are sorted by name as far as order means nothing.

use super::defaults::name_of;
use super::import::{MOVE_FIELDS, SERVICE_ACCOUNT_FIELD, container_of};
use super::secrets;
use crate::documents::{ConfigItem, ItemKind, RealmDocuments};
use crate::role::RoleContainer;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// A realm with all its secrets, without users. They go into the list `users`, one by one ([`super::users::write_user`]).
pub fn export_realm(documents: &RealmDocuments) -> Map<String, Value> {
    let mut document = documents.document.clone();
    if let Some(item) = documents.items.iter().find(|item| secrets::is_realm_secrets(item)) {
        secrets::merge_item(item, &mut document);
    }
    let Value::Object(mut realm) = document else { return Map::new() };
    MOVE_FIELDS.iter().for_each(|field| drop(realm.shift_remove(*field)));
    realm.insert("roles".to_owned(), roles(documents));
    realm.insert("groups".to_owned(), groups(documents));
    realm.insert("clients".to_owned(), sorted(documents, ItemKind::Client).map(export_client).collect());
    realm.insert("clientScopes".to_owned(), sorted(documents, ItemKind::ClientScope).map(secrets::whole).collect());
    realm.insert("components".to_owned(), components(documents));
    realm
}

/// A client as the administration API and exports show it, its secrets included.
pub fn export_client(item: &ConfigItem) -> Value {
    let mut client = secrets::whole(item);
    if let Some(fields) = client.as_object_mut() {
        fields.shift_remove(SERVICE_ACCOUNT_FIELD);
    }
    client
}

/// The items of a kind by name.
fn sorted(documents: &RealmDocuments, kind: ItemKind) -> impl Iterator<Item = &ConfigItem> {
    let mut items: Vec<&ConfigItem> = documents.items.iter().filter(|item| item.kind == kind).collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    items.into_iter()
}

fn roles(documents: &RealmDocuments) -> Value {
    let client_ids = client_ids(documents);
    let mut of_realm = Vec::new();
    let mut of_clients: BTreeMap<&str, Vec<Value>> = client_ids.values().map(|client_id| (client_id.as_str(), Vec::new())).collect();
    for item in sorted(documents, ItemKind::Role) {
        match container_of(item, &client_ids) {
            Some(RoleContainer::Realm) => of_realm.push(item.document.clone()),
            Some(RoleContainer::Client(client_id)) => {
                if let Some(list) = of_clients.get_mut(client_id.as_str()) {
                    list.push(item.document.clone());
                }
            }
            None => {}
        }
    }
    json!({ "realm": of_realm, "client": of_clients })
}

/// `client_id` by id.
pub(crate) fn client_ids(documents: &RealmDocuments) -> BTreeMap<String, String> {
    let clients = documents.items.iter().filter(|item| item.kind == ItemKind::Client);
    clients.map(|item| (item.id.clone(), name_of(&item.document, "clientId"))).collect()
}

fn groups(documents: &RealmDocuments) -> Value {
    let mut tree = Tree::new(sorted(documents, ItemKind::Group));
    tree.roots().into_iter().map(|item| tree.group(item, "", 0)).collect()
}

fn components(documents: &RealmDocuments) -> Value {
    let mut tree = Tree::new(sorted(documents, ItemKind::Component).filter(|item| !secrets::is_realm_secrets(item)));
    let roots = tree.roots();
    tree.components(roots, 0)
}

/// Flat items that name their parents, as a tree.
struct Tree<'a> {
    below: HashMap<&'a str, Vec<&'a ConfigItem>>,
    roots: Vec<&'a ConfigItem>,
}

impl<'a> Tree<'a> {
    fn new(items: impl Iterator<Item = &'a ConfigItem>) -> Self {
        let items: Vec<&ConfigItem> = items.collect();
        let known: HashMap<&str, &ConfigItem> = items.iter().map(|item| (item.id.as_str(), *item)).collect();
        let mut tree = Self { below: HashMap::new(), roots: Vec::new() };
        for item in items {
            match item.document.get("parentId").and_then(Value::as_str).filter(|parent| known.contains_key(parent)) {
                Some(parent) => tree.below.entry(parent).or_default().push(item),
                None => tree.roots.push(item),
            }
        }
        tree
    }

    fn roots(&mut self) -> Vec<&'a ConfigItem> {
        std::mem::take(&mut self.roots)
    }

    /// What is below an item; each is handed out once, so that a circle ends.
    fn take_below(&mut self, item: &ConfigItem) -> Vec<&'a ConfigItem> {
        self.below.remove(item.id.as_str()).unwrap_or_default()
    }

    fn group(&mut self, item: &'a ConfigItem, parent_path: &str, depth: usize) -> Value {
        let mut group = item.document.clone();
        let path = format!("{parent_path}/{}", name_of(&group, "name"));
        let below = if depth < crate::limits::CONFIG_DEPTH_MAX { self.take_below(item) } else { Vec::new() };
        let below: Vec<Value> = below.into_iter().map(|item| self.group(item, &path, depth + 1)).collect();
        if let Some(fields) = group.as_object_mut() {
            fields.insert("path".to_owned(), json!(path));
            fields.insert("subGroups".to_owned(), Value::Array(below));
        }
        group
    }

    fn components(&mut self, items: Vec<&'a ConfigItem>, depth: usize) -> Value {
        let mut by_type: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for item in items {
            let mut component = secrets::whole(item);
            let provider_type = name_of(&component, "providerType");
            let below = if depth < crate::limits::CONFIG_DEPTH_MAX { self.take_below(item) } else { Vec::new() };
            let below = self.components(below, depth + 1);
            if let Some(fields) = component.as_object_mut() {
                // The type is the name of the list, and the parent is the one around it.
                fields.shift_remove("providerType");
                fields.shift_remove("parentId");
                fields.insert("subComponents".to_owned(), below);
            }
            by_type.entry(provider_type).or_default().push(component);
        }
        json!(by_type)
    }
}

#[cfg(test)]
mod tests;
