//! The one place where the gateway reads the clock on the wall, and the one where it draws random bytes.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one permitted reader of the clock")]
    fn now_ms(&self) -> i64 {
        // A clock before 1970 is a broken machine; no token is valid yet then, which is the safe side.
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that shows this second.
    #[must_use]
    pub fn at_s(seconds: i64) -> Self {
        Self(AtomicI64::new(seconds * 1000))
    }

    /// Moves on by so many milliseconds; a negative number moves back.
    pub fn advance_ms(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Moves on by so many seconds.
    pub fn advance_s(&self, seconds: i64) {
        self.advance_ms(seconds * 1000);
    }
}

impl Clock for FixedClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Fresh random bytes.
#[allow(clippy::disallowed_methods, reason = "the one permitted source of randomness")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The system's generator does not fail once it is seeded; without it nothing here is safe.
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's source of randomness works");
    bytes
}
