//! One connection to a server: what it may take, what it has prepared, and how values travel. It retries nothing.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Statement};

use super::super::row::ColumnNames;
use super::super::{Guarded, Row, StatementKey, StatementResult, Value, dialect};
use super::failure::Failure;
use super::leader::{Era, Leaders};

/// What a connection is for; it decides the server's own time limits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    ReadLong,
    Write,
}

/// An open connection with its prepared statements.
pub(super) struct Connection {
    client: Client,
    leaders: Arc<Leaders>,
    era: Era,
    statements: Mutex<HashMap<StatementKey, Arc<Prepared>>>,
}

pub(super) struct Prepared {
    statement: Statement,
    names: ColumnNames,
}

/// Limits of the server's own, so that a request that we gave up on doesn't go on for ever.
///
/// A writing session has no `statement_timeout`: it would end the wait for a synchronous standby in the middle of a COMMIT, which then reports success for
/// what only one machine has. `synchronous_commit = off` would acknowledge what a crash forgets (T-089), so it isn't accepted.
pub(super) fn session_settings(purpose: Purpose, deadline: Duration) -> Vec<(&'static str, Vec<Value>)> {
    let milliseconds = |times: u32| vec![Value::from((deadline * times).as_millis().to_string())];
    let mut settings = vec![("SELECT set_config('default_transaction_isolation', 'read committed', false)", Vec::new())];
    match purpose {
        Purpose::Read => settings.push(("SELECT set_config('statement_timeout', $1, false)", milliseconds(1))),
        Purpose::ReadLong => settings.push(("SELECT set_config('statement_timeout', $1, false)", milliseconds(12))),
        Purpose::Write => settings.extend([
            // Shorter than our own patience, so that a lock held too long is usually a clear "no" and not an unknown outcome.
            ("SELECT set_config('lock_timeout', $1, false)", vec![Value::from((deadline * 3 / 4).as_millis().to_string())]),
            ("SELECT set_config('idle_in_transaction_session_timeout', $1, false)", milliseconds(2)),
            (
                "SELECT set_config('synchronous_commit', 'on', false) \
                 WHERE current_setting('synchronous_commit') = 'off'",
                Vec::new(),
            ),
        ]),
    }
    settings
}

impl Connection {
    pub(super) fn new(client: Client, leaders: Arc<Leaders>, era: Era) -> Self {
        Connection { client, leaders, era, statements: Mutex::new(HashMap::new()) }
    }

    /// Whether it is open, and leads to who leads now.
    pub(super) fn is_usable(&self) -> bool {
        !self.client.is_closed() && self.leaders.is_current(self.era)
    }

    /// Runs a statement of the portable subset, which stays prepared. Calls at the same time are pipelined.
    pub(super) async fn run(&self, sql: &'static str, params: &[Value]) -> Result<StatementResult, Failure> {
        let prepared = self.prepared(sql).await?;
        self.run_prepared(&prepared, params).await
    }

    /// Runs a statement whose parameters are arrays, zipped by `UNNEST`.
    pub(super) async fn run_with_arrays(&self, sql: &'static str, arrays: &[Vec<&Value>]) -> Result<StatementResult, Failure> {
        let prepared = self.prepared(sql).await?;
        self.run_prepared(&prepared, arrays).await
    }

    pub(super) async fn prepared(&self, sql: &'static str) -> Result<Arc<Prepared>, Failure> {
        let key = StatementKey::of(sql);
        if let Some(prepared) = self.statements().get(&key) {
            return Ok(prepared.clone());
        }
        let statement = self.client.prepare(&dialect::for_postgres(sql)).await?;
        let names = statement.columns().iter().map(|column| Box::from(column.name())).collect();
        let prepared = Arc::new(Prepared { statement, names });
        self.statements().insert(key, prepared.clone());
        Ok(prepared)
    }

    /// Sends `BEGIN` and all statements without waiting in between: one round trip. The caller commits.
    pub(super) async fn begin_and_run(&self, statements: &[Guarded]) -> Result<Vec<StatementResult>, Failure> {
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in statements {
            prepared.push(self.prepared(statement.sql).await?);
        }
        let mut sent: Vec<Pin<Box<dyn Future<Output = _> + Send + '_>>> = vec![Box::pin(self.begin())];
        for (statement, prepared) in statements.iter().zip(&prepared) {
            sent.push(Box::pin(self.run_prepared(prepared, &statement.params)));
        }
        // After one statement has failed the others only say that the transaction is aborted, so the first failure counts.
        let results = join_in_order(sent).await;
        let mut results = results.into_iter().collect::<Result<Vec<_>, Failure>>()?;
        results.remove(0);
        Ok(results)
    }

