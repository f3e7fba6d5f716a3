//! Failed guesses by address and realm, on this node: past the limit even a right password or secret is refused from there (T-024).
//!
//! Passwords of people and secrets of clients are counted apart. An application that signs many people in from one address would otherwise be shut
//! out with all its live grants as soon as enough of them, or one attacker at its form, had mistyped.

use crate::limits::GUESSING_ADDRESSES_MAX;
use freshkey_core::Now;
use freshkey_core::brute_force::{AddressFailures, AddressLimit, limited_address};
use freshkey_core::ids::RealmKey;
use freshkey_core::realm::Realm;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is guessed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guessed {
    /// The password of a person.
    Password,
    /// The secret or key of a client.
    ClientSecret,
}

/// The counters.
#[derive(Debug, Default)]
pub struct Guesses {
    failures: Mutex<HashMap<Key, AddressFailures>>,
}

type Key = (RealmKey, Guessed, IpAddr);

impl Guesses {
    /// Whether this address has used up its guesses of this kind in this realm.
    pub fn is_exhausted(&self, realm: &Realm, guessed: Guessed, address: IpAddr, now: Now) -> bool {
        let Some(limit) = AddressLimit::for_realm(&realm.settings.brute_force) else { return false };
        let failures = self.lock().get(&key(realm, guessed, address)).copied();
        failures.is_some_and(|failures| limit.is_exhausted(failures, now))
    }

    /// Counts a wrong guess.
    pub fn count(&self, realm: &Realm, guessed: Guessed, address: IpAddr, now: Now) {
        let Some(limit) = AddressLimit::for_realm(&realm.settings.brute_force) else { return };
        let mut failures = self.lock();
        if failures.len() >= GUESSING_ADDRESSES_MAX {
            // Those that have drained count for nothing any more. If none has, all are guessing, and forgetting them all at once keeps memory bounded.
            failures.retain(|_, failure| failure.drained_at_ms > now.milliseconds());
            if failures.len() >= GUESSING_ADDRESSES_MAX {
                failures.clear();
            }
        }
        let entry = failures.entry(key(realm, guessed, address)).or_default();
        *entry = limit.after_failure(*entry, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, AddressFailures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(realm: &Realm, guessed: Guessed, address: IpAddr) -> Key {
    (realm.key, guessed, limited_address(address))
}
