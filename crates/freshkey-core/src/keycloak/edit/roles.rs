//! Roles, composites and scope mappings.

use super::{Edit, EditError, checked, ensure_object};
use crate::documents::{ConfigItem, ItemKind, RealmDocuments};
use crate::entropy::Entropy;
use crate::keycloak::defaults::{item, name_of};
use crate::keycloak::export::client_ids;
use crate::keycloak::fields::nearest;
use crate::keycloak::import::container_of;
use crate::keycloak::problems::{Problems, named};
use crate::keycloak::users::{check_name, role_text};
use crate::role::RoleContainer;
use serde_json::{Map, Value, json};

/// A role as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleName {
    /// Realm or client.
    pub container: RoleContainer,
    /// Its name there.
    pub name: String,
}

impl RoleName {
    /// A role of the realm.
    pub fn of_realm(name: &str) -> Self {
        Self { container: RoleContainer::Realm, name: name.to_owned() }
    }

    /// A role of a client.
    pub fn of_client(client_id: &str, name: &str) -> Self {
        Self { container: RoleContainer::Client(client_id.to_owned()), name: name.to_owned() }
    }

    /// `name`, or `client_id/name`. A text that is the name of a realm role as it stands is that; otherwise the longest `client_id` counts,
    /// since both may contain slashes.
    pub fn parse(text: &str, documents: &RealmDocuments) -> Self {
        let whole = Self::of_realm(text);
        if find_role(documents, &whole).is_ok() {
            return whole;
        }
        let is_client = |client_id: &str| documents.items.iter().any(|item| item.kind == ItemKind::Client && item.name == client_id);
        let split = text.match_indices('/').rev().map(|(at, _)| (&text[..at], &text[at + 1..])).find(|(client_id, _)| is_client(client_id));
        split.map_or(whole, |(client_id, name)| Self::of_client(client_id, name))
    }

    fn shown(&self) -> String {
        role_text(&self.container, &self.name)
    }
}

/// Whether something is to be in, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It is to be in.
    In,
    /// It isn't.
    Out,
}

/// What a scope mapping is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappedTo<'a> {
    /// The client with this `client_id`.
    Client(&'a str),
    /// The client scope of this name.
    ClientScope(&'a str),
}

/// Adds a role without composites.
pub fn add_role(documents: &RealmDocuments, role: &RoleName, description: Option<&str>, entropy: &dyn Entropy) -> Result<Edit, EditError> {
    let mut problems = Problems::default();
    check_name("name", &role.name, &mut problems.of(named("role", &role.name)));
    problems.finish(()).map_err(EditError::Refused)?;
    if find_role(documents, role).is_ok() {
        return Err(EditError::Exists(named("role", &role.shown())));
    }
    let (client_role, container_id) = match &role.container {
        RoleContainer::Realm => (false, name_of(&documents.document, "id")),
        RoleContainer::Client(client_id) => (true, super::find(documents, ItemKind::Client, client_id)?.id.clone()),
    };
    let mut document =
        json!({ "name": role.name, "composite": false, "clientRole": client_role, "containerId": container_id, "attributes": {} });
    if let Some(description) = description {
        document["description"] = json!(description);
    }
    let mut item = item(ItemKind::Role, role.shown(), document, entropy);
    // The role "b" of client "a" and the realm role "a/b" are two.
    if documents.items.iter().any(|other| other.kind == ItemKind::Role && other.name == item.name) {
        item.name = format!("{}#{}", item.name, item.id);
    }
    checked(documents, Edit { changed: vec![item], ..Edit::default() })
}

/// Removes a role, and its name from composites, groups and scope mappings. The realm's default role stays.
pub fn remove_role(documents: &RealmDocuments, role: &RoleName) -> Result<Edit, EditError> {
    let item = find_role(documents, role)?;
    let default = documents.document.get("defaultRole").map(|role| name_of(role, "name"));
    if role.container == RoleContainer::Realm && default.as_deref() == Some(&role.name) {
        return Err(EditError::NotApplicable("the default role of a realm can't be removed"));
    }
    let mut edit = Edit { removed: vec![(item.kind, item.id.clone())], ..Edit::default() };
    for other in documents.items.iter().filter(|other| other.id != item.id) {
        let mut document = other.document.clone();
        match other.kind {
            ItemKind::Role => without(document.get_mut("composites"), "realm", "client", role),
            ItemKind::Group => without(Some(&mut document), "realmRoles", "clientRoles", role),
            ItemKind::Client | ItemKind::ClientScope | ItemKind::Component => continue,
        }
        if document != other.document {
            edit.changed.push(ConfigItem { document, ..other.clone() });
        }
    }
    let mut document = documents.document.clone();
    for mapping in mappings_of(&mut document, &role.container) {
        set_name(mapping.get_mut("roles"), &role.name, Membership::Out);
    }
    if document != documents.document {
        edit.document = Some(document);
    }
    checked(documents, edit)
}

/// Puts a role into a composite role, or takes it out.
pub fn set_composite(documents: &RealmDocuments, composite: &RoleName, role: &RoleName, membership: Membership) -> Result<Edit, EditError> {
    let item = find_role(documents, composite)?;
    find_role(documents, role)?;
    let mut document = item.document.clone();
    ensure_object(&document)?;
    if !document["composites"].is_object() {
        document["composites"] = Value::Object(Map::new());
    }
    set_role(&mut document["composites"], "realm", "client", role, membership);
    let is_composite = document["composites"].as_object().into_iter().flatten().any(|(_, names)| !is_bare(names));
    document["composite"] = json!(is_composite);
    checked(documents, Edit { changed: vec![ConfigItem { document, ..item.clone() }], ..Edit::default() })
}

/// Puts a role in reach of a client or client scope, or takes it out.
pub fn set_scope_mapping(documents: &RealmDocuments, of: MappedTo<'_>, role: &RoleName, membership: Membership) -> Result<Edit, EditError> {
    find_role(documents, role)?;
    let (field, name) = match of {
        MappedTo::Client(client_id) => ("client", super::find(documents, ItemKind::Client, client_id)?.name.as_str()),
        MappedTo::ClientScope(scope) => ("clientScope", super::find(documents, ItemKind::ClientScope, scope)?.name.as_str()),
    };
    let mut document = documents.document.clone();
    ensure_object(&document)?;
    let list = match &role.container {
        RoleContainer::Realm => &mut document["scopeMappings"],
        RoleContainer::Client(client_id) => {
            if !document["clientScopeMappings"].is_object() {
                document["clientScopeMappings"] = Value::Object(Map::new());
            }
            &mut document["clientScopeMappings"][client_id]
        }
    };
    if !list.is_array() {
        *list = json!([]);
    }
    if let Some(mappings) = list.as_array_mut() {
        match mappings.iter_mut().find(|mapping| mapping.get(field).and_then(Value::as_str) == Some(name)) {
            Some(mapping) => set_name(mapping.get_mut("roles"), &role.name, membership),
            None if membership == Membership::In => mappings.push(json!({ field: name, "roles": [role.name] })),
            None => {}
        }
        mappings.retain(|mapping| mapping.get("roles").is_some_and(|roles| !is_bare(roles)));
    }
    checked(documents, Edit { document: Some(document), ..Edit::default() })
}

/// Finds a role item by container and name.
pub(super) fn find_role<'d>(documents: &'d RealmDocuments, role: &RoleName) -> Result<&'d ConfigItem, EditError> {
    let client_ids = client_ids(documents);
    let roles = || documents.items.iter().filter(|item| item.kind == ItemKind::Role);
    let is_it = |item: &&ConfigItem| {
        item.document.get("name").and_then(Value::as_str) == Some(&role.name)
            && container_of(item, &client_ids).as_ref() == Some(&role.container)
    };
    roles().find(is_it).ok_or_else(|| {
        let shown = role.shown();
        let nearest = nearest(roles().map(|item| item.name.as_str()), &shown).map(str::to_owned);
        EditError::NotFound { what: named("role", &shown), nearest }
    })
}