    /// Like [`Connection::begin_and_run`], one after the other and without preparing.
    pub(super) async fn begin_and_run_script(&self, statements: &[Guarded]) -> Result<Vec<StatementResult>, Failure> {
        self.control("BEGIN").await?;
        let mut results = Vec::with_capacity(statements.len());
        for statement in statements {
            let text = dialect::for_postgres(statement.sql);
            if statement.params.is_empty() {
                self.client.batch_execute(&text).await?;
                results.push(StatementResult::default());
                continue;
            }
            let prepared = self.client.prepare(&text).await?;
            let prepared = Prepared { statement: prepared, names: ColumnNames::default() };
            let result = self.run_prepared(&prepared, &statement.params).await?;
            let is_met = statement.expect.is_met_by(result.rows_affected);
            results.push(result);
            if !is_met {
                break;
            }
        }
        Ok(results)
    }

    pub(super) async fn control(&self, sql: &'static str) -> Result<(), Failure> {
        Ok(self.client.batch_execute(sql).await?)
    }

    async fn begin(&self) -> Result<StatementResult, Failure> {
        self.control("BEGIN").await.map(|()| StatementResult::default())
    }

    async fn run_prepared<P: ToSql + Sync>(&self, prepared: &Prepared, params: &[P]) -> Result<StatementResult, Failure> {
        let expected = prepared.statement.params().len();
        if expected != params.len() {
            return Err(Failure::Unexpected(format!("a statement has {expected} parameters, {} were given", params.len())));
        }
        if prepared.statement.columns().is_empty() {
            let rows_affected = self.client.execute_raw(&prepared.statement, params).await?;
            return Ok(StatementResult { rows_affected, rows: Vec::new() });
        }
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
        let rows = self.client.query(&prepared.statement, &params).await?;
        let rows: Vec<Row> = rows.iter().map(|row| to_row(row, &prepared.names)).collect::<Result<_, Failure>>()?;
        Ok(StatementResult { rows_affected: rows.len() as u64, rows })
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<StatementKey, Arc<Prepared>>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn to_row(row: &tokio_postgres::Row, names: &ColumnNames) -> Result<Row, Failure> {
    let values = (0..row.len()).map(|column| row.try_get::<_, Value>(column));
    let values = values.collect::<Result<Vec<Value>, _>>();
    let values = values.map_err(|error| Failure::Unexpected(error.to_string()))?;
    Ok(Row::new(names.clone(), values))
}

/// Polls all from the first, in order, until all are done. Requests are sent at their first poll, so they arrive in this order.
async fn join_in_order<T>(mut futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_ready = true;
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *result = Some(value),
                    Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

pub(super) async fn drive<S, T>(driver: tokio_postgres::Connection<S, T>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    // Whoever uses the connection hears of its end; this is for the log.
    if let Err(error) = driver.await {
        tracing::debug!(%error, "a connection to the database ended");
    }
}

/// The five kinds as PostgreSQL writes and reads them.
mod wire {
    use std::error::Error;

    use bytes::BytesMut;
    use tokio_postgres::types::{FromSql, IsNull};

    use super::{ToSql, Type, Value};

    type Mismatch = Box<dyn Error + Sync + Send>;

    impl ToSql for Value {
        fn to_sql(&self, expected: &Type, out: &mut BytesMut) -> Result<IsNull, Mismatch> {
            match self {
                Value::Null => Ok(IsNull::Yes),
                Value::Int(value) if *expected == Type::INT8 => value.to_sql(expected, out),
                Value::Int(value) if *expected == Type::INT4 => i32::try_from(*value)?.to_sql(expected, out),
                Value::Bool(value) if *expected == Type::BOOL => value.to_sql(expected, out),
                Value::Text(text) if is_text(expected) => (&**text).to_sql(expected, out),
                Value::Bytes(bytes) if *expected == Type::BYTEA => (&**bytes).to_sql(expected, out),
                other => Err(format!("{} given for {expected}", other.kind()).into()),
            }
        }

        fn accepts(expected: &Type) -> bool {
            is_known(expected)
        }

        tokio_postgres::types::to_sql_checked!();
    }

    impl<'row> FromSql<'row> for Value {
        fn from_sql(found: &Type, raw: &'row [u8]) -> Result<Self, Mismatch> {
            Ok(match *found {
                Type::INT8 => Value::Int(i64::from_sql(found, raw)?),
                Type::INT4 => Value::from(i32::from_sql(found, raw)?),
                Type::BOOL => Value::Bool(bool::from_sql(found, raw)?),
                Type::BYTEA => Value::from(raw),
                _ => Value::from(<&str>::from_sql(found, raw)?),
            })
        }

        fn from_sql_null(_found: &Type) -> Result<Self, Mismatch> {
            Ok(Value::Null)
        }

        fn accepts(found: &Type) -> bool {
            is_known(found)
        }
    }

    fn is_known(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::BYTEA].contains(kind) || is_text(kind)
    }

    fn is_text(kind: &Type) -> bool {
        [Type::TEXT, Type::VARCHAR, Type::NAME].contains(kind)
    }
}
