//! Medians, spreads and percentiles.

use std::time::Duration;

/// Middle and ends of a few measurements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one value; zeros otherwise.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
        let upper = values.get(values.len() / 2).copied().unwrap_or(0.0);
        let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
        Self { median: f64::midpoint(lower, upper), least, most }
    }
}

/// Waiting times in microseconds, sorted once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waits(Vec<u32>);

impl Waits {
    pub(crate) fn of(mut microseconds: Vec<u32>) -> Self {
        microseconds.sort_unstable();
        Self(microseconds)
    }

    /// The wait that `percent` of all don't exceed, in milliseconds.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return 0.0 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of the list")]
        let at = (last as f64 * percent / 100.0).round() as usize;
        self.0.get(at).map_or(0.0, |wait| f64::from(*wait) / 1e3)
    }
}

/// A wait for the list; what takes over an hour counts as an hour and more.
pub(crate) fn microseconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_values() {
        assert!((Spread::of([3.0, 1.0, 2.0]).median - 2.0).abs() < 1e-9);
        let spread = Spread::of([4.0, 1.0, 2.0, 3.0]);
        assert!((spread.median - 2.5).abs() < 1e-9 && spread.least < 1.1 && spread.most > 3.9);
        assert!(Spread::of([]).median.abs() < 1e-9);
    }

    #[test]
    fn percentiles_are_waits_that_happened() {
        let waits = Waits::of((1..=1000).rev().map(|number| number * 1000).collect());
        assert!((waits.percentile_ms(50.0) - 501.0).abs() < 1.1);
        assert!((waits.percentile_ms(99.0) - 990.0).abs() < 1.1);
        assert!(Waits::default().percentile_ms(99.0).abs() < 1e-9);
    }
}
