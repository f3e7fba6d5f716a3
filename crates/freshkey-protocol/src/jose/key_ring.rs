//! The keys of one issuer, all in memory: what signs now, and what still verifies. Where they come from and when they
//! change is not known here.

use std::sync::Arc;

use super::{Algorithm, CompactJws, JwsError, KeyError, KeyId, SigningKey, VerifiedPayload, VerifyingKey};

/// Looks keys up by id and algorithm. A realm has a handful of keys, so both lists are walked.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    // With the verifying half of each; the first one of an algorithm is active.
    signing: Vec<(Arc<SigningKey>, Arc<VerifyingKey>)>,
    verifying: Vec<Arc<VerifyingKey>>,
}

impl KeyRing {
    /// An empty ring.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key that may sign, and verifies. The first one of an algorithm is its active key: the caller adds the highest
    /// priority first.
    pub fn add_signing(&mut self, key: Arc<SigningKey>) -> Result<(), KeyError> {
        let verifying = Arc::new(key.verifying_key()?);
        self.verifying.push(Arc::clone(&verifying));
        self.signing.push((key, verifying));
        Ok(())
    }

    /// Adds a key that only verifies: a passive key, or another party's.
    pub fn add_verifying(&mut self, key: Arc<VerifyingKey>) {
        self.verifying.push(key);
    }

    /// The active key of an algorithm.
    #[must_use]
    pub fn signing_key(&self, algorithm: Algorithm) -> Option<&Arc<SigningKey>> {
        self.signing.iter().map(|(signing, _)| signing).find(|key| key.algorithm() == algorithm)
    }

    /// The key of an id and an algorithm.
    #[must_use]
    pub fn verifying_key(&self, key_id: &KeyId, algorithm: Algorithm) -> Option<&Arc<VerifyingKey>> {
        self.verifying.iter().find(|key| key.algorithm() == algorithm && key.key_id() == key_id)
    }

    /// Every key that verifies, in the order of adding; what of it can be published has a public key.
    pub fn verifying_keys(&self) -> impl Iterator<Item = &Arc<VerifyingKey>> {
        self.verifying.iter()
    }

    /// Finds the key that the token names and verifies. Without `kid` it is the algorithm's active key, as in Keycloak; an id
    /// that isn't in the ring is refused, whatever its text means elsewhere (T-027).
    pub fn verify(&self, jws: &CompactJws<'_>) -> Result<VerifiedPayload, JwsError> {
        let header = jws.header();
        let key = match &header.key_id {
            Some(key_id) => self.verifying_key(key_id, header.algorithm),
            None => self.signing.iter().map(|(_, key)| key).find(|key| key.algorithm() == header.algorithm),
        };
        jws.verify(key.ok_or(JwsError::UnknownKey)?)
    }
}
