//! Failed guesses by address and realm, on this node: past the limit even a right password or secret is refused from there (T-024).
//!
//! Only requests that present a password or a client secret are judged, so people who are signed in go on from anywhere else.

use crate::limits::GUESSING_ADDRESSES_MAX;
use freshkey_core::brute_force::{AddressFailures, AddressLimit, limited_address};
use freshkey_core::ids::RealmKey;
use freshkey_core::realm::Realm;
use freshkey_core::Now;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counters.
#[derive(Debug, Default)]
pub struct Guesses {
    failures: Mutex<HashMap<(RealmKey, IpAddr), AddressFailures>>,
}

impl Guesses {
    /// Whether this address has used up its guesses in this realm.
    pub fn is_exhausted(&self, realm: &Realm, address: IpAddr, now: Now) -> bool {
        let Some(limit) = AddressLimit::for_realm(&realm.settings.brute_force) else { return false };
        let failures = self.lock().get(&key(realm, address)).copied();
        failures.is_some_and(|failures| limit.is_exhausted(failures, now))
    }

    /// Counts a wrong guess.
    pub fn count(&self, realm: &Realm, address: IpAddr, now: Now) {
        let Some(limit) = AddressLimit::for_realm(&realm.settings.brute_force) else { return };
        let mut failures = self.lock();
        if failures.len() >= GUESSING_ADDRESSES_MAX {
            // Those that have drained count for nothing any more. If none has, all are guessing, and forgetting them all at once keeps memory bounded.
            failures.retain(|_, failure| failure.drained_at_ms > now.milliseconds());
            if failures.len() >= GUESSING_ADDRESSES_MAX {
                failures.clear();
            }
        }
        let entry = failures.entry(key(realm, address)).or_default();
        *entry = limit.after_failure(*entry, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(RealmKey, IpAddr), AddressFailures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(realm: &Realm, address: IpAddr) -> (RealmKey, IpAddr) {
    (realm.key, limited_address(address))
}
