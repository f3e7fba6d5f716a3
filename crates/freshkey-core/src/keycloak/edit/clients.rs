//! Clients: fields, secrets, client scopes.

use super::{Edit, EditError, assign, checked, ensure_object, find, present, resealed, whole};
use crate::documents::{ConfigItem, ItemKind, RealmDocuments};
use crate::entropy::Entropy;
use crate::keycloak::defaults::{client_item, name_of, random_client_secret};
use crate::keycloak::fields::CLIENT;
use crate::keycloak::import::{SERVICE_ACCOUNT_FIELD, default_role, service_account_user};
use crate::keycloak::problems::{Problems, named};
use crate::keycloak::secrets::{self, MASK};
use crate::keycloak::users::check_name;
use crate::limits::SECRET_OVERLAP_S_MAX;
use crate::time::Now;
use crate::user::User;
use freshkey_protocol::Secret;
use serde_json::{Map, Value, json};

/// The client scope with the claims of service accounts.
const SERVICE_ACCOUNT: &str = "service_account";

/// How a client scope belongs to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeAssignment {
    /// Every token has it.
    Default,
    /// It has to be asked for.
    Optional,
    /// It can't be had.
    None,
}

/// Sets fields of a client: `directAccessGrantsEnabled=true`, `attributes.access.token.lifespan=600`. An empty text removes a field. Whether the
/// client is public is not a field here, since a secret hangs on it.
pub fn set_client(documents: &RealmDocuments, client_id: &str, assignments: &[(&str, &str)]) -> Result<Edit, EditError> {
    const FIXED: [&str; 7] = ["id", "clientId", "secret", "publicClient", "access", "registrationAccessToken", SERVICE_ACCOUNT_FIELD];
    let item = find(documents, ItemKind::Client, client_id)?;
    let mut client = whole(item)?;
    assign::assign(&mut client, assignments, CLIENT, &FIXED)?;
    checked(documents, Edit { changed: vec![resealed(item, client)], ..Edit::default() })
}

/// Makes a client confidential, with a new secret.
pub fn make_confidential(
    documents: &RealmDocuments,
    client_id: &str,
    now: Now,
    entropy: &dyn Entropy,
) -> Result<(Edit, Secret<String>), EditError> {
    let item = find(documents, ItemKind::Client, client_id)?;
    let mut client = whole(item)?;
    client["publicClient"] = json!(false);
    client["bearerOnly"] = json!(false);
    client["clientAuthenticatorType"] = json!("client-secret");
    let secret = put_new_secret(&mut client, now, entropy);
    forget_rotated_secret(&mut client);
    let edit = checked(documents, Edit { changed: vec![resealed(item, client)], ..Edit::default() })?;
    Ok((edit, secret))
}

/// Makes a client public; its secrets are forgotten.
pub fn make_public(documents: &RealmDocuments, client_id: &str) -> Result<Edit, EditError> {
    let item = find(documents, ItemKind::Client, client_id)?;
    let mut client = whole(item)?;
    client["publicClient"] = json!(true);
    client["bearerOnly"] = json!(false);
    if let Some(fields) = client.as_object_mut() {
        fields.shift_remove("secret");
    }
    forget_rotated_secret(&mut client);
    checked(documents, Edit { changed: vec![resealed(item, client)], ..Edit::default() })
}

