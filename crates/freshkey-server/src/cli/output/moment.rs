//! Times and durations as people read and write them: UTC, `2026-11-23 07:30:00Z`; `1d`, `90m`, `2w`. The proleptic Gregorian calendar.

const DAY_S: i64 = 86_400;

/// Largest duration that can be typed: ten years.
const DURATION_S_MAX: i64 = 10 * 366 * DAY_S;

/// A moment in UTC to the second.
pub(crate) fn shown(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY_S));
    let of_day = seconds.rem_euclid(DAY_S);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// A moment in UTC to the millisecond.
pub(crate) fn shown_ms(milliseconds: i64) -> String {
    let whole = shown(milliseconds.div_euclid(1000));
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), milliseconds.rem_euclid(1000))
}

/// A moment, and how far away it is: `2026-11-23 07:30:00Z (in 2 days)`.
pub(crate) fn shown_from(seconds: i64, now: i64) -> String {
    let distance = seconds.saturating_sub(now);
    let words = match distance {
        0 => "now".to_owned(),
        1.. => format!("in {}", span(distance)),
        _ => format!("{} ago", span(distance.saturating_neg())),
    };
    format!("{} ({words})", shown(seconds))
}

/// A duration in its largest unit, rounded down: `3 days`.
pub(crate) fn span(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / DAY_S, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Reads `90`, `90s`, `15m`, `12h`, `1d`, `2w` as seconds. For clap, so the error is a text.
pub(crate) fn parse_duration_s(text: &str) -> Result<i64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit_s = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => DAY_S,
        "w" => 7 * DAY_S,
        other => return Err(format!("{other:?} is no unit of time; use s, m, h, d or w")),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.parse::<i64>().ok().filter(|_| is_number).and_then(|count| count.checked_mul(unit_s));
    seconds
        .filter(|seconds| *seconds <= DURATION_S_MAX)
        .ok_or_else(|| "expected a number and a unit, for instance 90s, 15m, 12h, 1d, 2w (at most ten years)".to_owned())
}

/// A point in the past as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// So many seconds ago.
    Ago(i64),
    /// At this second.
    At(i64),
}

impl Since {
    /// The second that is meant.
    pub(crate) fn seconds(self, now: i64) -> i64 {
        match self {
            Self::Ago(seconds) => now.saturating_sub(seconds),
            Self::At(seconds) => seconds,
        }
    }
}

/// Reads a duration before now, a day (`2026-11-23`), or a moment in UTC (`2026-11-23T07:30:00Z`). For clap.
pub(crate) fn parse_since(text: &str) -> Result<Since, String> {
    if let Ok(seconds) = parse_duration_s(text) {
        return Ok(Since::Ago(seconds));
    }
    parse_moment(text)
        .map(Since::At)
        .ok_or_else(|| "expected a duration (1h, 2d), a day (2026-11-23) or a moment in UTC (2026-11-23T07:30:00Z)".to_owned())
}

fn parse_moment(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers::<3>(date, '-')?;
    let [hour, minute, second] = numbers::<3>(time, ':')?;
    let is_day = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_time = hour < 24 && minute < 60 && second < 60;
    let days = days_from_civil(year, month, day);
    // A day that the month doesn't have comes back as another one.
    (is_day && is_time && civil(days) == (year, month, day)).then(|| days * DAY_S + hour * 3600 + minute * 60 + second)
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for number in &mut numbers {
        let part = parts.next()?;
        let is_digits = (2..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = part.parse().ok().filter(|_| is_digits)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Year, month and day of a number of days since 1970-01-01. Years begin in March, so that the leap day is the last one.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_utc() {
        assert_eq!(shown(0), "1970-01-01 00:00:00Z");
        assert_eq!(shown(951_782_399), "2000-02-28 23:59:59Z");
        assert_eq!(shown(951_782_400), "2000-02-29 00:00:00Z");
        assert_eq!(shown(1_795_419_000), "2026-11-23 07:30:00Z");
        assert_eq!(shown(-1), "1969-12-31 23:59:59Z");
        assert_eq!(shown_ms(1_795_419_000_007), "2026-11-23 07:30:00.007Z");
    }

    #[test]
    fn every_day_of_a_thousand_years_reads_back() {
        for days in 0..366_000 {
            let (year, month, day) = civil(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn durations_have_a_unit() {
        let cases =
            [("90", Some(90)), ("90s", Some(90)), ("15m", Some(900)), ("12h", Some(43_200)), ("1d", Some(DAY_S)), ("2w", Some(14 * DAY_S))];
        for (text, seconds) in cases {
            assert_eq!(parse_duration_s(text).ok(), seconds, "{text}");
        }
        for text in ["", "d", "-1d", "1.5h", "1y", "1 d", "+1d", "99999999999999999999", "9223372036854775807w", "11y", "5000d"] {
            assert!(parse_duration_s(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_point_in_the_past_is_a_duration_a_day_or_a_moment() {
        assert_eq!(parse_since("1h"), Ok(Since::Ago(3600)));
        assert_eq!(parse_since("2026-11-23"), Ok(Since::At(1_795_392_000)));
        assert_eq!(parse_since("2026-11-23T07:30:00Z"), Ok(Since::At(1_795_419_000)));
        for text in ["yesterday", "2026-02-30", "2026-11-23T24:00:00Z", "2026-11-23T07:30:00", "1-1-1", "2026-11"] {
            assert!(parse_since(text).is_err(), "{text}");
        }
        assert_eq!(Since::Ago(60).seconds(100), 40);
    }

    #[test]
    fn distances_are_told_in_one_unit() {
        assert_eq!(shown_from(172_800, 0), "1970-01-03 00:00:00Z (in 2 days)");
        assert_eq!(shown_from(0, 61), "1970-01-01 00:00:00Z (61 seconds ago)");
        assert_eq!(span(1), "1 second");
        assert_eq!(span(7199), "119 minutes");
    }
}
