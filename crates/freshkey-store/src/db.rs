//! The one place that knows that there are two engines. SQL is written once, as `&'static str` in the portable subset:
//! `$1 … $n`, `TEXT`, `BIGINT`, `BOOLEAN`, `BYTEA`, `ON CONFLICT`, `RETURNING`, `string_agg`; sums are cast to `BIGINT`.
//! There are no interactive transactions: a transaction is a value. Nothing here knows a table of the product.

mod dialect;
mod error;
mod options;
mod postgres;
mod row;
mod sqlite;
mod transaction;
mod value;

pub use error::{Detail, StoreError};
pub use options::{DbOptions, Location};
pub use row::{Column, Row};
pub use transaction::{Append, AppendRefused, Coalesced, Expect, Guarded, Outcome, StatementResult, Transaction};
pub use value::{ShortBytes, Value};

pub(crate) use dialect::split_script;

use postgres::Postgres;
use sqlite::Sqlite;

/// A database that is open. Clones share everything; the last one to go lets the engine finish what is queued.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Which engine is behind a [`Db`]: for messages and tests, never for choosing a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineName {
    /// SQLite.
    Sqlite,
    /// PostgreSQL, or a server that speaks its protocol.
    Postgres,
}

impl Db {
    /// Opens the database; a file of SQLite is created if it is missing, readable by its owner only (T-053).
    /// The schema is the business of [`crate::migrate`].
    pub async fn open(options: &DbOptions) -> Result<Self, StoreError> {
        let engine = match &options.location {
            Location::Sqlite(path) => Engine::Sqlite(Sqlite::open(path, options)?),
            Location::Postgres(config) => Engine::Postgres(Postgres::open(config, options).await?),
        };
        Ok(Db { engine })
    }

    /// Which engine this is.
    pub fn engine(&self) -> EngineName {
        match &self.engine {
            Engine::Sqlite(_) => EngineName::Sqlite,
            Engine::Postgres(_) => EngineName::Postgres,
        }
    }

    /// Reads rows with one statement that sees one consistent state, everything acknowledged before included.
    ///
    /// On SQLite it runs on the calling thread, since a point read costs less than waking another thread; it never waits for
    /// the writer. A statement that may visit many rows belongs into [`Db::read_long`].
    pub async fn read(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        check_text(params)?;
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(sql, params),
            Engine::Postgres(postgres) => postgres.read(sql, params).await,
        }
    }

    /// Reads at most one row; a second one is inconsistent.
    pub async fn read_one(&self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        let mut rows = self.read(sql, params).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            count => Err(StoreError::inconsistent(format!("{count} rows where one was expected"))),
        }
    }

    /// Like [`Db::read`] for statements that visit many rows (lists, exports): it holds up no point read.
    pub async fn read_long(&self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        check_text(&params)?;
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read_long(sql, params).await,
            Engine::Postgres(postgres) => postgres.read_long(sql, params).await,
        }
    }

    /// Runs a transaction: all of it or nothing, durable before the answer. Whoever stops waiting does not stop it.
    pub async fn write(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        for statement in &transaction.statements {
            check_text(&statement.params)?;
        }
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(transaction).await,
            Engine::Postgres(postgres) => postgres.write(transaction).await,
        }
    }

    /// Runs one hot statement together with whatever other callers want of it at that moment (one commit for all), and answers how many rows
    /// matched for this caller. Durable before the answer (T-001).
    pub async fn coalesced(&self, statement: &'static Coalesced, params: Vec<Value>) -> Result<u64, StoreError> {
        check_text(&params)?;
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.coalesced(statement, params).await,
            Engine::Postgres(postgres) => postgres.coalesced(statement, params).await,
        }
    }

    /// Leaves a row to be written soon, without waiting: within 200 ms or with the next commit. It is lost if the process dies before.
    /// A full buffer gives the row back, so that the caller can wait for [`Db::write`] instead.
    pub fn append(&self, statement: &'static Append, mut params: Vec<Value>) -> Result<(), AppendRefused> {
        replace_nul(&mut params);
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.append(statement, params),
            Engine::Postgres(postgres) => postgres.append(statement, params),
        }
    }

    /// How many rows [`Db::append`] has refused since the database was opened.
    pub fn append_refused_total(&self) -> u64 {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.append_refused_total(),
            Engine::Postgres(postgres) => postgres.append_refused_total(),
        }
    }

    /// Waits until every row appended before this call is durable.
    pub async fn flush(&self) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.flush().await,
            Engine::Postgres(postgres) => postgres.flush().await,
        }
    }

    /// Flushes, lets what is queued finish, and closes files and connections. Other clones answer `Unavailable` from then on.
    pub async fn close(self) -> Result<(), StoreError> {
        let flushed = self.flush().await;
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close(),
        }
        flushed
    }

    /// Asks the engine to prepare a statement without running it, to prove that it understands it.
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.prepare(sql),
            Engine::Postgres(postgres) => postgres.prepare(sql).await,
        }
    }

    /// The form of a hot statement that this engine runs, for [`Db::prepare`].
    pub fn coalesced_text(&self, statement: &Coalesced) -> &'static str {
        match &self.engine {
            Engine::Sqlite(_) => statement.sqlite,
            Engine::Postgres(_) => statement.postgres,
        }
    }

    /// The form of an appending statement that this engine runs, for [`Db::prepare`].
    pub fn append_text(&self, statement: &Append) -> &'static str {
        match &self.engine {
            Engine::Sqlite(_) => statement.sqlite,
            Engine::Postgres(_) => statement.postgres,
        }
    }

    /// Whether a table exists: the one question that has no portable form.
    pub(crate) async fn has_table(&self, name: &'static str) -> Result<bool, StoreError> {
        let sql = match &self.engine {
            Engine::Sqlite(_) => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
            Engine::Postgres(_) => {
                "SELECT 1::BIGINT FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_name = $1"
            }
        };
        let rows = self.read(sql, &[Value::from_static(name)]).await?;
        Ok(!rows.is_empty())
    }
}

/// PostgreSQL cannot hold NUL in a text and SQLite can; both refuse it here, before anything is queued.
fn check_text(params: &[Value]) -> Result<(), StoreError> {
    let has_nul = |value: &Value| matches!(value, Value::Text(text) if text.as_bytes().contains(&0));
    match params.iter().position(has_nul) {
        None => Ok(()),
        Some(position) => Err(StoreError::inconsistent(format!("parameter ${} holds NUL", position + 1))),
    }
}

/// An audit row is never lost over a character that somebody smuggled into it.
fn replace_nul(params: &mut [Value]) {
    for value in params {
        if let Value::Text(text) = value
            && text.as_bytes().contains(&0)
        {
            *text = text.replace('\0', "\u{fffd}").into();
        }
    }
}

/// Identifies a statement by the place of its text, which costs nothing to hash: equal places hold equal text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StatementKey {
    address: usize,
    length: usize,
}

impl StatementKey {
    fn of(sql: &'static str) -> Self {
        StatementKey { address: sql.as_ptr().addr(), length: sql.len() }
    }
}
