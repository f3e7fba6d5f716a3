//! What an administrator changes of a user.

use super::{EditError, RoleName};
use crate::documents::{RealmDocuments, UserRecord};
use crate::entropy::{Entropy, random_uuid};
use crate::ids::{GroupKey, RoleKey, UserKey};
use crate::keycloak::fields::nearest;
use crate::keycloak::import::default_role;
use crate::keycloak::problems::{Problems, named};
use crate::keycloak::users::{check_name, role_text};
use crate::realm::Realm;
use crate::time::{EpochSeconds, Now};
use crate::user::User;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One change of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// Gives a role.
    AddRole(RoleName),
    /// Takes a direct role away. One that the user has by a group or composite stays.
    RemoveRole(RoleName),
    /// Makes the user a member of the group with this path.
    AddGroup(String),
    /// Ends the direct membership.
    RemoveGroup(String),
    /// Sets an attribute to these values; none removes it.
    Attribute(String, Vec<String>),
    /// Sets or removes the address, which isn't proven then.
    Email(Option<String>),
    /// Says whether the address is proven.
    EmailVerified(bool),
    /// Sets or removes the given name.
    FirstName(Option<String>),
    /// Sets or removes the family name.
    LastName(Option<String>),
    /// Switches the user on or off.
    Enabled(bool),
    /// What the user must do before signing in.
    AddRequiredAction(String),
    /// What the user need not do any more.
    RemoveRequiredAction(String),
    /// Tokens issued before this are dead.
    NotBefore(EpochSeconds),
}

/// A new user with the realm's default role and default groups, enabled, without a password.
pub fn new_user(
    documents: &RealmDocuments,
    realm: &Realm,
    username: &str,
    now: Now,
    entropy: &dyn Entropy,
) -> Result<UserRecord, EditError> {
    let username = username.to_lowercase();
    checked_name("username", &username)?;
    let id = random_uuid(entropy);
    let default_groups = documents.document.get("defaultGroups").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let user = User {
        key: UserKey::of(&id),
        id,
        username,
        email: None,
        email_verified: false,
        first_name: None,
        last_name: None,
        enabled: true,
        not_before: 0,
        created_at_ms: now.milliseconds(),
        attributes: BTreeMap::new(),
        required_actions: Vec::new(),
        service_account_of: None,
        roles: default_role(documents).into_iter().collect(),
        groups: default_groups.filter_map(|path| realm.groups.find(path)).map(|node| node.group.key).collect(),
    };
    Ok(UserRecord { user, credentials: Vec::new(), other: Value::Object(Map::new()) })
}

/// Makes changes to a user, all or none.
pub fn change_user(realm: &Realm, user: &User, changes: &[UserChange]) -> Result<User, EditError> {
    let mut changed = user.clone();
    for change in changes {
        apply(realm, &mut changed, change)?;
    }
    Ok(changed)
}

fn apply(realm: &Realm, user: &mut User, change: &UserChange) -> Result<(), EditError> {
    match change {
        UserChange::AddRole(role) => add(&mut user.roles, role_key(realm, role)?),
        UserChange::RemoveRole(role) => {
            let key = role_key(realm, role)?;
            user.roles.retain(|own| *own != key);
        }
        UserChange::AddGroup(path) => add(&mut user.groups, group_key(realm, path)?),
        UserChange::RemoveGroup(path) => {
            let key = group_key(realm, path)?;
            user.groups.retain(|own| *own != key);
        }
        UserChange::Attribute(name, values) => {
            checked_name("attribute", name)?;
            if values.is_empty() {
                user.attributes.remove(name);
            } else {
                user.attributes.insert(name.clone(), values.clone());
            }
        }
        UserChange::Email(email) => {
            let email = email.as_ref().map(|email| email.to_lowercase());
            if let Some(email) = &email {
                checked_name("email", email)?;
                if !email.contains('@') {
                    return Err(EditError::BadValue { field: "email".to_owned(), expected: "an address with @" });
                }
            }
            // A proof was one of the address before.
            user.email_verified &= user.email == email;
            user.email = email;
        }
        UserChange::EmailVerified(verified) => user.email_verified = *verified,
        UserChange::FirstName(name) => user.first_name = checked_text("firstName", name.as_deref())?,
        UserChange::LastName(name) => user.last_name = checked_text("lastName", name.as_deref())?,
        UserChange::Enabled(enabled) => user.enabled = *enabled,
        UserChange::AddRequiredAction(action) => {
            checked_name("requiredActions", action)?;
            add(&mut user.required_actions, action.clone());
        }
        UserChange::RemoveRequiredAction(action) => user.required_actions.retain(|own| own != action),
        UserChange::NotBefore(time) => user.not_before = (*time).max(0),
    }
    Ok(())
}

fn add<T: PartialEq>(list: &mut Vec<T>, entry: T) {
    if !list.contains(&entry) {
        list.push(entry);
    }
}

fn role_key(realm: &Realm, role: &RoleName) -> Result<RoleKey, EditError> {
    let index = realm.roles.find(&role.container, &role.name);
    index.map(|index| realm.roles.role(index).key).ok_or_else(|| {
        let shown = role_text(&role.container, &role.name);
        let names: Vec<String> = realm.roles.iter().map(|role| role_text(&role.container, &role.name)).collect();
        EditError::NotFound { what: named("role", &shown), nearest: nearest(names.iter().map(String::as_str), &shown).map(str::to_owned) }
    })
}

fn group_key(realm: &Realm, path: &str) -> Result<GroupKey, EditError> {
    let node = realm.groups.find(path);
    node.map(|node| node.group.key).ok_or_else(|| EditError::NotFound {
        what: named("group", path),
        nearest: nearest(realm.groups.iter().map(|node| node.path.as_str()), path).map(str::to_owned),
    })
}

fn checked_text(field: &str, text: Option<&str>) -> Result<Option<String>, EditError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    checked_name(field, text)?;
    Ok(Some(text.to_owned()))
}

fn checked_name(field: &str, name: &str) -> Result<(), EditError> {
    let mut problems = Problems::default();
    check_name(field, name, &mut problems.of(named("user", name)));
    problems.finish(()).map(drop).map_err(EditError::Refused)
}
