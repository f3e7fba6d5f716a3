//! Every bound on what comes from outside, and on the work that it can cause. Bounds of parsers are in `freshkey_protocol::limits`.

pub use freshkey_service::limits::{ACCEPT_PAUSE, HANDSHAKE_TIMEOUT, PEM_BYTES_MAX, WRITE_TIMEOUT};
use std::time::Duration;

/// How long a caller may take to send the head of a request, and how long a kept-alive connection may be idle.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a caller may take to send a body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one request may take in all, waiting for the store included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How long open requests may take to finish after the order to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections held at the same time; more wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 16_384;

/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Header lines of a request.
pub const HEADERS_MAX: usize = 100;

/// How often a decision is taken again after a lost race.
pub const RACE_ATTEMPTS_MAX: usize = 3;

/// Password hashes waiting for a free core; more are shed with 503 (T-048).
pub const HASHES_WAITING_MAX: usize = 64;

/// Addresses whose failed guesses are remembered.
pub const GUESSING_ADDRESSES_MAX: usize = 65_536;

/// How old the configuration may be, unchecked, before token requests are refused, in milliseconds.
pub const CONFIGURATION_AGE_MAX_MS: i64 = 5_000;

/// How often the configuration is checked for changes.
pub const CONFIGURATION_POLL: Duration = Duration::from_millis(250);

/// How long a caller is asked to wait after a 503.
pub const RETRY_AFTER_S: u64 = 1;

/// Bytes of a text from outside that is written into an event.
pub const EVENT_TEXT_BYTES_MAX: usize = 256;

/// Bytes of a configuration file.
pub const CONFIGURATION_BYTES_MAX: u64 = 1024 * 1024;

/// Connections of the management listener held at the same time.
pub const MANAGEMENT_CONNECTIONS_MAX: usize = 64;

/// How often the files of a certificate are looked at for changes.
pub const CERTIFICATE_POLL: Duration = Duration::from_secs(10);

/// How long the store may take to answer whether it is there.
pub const READINESS_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait between attempts to open a database that is away when the server starts.
pub const STORE_RETRY: Duration = Duration::from_millis(500);

/// How often what is dead is removed.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Spans waiting to be sent; more are dropped and counted.
pub const SPANS_WAITING_MAX: usize = 4_096;

/// Spans sent together.
pub const SPANS_PER_BATCH_MAX: usize = 512;

/// How long a span may wait for company.
pub const SPAN_DELAY: Duration = Duration::from_secs(2);

/// How long a collector may take to answer.
pub const SPAN_SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a URL that a realm names may take, from the look-up of its host to the last byte (T-051).
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of what is fetched from there.
pub const FETCHED_BYTES_MAX: usize = 64 * 1024;

/// Fetches at the same time; more wait, and run out of time.
pub const FETCHES_MAX: usize = 16;

/// Clients whose published keys are remembered.
pub const CLIENT_KEY_SETS_MAX: usize = 10_000;

/// How often histograms are folded, so that their memory stays bounded when nobody asks for metrics.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Rows that one step of a sweep looks at: the writer is held for about a millisecond.
pub const SWEEP_ROWS_PER_STEP: usize = 500;

/// Bytes of a password on standard input, or of a token, with what follows it.
pub const STANDARD_INPUT_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a value on the command line of the administration.
pub const TYPED_VALUE_BYTES_MAX: usize = 64 * 1024;

/// Users of an import that are in memory at the same time, hashed together.
pub const IMPORTED_USERS_PER_BATCH: usize = 1_024;

/// How far the clocks of a node and of the database may be apart, in milliseconds, before the node turns unready.
pub const CLOCK_DIFFERENCE_MAX_MS: u64 = 4_000;
