//! Counting wrong passwords, one-time codes and client secrets: pure functions over a small row, one for each account (a user or a
//! client) and one for each address. They hash nothing and store nothing.
//!
//! Guesses run beside each other, so a caller judges twice: before hashing, and again on the row that it is about to replace. The
//! row is written with `WHERE count = … AND last_failure_at_ms = …`; who loses that race loads and judges again.

mod address;

pub use address::{AddressFailures, AddressLimit, limited_address};

use crate::time::{EpochMillis, EpochSeconds, Now};

/// The failures of one account. All zero when there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoginFailures {
    /// Failures since the last success or reset.
    pub count: i64,
    /// The last failure in milliseconds, since a quick second guess is told by them; 0 for none.
    pub last_failure_at_ms: EpochMillis,
    /// Where the last failure came from.
    pub last_address: Option<String>,
    /// No attempt is judged before this; 0 for none.
    pub locked_until_s: EpochSeconds,
    /// Lockouts by count since the last success or reset; those for quick guesses are not among them.
    pub temporary_lockouts: i64,
    /// Locked until an administrator lifts it.
    pub permanently_locked: bool,
}

/// A realm's settings. The numbers are those of Keycloak's realm representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BruteForceSettings {
    /// Whether failures are counted at all.
    pub protection: Protection,
    /// What many failures lead to.
    pub lockout: Lockout,
    /// How waits grow.
    pub strategy: WaitStrategy,
    /// Failures from which on an account waits. 0 counts as 1.
    pub failures_max: u32,
    /// The step by which waits grow.
    pub wait_increment_s: u32,
    /// The longest wait.
    pub wait_max_s: u32,
    /// The wait after two failures in quick succession.
    pub quick_failure_wait_s: u32,
    /// What counts as quick succession: closer together than this.
    pub quick_failure_ms: u32,
    /// Failures are forgotten when none came for longer than this.
    pub reset_after_s: u32,
}

/// Whether a realm counts failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It doesn't; Keycloak's default.
    Off,
    /// It does; the default of realms made here.
    On,
}

/// What many failures lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lockout {
    /// Waits only.
    Temporary,
    /// A lock that an administrator has to lift, after so many waits. With 0 it comes at the first limit and failures never expire.
    Permanent {
        /// Waits before the lock.
        temporary_lockouts_max: u32,
    },
}

/// How waits grow with the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitStrategy {
    /// One step for each full multiple of the limit.
    Multiple,
    /// One step at the limit, and one more for each failure after it.
    Linear,
}

impl BruteForceSettings {
    /// Keycloak's numbers with protection off: what an import without these fields means.
    pub const KEYCLOAK: Self = Self {
        protection: Protection::Off,
        lockout: Lockout::Temporary,
        strategy: WaitStrategy::Multiple,
        failures_max: 30,
        wait_increment_s: 60,
        wait_max_s: 900,
        quick_failure_wait_s: 60,
        quick_failure_ms: 1000,
        reset_after_s: 43_200,
    };

    /// For new realms: the same numbers, switched on. They admit fewer than 100 guesses an hour.
    pub const RECOMMENDED: Self = Self { protection: Protection::On, ..Self::KEYCLOAK };
}

/// Whether an account may try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LockState {
    /// It may.
    Open,
    /// Not before this time.
    Temporary {
        /// First second at which it may.
        until_s: EpochSeconds,
    },
    /// Not until an administrator lifts it.
    Permanent,
}

/// What a failure led to, for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockEvent {
    /// The account waits.
    TemporarilyLocked {
        /// Until then.
        until_s: EpochSeconds,
    },
    /// The account is locked.
    PermanentlyLocked,
}

/// The row after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AfterFailure {
    /// To be written; equal to what was judged when nothing is to be written.
    pub failures: LoginFailures,
    /// At most one.
    pub event: Option<LockEvent>,
}

/// What becomes of a right password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum AfterSuccess {
    /// Refused all the same: the account is locked (T-024).
    Locked,
    /// Accepted, nothing to write.
    Unchanged,
    /// Accepted once the row is back to its default, or gone.
    Clear,
}

