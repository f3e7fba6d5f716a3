//! Takes the secrets out of a representation, and puts them back: documents are stored in clear, secrets sealed (T-053).

use crate::documents::{ConfigItem, ItemKind};
use freshkey_protocol::Secret;
use serde_json::{Map, Value};

/// Attributes of a client that are secrets.
const CLIENT_ATTRIBUTES: &[&str] =
    &["client.secret.rotated", "jwt.credential.private.key", "saml.encryption.private.key", "saml.signing.private.key"];

/// Settings of a component that are secrets.
const COMPONENT_CONFIG: &[&str] =
    &["bindCredential", "keyPassword", "keystorePassword", "privateKey", "secret", "kerberosKeyTabPassword", "password", "clientSecret"];

/// Id and name of the item that holds the secrets of the realm's own document, which has no place for them.
pub(crate) const REALM_SECRETS: &str = "freshkey.realm-secrets";

/// What Keycloak writes in place of a secret that the reader may not see.
pub(crate) const MASK: &str = "**********";

/// Splits the secrets off the document of an item: an object of the same shape with only the secret fields.
pub(crate) fn split(kind: ItemKind, document: &mut Value) -> Option<Secret<String>> {
    let mut secrets = Map::new();
    match kind {
        ItemKind::Client => {
            take(document, &["secret", "registrationAccessToken"], &mut secrets);
            take_inside(document, "attributes", CLIENT_ATTRIBUTES, &mut secrets);
        }
        ItemKind::Component => take_inside(document, "config", COMPONENT_CONFIG, &mut secrets),
        ItemKind::ClientScope | ItemKind::Role | ItemKind::Group => {}
    }
    sealed(secrets)
}

/// Splits the secrets off the realm's own document. They become an item.
pub(crate) fn split_realm(document: &mut Value) -> Option<ConfigItem> {
    let mut secrets = Map::new();
    take_inside(document, "smtpServer", &["password", "authTokenClientSecret"], &mut secrets);
    // These can't be told apart from their settings field by field, so all of them are sealed.
    take(
        document,
        &["authenticatorConfig", "identityProviders", "federatedUsers", "userFederationProviders", "codeSecret", "privateKey"],
        &mut secrets,
    );
    sealed(secrets).map(|secrets| ConfigItem {
        kind: ItemKind::Component,
        id: REALM_SECRETS.to_owned(),
        name: REALM_SECRETS.to_owned(),
        document: Value::Object(Map::new()),
        secrets: Some(secrets),
    })
}

/// Whether an item is the one that holds the realm's secrets.
pub(crate) fn is_realm_secrets(item: &ConfigItem) -> bool {
    item.kind == ItemKind::Component && item.id == REALM_SECRETS
}

/// The document of an item with its secrets back in place.
pub(crate) fn whole(item: &ConfigItem) -> Value {
    let mut document = item.document.clone();
    merge_item(item, &mut document);
    document
}

/// Puts the secrets of an item back into a document.
pub(crate) fn merge_item(item: &ConfigItem, document: &mut Value) {
    let secrets = item.secrets.as_ref().and_then(|secrets| serde_json::from_str::<Value>(secrets.expose()).ok());
    if let Some(secrets) = secrets {
        merge(document, secrets);
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                match into.get_mut(&name) {
                    Some(inner) => merge(inner, value),
                    None => drop(into.insert(name, value)),
                }
            }
        }
        (into, from) => *into = from,
    }
}

fn sealed(secrets: Map<String, Value>) -> Option<Secret<String>> {
    (!secrets.is_empty()).then(|| Secret::new(Value::Object(secrets).to_string()))
}

fn take(document: &mut Value, names: &[&str], secrets: &mut Map<String, Value>) {
    let Some(fields) = document.as_object_mut() else { return };
    for name in names {
        if let Some(value) = fields.shift_remove(*name) {
            secrets.insert((*name).to_owned(), value);
        }
    }
}

fn take_inside(document: &mut Value, inside: &str, names: &[&str], secrets: &mut Map<String, Value>) {
    let mut inner = Map::new();
    if let Some(settings) = document.get_mut(inside) {
        take(settings, names, &mut inner);
    }
    if !inner.is_empty() {
        secrets.insert(inside.to_owned(), Value::Object(inner));
    }
}
