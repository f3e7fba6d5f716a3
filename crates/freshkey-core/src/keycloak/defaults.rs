//! The documents of a new realm as Keycloak makes it (`RealmManager.createRealm`), and those of the realm `UA`.

mod client_scopes;
mod clients;
mod roles;
mod ua;

pub use ua::realm_ua;

pub(crate) use client_scopes::{DEFAULT_SCOPES, OPTIONAL_SCOPES, client_scopes};
pub(crate) use clients::{BUILT_IN_CLIENTS, built_in_client};
pub(crate) use roles::{account_roles, broker_roles, default_role_name, realm_management_roles};

use super::secrets;
use super::snapshot::KEY_PROVIDER;
use crate::documents::{ConfigItem, ItemKind, RealmDocuments};
use crate::entropy::{Entropy, random_bytes, random_uuid};
use crate::ids::RealmKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_protocol::{Secret, base64url};
use serde_json::{Map, Value, json};

/// The documents of a realm that isn't stored yet.
#[derive(Debug)]
pub struct NewRealm {
    /// Its name.
    pub name: String,
    /// The realm's own fields.
    pub document: Value,
    /// Everything that it consists of.
    pub items: Vec<ConfigItem>,
}

impl NewRealm {
    /// The same as stored documents, under the key that the store gave.
    pub fn into_documents(self, key: RealmKey, version: i64) -> RealmDocuments {
        RealmDocuments { key, version, name: self.name, document: self.document, items: self.items }
    }
}

/// Private keys for a realm, made by the caller ([`freshkey_protocol::jose::generate_private_key`]). Secrets of HMAC keys are made here.
pub struct GeneratedKeys {
    /// For RS256, the default of new realms.
    pub rsa: GeneratedKey,
    /// For ES256, if the realm shall have it.
    pub p256: Option<GeneratedKey>,
    /// For EdDSA, if the realm shall have it.
    pub ed25519: Option<GeneratedKey>,
}

/// A private key, with a certificate if there is one.
pub struct GeneratedKey {
    /// PKCS#8 in DER.
    pub pkcs8: Secret<Vec<u8>>,
    /// X.509 in DER.
    pub certificate: Option<Vec<u8>>,
}

/// A new realm with Keycloak's defaults and no users.
pub fn new_realm(name: &str, entropy: &dyn Entropy, keys: GeneratedKeys) -> NewRealm {
    let id = random_uuid(entropy);
    let mut items = Vec::new();
    for client_id in BUILT_IN_CLIENTS {
        items.push(client_item(built_in_client(client_id, name, entropy), entropy));
    }
    items.extend(realm_role_items(name, &id, entropy));
    for (client_id, roles) in [("account", account_roles()), ("broker", broker_roles()), ("realm-management", realm_management_roles())] {
        items.extend(client_role_items(client_id, roles, &items, entropy));
    }
    items.extend(client_scopes(entropy).into_iter().map(|scope| item(ItemKind::ClientScope, name_of(&scope, "name"), scope, entropy)));
    items.extend(key_items(keys, entropy));
    let default_role =
        items.iter().find(|item| item.kind == ItemKind::Role && item.name == default_role_name(name)).map(|item| &item.document);
    let document = realm_document(name, &id, default_role);
    NewRealm { name: name.to_owned(), document, items }
}

/// The item of a representation: an id if it has none, its secrets apart.
pub(crate) fn item(kind: ItemKind, name: String, mut document: Value, entropy: &dyn Entropy) -> ConfigItem {
    let id = ensure_id(&mut document, entropy);
    let secrets = secrets::split(kind, &mut document);
    ConfigItem { kind, id, name, document, secrets }
}

/// The id of a representation; a fresh one if it has none.
pub(crate) fn ensure_id(document: &mut Value, entropy: &dyn Entropy) -> String {
    if let Some(id) = document.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) {
        return id.to_owned();
    }
    let id = random_uuid(entropy);
    if let Some(fields) = document.as_object_mut() {
        fields.shift_remove("id");
        fields.shift_insert(0, "id".to_owned(), Value::String(id.clone()));
    }
    id
}

/// The item of a client.
pub(crate) fn client_item(document: Value, entropy: &dyn Entropy) -> ConfigItem {
    item(ItemKind::Client, name_of(&document, "clientId"), document, entropy)
}

