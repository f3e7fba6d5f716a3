//! SQLite: reads run on the calling thread, one writer thread commits in groups, a third thread moves the log into the file.

mod checkpointer;
mod connection;
mod writer;

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use tokio::sync::Mutex as AsyncMutex;

use self::connection::{Connection, Role};
use self::writer::Writer;
use super::{Append, AppendRefused, Coalesced, DbOptions, Outcome, Row, StoreError, Transaction, Value};

/// An open file.
#[derive(Clone)]
pub(super) struct Sqlite {
    shared: Arc<Shared>,
}

struct Shared {
    readers: Box<[Mutex<Connection>]>,
    long_reader: Arc<AsyncMutex<Connection>>,
    writer: Writer,
}

impl Sqlite {
    pub(super) fn open(path: &Path, options: &DbOptions) -> Result<Self, StoreError> {
        connection::create_private_file(path)?;
        // The writer comes first: it turns the file to WAL, and readers cannot.
        let writer = Writer::start(path, options)?;
        let open_reader = || Connection::open(path, Role::Reader, options);
        let readers = (0..options.read_connections.max(1)).map(|_| open_reader().map(Mutex::new)).collect::<Result<_, _>>()?;
        let long_reader = Arc::new(AsyncMutex::new(open_reader()?));
        Ok(Sqlite { shared: Arc::new(Shared { readers, long_reader, writer }) })
    }

    pub(super) fn read(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.with_reader(|reader| reader.run(sql, params).map(|result| result.rows))
    }

    pub(super) async fn read_long(&self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let mut reader = self.shared.long_reader.clone().lock_owned().await;
        tokio::task::spawn_blocking(move || reader.run(sql, &params).map(|result| result.rows))
            .await
            .map_err(|_| StoreError::unavailable("the reading task was stopped"))?
            .map_err(Into::into)
    }

    pub(super) fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        self.with_reader(|reader| reader.prepare(sql))
    }

    pub(super) async fn write(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        self.shared.writer.write(transaction).await
    }

    pub(super) async fn coalesced(&self, statement: &'static Coalesced, params: Vec<Value>) -> Result<u64, StoreError> {
        self.shared.writer.run_one(statement.sqlite, params).await
    }

    pub(super) fn append(&self, statement: &'static Append, params: Vec<Value>) -> Result<(), AppendRefused> {
        self.shared.writer.append(statement.sqlite, params)
    }

    pub(super) fn append_refused_total(&self) -> u64 {
        self.shared.writer.append_refused_total()
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        self.shared.writer.flush().await
    }

    pub(super) async fn close(&self) {
        let shared = self.shared.clone();
        // The writer may be waiting for another process. A failure here means that the runtime itself is going away.
        let _ = tokio::task::spawn_blocking(move || shared.writer.close()).await;
    }

    /// Takes the reader that this thread used last, or any free one, or waits for its own.
    fn with_reader<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, connection::Failure>) -> Result<T, StoreError> {
        let readers = &self.shared.readers;
        let home = home_of_this_thread() % readers.len();
        let (before, after) = readers.split_at(home);
        for reader in after.iter().chain(before) {
            match reader.try_lock() {
                Ok(mut reader) => return work(&mut reader).map_err(Into::into),
                Err(TryLockError::Poisoned(reader)) => {
                    return work(&mut reader.into_inner()).map_err(Into::into);
                }
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let mut reader = readers[home].lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut reader).map_err(Into::into)
    }
}

/// A small number that differs between threads, so that each keeps to its own reader and that reader's caches.
fn home_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static HOME: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    HOME.with(Cell::get)
}
