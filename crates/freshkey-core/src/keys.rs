//! The keys of a realm: which one signs, which ones verify, which ones nobody trusts any more.

use freshkey_protocol::jose::{Algorithm, KeyId, SigningKey, VerifyingKey};
use std::collections::HashMap;

/// Status of a key (Keycloak's `KeyStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// Signs and verifies.
    Active,
    /// Verifies only.
    Passive,
    /// Neither; not published.
    Disabled,
}

/// One key of a realm.
#[derive(Debug)]
pub struct RealmKeyEntry {
    /// Id of the key component it came from; breaks ties of priority.
    pub component_id: String,
    /// Kind of key provider, for administration.
    pub provider: String,
    /// The highest active one signs.
    pub priority: i64,
    /// Its status.
    pub status: KeyStatus,
    /// The key. A disabled one is kept for listing alone.
    pub signing: SigningKey,
    /// The same, for verifying.
    pub verifying: VerifyingKey,
    /// X.509 certificates in DER, if it came with some (`x5c`).
    pub certificates: Vec<Vec<u8>>,
}

/// All keys of a realm.
#[derive(Debug, Default)]
pub struct RealmKeys {
    entries: Vec<RealmKeyEntry>,
    active: HashMap<Algorithm, usize>,
    by_key_id: HashMap<KeyId, usize>,
}

impl RealmKeys {
    /// Sorts by priority, highest first; ties by component id.
    pub fn new(mut entries: Vec<RealmKeyEntry>) -> Self {
        entries.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.component_id.cmp(&b.component_id)));
        let mut active = HashMap::new();
        let mut by_key_id = HashMap::new();
        for (position, entry) in entries.iter().enumerate() {
            if entry.status == KeyStatus::Active {
                active.entry(entry.signing.algorithm()).or_insert(position);
            }
            if entry.status != KeyStatus::Disabled {
                by_key_id.entry(entry.signing.key_id().clone()).or_insert(position);
            }
        }
        Self { entries, active, by_key_id }
    }

    /// The key that signs with this algorithm.
    pub fn signer(&self, algorithm: Algorithm) -> Option<&SigningKey> {
        self.active.get(&algorithm).map(|position| &self.entries[*position].signing)
    }

    /// The key that verifies a token whose header names this `kid`; without one the active key of the algorithm (KEYCLOAK §4.1).
    ///
    /// The token chooses among our keys by id, never an algorithm: the key found has its own.
    pub fn verifier(&self, key_id: Option<&KeyId>, algorithm: Algorithm) -> Option<&VerifyingKey> {
        let position = match key_id {
            Some(key_id) => self.by_key_id.get(key_id)?,
            None => self.active.get(&algorithm)?,
        };
        Some(&self.entries[*position].verifying)
    }

    /// Every key, the highest priority first.
    pub fn iter(&self) -> impl Iterator<Item = &RealmKeyEntry> {
        self.entries.iter()
    }
}
