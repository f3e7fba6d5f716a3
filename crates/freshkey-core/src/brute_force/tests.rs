use super::*;

/// A second after the epoch's start would hide mistakes with 0, so time begins here.
const START_MS: i64 = 1_700_000_000_000;

fn at_ms(offset_ms: i64) -> Now {
    Now::from_milliseconds(START_MS + offset_ms)
}

fn at_s(offset_s: i64) -> Now {
    at_ms(offset_s * 1000)
}

fn offset_s(until_s: i64) -> i64 {
    until_s - START_MS / 1000
}

fn settings(failures_max: u32, strategy: WaitStrategy, lockout: Lockout) -> BruteForceSettings {
    BruteForceSettings { failures_max, strategy, lockout, wait_increment_s: 30, ..BruteForceSettings::RECOMMENDED }
}

fn fail(failures: &LoginFailures, settings: &BruteForceSettings, now: Now) -> AfterFailure {
    after_failure(failures, settings, Some("192.0.2.1"), now)
}

/// Fails `times` times, each as soon as the account is open again and never in quick succession; the wait after each, in seconds.
fn waits(settings: &BruteForceSettings, times: usize) -> (Vec<i64>, LoginFailures) {
    let mut failures = LoginFailures::default();
    let mut now_s = 0;
    let mut waits = Vec::new();
    for _ in 0..times {
        let after = fail(&failures, settings, at_s(now_s));
        failures = after.failures;
        waits.push(match after.event {
            Some(LockEvent::TemporarilyLocked { until_s }) => offset_s(until_s) - now_s,
            Some(LockEvent::PermanentlyLocked) => -1,
            None => 0,
        });
        now_s += waits.last().copied().unwrap_or(0).max(0) + 5;
    }
    (waits, failures)
}

#[test]
fn waits_grow_as_in_keycloaks_tables() {
    use Lockout::{Permanent, Temporary};
    use WaitStrategy::{Linear, Multiple};
    let permanent = |temporary_lockouts_max| Permanent { temporary_lockouts_max };
    for (name, settings, expected) in [
        ("multiple", settings(5, Multiple, Temporary), vec![0, 0, 0, 0, 30, 30, 30, 30, 30, 60, 60]),
        ("linear", settings(5, Linear, Temporary), vec![0, 0, 0, 0, 30, 60, 90, 120, 150, 180, 210]),
        ("capped", BruteForceSettings { wait_max_s: 70, ..settings(2, Linear, Temporary) }, vec![0, 30, 60, 70, 70]),
        ("limit 0 counts as 1", settings(0, Multiple, Temporary), vec![30, 60, 90]),
        ("permanent at once", settings(3, Multiple, permanent(0)), vec![0, 0, -1]),
        ("permanent after two waits", settings(3, Multiple, permanent(2)), vec![0, 0, 30, 30, -1]),
        ("permanent after two waits, linear", settings(3, Linear, permanent(2)), vec![0, 0, 30, 60, -1]),
    ] {
        assert_eq!(waits(&settings, expected.len()).0, expected, "{name}");
    }
}

#[test]
fn two_failures_in_quick_succession_wait() {
    let settings = BruteForceSettings::RECOMMENDED;
    for (gap_ms, wait) in [(0, Some(60)), (999, Some(60)), (1000, None)] {
        let first = fail(&LoginFailures::default(), &settings, at_ms(0));
        assert_eq!(first.event, None, "a first failure is never quick");
        let second = fail(&first.failures, &settings, at_ms(gap_ms));
        let expected = wait.map(|wait_s| LockEvent::TemporarilyLocked { until_s: START_MS / 1000 + wait_s });
        assert_eq!(second.event, expected, "{gap_ms} ms");
        assert_eq!((second.failures.count, second.failures.temporary_lockouts), (2, 0), "a quick wait is no lockout by count");
    }
}

#[test]
fn a_first_failure_is_not_quick_even_when_time_has_just_begun() {
    let first = fail(&LoginFailures::default(), &BruteForceSettings::RECOMMENDED, Now::from_milliseconds(500));
    assert_eq!((first.failures.count, first.event), (1, None));
}

#[test]
fn a_quick_wait_is_capped_by_the_longest_wait() {
    let settings = BruteForceSettings { wait_max_s: 10, ..BruteForceSettings::RECOMMENDED };
    let first = fail(&LoginFailures::default(), &settings, at_ms(0)).failures;
    assert_eq!(fail(&first, &settings, at_ms(10)).event, Some(LockEvent::TemporarilyLocked { until_s: START_MS / 1000 + 10 }));
}