/// A client secret as Keycloak makes them: 32 letters and digits, 190 bits.
pub fn random_client_secret(entropy: &dyn Entropy) -> Secret<String> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const LENGTH: usize = 32;
    let mut secret = String::with_capacity(LENGTH);
    while secret.len() < LENGTH {
        // Six bits of each byte; 62 and 63 are thrown away, so that every letter is as likely as the others.
        let letters = random_bytes::<LENGTH>(entropy);
        let usable = letters.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63)));
        secret.extend(usable.take(LENGTH - secret.len()).map(|letter| char::from(*letter)));
    }
    Secret::new(secret)
}

/// Key components of a realm: the given keys, and fresh secrets for HS512 and (kept for Keycloak's sake) AES.
pub(crate) fn key_items(keys: GeneratedKeys, entropy: &dyn Entropy) -> Vec<ConfigItem> {
    let mut items = vec![asymmetric_key("rsa-generated", "RS256", keys.rsa, entropy)];
    items.extend(keys.p256.map(|key| asymmetric_key("ecdsa-generated", "ES256", key, entropy)));
    items.extend(keys.ed25519.map(|key| asymmetric_key("eddsa-generated", "EdDSA", key, entropy)));
    items.push(secret_key("hmac-generated-hs512", "hmac-generated", Some("HS512"), &random_bytes::<128>(entropy), entropy));
    items.push(secret_key("aes-generated", "aes-generated", None, &random_bytes::<16>(entropy), entropy));
    items
}

/// A key component for a private key.
pub(crate) fn asymmetric_key(provider: &str, algorithm: &str, key: GeneratedKey, entropy: &dyn Entropy) -> ConfigItem {
    let mut config = Map::new();
    config.insert("privateKey".to_owned(), json!([STANDARD.encode(key.pkcs8.expose())]));
    if let Some(certificate) = key.certificate {
        config.insert("certificate".to_owned(), json!([STANDARD.encode(certificate)]));
    }
    config.insert("priority".to_owned(), json!(["100"]));
    config.insert("algorithm".to_owned(), json!([algorithm]));
    if provider == "ecdsa-generated" {
        config.insert("ecdsaEllipticCurveKey".to_owned(), json!(["P-256"]));
    }
    key_component(provider, provider, config, entropy)
}

/// A key component for a shared secret.
pub(crate) fn secret_key(name: &str, provider: &str, algorithm: Option<&str>, secret: &[u8], entropy: &dyn Entropy) -> ConfigItem {
    let mut config = Map::new();
    config.insert("kid".to_owned(), json!([random_uuid(entropy)]));
    config.insert("secret".to_owned(), json!([base64url::encode(secret)]));
    config.insert("priority".to_owned(), json!(["100"]));
    if let Some(algorithm) = algorithm {
        config.insert("algorithm".to_owned(), json!([algorithm]));
    }
    key_component(name, provider, config, entropy)
}

fn key_component(name: &str, provider: &str, config: Map<String, Value>, entropy: &dyn Entropy) -> ConfigItem {
    let id = random_uuid(entropy);
    let mut document = json!({ "id": id, "name": name, "providerId": provider, "providerType": KEY_PROVIDER });
    document["config"] = Value::Object(config);
    item(ItemKind::Component, component_name(&document), document, entropy)
}

/// The item name of a component: Keycloak's own names aren't unique.
pub(crate) fn component_name(document: &Value) -> String {
    format!("{}/{}", name_of(document, "providerType"), name_of(document, "id"))
}

/// The realm roles of a new realm.
pub(crate) fn realm_role_items(realm: &str, realm_id: &str, entropy: &dyn Entropy) -> Vec<ConfigItem> {
    roles::realm_roles(realm, realm_id).into_iter().map(|role| item(ItemKind::Role, name_of(&role, "name"), role, entropy)).collect()
}

/// Roles of a client, if there is such a client among the items.
pub(crate) fn client_role_items(client_id: &str, roles: Vec<Value>, items: &[ConfigItem], entropy: &dyn Entropy) -> Vec<ConfigItem> {
    let Some(client) = items.iter().find(|item| item.kind == ItemKind::Client && item.name == client_id) else { return Vec::new() };
    roles
        .into_iter()
        .map(|mut role| {
            role["clientRole"] = json!(true);
            role["containerId"] = json!(client.id);
            item(ItemKind::Role, format!("{client_id}/{}", name_of(&role, "name")), role, entropy)
        })
        .collect()
}

