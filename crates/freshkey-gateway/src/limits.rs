//! Every bound on what comes from outside, and on the work that it can cause. Bounds of parsers of tokens and keys are in `freshkey_protocol::limits`.

pub use freshkey_service::limits::{ACCEPT_PAUSE, HANDSHAKE_TIMEOUT, PEM_BYTES_MAX, WRITE_TIMEOUT};
use std::time::Duration;

/// Bytes of a request's target: path and query.
pub const TARGET_BYTES_MAX: usize = 16 * 1024;

/// Segments of a path.
pub const PATH_SEGMENTS_MAX: usize = 256;

/// Bytes of a host name with its port.
pub const HOST_BYTES_MAX: usize = 260;

/// Bytes of a method's name.
pub const METHOD_BYTES_MAX: usize = 32;

/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an identity header's value; a longer one is refused rather than cut.
pub const IDENTITY_VALUE_BYTES_MAX: usize = 16 * 1024;

/// How long a caller may take to send the head of a request, and how long a kept-alive connection may be idle.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long open requests may take to finish after the order to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Connections of the management listener held at the same time.
pub const MANAGEMENT_CONNECTIONS_MAX: usize = 64;

/// Streams of one HTTP/2 connection at the same time.
pub const HTTP2_STREAMS_MAX: u32 = 128;

/// Connections that have become something else (WebSockets), held at the same time.
pub const JOINED_CONNECTIONS_MAX: usize = 16_384;

/// Bytes of a message of the external authorization protocol.
pub const EXT_AUTHZ_MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// The least time between the beginnings of two fetches of one issuer's keys, once it has some (T-075).
pub const KEY_FETCH_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait between attempts to get an issuer's first keys: it is ready within a second of the provider's return (T-099).
pub const FIRST_KEYS_INTERVAL: Duration = Duration::from_millis(750);

/// How long a new configuration waits for the first keys of an issuer before it is put in force without them.
pub const NEW_KEYS_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one fetch of keys may take.
pub const KEY_FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request with an unknown key id waits for the fetch that may bring it.
pub const UNKNOWN_KEY_WAIT: Duration = Duration::from_secs(11);

/// Requests of one issuer that may wait for a fetch at the same time; more are refused at once.
pub const UNKNOWN_KEY_WAITERS_MAX: usize = 1024;

/// Bytes of an answer of an introspection endpoint.
pub const INTROSPECTION_BYTES_MAX: usize = 128 * 1024;

/// How long an introspection may take.
pub const INTROSPECTION_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections to an introspection endpoint that are kept for the next questions.
pub const INTROSPECTION_CONNECTIONS_KEPT_MAX: usize = 16;

/// How long a connection is used for further questions: a replaced authority counts after that at the latest.
pub const KEPT_CONNECTION_AGE_MAX: Duration = Duration::from_secs(30);

/// How old the answer of an introspection may be. With what the answer takes on its way, a revoked token is refused within two seconds.
pub const INTROSPECTION_AGE_MAX_MS: i64 = 1_000;

/// Longest time for which a stream goes on after the end of its token (T-079), and for which one goes on that a token opened within the skew.
pub const STREAM_GRACE_MS: i64 = 5_000;

/// Longest life of a signed assertion, in seconds (T-076).
pub const ASSERTION_LIFESPAN_S_MAX: u32 = 60;

/// Bytes of a configuration file.
pub const CONFIGURATION_BYTES_MAX: u64 = 1024 * 1024;

/// Files of a directory of applications.
pub const APPLICATION_FILES_MAX: usize = 1024;

/// How often the files of the configuration and of certificates are looked at for changes.
pub const FILES_POLL: Duration = Duration::from_millis(500);

/// Bytes of a token on standard input, with what follows it.
pub const STANDARD_INPUT_BYTES_MAX: u64 = 64 * 1024;

/// How often histograms are folded, so that their memory stays bounded when nobody asks for metrics.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// How long a caller is asked to wait after a 503.
pub const RETRY_AFTER_S: u64 = 1;
