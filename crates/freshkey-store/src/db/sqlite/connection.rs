//! One connection to the file: how it is set up, and how a statement is run on it. It knows nothing of threads.

use std::collections::HashMap;
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, ToSql, ffi};

use super::super::row::ColumnNames;
use super::super::{DbOptions, Row, StatementKey, StatementResult, StoreError, Value, dialect};
use crate::limits::PREPARED_STATEMENTS_MAX;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Writer,
    Checkpointer,
}

/// How far a checkpoint may go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CheckpointMode {
    /// Holds up nobody.
    Passive,
    /// Waits for readers, so that the next write starts the log over.
    Restart,
}

/// An open connection with its prepared statements.
pub(super) struct Connection {
    raw: rusqlite::Connection,
    statements: HashMap<StatementKey, Known>,
    patience: Patience,
}

/// How long this connection waits for others that hold the file; it can be changed from call to call.
#[derive(Clone)]
pub(super) struct Patience(Arc<AtomicU64>);

struct Known {
    text: Box<str>,
    names: ColumnNames,
}

/// What went wrong in SQLite, before it is known what that means to the caller.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    ParameterCount { expected: usize, given: usize },
}

const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY;
const READ_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE;

/// Creates the file with mode 0600 if it is missing, and takes other people's rights from one that exists (T-053).
/// SQLite gives its log and shared memory the mode of the file.
///
/// A file that exists is not opened here: closing it again would take away the locks that another connection of this process holds on it.
pub(super) fn create_private_file(path: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map(drop);
    let ready = match created {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => tighten(path),
        other => other,
    };
    ready.map_err(|error| StoreError::Misconfigured { what: format!("the database file {} cannot be used: {error}", path.display()) })
}

fn tighten(path: &Path) -> std::io::Result<()> {
    match std::fs::metadata(path)?.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => std::fs::set_permissions(path, Permissions::from_mode(0o600)),
    }
}

impl Connection {
    pub(super) fn open(path: &Path, role: Role, options: &DbOptions) -> Result<Self, StoreError> {
        let access = if role == Role::Reader { READ_ONLY } else { READ_WRITE };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let mut raw = rusqlite::Connection::open_with_flags(path, flags)?;
            let patience = Patience::new(options.deadline);
            patience.install(&mut raw)?;
            set_up(&raw, role, options)?;
            Ok(Connection { raw, statements: HashMap::new(), patience })
        };
        open().map_err(|error| StoreError::from(Failure::Sqlite(error)))
    }

    /// Runs a statement of the portable subset, which stays prepared.
    pub(super) fn run(&mut self, sql: &'static str, params: &[Value]) -> Result<StatementResult, Failure> {
        let known = self
            .statements
            .entry(StatementKey::of(sql))
            .or_insert_with(|| Known { text: dialect::for_sqlite(sql).into_boxed_str(), names: ColumnNames::default() });
        let mut statement = self.raw.prepare_cached(&known.text)?;
        bind(&mut statement, params)?;
        let column_count = statement.column_count();
        if column_count == 0 {
            let rows_affected = statement.raw_execute()? as u64;
            return Ok(StatementResult { rows_affected, rows: Vec::new() });
        }
        if known.names.len() != column_count {
            known.names = statement.column_names().map(Box::from).collect();
        }
        let rows = collect(statement.raw_query(), &known.names)?;
        Ok(StatementResult { rows_affected: rows.len() as u64, rows })
    }

    /// Runs a statement of a migration, which is not kept.
    pub(super) fn run_once(&mut self, sql: &'static str, params: &[Value]) -> Result<StatementResult, Failure> {
        let mut statement = self.raw.prepare(&dialect::for_sqlite(sql))?;
        bind(&mut statement, params)?;
        let mut rows = statement.raw_query();
        let mut count = 0;
        while rows.next()?.is_some() {
            count += 1;
        }
        drop(rows);
        drop(statement);
        let rows_affected = if count > 0 { count } else { self.raw.changes() };
        Ok(StatementResult { rows_affected, rows: Vec::new() })
    }

    /// Runs one of this module's own statements, which have no parameters: `BEGIN`, `COMMIT` and the like.
    pub(super) fn control(&self, sql: &'static str) -> Result<(), Failure> {
        let mut statement = self.raw.prepare_cached(sql)?;
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    }

    pub(super) fn prepare(&mut self, sql: &'static str) -> Result<(), Failure> {
        self.raw.prepare(&dialect::for_sqlite(sql))?;
        Ok(())
    }

    /// Whether a transaction is open. SQLite ends one by itself when the disk is full or fails.
    pub(super) fn is_in_transaction(&self) -> bool {
        !self.raw.is_autocommit()
    }

    pub(super) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Calls back after each commit with the number of pages in the log.
    pub(super) fn on_commit(&mut self, hook: impl Fn(u32) + Send + 'static) -> Result<(), StoreError> {
        let hook = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            hook(u32::try_from(pages).unwrap_or(0));
            Ok(())
        };
        self.raw.wal_hook(Some(hook)).map_err(|error| Failure::Sqlite(error).into())
    }

    /// Moves pages from the log into the file, as many as the mode allows: how many of the log's pages are in the file now.
    /// That somebody else is at it is no error; the answer is 0 then.
    pub(super) fn checkpoint(&self, mode: CheckpointMode) -> Result<u32, Failure> {
        let mut statement = self.raw.prepare_cached(match mode {
            CheckpointMode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            CheckpointMode::Restart => "PRAGMA wal_checkpoint(RESTART)",
        })?;
        let pages: i64 = statement.query_row([], |row| row.get(2))?;
        Ok(u32::try_from(pages).unwrap_or(0))
    }
}