/// Whether an attempt is to be judged at all.
///
/// A permanent lock outlives the setting that brought it, as a disabled user does in Keycloak.
pub fn lock_state(failures: &LoginFailures, settings: &BruteForceSettings, now: Now) -> LockState {
    if failures.permanently_locked {
        return LockState::Permanent;
    }
    if settings.protection == Protection::On && now.seconds() < failures.locked_until_s {
        return LockState::Temporary { until_s: failures.locked_until_s };
    }
    LockState::Open
}

/// Whether [`lock_state`] is anything but open.
pub fn is_locked(failures: &LoginFailures, settings: &BruteForceSettings, now: Now) -> bool {
    lock_state(failures, settings, now) != LockState::Open
}

/// Counts a wrong password, code or secret. While locked nothing counts: the attempt was not judged.
///
/// The order is that of Keycloak's `DefaultBruteForceProtector`.
pub fn after_failure(before: &LoginFailures, settings: &BruteForceSettings, address: Option<&str>, now: Now) -> AfterFailure {
    if settings.protection == Protection::Off || is_locked(before, settings, now) {
        return AfterFailure { failures: before.clone(), event: None };
    }
    // Negative where the clocks of two nodes differ: then it is a quick failure, and nothing is forgotten.
    let since_last_ms = now.milliseconds().saturating_sub(before.last_failure_at_ms);
    let first = before.last_failure_at_ms == 0;
    let quick = !first && since_last_ms < i64::from(settings.quick_failure_ms);
    let mut failures = if forgets(settings) && since_last_ms > i64::from(settings.reset_after_s) * 1000 {
        LoginFailures::default()
    } else {
        before.clone()
    };
    failures.count = failures.count.saturating_add(1);
    failures.last_failure_at_ms = now.milliseconds();
    failures.last_address = address.map(str::to_owned);

    let wait_s = counted_wait_s(failures.count, settings);
    if wait_s > 0 {
        failures.temporary_lockouts = failures.temporary_lockouts.saturating_add(1);
    }
    if ends_in_permanent_lock(&failures, settings) {
        failures.permanently_locked = true;
        return AfterFailure { failures, event: Some(LockEvent::PermanentlyLocked) };
    }
    let wait_s = match wait_s {
        0 if quick => i64::from(settings.quick_failure_wait_s),
        counted => counted,
    };
    if wait_s == 0 {
        return AfterFailure { failures, event: None };
    }
    let until_s = now.seconds().saturating_add(wait_s.min(i64::from(settings.wait_max_s)));
    failures.locked_until_s = until_s;
    AfterFailure { failures, event: Some(LockEvent::TemporarilyLocked { until_s }) }
}

/// Judges a right password, code or secret: it doesn't open a locked account (T-024).
pub fn after_success(before: &LoginFailures, settings: &BruteForceSettings, now: Now) -> AfterSuccess {
    if is_locked(before, settings, now) {
        AfterSuccess::Locked
    } else if *before == LoginFailures::default() {
        AfterSuccess::Unchanged
    } else {
        AfterSuccess::Clear
    }
}

fn forgets(settings: &BruteForceSettings) -> bool {
    settings.lockout != Lockout::Permanent { temporary_lockouts_max: 0 }
}

/// The wait that the count alone asks for, uncapped; 0 for none.
fn counted_wait_s(count: i64, settings: &BruteForceSettings) -> i64 {
    if !forgets(settings) {
        return 0;
    }
    let limit = i64::from(settings.failures_max.max(1));
    let steps = match settings.strategy {
        WaitStrategy::Multiple => count / limit,
        WaitStrategy::Linear => count.saturating_sub(limit).saturating_add(1).max(0),
    };
    steps.saturating_mul(i64::from(settings.wait_increment_s))
}

fn ends_in_permanent_lock(failures: &LoginFailures, settings: &BruteForceSettings) -> bool {
    match settings.lockout {
        Lockout::Temporary => false,
        Lockout::Permanent { temporary_lockouts_max: 0 } => failures.count >= i64::from(settings.failures_max.max(1)),
        Lockout::Permanent { temporary_lockouts_max } => failures.temporary_lockouts > i64::from(temporary_lockouts_max),
    }
}

#[cfg(test)]
mod tests;