#[test]
fn failures_are_forgotten_after_a_long_pause_but_not_sooner() {
    let settings = settings(3, WaitStrategy::Multiple, Lockout::Temporary);
    let two = waits(&settings, 2).1;
    let last_ms = two.last_failure_at_ms - START_MS;
    assert_eq!(fail(&two, &settings, at_ms(last_ms + 43_200_000)).failures.count, 3);
    let after = fail(&two, &settings, at_ms(last_ms + 43_200_001));
    assert_eq!(after.failures.count, 1);
    assert_eq!(after.event, None);
    let many = waits(&settings, 6).1;
    assert!(many.temporary_lockouts > 0);
    assert_eq!(fail(&many, &settings, at_s(1_000_000)).failures.temporary_lockouts, 0);
}

#[test]
fn failures_never_expire_where_the_first_limit_locks_for_good() {
    let settings = settings(3, WaitStrategy::Multiple, Lockout::Permanent { temporary_lockouts_max: 0 });
    let two = waits(&settings, 2).1;
    let after = fail(&two, &settings, at_s(10_000_000));
    assert_eq!(after.event, Some(LockEvent::PermanentlyLocked));
    assert!(after.failures.permanently_locked);
    assert_eq!(after.failures.locked_until_s, 0, "not a temporary lock as well");
}

#[test]
fn t_024_a_right_password_is_refused_while_locked_and_taken_afterwards() {
    let settings = settings(2, WaitStrategy::Multiple, Lockout::Temporary);
    let first = fail(&LoginFailures::default(), &settings, at_s(0)).failures;
    let locked = fail(&first, &settings, at_s(10)).failures;
    for (now_s, expected) in [(10, AfterSuccess::Locked), (39, AfterSuccess::Locked), (40, AfterSuccess::Clear)] {
        assert_eq!(after_success(&locked, &settings, at_s(now_s)), expected, "{now_s} s");
        assert_eq!(is_locked(&locked, &settings, at_s(now_s)), expected == AfterSuccess::Locked);
    }
    assert_eq!(lock_state(&locked, &settings, at_s(39)), LockState::Temporary { until_s: START_MS / 1000 + 40 });
    assert_eq!(after_success(&first, &settings, at_s(1)), AfterSuccess::Clear);
    assert_eq!(after_success(&LoginFailures::default(), &settings, at_s(1)), AfterSuccess::Unchanged);
}

#[test]
fn t_024_a_permanent_lock_stays_whatever_the_settings_become() {
    let settings = settings(2, WaitStrategy::Multiple, Lockout::Permanent { temporary_lockouts_max: 0 });
    let locked = waits(&settings, 2).1;
    for later in [settings, BruteForceSettings::KEYCLOAK, BruteForceSettings::RECOMMENDED] {
        assert_eq!(lock_state(&locked, &later, at_s(1_000_000_000)), LockState::Permanent);
        assert_eq!(after_success(&locked, &later, at_s(1_000_000_000)), AfterSuccess::Locked);
    }
}

#[test]
fn an_attempt_on_a_locked_account_changes_nothing() {
    let settings = settings(2, WaitStrategy::Multiple, Lockout::Temporary);
    let locked = waits(&settings, 2).1;
    let locked_at_ms = locked.last_failure_at_ms - START_MS;
    let after = after_failure(&locked, &settings, Some("198.51.100.7"), at_ms(locked_at_ms + 29_000));
    assert_eq!(after, AfterFailure { failures: locked, event: None });
}

#[test]
fn without_protection_nothing_is_counted_or_refused() {
    let settings = BruteForceSettings { failures_max: 1, ..BruteForceSettings::KEYCLOAK };
    let mut failures = LoginFailures::default();
    for _ in 0..100 {
        failures = fail(&failures, &settings, at_ms(0)).failures;
    }
    assert_eq!(failures, LoginFailures::default());
    let left_over = LoginFailures { locked_until_s: i64::MAX, count: 9, ..LoginFailures::default() };
    assert_eq!(lock_state(&left_over, &settings, at_ms(0)), LockState::Open);
    assert_eq!(AddressLimit::for_realm(&settings), None);
}

#[test]
fn the_row_keeps_the_address_of_the_last_failure() {
    let settings = BruteForceSettings::RECOMMENDED;
    let first = after_failure(&LoginFailures::default(), &settings, Some("192.0.2.1"), at_s(0)).failures;
    assert_eq!(first.last_address.as_deref(), Some("192.0.2.1"));
    let second = after_failure(&first, &settings, None, at_s(5)).failures;
    assert_eq!((second.last_address, second.last_failure_at_ms), (None, START_MS + 5000));
}