/// Gives a client a new secret. The one before is accepted for `overlap_s` seconds more; with 0 not at all.
pub fn rotate_client_secret(
    documents: &RealmDocuments,
    client_id: &str,
    overlap_s: i64,
    now: Now,
    entropy: &dyn Entropy,
) -> Result<(Edit, Secret<String>), EditError> {
    if !(0..=SECRET_OVERLAP_S_MAX).contains(&overlap_s) {
        return Err(EditError::BadValue { field: "overlap".to_owned(), expected: "0 seconds to a year" });
    }
    let item = find(documents, ItemKind::Client, client_id)?;
    let mut client = whole(item)?;
    let flag = |name: &str| client.get(name) == Some(&Value::Bool(true));
    if flag("publicClient") || flag("bearerOnly") {
        return Err(EditError::NotApplicable("the client has no secret; make it confidential first"));
    }
    let before = client.get("secret").and_then(Value::as_str).filter(|secret| !secret.is_empty() && *secret != MASK).map(str::to_owned);
    forget_rotated_secret(&mut client);
    let secret = put_new_secret(&mut client, now, entropy);
    if let Some(before) = before.filter(|_| overlap_s > 0) {
        let until = now.seconds().saturating_add(overlap_s);
        set_attribute(&mut client, "client.secret.rotated", Some(&before));
        set_attribute(&mut client, "client.secret.rotated.creation.time", Some(&now.seconds().to_string()));
        set_attribute(&mut client, "client.secret.rotated.expiration.time", Some(&until.to_string()));
    }
    let edit = checked(documents, Edit { changed: vec![resealed(item, client)], ..Edit::default() })?;
    Ok((edit, secret))
}

/// The present secret of a client, if it has one.
pub fn client_secret(item: &ConfigItem) -> Option<Secret<String>> {
    let whole = secrets::whole(item);
    let secret = whole.get("secret").and_then(Value::as_str).filter(|secret| !secret.is_empty());
    secret.map(|secret| Secret::new(secret.to_owned()))
}

/// Adds a client from its representation, which needs `clientId` only; the rest is as Keycloak's. A confidential client without a secret
/// gets one, which is handed back.
pub fn add_client(
    documents: &RealmDocuments,
    representation: Map<String, Value>,
    now: Now,
    entropy: &dyn Entropy,
) -> Result<(Edit, Option<Secret<String>>), EditError> {
    let mut client = Value::Object(representation);
    let client_id = name_of(&client, "clientId");
    let mut problems = Problems::default();
    check_name("clientId", &client_id, &mut problems.of(named("client", &client_id)));
    problems.finish(()).map_err(EditError::Refused)?;
    if find(documents, ItemKind::Client, &client_id).is_ok() {
        return Err(EditError::Exists(named("client", &client_id)));
    }
    if let Some(fields) = client.as_object_mut() {
        fields.shift_remove(SERVICE_ACCOUNT_FIELD);
        // What the realm has as default today, so that a later change of it doesn't change this client.
        for (own, of_realm) in
            [("defaultClientScopes", "defaultDefaultClientScopes"), ("optionalClientScopes", "defaultOptionalClientScopes")]
        {
            if let Some(scopes) = documents.document.get(of_realm).filter(|_| !fields.contains_key(own)) {
                fields.insert(own.to_owned(), scopes.clone());
            }
        }
    }
    let flag = |name: &str| client.get(name) == Some(&Value::Bool(true));
    let authenticator = client.get("clientAuthenticatorType").and_then(Value::as_str).unwrap_or("client-secret");
    let needs_secret =
        !flag("publicClient") && !flag("bearerOnly") && authenticator.starts_with("client-secret") && name_of(&client, "secret").is_empty();
    let secret = needs_secret.then(|| put_new_secret(&mut client, now, entropy));
    let item = client_item(client, entropy);
    if documents.items.iter().any(|other| other.kind == ItemKind::Client && other.id == item.id) {
        return Err(EditError::Exists(named("client", &item.id)));
    }
    let edit = checked(documents, Edit { changed: vec![item], ..Edit::default() })?;
    Ok((edit, secret))
}

/// Lets a client have tokens of its own. The user that stands for it is handed back to be stored, unless there is one already.
pub fn enable_service_account(
    documents: &RealmDocuments,
    client_id: &str,
    now: Now,
    entropy: &dyn Entropy,
) -> Result<(Edit, Option<User>), EditError> {
    let item = find(documents, ItemKind::Client, client_id)?;
    let realm = present(documents)?;
    let mut client = whole(item)?;
    client["serviceAccountsEnabled"] = json!(true);
    let known = client.get(SERVICE_ACCOUNT_FIELD).is_some_and(Value::is_string);
    let stands_for = realm.clients.get(client_id).filter(|_| !known);
    let user = stands_for.map(|client| service_account_user(client, default_role(documents), now, entropy));
    if let Some(user) = &user {
        client[SERVICE_ACCOUNT_FIELD] = json!(user.id);
    }
    add_service_account_scope(documents, &mut client);
    let edit = checked(documents, Edit { changed: vec![resealed(item, client)], ..Edit::default() })?;
    Ok((edit, user))
}

