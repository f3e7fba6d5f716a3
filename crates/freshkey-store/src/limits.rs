//! Every limit of the store in one place.

use std::time::Duration;

/// Jobs that one group commit of SQLite takes; more gains nothing and delays the first of them.
pub(crate) const GROUP_COMMIT_JOBS_MAX: usize = 128;
/// Jobs for which the writer of SQLite waits no longer while more of them may be coming: a sync shared by so many is hardly seen.
pub(crate) const GROUP_COMMIT_COMPANY: usize = 32;
/// Jobs that may wait for the writer of SQLite, or for one coalesced statement; beyond it a write is refused at once.
pub(crate) const WRITE_QUEUE_MAX: usize = 16_384;
/// Items of one coalesced statement sent to PostgreSQL together.
pub(crate) const COALESCED_ITEMS_MAX: usize = 256;
/// Appended rows that may wait to be written; beyond it the caller has to wait for a normal write.
pub(crate) const APPENDED_ROWS_MAX: usize = 8_192;
/// Appended rows written by one group commit or one statement.
pub(crate) const APPENDED_ROWS_PER_FLUSH_MAX: usize = 512;
/// How long an appended row may wait for company.
pub(crate) const APPEND_DELAY: Duration = Duration::from_millis(200);
/// Statements that one connection keeps prepared.
pub(crate) const PREPARED_STATEMENTS_MAX: usize = 512;

/// Pages in SQLite's log that make a checkpoint worth while (16 MiB).
pub(crate) const LOG_PAGES_CHECKPOINT: u32 = 4_000;
/// Pages in SQLite's log from which it is started over (64 MiB).
pub(crate) const LOG_PAGES_RESTART: u32 = 16_000;
/// Pages that may be left in the log for the writer to move when it starts the log over: a few milliseconds.
pub(crate) const LOG_PAGES_LEFT_FOR_WRITER: u32 = 200;
/// Passes that the checkpointer makes to get there.
pub(crate) const LOG_RESTART_PASSES_MAX: u32 = 8;
/// Pages in SQLite's log from which the writer starts it over whatever that costs (256 MiB).
pub(crate) const LOG_PAGES_MAX: u32 = 64_000;
/// How long the writer may wait for readers when it starts the log over.
pub(crate) const LOG_RESTART_PATIENCE: Duration = Duration::from_millis(20);

/// How long a host of PostgreSQL's address that says nothing is waited for when another one has said no.
pub(crate) const SILENT_HOST_PATIENCE: Duration = Duration::from_secs(1);
/// The first pause before a statement is sent to PostgreSQL again; it doubles up to [`RETRY_PAUSE_MAX`].
pub(crate) const RETRY_PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause between two attempts.
pub(crate) const RETRY_PAUSE_MAX: Duration = Duration::from_millis(320);
