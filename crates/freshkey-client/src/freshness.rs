//! When a token is fresh enough to be handed out, when it is renewed ahead, and when a provider that failed is asked again. Pure arithmetic.

use crate::clock::Moment;

/// Seconds that a token has left when nothing else is asked for, if it lives long enough for that.
pub const MIN_TTL_S: u32 = 120;
/// Seconds that a token whose provider is out of reach must have left to be handed out still.
const LEAST_S: u32 = 30;
/// Seconds between two attempts at most.
const BACK_OFF_S_MAX: u64 = 60;

/// How long a token lives, and from when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// When the request for it was sent: it can't be younger than that.
    pub obtained: Moment,
    /// Seconds from then.
    pub life_s: u32,
}

impl Lifetime {
    /// Seconds that are left, rounded down.
    #[must_use]
    pub fn remaining_s(self, now: Moment) -> u32 {
        let Some(age_ms) = now.since(self.obtained) else { return 0 };
        let left_ms = (u64::from(self.life_s) * 1000).saturating_sub(age_ms);
        u32::try_from(left_ms / 1000).unwrap_or(u32::MAX)
    }

    /// Whether it can be handed out to somebody who wants it to live `min_ttl_s` longer.
    #[must_use]
    pub fn suffices(self, now: Moment, min_ttl_s: Option<u32>) -> bool {
        self.remaining_s(now) >= self.wanted_s(min_ttl_s)
    }

    /// Whether it may still be handed out while its provider is out of reach: a fifth of its life is left, or 30 seconds.
    #[must_use]
    pub fn serves(self, now: Moment) -> bool {
        self.remaining_s(now) >= LEAST_S.min(self.fifth_s())
    }

    /// Seconds that must be left. A wish that a token of this life could meet for a moment only would cost a refresh at each call, so
    /// it counts as a fifth of the life; so does no wish at all where that is less than [`MIN_TTL_S`].
    #[must_use]
    pub fn wanted_s(self, min_ttl_s: Option<u32>) -> u32 {
        match min_ttl_s {
            Some(wish) if wish <= self.life_s - self.fifth_s() => wish.max(1),
            Some(_) => self.fifth_s().max(1),
            None => MIN_TTL_S.min(self.fifth_s()).max(1),
        }
    }

    /// Milliseconds from `now` until it is renewed ahead of any caller: when a fifth of its life is left, and up to a twentieth sooner, so
    /// that many machines don't come at once. `lot` is any random number.
    #[must_use]
    pub fn renewal_in_ms(self, now: Moment, lot: u64) -> u64 {
        let life_ms = u64::from(self.life_s) * 1000;
        let spread_ms = life_ms / 20;
        let at_ms = life_ms - life_ms / 5 - lot % (spread_ms + 1);
        now.since(self.obtained).map_or(0, |age_ms| at_ms.saturating_sub(age_ms))
    }

    fn fifth_s(self) -> u32 {
        (self.life_s / 5).max(1).min(self.life_s)
    }
}

/// Milliseconds until the next attempt after `failures` in a row: a second, doubled each time up to a minute, and spread over its second half.
#[must_use]
pub fn back_off_ms(failures: u32, lot: u64) -> u64 {
    let whole_ms = 1000 * (1_u64 << failures.saturating_sub(1).min(6)).min(BACK_OFF_S_MAX);
    whole_ms / 2 + lot % (whole_ms / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, FixedClock};
    use proptest::prelude::*;

    fn lived(life_s: u32, age_s: u32) -> (Lifetime, Moment) {
        let clock = FixedClock::at(1_800_000_000);
        let lifetime = Lifetime { obtained: clock.now(), life_s };
        clock.advance_s(age_s);
        (lifetime, clock.now())
    }

    #[test]
    fn a_token_is_handed_out_while_it_has_what_was_asked_for() {
        for (life_s, age_s, min_ttl_s, expected) in [
            (3600, 3480, None, true),
            (3600, 3481, None, false),
            (3600, 3540, Some(60), true),
            (3600, 3541, Some(60), false),
            (300, 240, None, true),
            (300, 241, None, false),
            // Tokens of a minute can't have two minutes left: a fifth of the life it is.
            (60, 48, Some(120), true),
            (60, 49, Some(120), false),
            (60, 48, None, true),
            (60, 49, None, false),
            (0, 0, None, false),
        ] {
            let (lifetime, now) = lived(life_s, age_s);
            assert_eq!(lifetime.suffices(now, min_ttl_s), expected, "life {life_s}, age {age_s}, wish {min_ttl_s:?}");
        }
    }

    #[test]
    fn without_its_provider_a_token_serves_until_30_seconds_or_a_fifth_are_left() {
        for (life_s, age_s, expected) in [(3600, 3570, true), (3600, 3571, false), (60, 48, true), (60, 49, false)] {
            let (lifetime, now) = lived(life_s, age_s);
            assert_eq!(lifetime.serves(now), expected, "life {life_s}, age {age_s}");
        }
    }

    #[test]
    fn after_a_clock_that_went_back_over_a_restart_nothing_counts_as_fresh() {
        let clock = FixedClock::at(1_800_000_000);
        let lifetime = Lifetime { obtained: clock.now(), life_s: 3600 };
        clock.reboot();
        clock.jump_s(-10);
        assert_eq!(lifetime.remaining_s(clock.now()), 0);
        assert_eq!(lifetime.renewal_in_ms(clock.now(), 0), 0);
    }

    #[test]
    fn attempts_come_further_apart_up_to_a_minute() {
        let shortest: Vec<u64> = (1..=8).map(|failures| back_off_ms(failures, 0)).collect();
        assert_eq!(shortest, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(back_off_ms(1, 500), 1000);
        assert_eq!(back_off_ms(u32::MAX, 30_000), 60_000);
    }

    proptest! {
        #[test]
        fn t_093_whatever_suffices_has_its_wish_or_a_fifth_left(life_s in 1_u32..1_000_000, age_s in 0_u32..1_000_000, wish in 0_u32..10_000) {
            let (lifetime, now) = lived(life_s, age_s);
            if lifetime.suffices(now, Some(wish)) {
                let left = lifetime.remaining_s(now);
                prop_assert!(left >= wish || left >= life_s / 5);
            }
        }

        #[test]
        fn a_renewal_leaves_a_fifth_and_comes_once_a_lifetime(life_s in 5_u32..1_000_000, lot in any::<u64>()) {
            let (lifetime, now) = lived(life_s, 0);
            let at_ms = lifetime.renewal_in_ms(now, lot);
            prop_assert!(at_ms <= u64::from(life_s) * 800);
            prop_assert!(at_ms >= u64::from(life_s) * 750);
        }
    }
}
