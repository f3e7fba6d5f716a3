//! The keys of an issuer: an immutable set, fetched in the background and swapped whole. No request ever fetches; at most it waits for the fetch that
//! is due (T-075).

mod http_source;
mod schedule;
#[cfg(test)]
mod tests;

pub use http_source::{FetchError, FetchKeys, HttpSource};
pub use schedule::run;

use crate::limits::{UNKNOWN_KEY_WAIT, UNKNOWN_KEY_WAITERS_MAX};
use arc_swap::ArcSwapOption;
use freshkey_protocol::jose::{Algorithm, JwkSet, JwkSetError, KeyId, VerifyingKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;

/// The keys of one issuer at one time.
#[derive(Debug)]
pub struct KeySet {
    /// Told apart from every other set of this process; the same for as long as the keys are the same.
    pub generation: u64,
    keys: Vec<VerifyingKey>,
}

/// Why bytes are no usable set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySetError {
    /// Not a set of keys at all.
    NotASet(JwkSetError),
    /// None of its keys is for an algorithm that is allowed.
    NoUsableKey,
}

static GENERATIONS: AtomicU64 = AtomicU64::new(1);

impl KeySet {
    /// Reads a set. Keys that are not for one of these algorithms are left out.
    pub fn parse(json: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        let set = JwkSet::parse(json).map_err(KeySetError::NotASet)?;
        let mut keys = Vec::new();
        for (jwk, algorithm) in set.keys.iter().flat_map(|jwk| algorithms.iter().map(move |algorithm| (jwk, *algorithm))) {
            if let Ok(key) = jwk.verifying_key(algorithm) {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey);
        }
        Ok(Self { generation: GENERATIONS.fetch_add(1, Ordering::Relaxed), keys })
    }

    /// The key of an id and an algorithm. Without an id there must be one key only that it can be.
    #[must_use]
    pub fn find(&self, key_id: Option<&KeyId>, algorithm: Algorithm) -> Option<&VerifyingKey> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm() == algorithm && key_id.is_none_or(|id| key.key_id() == id));
        let found = fitting.next()?;
        fitting.next().is_none().then_some(found)
    }

    /// The ids, for people.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.key_id().as_str())
    }

    fn is_same(&self, other: &Self) -> bool {
        let same = |(one, two): (&VerifyingKey, &VerifyingKey)| {
            one.key_id() == two.key_id() && one.algorithm() == two.algorithm() && one.public_key() == two.public_key()
        };
        self.keys.len() == other.keys.len() && self.keys.iter().zip(&other.keys).all(same)
    }
}

/// The current keys of an issuer, and the way to ask for newer ones.
#[derive(Debug)]
pub struct IssuerKeys {
    current: ArcSwapOption<KeySet>,
    demand: Notify,
    progress: watch::Sender<Progress>,
    waiters: Semaphore,
}

/// How many fetches have begun, and how many have ended.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    begun: u64,
    ended: u64,
}

impl Default for IssuerKeys {
    fn default() -> Self {
        Self {
            current: ArcSwapOption::empty(),
            demand: Notify::new(),
            progress: watch::Sender::new(Progress::default()),
            waiters: Semaphore::new(UNKNOWN_KEY_WAITERS_MAX),
        }
    }
}

impl IssuerKeys {
    /// Keys that never change.
    #[must_use]
    pub fn fixed(set: KeySet) -> Self {
        let keys = Self::default();
        keys.current.store(Some(Arc::new(set)));
        keys
    }

    /// The keys, if there are any.
    #[must_use]
    pub fn current(&self) -> arc_swap::Guard<Option<Arc<KeySet>>> {
        self.current.load()
    }

    /// Whether tokens of the issuer can be judged.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.current.load().is_some()
    }

    /// Takes over a set, unless it is the one that there is.
    pub(crate) fn replace(&self, set: KeySet) -> Replaced {
        let current = self.current.load();
        if current.as_ref().is_some_and(|current| current.is_same(&set)) {
            return Replaced::Same;
        }
        self.current.store(Some(Arc::new(set)));
        Replaced::New
    }

    /// Forgets the keys: they are too old to be believed.
    pub(crate) fn forget(&self) {
        self.current.store(None);
    }

    /// Waits until there are some, however long that takes.
    pub async fn ready(&self) {
        let mut progress = self.progress.subscribe();
        while !self.is_ready() && progress.changed().await.is_ok() {}
    }

    /// Waits for a fetch that begins after this call, and at most for the one that is under way before it, until `is_there` says yes. Answers no when
    /// too many wait already, or when the fetch brought nothing.
    pub async fn wait_for(&self, is_there: impl Fn(&KeySet) -> bool) -> bool {
        let Ok(_place) = self.waiters.try_acquire() else { return false };
        let mut progress = self.progress.subscribe();
        let asked_at = *progress.borrow_and_update();
        self.demand.notify_one();
        let is_there = || self.current.load().as_ref().is_some_and(|set| is_there(set));
        let wait = async {
            loop {
                if progress.changed().await.is_err() || is_there() {
                    return;
                }
                let now = *progress.borrow_and_update();
                if now.ended > asked_at.begun {
                    return;
                }
                // The fetch that was under way has ended without it.
                if now.ended == now.begun {
                    self.demand.notify_one();
                }
            }
        };
        let _ = timeout(UNKNOWN_KEY_WAIT, wait).await;
        is_there()
    }
}

/// What became of a set that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// It was the one that is known.
    Same,
    /// It is another.
    New,
}