/// Pragmas are chosen in ADR 2. `wal_autocheckpoint` comes before any hook, because it replaces it.
fn set_up(raw: &rusqlite::Connection, role: Role, options: &DbOptions) -> rusqlite::Result<()> {
    raw.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS_MAX);
    // Otherwise a new value for a parameter may have the whole statement prepared again, which costs ten times what a point read does.
    raw.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let cache_bytes = match role {
        Role::Writer => {
            raw.pragma_update(None, "page_size", 4096)?;
            raw.pragma_update(None, "journal_mode", "WAL")?;
            raw.pragma_update(None, "synchronous", "FULL")?;
            raw.pragma_update(None, "journal_size_limit", 256 << 20)?;
            options.writer_cache_bytes
        }
        Role::Reader => {
            raw.pragma_update(None, "query_only", true)?;
            let mmap_bytes = i64::try_from(options.mmap_bytes).unwrap_or(i64::MAX);
            raw.pragma_update(None, "mmap_size", mmap_bytes)?;
            options.reader_cache_bytes
        }
        Role::Checkpointer => {
            raw.pragma_update(None, "synchronous", "FULL")?;
            1 << 20
        }
    };
    // A negative number is in KiB.
    let cache_kib = i64::try_from(cache_bytes >> 10).unwrap_or(i64::MAX);
    raw.pragma_update(None, "cache_size", -cache_kib)?;
    raw.pragma_update(None, "wal_autocheckpoint", 0)?;
    raw.pragma_update(None, "foreign_keys", true)?;
    raw.pragma_update(None, "trusted_schema", false)
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<(), Failure> {
    let expected = statement.parameter_count();
    if expected != params.len() {
        return Err(Failure::ParameterCount { expected, given: params.len() });
    }
    for (position, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(position + 1, value)?;
    }
    Ok(())
}

fn collect(mut rows: rusqlite::Rows<'_>, names: &ColumnNames) -> Result<Vec<Row>, Failure> {
    let mut collected = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..names.len()).map(|column| Ok(from_sqlite(row.get_ref(column)?)));
        let values = values.collect::<rusqlite::Result<Vec<Value>>>()?;
        collected.push(Row::new(names.clone(), values));
    }
    Ok(collected)
}

/// A real number and a text that isn't UTF-8 are never stored by us: they become bytes, which no getter of text or numbers accepts.
fn from_sqlite(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::from(value.to_be_bytes()),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::from(text),
            Err(_) => Value::from(text),
        },
        ValueRef::Blob(bytes) => Value::from(bytes),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Patience {
    /// SQLite's own waiting grows to 100 ms a step, which would show in every percentile; this one looks again sooner.
    const STEP: Duration = Duration::from_micros(500);

    fn new(patience: Duration) -> Self {
        let this = Patience(Arc::new(AtomicU64::new(0)));
        this.set(patience);
        this
    }

    pub(super) fn set(&self, patience: Duration) {
        let steps = patience.as_micros() / Self::STEP.as_micros();
        self.0.store(u64::try_from(steps).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "SQLite asks how long to wait by letting this callback wait; it runs on the writer's thread, or for the \
                  microseconds in which another process starts the log over"
    )]
    fn install(&self, raw: &mut rusqlite::Connection) -> rusqlite::Result<()> {
        let steps_max = self.0.clone();
        raw.busy_handler(Some(move |step: i32| {
            let may_wait = u64::try_from(step).is_ok_and(|step| step < steps_max.load(Ordering::Relaxed));
            if may_wait {
                std::thread::sleep(Self::STEP);
            }
            may_wait
        }))
    }
}

impl Failure {
    /// Whether the disk failed to confirm what it had been given: only a restart would show whether it kept it.
    pub(super) fn is_of_sync(&self) -> bool {
        let Failure::Sqlite(error) = self else { return false };
        let code = error.sqlite_extended_error_code();
        matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
    }

    pub(super) fn code(&self) -> Option<ErrorCode> {
        match self {
            Failure::Sqlite(error) => error.sqlite_error_code(),
            Failure::ParameterCount { .. } => None,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Sqlite(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::ParameterCount { expected, given } => {
                StoreError::inconsistent(format!("a statement has {expected} parameters, {given} were given"))
            }
            Failure::Sqlite(error) => match failure.code() {
                Some(ErrorCode::ConstraintViolation) => StoreError::Constraint(super::super::Detail::new(error.to_string())),
                Some(
                    ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::PermissionDenied
                    | ErrorCode::OutOfMemory
                    | ErrorCode::OperationInterrupted
                    | ErrorCode::FileLockingProtocolFailed,
                ) => StoreError::unavailable(error.to_string()),
                _ => StoreError::inconsistent(error.to_string()),
            },
        }
    }
}
