//! The one place where product code reads a clock, and the one where it draws random bytes.

use freshkey_core::{Entropy, Now};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Now;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one permitted reader of the clock")]
    fn now(&self) -> Now {
        // A clock before 1970 is a broken machine; every token would then be long expired, which is the safe side.
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now::from_milliseconds(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock {
    milliseconds: AtomicI64,
}

impl FixedClock {
    /// A clock that shows this moment.
    pub fn at(now: Now) -> Self {
        Self { milliseconds: AtomicI64::new(now.milliseconds()) }
    }

    /// Shows this moment from now on.
    pub fn set(&self, now: Now) {
        self.milliseconds.store(now.milliseconds(), Ordering::SeqCst);
    }

    /// Moves on by so many seconds; a negative number moves back.
    pub fn advance_s(&self, seconds: i64) {
        self.milliseconds.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Now {
        Now::from_milliseconds(self.milliseconds.load(Ordering::SeqCst))
    }
}

/// The random source of the operating system, by way of the cryptographic library.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // A process that cannot draw random bytes must not go on to make tokens.
        #[allow(clippy::disallowed_methods, reason = "the one permitted source of randomness")]
        aws_lc_rs::rand::fill(buffer).expect("the random source of the operating system works");
    }
}
