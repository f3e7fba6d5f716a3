//! Tokens that were verified before, found by a name that is made of their text. Bounded; the text itself is not kept.
//!
//! An entry is no verdict: it says what a token says. It is void under another policy, with other keys, and outside of its times (T-074).

use super::VerifiedToken;
use crate::clock::random;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

const SHARDS: usize = 16;

/// Verified tokens.
pub struct TokenCache {
    names: Names,
    shards: [Mutex<Shard>; SHARDS],
    entries_max: usize,
}

type Entries = HashMap<TokenName, Arc<VerifiedToken>, BuildHasherDefault<FirstBytes>>;

/// Two generations: what is used moves to the young one, and when that is full the old one is dropped and it becomes the old one.
#[derive(Default)]
struct Shard {
    young: Entries,
    old: Entries,
}

/// A name is evenly spread already, and nobody outside of this process can choose one.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

/// The name of a token in one cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenName([u8; 16]);

/// Makes names: the tag of AES-GCM over the text, under a key that this process drew and never shows (GMAC, NIST SP 800-38D §3).
///
/// A name has to keep a text that was not verified from being taken for one that was, and that is all. Without the key two texts of `n` bytes have the
/// same name with a probability of `(n / 16 + 1) / 2^128`, however they were chosen; no tag ever leaves the process, so there is nothing to find the key
/// from, which is also why the nonce may be one and the same. SHA-256 would do as well and takes four times as long.
struct Names(LessSafeKey);

impl Names {
    fn draw() -> Self {
        let key = UnboundKey::new(&AES_128_GCM, &random::<16>()).expect("AES-128 takes any 16 bytes");
        Self(LessSafeKey::new(key))
    }

    /// `None` for a text beyond what GCM can take, which no token comes near.
    fn of(&self, token: &[u8]) -> Option<TokenName> {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(token), &mut []).ok()?;
        tag.as_ref().try_into().ok().map(TokenName)
    }
}

impl TokenName {
    fn shard(self) -> usize {
        usize::from(self.0[15]) % SHARDS
    }
}

impl TokenCache {
    /// A cache of so many tokens; none with zero.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self { names: Names::draw(), shards: Default::default(), entries_max }
    }

    /// The name under which a token is remembered; `None` when it is not.
    #[must_use]
    pub fn name(&self, token: &[u8]) -> Option<TokenName> {
        if self.entries_max == 0 { None } else { self.names.of(token) }
    }

    /// What is known of a token. Whether it still counts is for the caller to see.
    #[must_use]
    pub fn get(&self, name: TokenName) -> Option<Arc<VerifiedToken>> {
        let mut shard = self.shards[name.shard()].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shard.young.get(&name) {
            return Some(Arc::clone(found));
        }
        let found = shard.old.remove(&name)?;
        shard.put(name, Arc::clone(&found), self.shard_max());
        Some(found)
    }

    /// Remembers a token.
    pub fn put(&self, name: TokenName, token: Arc<VerifiedToken>) {
        let mut shard = self.shards[name.shard()].lock().unwrap_or_else(PoisonError::into_inner);
        shard.put(name, token, self.shard_max());
    }

    /// Forgets a token.
    pub fn remove(&self, name: TokenName) {
        let mut shard = self.shards[name.shard()].lock().unwrap_or_else(PoisonError::into_inner);
        shard.young.remove(&name);
        shard.old.remove(&name);
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.young.len() + shard.old.len()
        };
        self.shards.iter().map(count).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries of one generation of one shard.
    fn shard_max(&self) -> usize {
        (self.entries_max / (2 * SHARDS)).max(1)
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenCache({} of {})", self.len(), self.entries_max)
    }
}

impl Shard {
    fn put(&mut self, name: TokenName, token: Arc<VerifiedToken>, generation_max: usize) {
        if self.young.len() >= generation_max && !self.young.contains_key(&name) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, token);
    }
}