#[test]
fn t_024_recommended_settings_admit_fewer_than_100_guesses_an_hour() {
    let settings = BruteForceSettings::RECOMMENDED;
    let mut failures = LoginFailures::default();
    let mut judged = 0;
    for half_second in 0..7200 {
        let now = at_ms(half_second * 500);
        if !is_locked(&failures, &settings, now) {
            judged += 1;
            failures = fail(&failures, &settings, now).failures;
        }
    }
    assert!((60..100).contains(&judged), "{judged} guesses were judged");
}

#[test]
fn a_clock_that_went_back_does_not_forget() {
    let settings = settings(5, WaitStrategy::Multiple, Lockout::Temporary);
    let first = fail(&LoginFailures::default(), &settings, at_s(100)).failures;
    let second = fail(&first, &settings, at_s(0));
    assert_eq!(second.failures.count, 2);
    assert!(matches!(second.event, Some(LockEvent::TemporarilyLocked { .. })), "as good as at once");
}

#[test]
fn t_024_an_address_is_limited_whatever_the_accounts_and_drains_evenly() {
    let limit = AddressLimit::for_realm(&BruteForceSettings::RECOMMENDED).expect("protected");
    let mut failures = AddressFailures::default();
    for count in 0..100 {
        assert!(!limit.is_exhausted(failures, at_s(0)), "after {count}");
        failures = limit.after_failure(failures, at_s(0));
    }
    assert!(limit.is_exhausted(failures, at_s(0)));
    assert_eq!(limit.after_failure(failures, at_s(0)), failures, "what isn't judged isn't counted");
    assert!(limit.is_exhausted(failures, at_ms(8_999)));
    assert!(!limit.is_exhausted(failures, at_s(9)));
    let one_more = limit.after_failure(failures, at_s(9));
    assert!(limit.is_exhausted(one_more, at_s(9)), "one each nine seconds");
    assert_eq!(failures.drained_at_ms, START_MS + 900_000);
}

#[test]
fn extreme_address_limits_do_not_overflow() {
    for limit in [AddressLimit { failures_max: 0, window_s: 0 }, AddressLimit { failures_max: u32::MAX, window_s: u32::MAX }] {
        let spent = AddressFailures { drained_at_ms: i64::MAX };
        assert_eq!(limit.after_failure(spent, at_s(0)), spent);
    }
    assert!(AddressLimit { failures_max: 0, window_s: 60 }.is_exhausted(AddressFailures::default(), at_s(0)));
}

#[test]
fn addresses_are_counted_by_customer() {
    for (address, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
    ] {
        let address: std::net::IpAddr = address.parse().expect("an address");
        assert_eq!(limited_address(address).to_string(), expected);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    /// The guarded write rests on this: of two racers with the same row, the second's condition no longer holds.
    #[test]
    fn every_counted_failure_changes_count_or_time(
        failures_max in 0_u32..6, linear: bool, lockouts_max in proptest::option::of(0_u32..3),
        gaps_ms in proptest::collection::vec(-5_000_i64..90_000_000, 1..40),
    ) {
        let strategy = if linear { WaitStrategy::Linear } else { WaitStrategy::Multiple };
        let lockout = lockouts_max.map_or(Lockout::Temporary, |temporary_lockouts_max| Lockout::Permanent { temporary_lockouts_max });
        let settings = settings(failures_max, strategy, lockout);
        let (mut failures, mut now_ms) = (LoginFailures::default(), 0);
        for gap_ms in gaps_ms {
            now_ms += gap_ms;
            let was_locked = is_locked(&failures, &settings, at_ms(now_ms));
            let after = fail(&failures, &settings, at_ms(now_ms));
            let guard = |row: &LoginFailures| (row.count, row.last_failure_at_ms);
            proptest::prop_assert_eq!(guard(&after.failures) == guard(&failures), was_locked);
            let locks = after.event.is_some();
            proptest::prop_assert_eq!(locks, !was_locked && is_locked(&after.failures, &settings, at_ms(now_ms)));
            failures = after.failures;
        }
    }

    #[test]
    fn no_row_and_no_setting_makes_it_overflow(
        count: i64, last: i64, until: i64, lockouts: i64, now: i64, failures_max: u32, number: u32, linear: bool,
    ) {
        let row = LoginFailures { count, last_failure_at_ms: last, locked_until_s: until, temporary_lockouts: lockouts, ..LoginFailures::default() };
        let settings = BruteForceSettings {
            failures_max, wait_increment_s: number, wait_max_s: number, reset_after_s: number,
            strategy: if linear { WaitStrategy::Linear } else { WaitStrategy::Multiple },
            ..BruteForceSettings::RECOMMENDED
        };
        let after = fail(&row, &settings, Now::from_milliseconds(now));
        proptest::prop_assert!(after.failures.count >= row.count || after.failures.count == 1);
        let _ = after_success(&row, &settings, Now::from_milliseconds(now));
    }
}
