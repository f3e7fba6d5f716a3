//! Bounds on connections and files that all servers of the house share.

use std::time::Duration;

/// How long a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the other end of a connection may take nothing of an answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait after the kernel refused a new connection for want of something, before asking again.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bytes of a file with certificates or a key.
pub const PEM_BYTES_MAX: u64 = 1024 * 1024;