/// The realm's own fields, with `defaultRole` naming the role.
fn realm_document(name: &str, id: &str, default_role: Option<&Value>) -> Value {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!(id));
    fields.insert("realm".to_owned(), json!(name));
    for part in [lifetime_fields(), sign_in_fields(), other_fields()] {
        if let Value::Object(part) = part {
            fields.extend(part);
        }
    }
    if let Some(role) = default_role {
        fields.insert("defaultRole".to_owned(), default_role_reference(role));
    }
    Value::Object(fields)
}

fn lifetime_fields() -> Value {
    json!({
        "notBefore": 0,
        "defaultSignatureAlgorithm": "RS256",
        "revokeRefreshToken": false,
        "refreshTokenMaxReuse": 0,
        "accessTokenLifespan": 300,
        "accessTokenLifespanForImplicitFlow": 900,
        "ssoSessionIdleTimeout": 1800,
        "ssoSessionMaxLifespan": 36000,
        "ssoSessionIdleTimeoutRememberMe": 0,
        "ssoSessionMaxLifespanRememberMe": 0,
        "offlineSessionIdleTimeout": 2_592_000,
        "offlineSessionMaxLifespanEnabled": false,
        "offlineSessionMaxLifespan": 5_184_000,
        "clientSessionIdleTimeout": 0,
        "clientSessionMaxLifespan": 0,
        "clientOfflineSessionIdleTimeout": 0,
        "clientOfflineSessionMaxLifespan": 0,
        "accessCodeLifespan": 60,
        "accessCodeLifespanUserAction": 300,
        "accessCodeLifespanLogin": 1800,
        "actionTokenGeneratedByAdminLifespan": 43200,
        "actionTokenGeneratedByUserLifespan": 300,
        "oauth2DeviceCodeLifespan": 600,
        "oauth2DevicePollingInterval": 5,
    })
}

fn sign_in_fields() -> Value {
    json!({
        "enabled": true,
        "sslRequired": "external",
        "registrationAllowed": false,
        "registrationEmailAsUsername": false,
        "rememberMe": false,
        "verifyEmail": false,
        "loginWithEmailAllowed": true,
        "duplicateEmailsAllowed": false,
        "resetPasswordAllowed": false,
        "editUsernameAllowed": false,
        "bruteForceProtected": false,
        "permanentLockout": false,
        "maxTemporaryLockouts": 0,
        "bruteForceStrategy": "MULTIPLE",
        "maxFailureWaitSeconds": 900,
        "minimumQuickLoginWaitSeconds": 60,
        "waitIncrementSeconds": 60,
        "quickLoginCheckMilliSeconds": 1000,
        "maxDeltaTimeSeconds": 43200,
        "failureFactor": 30,
        "requiredCredentials": ["password"],
    })
}

fn other_fields() -> Value {
    json!({
        "scopeMappings": [{ "clientScope": "offline_access", "roles": ["offline_access"] }],
        "clientScopeMappings": { "account": [{ "client": "account-console", "roles": ["manage-account", "view-groups"] }] },
        "defaultDefaultClientScopes": DEFAULT_SCOPES,
        "defaultOptionalClientScopes": OPTIONAL_SCOPES,
        "eventsEnabled": false,
        "eventsListeners": ["jboss-logging"],
        "enabledEventTypes": [],
        "adminEventsEnabled": false,
        "adminEventsDetailsEnabled": false,
        "internationalizationEnabled": false,
        "attributes": {},
        "userManagedAccessAllowed": false,
        "organizationsEnabled": false,
    })
}

/// What `defaultRole` says of a role.
pub(crate) fn default_role_reference(role: &Value) -> Value {
    let fields = ["id", "name", "description", "composite", "clientRole", "containerId"];
    Value::Object(fields.iter().filter_map(|field| role.get(*field).map(|value| ((*field).to_owned(), value.clone()))).collect())
}

/// A text field; empty when there is none.
pub(crate) fn name_of(document: &Value, field: &str) -> String {
    document.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
