//! PostgreSQL: reads are pipelined over a few connections, transactions have one to themselves, and hot statements are sent in batches.
//! What the server says that it did not do is tried again within the deadline; a commit without an answer never is.

mod appender;
mod coalescer;
mod connection;
mod connector;
mod failure;
mod leader;
mod slot;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::appender::Appender;
use self::coalescer::Coalescer;
use self::connection::{Connection, Purpose};
use self::connector::Connector;
use self::failure::Failure;
use self::slot::Slot;
use super::transaction::TransactionKind;
use super::{Append, AppendRefused, Coalesced, DbOptions, Guarded, Outcome, Row, StoreError, Transaction, Value};
use crate::limits::{RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};

/// An open server.
#[derive(Clone)]
pub(super) struct Postgres {
    shared: Arc<Shared>,
    appender: Arc<Appender>,
}

struct Shared {
    connector: Connector,
    deadline: Duration,
    readers: Box<[Slot]>,
    next_reader: AtomicUsize,
    long_reader: Slot,
    writers_free: Semaphore,
    writers: Mutex<Vec<Connection>>,
    coalescers: Mutex<HashMap<usize, Arc<Coalescer>>>,
    is_closed: AtomicBool,
}

impl Postgres {
    pub(super) async fn open(config: &tokio_postgres::Config, options: &DbOptions) -> Result<Self, StoreError> {
        let connector = Connector::new(config, options)?;
        let shared = Arc::new(Shared {
            connector,
            deadline: options.deadline,
            readers: (0..options.read_connections.max(1)).map(|_| Slot::new(Purpose::Read)).collect(),
            next_reader: AtomicUsize::new(0),
            long_reader: Slot::new(Purpose::ReadLong),
            writers_free: Semaphore::new(options.write_connections.max(1)),
            writers: Mutex::new(Vec::new()),
            coalescers: Mutex::new(HashMap::new()),
            is_closed: AtomicBool::new(false),
        });
        // A wrong address or password is better known now than at the first request.
        shared.readers[0].get(&shared.connector).await?;
        let appender = Arc::new(Appender::new(shared.clone()));
        Ok(Postgres { shared, appender })
    }

    pub(super) async fn read(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let count = self.shared.readers.len();
        let next = self.shared.next_reader.fetch_add(1, Ordering::Relaxed) % count;
        self.shared.read_over(&self.shared.readers[next], sql, params).await
    }

    pub(super) async fn read_long(&self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.shared.read_over(&self.shared.long_reader, sql, &params).await
    }

    pub(super) async fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        let connection = self.shared.readers[0].get(&self.shared.connector).await?;
        connection.prepared(sql).await?;
        Ok(())
    }

    /// Runs in its own task: a caller that stops waiting leaves no connection behind in the middle of a transaction.
    pub(super) async fn write(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        let shared = self.shared.clone();
        let task = tokio::spawn(async move { shared.write(&transaction).await });
        let lost = |_| Err(StoreError::outcome_unknown("the writing task was stopped"));
        task.await.unwrap_or_else(lost)
    }

    pub(super) async fn coalesced(&self, statement: &'static Coalesced, params: Vec<Value>) -> Result<u64, StoreError> {
        let key = std::ptr::from_ref(statement).addr();
        let coalescer = {
            let coalescers = self.shared.coalescers.lock();
            let mut coalescers = coalescers.unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Coalescer::new(statement));
            coalescers.entry(key).or_insert_with(new).clone()
        };
        coalescer.submit(&self.shared, params).await
    }

    pub(super) fn append(&self, statement: &'static Append, params: Vec<Value>) -> Result<(), AppendRefused> {
        self.appender.append(statement, params)
    }

    pub(super) fn append_refused_total(&self) -> u64 {
        self.appender.refused_total()
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        self.appender.flush().await
    }

    pub(super) fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Relaxed);
        self.shared.writers_free.close();
        self.shared.writers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.shared.readers.iter().for_each(Slot::clear);
        self.shared.long_reader.clear();
        self.shared.coalescers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Shared {
    async fn read_over(&self, slot: &Slot, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut attempts = Attempts::until(self.deadline);
        loop {
            self.check_open()?;
            let attempt = async {
                let connection = slot.get(&self.connector).await?;
                connection.run(sql, params).await.inspect_err(|failure| {
                    if failure.spoils_connection() {
                        slot.discard(&connection);
                    }
                })
            };
            let failure = match timeout_at(attempts.deadline, attempt).await {
                Ok(Ok(result)) => return Ok(result.rows),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    // Nothing is known about a connection that doesn't answer; the next request opens another.
                    slot.clear();
                    return Err(StoreError::unavailable("no answer within the deadline"));
                }
            };
            if !(failure.is_retryable() || failure.is_connection_lost()) || !attempts.pause().await {
                return Err(failure.into());
            }
        }
    }

    async fn write(&self, transaction: &Transaction) -> Result<Outcome, StoreError> {
        let mut attempts = Attempts::until(self.deadline);
        loop {
            self.check_open()?;
            let failure = match self.attempt_to_write(transaction, attempts.deadline).await {
                Ok(outcome) => return Ok(outcome),
                Err(Ended::Undone(failure)) => failure,
                Err(Ended::Unknown(text)) => return Err(StoreError::outcome_unknown(text)),
            };
            if !(failure.is_retryable() || failure.is_connection_lost()) || !attempts.pause().await {
                return Err(failure.into());
            }
        }
    }

    async fn attempt_to_write(&self, transaction: &Transaction, deadline: Instant) -> Result<Outcome, Ended> {
        let no_time = |_| Ended::Undone(Failure::NoAnswer);
        let permit = timeout_at(deadline, self.writers_free.acquire()).await.map_err(no_time)?;
        let _permit = permit.map_err(|_| Ended::Undone(Failure::Closed))?;
        // Taken out of the pool, a connection only goes back after a clean end: dropping it undoes what it has begun.
        let connection = timeout_at(deadline, self.take_writer()).await.map_err(no_time)??;
        let outcome = match transaction.as_single_statement() {
            Some(single) => autocommit(&connection, single, deadline).await?,
            None => in_transaction(&connection, transaction, deadline).await?,
        };
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(outcome)
    }

    async fn take_writer(&self) -> Result<Connection, Failure> {
        let idle = {
            let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
            writers.retain(Connection::is_usable);
            writers.pop()
        };
        match idle {
            Some(connection) => Ok(connection),
            None => self.connector.connect(Purpose::Write).await,
        }
    }

    fn check_open(&self) -> Result<(), StoreError> {
        match self.is_closed.load(Ordering::Relaxed) {
            true => Err(Failure::Closed.into()),
            false => Ok(()),
        }
    }
}

