//! This machine's clock against the provider's, and times for people.

use super::{Check, Cure, Report};
use crate::failure::FailureKind;

/// Seconds by which clocks may differ without a word.
const SKEW_S: i64 = 60;
/// Seconds from which on it is a problem: tokens and certificates are then judged wrongly (T-093).
const SKEW_S_MAX: i64 = 600;
/// What sets a clock right on a machine with systemd.
pub(super) const SETS_CLOCK: &str = "sudo timedatectl set-ntp true";

/// Compares the two; `date_s` is what the provider said when ours showed `now_s`.
pub(super) fn examine(report: &mut Report<'_>, date_s: Option<i64>, now_s: i64) {
    let Some(date_s) = date_s else { return };
    let ahead_s = now_s - date_s;
    let which = if ahead_s > 0 { "ahead of" } else { "behind" };
    let says = format!("this machine's clock is {} {which} the provider's", span(ahead_s.abs()));
    match ahead_s.abs() {
        0..=SKEW_S => report.ok(Check::Clock, "as the provider's"),
        ..=SKEW_S_MAX => report.warning(Check::Clock, says, Cure::command(SETS_CLOCK)),
        _ => report.problem(Check::Clock, FailureKind::Failed, says, Cure::command(SETS_CLOCK)),
    }
}

/// A length of time, in its largest unit.
pub(super) fn span(seconds: i64) -> String {
    let (count, unit) = match seconds.max(0) {
        seconds @ ..120 => (seconds, "s"),
        seconds @ ..7200 => (seconds / 60, "min"),
        seconds @ ..172_800 => (seconds / 3600, "h"),
        seconds => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}

/// A point in time, to the minute: `2026-11-23 14:00 UTC`.
pub(super) fn day(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil from days: years begin in March, so that a leap day comes last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest % 3600 / 60)
}
