//! The one place where product code reads a clock, and the one where it draws random bytes.

use freshkey_core::{Entropy, Now};
use std::cell::RefCell;
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
        match buffer.len() {
            ..=ID_BYTES => AHEAD.with_borrow_mut(|ahead| ahead.take(buffer)),
            _ => draw(buffer),
        }
    }
}

/// What an id takes. Ids are drawn several at a time, because a draw costs the same for 16 bytes and for 256; secrets are longer, and each is drawn
/// when it is needed.
const ID_BYTES: usize = 16;

thread_local! {
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { bytes: [0; Ahead::BYTES], taken: Ahead::BYTES }) };
}

/// Random bytes for the next ids of this thread. None is handed out twice, or kept once it was handed out.
struct Ahead {
    bytes: [u8; Self::BYTES],
    taken: usize,
}

impl Ahead {
    const BYTES: usize = 16 * ID_BYTES;

    fn take(&mut self, buffer: &mut [u8]) {
        if self.bytes.len() - self.taken < buffer.len() {
            draw(&mut self.bytes);
            self.taken = 0;
        }
        let bytes = &mut self.bytes[self.taken..][..buffer.len()];
        buffer.copy_from_slice(bytes);
        bytes.fill(0);
        self.taken += buffer.len();
    }
}

fn draw(buffer: &mut [u8]) {
    // A process that cannot draw random bytes must not go on to make tokens.
    #[allow(clippy::disallowed_methods, reason = "the one permitted source of randomness")]
    aws_lc_rs::rand::fill(buffer).expect("the random source of the operating system works");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_random_byte_is_handed_out_twice() {
        let mut seen = BTreeSet::new();
        for length in [16, 8, 16, 1, 16, 15].into_iter().cycle().take(200) {
            let mut id = vec![0; length];
            SystemEntropy.fill(&mut id);
            // Of the short ones two may well be alike.
            assert!(length < 8 || seen.insert(id));
        }
        AHEAD.with_borrow(|ahead| assert!(ahead.bytes[..ahead.taken].iter().all(|byte| *byte == 0), "what was handed out is gone"));
    }
}