/// How an attempt to write ended without an answer for the caller.
enum Ended {
    /// Nothing was changed.
    Undone(Failure),
    /// The commit was sent.
    Unknown(&'static str),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Ended::Undone(failure)
    }
}

impl Ended {
    /// After a commit was sent only an ordinary refusal of the server proves that nothing was kept. A server that is
    /// going down may say so after it has committed.
    fn of_commit(failure: Failure) -> Self {
        match failure.proves_nothing_was_kept() {
            true => Ended::Undone(failure),
            false => Ended::Unknown("the connection was lost during the commit"),
        }
    }
}

async fn autocommit(connection: &Connection, single: &Guarded, deadline: Instant) -> Result<Outcome, Ended> {
    let prepared = timeout_at(deadline, connection.prepared(single.sql)).await;
    prepared.map_err(|_| Ended::Undone(Failure::NoAnswer))??;
    let result = timeout_at(deadline, connection.run(single.sql, &single.params)).await;
    let result = result.map_err(|_| Ended::Unknown("no answer to the commit in time"))?;
    let result = result.map_err(Ended::of_commit)?;
    Ok(match single.expect.is_met_by(result.rows_affected) {
        true => Outcome::Committed(vec![result]),
        false => Outcome::GuardFailed { index: 0 },
    })
}

async fn in_transaction(connection: &Connection, transaction: &Transaction, deadline: Instant) -> Result<Outcome, Ended> {
    let statements = async {
        match transaction.kind {
            TransactionKind::Prepared => connection.begin_and_run(&transaction.statements).await,
            TransactionKind::Script => connection.begin_and_run_script(&transaction.statements).await,
        }
    };
    let results = timeout_at(deadline, statements).await;
    let results = results.map_err(|_| Ended::Undone(Failure::NoAnswer))??;
    let expectations = transaction.statements.iter().zip(&results);
    let failed = expectations.map(|(statement, result)| statement.expect.is_met_by(result.rows_affected)).position(|is_met| !is_met);
    if let Some(index) = failed {
        let rolled_back = timeout_at(deadline, connection.control("ROLLBACK")).await;
        rolled_back.map_err(|_| Ended::Undone(Failure::NoAnswer))??;
        return Ok(Outcome::GuardFailed { index });
    }
    let committed = timeout_at(deadline, connection.control("COMMIT")).await;
    let committed = committed.map_err(|_| Ended::Unknown("no answer to the commit in time"))?;
    committed.map_err(Ended::of_commit)?;
    Ok(Outcome::Committed(results))
}

/// The time that a request has, retries included.
struct Attempts {
    deadline: Instant,
    pause: Duration,
}

impl Attempts {
    fn until(deadline: Duration) -> Self {
        Attempts { deadline: Instant::now() + deadline, pause: RETRY_PAUSE_MIN }
    }

    /// Waits a little longer each time; `false` if there is no time left for another attempt.
    async fn pause(&mut self) -> bool {
        let resume = Instant::now() + self.pause;
        if resume >= self.deadline {
            return false;
        }
        tokio::time::sleep_until(resume).await;
        self.pause = (self.pause * 2).min(RETRY_PAUSE_MAX);
        true
    }
}
