//! Keys of a realm: new ones, and what old ones are still good for.

use super::{Edit, EditError, checked, ensure_object, present};
use crate::documents::{ConfigItem, ItemKind, RealmDocuments};
use crate::entropy::{Entropy, random_bytes};
use crate::keycloak::defaults::{GeneratedKey, asymmetric_key, secret_key};
use crate::keycloak::problems::named;
use crate::keys::KeyStatus;
use freshkey_protocol::jose::{Algorithm, Family};
use serde_json::{Value, json};

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// Signs and verifies.
    SignAndVerify,
    /// Verifies what it has signed.
    VerifyOnly,
    /// Nothing. All tokens that it signed are dead.
    Nothing,
}

/// Adds an active key whose priority is above that of all others with its algorithm, so that it signs from now on. For an HMAC algorithm the secret is made here.
pub fn add_key(
    documents: &RealmDocuments,
    algorithm: Algorithm,
    key: Option<GeneratedKey>,
    entropy: &dyn Entropy,
) -> Result<Edit, EditError> {
    let realm = present(documents)?;
    let of_algorithm = realm.keys.iter().filter(|entry| entry.signing.algorithm() == algorithm);
    let priority = of_algorithm.map(|entry| entry.priority).max().map_or(100, |highest| highest.saturating_add(1));
    let name = format!("{}-generated", algorithm.as_str().to_lowercase());
    let mut item = match (algorithm.family(), key) {
        (Family::Hmac, None) => secret_key(
            &format!("hmac-generated-{}", algorithm.as_str().to_lowercase()),
            "hmac-generated",
            Some(algorithm.as_str()),
            &random_bytes::<128>(entropy),
            entropy,
        ),
        (Family::Hmac, Some(_)) | (_, None) => return Err(EditError::NotApplicable("HMAC keys are made here, all others are brought")),
        (Family::RsaPkcs1 | Family::RsaPss, Some(key)) => asymmetric_key("rsa-generated", algorithm.as_str(), key, entropy),
        (Family::Ecdsa, Some(key)) => asymmetric_key("ecdsa-generated", algorithm.as_str(), key, entropy),
        (Family::EdDsa, Some(key)) => asymmetric_key("eddsa-generated", algorithm.as_str(), key, entropy),
    };
    if algorithm.family() != Family::Hmac {
        item.document["name"] = json!(name);
    }
    item.document["config"]["priority"] = json!([priority.to_string()]);
    checked(documents, Edit { changed: vec![item], ..Edit::default() })
}

/// Makes a key passive, active again, or disables it. `name` is its kid or the id of its component.
pub fn set_key_use(documents: &RealmDocuments, name: &str, key_use: KeyUse) -> Result<Edit, EditError> {
    let realm = present(documents)?;
    let not_found = || EditError::NotFound { what: named("key", name), nearest: None };
    let entry =
        realm.keys.iter().find(|entry| entry.component_id == name || entry.signing.key_id().as_str() == name).ok_or_else(not_found)?;
    let item = component(documents, &entry.component_id).ok_or_else(not_found)?;
    checked(documents, Edit { changed: vec![with_use(item, key_use)?], ..Edit::default() })
}

/// Makes all active keys of an algorithm passive but the one that signs.
pub fn retire_active_keys(documents: &RealmDocuments, algorithm: Algorithm) -> Result<Edit, EditError> {
    let realm = present(documents)?;
    let mut changed = Vec::new();
    let active = realm.keys.iter().filter(|entry| entry.status == KeyStatus::Active && entry.signing.algorithm() == algorithm);
    // The first is the one with the highest priority: the one that signs.
    for entry in active.skip(1) {
        if let Some(item) = component(documents, &entry.component_id) {
            changed.push(with_use(item, KeyUse::VerifyOnly)?);
        }
    }
    checked(documents, Edit { changed, ..Edit::default() })
}

fn component<'d>(documents: &'d RealmDocuments, id: &str) -> Option<&'d ConfigItem> {
    documents.items.iter().find(|item| item.kind == ItemKind::Component && item.id == id)
}

fn with_use(item: &ConfigItem, key_use: KeyUse) -> Result<ConfigItem, EditError> {
    let (enabled, active) = match key_use {
        KeyUse::SignAndVerify => ("true", "true"),
        KeyUse::VerifyOnly => ("true", "false"),
        KeyUse::Nothing => ("false", "false"),
    };
    let mut document: Value = item.document.clone();
    ensure_object(&document)?;
    ensure_object(&document["config"])?;
    document["config"]["enabled"] = json!([enabled]);
    document["config"]["active"] = json!([active]);
    Ok(ConfigItem { document, ..item.clone() })
}
