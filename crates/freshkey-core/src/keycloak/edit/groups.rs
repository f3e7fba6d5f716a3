//! Groups: the tree, roles and attributes.

use super::roles::{Membership, RoleName, find_role, set_role};
use super::{Edit, EditError, checked, ensure_object, find};
use crate::documents::{ConfigItem, ItemKind, RealmDocuments};
use crate::entropy::Entropy;
use crate::keycloak::defaults::item;
use crate::keycloak::problems::{Problems, named};
use crate::keycloak::users::check_name;
use serde_json::{Map, Value, json};

/// Roles that a group is to have, or to have no more.
#[derive(Debug, Clone, Copy)]
pub struct GroupRoles<'a> {
    /// The roles.
    pub roles: &'a [RoleName],
    /// Which of both.
    pub membership: Membership,
}

/// Adds a group by its path, `/parent/child`; the parent has to exist.
pub fn add_group(documents: &RealmDocuments, path: &str, entropy: &dyn Entropy) -> Result<Edit, EditError> {
    let (parent_path, name) = path.rsplit_once('/').unwrap_or_default();
    let mut problems = Problems::default();
    check_name("name", name, &mut problems.of(named("group", path)));
    problems.finish(()).map_err(EditError::Refused)?;
    if find(documents, ItemKind::Group, path).is_ok() {
        return Err(EditError::Exists(named("group", path)));
    }
    let mut document = json!({ "name": name, "attributes": {}, "realmRoles": [], "clientRoles": {} });
    if !parent_path.is_empty() {
        document["parentId"] = json!(find(documents, ItemKind::Group, parent_path)?.id);
    }
    checked(documents, Edit { changed: vec![item(ItemKind::Group, path.to_owned(), document, entropy)], ..Edit::default() })
}

/// Removes a group and all groups below.
pub fn remove_group(documents: &RealmDocuments, path: &str) -> Result<Edit, EditError> {
    let group = find(documents, ItemKind::Group, path)?;
    let below = format!("{path}/");
    let goes = |item: &&ConfigItem| item.kind == ItemKind::Group && (item.id == group.id || item.name.starts_with(&below));
    let removed = documents.items.iter().filter(goes).map(|item| (item.kind, item.id.clone())).collect();
    checked(documents, Edit { removed, ..Edit::default() })
}

/// Gives roles to a group, or takes them away.
pub fn set_group_roles(documents: &RealmDocuments, path: &str, change: GroupRoles<'_>) -> Result<Edit, EditError> {
    let group = find(documents, ItemKind::Group, path)?;
    let mut document = group.document.clone();
    ensure_object(&document)?;
    for role in change.roles {
        find_role(documents, role)?;
        set_role(&mut document, "realmRoles", "clientRoles", role, change.membership);
    }
    checked(documents, Edit { changed: vec![ConfigItem { document, ..group.clone() }], ..Edit::default() })
}

/// Sets an attribute of a group; without values it is removed.
pub fn set_group_attribute(documents: &RealmDocuments, path: &str, name: &str, values: &[&str]) -> Result<Edit, EditError> {
    let group = find(documents, ItemKind::Group, path)?;
    let mut document = group.document.clone();
    ensure_object(&document)?;
    if !document["attributes"].is_object() {
        document["attributes"] = Value::Object(Map::new());
    }
    if let Some(attributes) = document["attributes"].as_object_mut() {
        if values.is_empty() {
            attributes.shift_remove(name);
        } else {
            attributes.insert(name.to_owned(), json!(values));
        }
    }
    checked(documents, Edit { changed: vec![ConfigItem { document, ..group.clone() }], ..Edit::default() })
}
