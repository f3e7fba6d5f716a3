//! Failures of one address, whatever the accounts: guessing one password at many accounts shows only here (T-024).
//!
//! Not cleared by a success, or an attacker's own account would clear it. Not an account's counter either, since many honest people
//! share an address: it drains with time, and never locks for good.

use super::{BruteForceSettings, Protection};
use crate::time::{EpochMillis, Now};
use std::net::{IpAddr, Ipv6Addr};

/// The failures of one address, as the single number of a leaky bucket. Written with `WHERE drained_at_ms = …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressFailures {
    /// When all failures so far are forgotten; the row may be deleted from then on. 0 for none.
    pub drained_at_ms: EpochMillis,
}

/// How many failures an address may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressLimit {
    /// Failures that may come at once.
    pub failures_max: u32,
    /// Time in which so many are forgotten again, evenly.
    pub window_s: u32,
}

impl AddressLimit {
    /// 100 at once, then one every nine seconds: an office behind one address doesn't notice, a list of passwords does.
    pub const RECOMMENDED: Self = Self { failures_max: 100, window_s: 900 };

    /// The limit of a realm; none for a realm that counts no failures.
    pub fn for_realm(settings: &BruteForceSettings) -> Option<Self> {
        match settings.protection {
            Protection::Off => None,
            Protection::On => Some(Self::RECOMMENDED),
        }
    }

    /// Whether attempts from there are refused without being judged.
    pub fn is_exhausted(&self, failures: AddressFailures, now: Now) -> bool {
        let undrained_ms = failures.drained_at_ms.saturating_sub(now.milliseconds()).max(0);
        undrained_ms.saturating_add(self.interval_ms()) > self.window_ms()
    }

    /// Counts one failure. Unchanged while exhausted: the attempt was not judged.
    pub fn after_failure(&self, before: AddressFailures, now: Now) -> AddressFailures {
        if self.is_exhausted(before, now) {
            return before;
        }
        AddressFailures { drained_at_ms: before.drained_at_ms.max(now.milliseconds()).saturating_add(self.interval_ms()) }
    }

    fn window_ms(&self) -> i64 {
        self.interval_ms().saturating_mul(i64::from(self.failures_max))
    }

    fn interval_ms(&self) -> i64 {
        (i64::from(self.window_s) * 1000 / i64::from(self.failures_max.max(1))).max(1)
    }
}

/// The address that failures are counted under: a whole /64 of IPv6, since one customer has at least that much, and IPv4 as itself
/// even when it comes mapped into IPv6.
pub fn limited_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}