/// Puts a role into an object with a list of realm roles and an object of client roles, or takes it out.
pub(super) fn set_role(holder: &mut Value, realm: &str, client: &str, role: &RoleName, membership: Membership) {
    if !holder.is_object() {
        return;
    }
    match (&role.container, membership) {
        (_, Membership::Out) => without(Some(holder), realm, client, role),
        (RoleContainer::Realm, Membership::In) => {
            if !holder[realm].is_array() {
                holder[realm] = json!([]);
            }
            set_name(holder.get_mut(realm), &role.name, membership);
        }
        (RoleContainer::Client(client_id), Membership::In) => {
            if !holder[client].is_object() {
                holder[client] = Value::Object(Map::new());
            }
            if !holder[client][client_id].is_array() {
                holder[client][client_id] = json!([]);
            }
            set_name(holder[client].get_mut(client_id), &role.name, membership);
        }
    }
}

/// Takes a role out of an object with a list of realm roles and an object of client roles.
fn without(holder: Option<&mut Value>, realm: &str, client: &str, role: &RoleName) {
    let list = match &role.container {
        RoleContainer::Realm => holder.and_then(|holder| holder.get_mut(realm)),
        RoleContainer::Client(client_id) => {
            holder.and_then(|holder| holder.get_mut(client)).and_then(|by_client| by_client.get_mut(client_id))
        }
    };
    set_name(list, &role.name, Membership::Out);
}

fn set_name(list: Option<&mut Value>, name: &str, membership: Membership) {
    let Some(list) = list.and_then(Value::as_array_mut) else { return };
    match membership {
        Membership::Out => list.retain(|entry| entry != name),
        Membership::In if list.iter().any(|entry| entry == name) => {}
        Membership::In => list.push(json!(name)),
    }
}

/// The scope mappings of the roles of one container.
fn mappings_of<'v>(document: &'v mut Value, container: &RoleContainer) -> impl Iterator<Item = &'v mut Value> {
    let list = match container {
        RoleContainer::Realm => document.get_mut("scopeMappings"),
        RoleContainer::Client(client_id) => document.get_mut("clientScopeMappings").and_then(|by_client| by_client.get_mut(client_id)),
    };
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Whether there is no name in a list, or in any list of an object.
fn is_bare(names: &Value) -> bool {
    match names {
        Value::Array(names) => names.is_empty(),
        Value::Object(by_client) => by_client.values().all(is_bare),
        _ => true,
    }
}
