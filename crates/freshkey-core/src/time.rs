//! Time as a value. Nothing in this crate reads a clock.

/// Seconds since the Unix epoch, the unit of every stored time and of every JWT NumericDate (RFC 7519 §2).
pub type EpochSeconds = i64;

/// Milliseconds since the Unix epoch, the unit of events and of user creation times.
pub type EpochMillis = i64;

/// The moment at which a request is judged: read once by the caller, then passed along, so that one request never sees two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    milliseconds: EpochMillis,
}

impl Now {
    /// A moment given in milliseconds since the epoch.
    pub fn from_milliseconds(milliseconds: EpochMillis) -> Self {
        Self { milliseconds }
    }

    /// A moment given in seconds since the epoch.
    pub fn from_seconds(seconds: EpochSeconds) -> Self {
        Self { milliseconds: seconds.saturating_mul(1000) }
    }

    /// Whole seconds since the epoch, rounded down as every `iat` is.
    pub fn seconds(self) -> EpochSeconds {
        self.milliseconds.div_euclid(1000)
    }

    /// Milliseconds since the epoch.
    pub fn milliseconds(self) -> EpochMillis {
        self.milliseconds
    }
}
