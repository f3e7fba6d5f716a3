//! What the tests of this folder share: a seeded source of randomness, the example export, and keys from it.

use super::defaults::{GeneratedKey, GeneratedKeys, NewRealm};
use super::import::{ImportError, ImportPlan, plan_import};
use crate::documents::RealmDocuments;
use crate::entropy::Entropy;
use crate::ids::RealmKey;
use crate::time::Now;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_protocol::Secret;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};

/// An export as Keycloak 26 writes it, with the key it was made with.
pub(super) const EXPORT: &str = include_str!("../../tests/data/realm-export.json");

pub(super) fn now() -> Now {
    Now::from_seconds(1_800_000_000)
}

/// The same bytes in every run.
pub(super) struct Seeded(AtomicU64);

impl Seeded {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

pub(super) fn export() -> Value {
    serde_json::from_str(EXPORT).unwrap()
}

/// The RSA key of the example export, so that no test has to make one.
pub(super) fn rsa_key() -> GeneratedKey {
    let export = export();
    let keys = export["components"]["org.keycloak.keys.KeyProvider"].as_array().unwrap();
    let rsa = keys.iter().find(|key| key["providerId"] == "rsa-generated").unwrap();
    let der = |field: &str| STANDARD.decode(rsa["config"][field][0].as_str().unwrap()).unwrap();
    GeneratedKey { pkcs8: Secret::new(der("privateKey")), certificate: Some(der("certificate")) }
}

pub(super) fn keys() -> GeneratedKeys {
    let generated = |kind| freshkey_protocol::jose::generate_private_key(kind).unwrap();
    GeneratedKeys {
        rsa: rsa_key(),
        p256: Some(GeneratedKey { pkcs8: generated(freshkey_protocol::jose::KeyKind::P256), certificate: None }),
        ed25519: Some(GeneratedKey { pkcs8: generated(freshkey_protocol::jose::KeyKind::Ed25519), certificate: None }),
    }
}

pub(super) fn stored(realm: NewRealm) -> RealmDocuments {
    realm.into_documents(RealmKey(1), 1)
}

/// Imports one realm.
pub(super) fn import(file: &str) -> Result<ImportPlan<'_>, ImportError> {
    plan_import(file.as_bytes(), now(), &Seeded::new()).map(|mut plans| plans.remove(0))
}

/// The documents of the example export.
pub(super) fn imported() -> RealmDocuments {
    stored(import(EXPORT).unwrap().into_realm())
}

/// The example export with a change.
pub(super) fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut export = export();
    change(&mut export);
    export.to_string()
}

/// Only what every realm needs.
pub(super) fn few_keys() -> GeneratedKeys {
    GeneratedKeys { rsa: rsa_key(), p256: None, ed25519: None }
}
