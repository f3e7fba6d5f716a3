//! The time, as two clocks tell it, and randomness: arguments everywhere else. The clock on the wall can be set, and jumps; the one that counts since
//! the machine was started goes on through suspend, but says nothing after a restart. A token's age is the larger of what both say (T-093).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970, as the clock on the wall says.
    pub wall_ms: i64,
    /// Milliseconds since the machine was started, suspend included.
    pub boot_ms: u64,
    /// Which start of the machine that was.
    pub boot: u64,
}

impl Moment {
    /// Seconds since 1970, as the clock on the wall says.
    #[must_use]
    pub fn wall_s(self) -> i64 {
        self.wall_ms.div_euclid(1000)
    }

    /// Milliseconds from `earlier` to this moment: the larger of what the two clocks say. `None` when neither can tell, since the machine was
    /// started anew and its clock shows an earlier time than before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<u64> {
        let by_wall = u64::try_from(self.wall_ms.saturating_sub(earlier.wall_ms)).ok();
        if self.boot != earlier.boot {
            return by_wall;
        }
        let by_boot = self.boot_ms.saturating_sub(earlier.boot_ms);
        Some(by_wall.map_or(by_boot, |by_wall| by_wall.max(by_boot)))
    }
}

/// Tells the time and draws lots.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;

    /// A random number. Good for spreading things out, and for nothing that an attacker must not guess.
    fn lot(&self) -> u64;
}

/// The clocks of the machine.
#[derive(Debug)]
pub struct SystemClock {
    boot: u64,
}

impl SystemClock {
    /// Asks the kernel which start of the machine this is.
    #[must_use]
    pub fn new() -> Self {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
        // Without the file every process is taken for a start of its own, which is the safe side.
        Self { boot: u64::from_str_radix(&digits, 16).unwrap_or_else(|_| u64::from(std::process::id()) << 32) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one permitted reader of the clock")]
    fn now(&self) -> Moment {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boot_ms = boot.tv_sec.unsigned_abs() * 1000 + boot.tv_nsec.unsigned_abs() / 1_000_000;
        Moment { wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX), boot_ms, boot: self.boot }
    }

    fn lot(&self) -> u64 {
        u64::from_le_bytes(random())
    }
}

/// Fresh random bytes, fit for keys.
#[allow(clippy::disallowed_methods, reason = "the one permitted source of randomness")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The system's generator does not fail once it is seeded; without it nothing here is safe.
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's source of randomness works");
    bytes
}

/// A clock that is moved by hand.
#[derive(Debug)]
pub struct FixedClock {
    wall_ms: AtomicI64,
    boot_ms: AtomicU64,
    boot: AtomicU64,
    lot: AtomicU64,
}

impl FixedClock {
    /// A clock that shows this time, on a machine that was started an hour ago.
    #[must_use]
    pub fn at(wall_s: i64) -> Self {
        let boot_ms = AtomicU64::new(3_600_000);
        Self { wall_ms: AtomicI64::new(wall_s * 1000), boot_ms, boot: AtomicU64::new(1), lot: AtomicU64::new(0) }
    }

    /// Time passes.
    pub fn advance_s(&self, seconds: u32) {
        self.wall_ms.fetch_add(i64::from(seconds) * 1000, Ordering::Relaxed);
        self.boot_ms.fetch_add(u64::from(seconds) * 1000, Ordering::Relaxed);
    }

    /// Somebody sets the clock on the wall.
    pub fn jump_s(&self, seconds: i64) {
        self.wall_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// The machine is started anew.
    pub fn reboot(&self) {
        self.boot.fetch_add(1, Ordering::Relaxed);
        self.boot_ms.store(0, Ordering::Relaxed);
    }

    /// What is drawn from now on.
    pub fn set_lot(&self, lot: u64) {
        self.lot.store(lot, Ordering::Relaxed);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Moment {
        Moment {
            wall_ms: self.wall_ms.load(Ordering::Relaxed),
            boot_ms: self.boot_ms.load(Ordering::Relaxed),
            boot: self.boot.load(Ordering::Relaxed),
        }
    }

    fn lot(&self) -> u64 {
        self.lot.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_093_an_age_is_the_larger_of_what_two_clocks_say() {
        let clock = FixedClock::at(1_800_000_000);
        let then = clock.now();
        clock.advance_s(60);
        assert_eq!(clock.now().since(then), Some(60_000));
        clock.jump_s(-600);
        assert_eq!(clock.now().since(then), Some(60_000), "a clock set back makes nothing younger");
        clock.jump_s(1200);
        assert_eq!(clock.now().since(then), Some(660_000), "a clock set ahead makes it look older, which is the safe side");
    }

    #[test]
    fn t_093_after_a_restart_the_clock_on_the_wall_is_all_there_is() {
        let clock = FixedClock::at(1_800_000_000);
        let then = clock.now();
        clock.reboot();
        clock.advance_s(30);
        assert_eq!(clock.now().since(then), Some(30_000));
        clock.jump_s(-600);
        assert_eq!(clock.now().since(then), None);
    }

    #[test]
    fn the_clocks_of_the_machine_go_forward() {
        let clock = SystemClock::new();
        let (first, second) = (clock.now(), clock.now());
        assert!(second.boot_ms >= first.boot_ms && first.boot_ms > 0 && first.wall_s() > 1_700_000_000);
        assert_eq!(first.boot, SystemClock::new().boot);
    }
}
