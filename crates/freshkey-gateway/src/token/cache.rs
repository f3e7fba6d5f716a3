//! Tokens that were verified before, found by a hash of their text. Bounded; the text itself is not kept.
//!
//! An entry is no verdict: it says what a token says. It is void under another policy, with other keys, and outside of its times (T-074).

use super::VerifiedToken;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

const SHARDS: usize = 16;

/// Verified tokens.
pub struct TokenCache {
    shards: [Mutex<Shard>; SHARDS],
    entries_max: usize,
}

type Digest = [u8; 32];
type Entries = HashMap<Digest, Arc<VerifiedToken>, BuildHasherDefault<FirstBytes>>;

/// Two generations: what is used moves to the young one, and when that is full the old one is dropped and it becomes the old one.
#[derive(Default)]
struct Shard {
    young: Entries,
    old: Entries,
}

/// A digest is evenly spread already. Only verified tokens get in, so nobody can choose digests.
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

/// The name of a token in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenName(Digest);

impl TokenName {
    /// The name of a text.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let mut name = [0; 32];
        name.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(name)
    }

    fn shard(self) -> usize {
        usize::from(self.0[31]) % SHARDS
    }
}

impl TokenCache {
    /// A cache of so many tokens; none with zero.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self { shards: Default::default(), entries_max }
    }

    /// What is known of a token. Whether it still counts is for the caller to see.
    #[must_use]
    pub fn get(&self, name: TokenName) -> Option<Arc<VerifiedToken>> {
        if self.entries_max == 0 {
            return None;
        }
        let mut shard = self.shards[name.shard()].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shard.young.get(&name.0) {
            return Some(Arc::clone(found));
        }
        let found = shard.old.remove(&name.0)?;
        shard.put(name, Arc::clone(&found), self.shard_max());
        Some(found)
    }

    /// Remembers a token.
    pub fn put(&self, name: TokenName, token: Arc<VerifiedToken>) {
        if self.entries_max == 0 {
            return;
        }
        let mut shard = self.shards[name.shard()].lock().unwrap_or_else(PoisonError::into_inner);
        shard.put(name, token, self.shard_max());
    }

    /// Forgets a token.
    pub fn remove(&self, name: TokenName) {
        let mut shard = self.shards[name.shard()].lock().unwrap_or_else(PoisonError::into_inner);
        shard.young.remove(&name.0);
        shard.old.remove(&name.0);
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
        if self.young.len() >= generation_max && !self.young.contains_key(&name.0) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name.0, token);
    }
}
