//! The limits of what comes from Python.

use std::time::Duration;

/// How long a caller waits before it looks whether its user has interrupted it.
pub(crate) const SIGNALS_EVERY: Duration = Duration::from_millis(50);
/// Seconds of life that can be asked for: a wish above is a slip.
pub(crate) const MIN_TTL_S_MAX: f64 = 366.0 * 24.0 * 3600.0;
/// Addresses that a session can be told of.
pub(crate) const ORIGINS_MAX: usize = 256;
/// How long a provider may take to begin a sign-in.
pub(crate) const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(200);
/// Threads that carry on what was begun: a few, since they only wait.
pub(crate) const WORKERS: usize = 2;
