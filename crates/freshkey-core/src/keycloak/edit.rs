//! What an administrator changes: functions from the documents of a realm to the documents that are to be written. Each one reads the
//! realm as it would be, so that no change can be stored that the server could not act upon.

mod assign;
mod clients;
mod groups;
mod keys;
mod roles;
mod user;

pub use clients::{
    ScopeAssignment, add_client, assign_scope, client_secret, enable_service_account, make_confidential, make_public, remove_client,
    rotate_client_secret, set_client,
};
pub use groups::{GroupRoles, add_group, remove_group, set_group_attribute, set_group_roles};
pub use keys::{KeyUse, add_key, retire_active_keys, set_key_use};
pub use roles::{MappedTo, Membership, RoleName, add_role, remove_role, set_composite, set_scope_mapping};
pub use user::{UserChange, change_user, new_user};

use super::build_realm;
use super::problems::{ConfigError, ConfigWarning, named};
use super::secrets;
use crate::documents::{ConfigItem, ItemKind, RealmDocuments};
use crate::realm::Realm;
use serde_json::Value;
use std::fmt;

/// What is to be written, in one transaction.
#[derive(Debug, Default)]
#[must_use]
pub struct Edit {
    /// The realm's own fields, if they changed.
    pub document: Option<Value>,
    /// Items to insert or replace, by kind and id.
    pub changed: Vec<ConfigItem>,
    /// Items to delete.
    pub removed: Vec<(ItemKind, String)>,
    /// What the realm asks for and this server can't do, after the change.
    pub warnings: Vec<ConfigWarning>,
}

/// Why a change isn't made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// There is no such thing.
    NotFound {
        /// What was looked for, with its name.
        what: String,
        /// A name that exists and looks alike.
        nearest: Option<String>,
    },
    /// There is one already.
    Exists(String),
    /// No field of this name.
    UnknownField {
        /// As given.
        field: String,
        /// A name that exists and looks alike.
        nearest: Option<&'static str>,
    },
    /// The field is changed in another way, or never.
    FixedField(String),
    /// The text isn't a value of the field.
    BadValue {
        /// Which field.
        field: String,
        /// What its values look like.
        expected: &'static str,
    },
    /// The change doesn't apply to this thing; why.
    NotApplicable(&'static str),
    /// With the change the realm could not be read.
    Refused(ConfigError),
}

impl fmt::Display for EditError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { what, nearest } => {
                write!(formatter, "there is no {what}")?;
                nearest.as_ref().map_or(Ok(()), |nearest| write!(formatter, "; did you mean {nearest}?"))
            }
            Self::Exists(what) => write!(formatter, "there is a {what} already"),
            Self::UnknownField { field, nearest } => {
                write!(formatter, "there is no field {field}")?;
                nearest.map_or(Ok(()), |nearest| write!(formatter, "; did you mean {nearest}?"))
            }
            Self::FixedField(field) => write!(formatter, "{field} can't be changed as a field"),
            Self::BadValue { field, expected } => write!(formatter, "{field}: expected {expected}"),
            Self::NotApplicable(reason) => formatter.write_str(reason),
            Self::Refused(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for EditError {}

/// Sets fields of the realm itself: `accessTokenLifespan=600`, `attributes.frontendUrl=https://…`. An empty text removes a field, and
/// Keycloak's default holds again.
pub fn set_realm(documents: &RealmDocuments, assignments: &[(&str, &str)]) -> Result<Edit, EditError> {
    const FIXED: [&str; 6] = ["id", "realm", "defaultRole", "scopeMappings", "clientScopeMappings", "keycloakVersion"];
    let sealed = documents.items.iter().find(|item| secrets::is_realm_secrets(item));
    let mut document = documents.document.clone();
    if let Some(item) = sealed {
        secrets::merge_item(item, &mut document);
    }
    assign::assign(&mut document, assignments, super::fields::REALM, &FIXED)?;
    let mut edit = Edit::default();
    match secrets::split_realm(&mut document) {
        Some(item) => edit.changed.push(item),
        None => edit.removed.extend(sealed.map(|item| (item.kind, item.id.clone()))),
    }
    edit.document = Some(document);
    checked(documents, edit)
}

/// Reads the realm as it would be.
fn checked(documents: &RealmDocuments, mut edit: Edit) -> Result<Edit, EditError> {
    let (_, warnings) = build_realm(&applied(documents, &edit)).map_err(EditError::Refused)?;
    edit.warnings = warnings;
    Ok(edit)
}

/// The documents with a change made.
pub fn applied(documents: &RealmDocuments, edit: &Edit) -> RealmDocuments {
    let replaced = |item: &&ConfigItem| {
        !edit.changed.iter().any(|new| new.kind == item.kind && new.id == item.id)
            && !edit.removed.iter().any(|(kind, id)| *kind == item.kind && *id == item.id)
    };
    RealmDocuments {
        key: documents.key,
        version: documents.version,
        name: documents.name.clone(),
        document: edit.document.as_ref().unwrap_or(&documents.document).clone(),
        items: documents.items.iter().filter(replaced).chain(&edit.changed).cloned().collect(),
    }
}

/// An item with its secrets split off again.
fn resealed(item: &ConfigItem, mut whole: Value) -> ConfigItem {
    let sealed = secrets::split(item.kind, &mut whole);
    ConfigItem { document: whole, secrets: sealed, ..item.clone() }
}

/// The document of an item with its secrets.
fn whole(item: &ConfigItem) -> Result<Value, EditError> {
    let document = secrets::whole(item);
    ensure_object(&document)?;
    Ok(document)
}

/// Documents are objects since they were read when they were stored; one that isn't must not end the process.
fn ensure_object(document: &Value) -> Result<(), EditError> {
    if document.is_object() { Ok(()) } else { Err(EditError::NotApplicable("the document isn't an object")) }
}

/// Finds an item by the name that people use.
fn find<'d>(documents: &'d RealmDocuments, kind: ItemKind, name: &str) -> Result<&'d ConfigItem, EditError> {
    let of_kind = || documents.items.iter().filter(move |item| item.kind == kind);
    of_kind().find(|item| item.name == name).ok_or_else(|| EditError::NotFound {
        what: named(&kind.as_str().replace('-', " "), name),
        nearest: super::fields::nearest(of_kind().map(|item| item.name.as_str()), name).map(str::to_owned),
    })
}

/// The realm as it is; its documents were readable when they were stored.
fn present(documents: &RealmDocuments) -> Result<Realm, EditError> {
    build_realm(documents).map(|(realm, _)| realm).map_err(EditError::Refused)
}

#[cfg(test)]
mod tests;