/// Since Keycloak 26.1 the claims of a service account come from a client scope, which the client is given when it gets the account. One that
/// names no scopes has it by the rules of the snapshot.
fn add_service_account_scope(documents: &RealmDocuments, client: &mut Value) {
    if find(documents, ItemKind::ClientScope, SERVICE_ACCOUNT).is_err() {
        return;
    }
    let is_named =
        |names: Option<&Value>| names.and_then(Value::as_array).is_some_and(|names| names.iter().any(|name| name == SERVICE_ACCOUNT));
    if is_named(client.get("optionalClientScopes")) || is_named(client.get("defaultClientScopes")) {
        return;
    }
    if let Some(names) = client.get_mut("defaultClientScopes").and_then(Value::as_array_mut) {
        names.push(json!(SERVICE_ACCOUNT));
    }
}

/// Removes a client with its roles. The user of its service account is the caller's to remove. What else names it is left, and means nothing any more.
pub fn remove_client(documents: &RealmDocuments, client_id: &str) -> Result<Edit, EditError> {
    let item = find(documents, ItemKind::Client, client_id)?;
    let container = Value::String(item.id.clone());
    let is_own_role = |role: &&ConfigItem| role.kind == ItemKind::Role && role.document.get("containerId") == Some(&container);
    let roles = documents.items.iter().filter(is_own_role).map(|role| (role.kind, role.id.clone()));
    checked(documents, Edit { removed: roles.chain([(item.kind, item.id.clone())]).collect(), ..Edit::default() })
}

/// Makes a client scope a default or optional one of a client, or neither.
pub fn assign_scope(documents: &RealmDocuments, client_id: &str, scope: &str, assignment: ScopeAssignment) -> Result<Edit, EditError> {
    let item = find(documents, ItemKind::Client, client_id)?;
    find(documents, ItemKind::ClientScope, scope)?;
    let mut client = item.document.clone();
    ensure_object(&client)?;
    for (field, of_realm, here) in [
        ("defaultClientScopes", "defaultDefaultClientScopes", assignment == ScopeAssignment::Default),
        ("optionalClientScopes", "defaultOptionalClientScopes", assignment == ScopeAssignment::Optional),
    ] {
        // A client that names no scopes has the realm's; from now on it names its own.
        let inherits = item.document.get("defaultClientScopes").is_none() && item.document.get("optionalClientScopes").is_none();
        let present = if inherits { documents.document.get(of_realm) } else { item.document.get(field) };
        let names = present.and_then(Value::as_array).into_iter().flatten().filter(|name| *name != scope).cloned();
        client[field] = names.chain(here.then(|| json!(scope))).collect();
    }
    checked(documents, Edit { changed: vec![ConfigItem { document: client, ..item.clone() }], ..Edit::default() })
}

fn put_new_secret(client: &mut Value, now: Now, entropy: &dyn Entropy) -> Secret<String> {
    let secret = random_client_secret(entropy);
    client["secret"] = json!(secret.expose());
    set_attribute(client, "client.secret.creation.time", Some(&now.seconds().to_string()));
    // An end of the old secret isn't one of the new.
    set_attribute(client, "client.secret.expiration.time", None);
    secret
}

fn forget_rotated_secret(client: &mut Value) {
    for name in ["client.secret.rotated", "client.secret.rotated.creation.time", "client.secret.rotated.expiration.time"] {
        set_attribute(client, name, None);
    }
}

fn set_attribute(client: &mut Value, name: &str, text: Option<&str>) {
    if !client["attributes"].is_object() {
        client["attributes"] = Value::Object(Map::new());
    }
    if let Some(attributes) = client["attributes"].as_object_mut() {
        match text {
            Some(text) => drop(attributes.insert(name.to_owned(), json!(text))),
            None => drop(attributes.shift_remove(name)),
        }
    }
}
