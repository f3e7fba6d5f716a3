//! Rows that nobody waits for, inserted many at a time. They are kept until the server has them; one that it refuses is logged and lost.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::{timeout, timeout_at};

use super::coalescer::transpose;
use super::connection::Purpose;
use super::failure::Failure;
use super::slot::Slot;
use super::{Attempts, Shared};
use crate::db::{Append, AppendRefused, StoreError, Value};
use crate::limits::{APPEND_DELAY, APPENDED_ROWS_MAX, APPENDED_ROWS_PER_FLUSH_MAX, RETRY_PAUSE_MAX};

/// The buffer and the connection that empties it.
pub(super) struct Appender {
    shared: Arc<Shared>,
    slot: Slot,
    buffer: Mutex<Buffer>,
    is_enough: Notify,
    /// Held while rows are taken out and written, so that `flush` answers for rows that another task has taken.
    flushing: AsyncMutex<()>,
    refused_total: AtomicU64,
}

#[derive(Default)]
struct Buffer {
    rows: VecDeque<AppendedRow>,
    is_draining: bool,
}

struct AppendedRow {
    statement: &'static Append,
    params: Vec<Value>,
}

impl Appender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Appender {
            shared,
            slot: Slot::new(Purpose::Write),
            buffer: Mutex::new(Buffer::default()),
            is_enough: Notify::new(),
            flushing: AsyncMutex::new(()),
            refused_total: AtomicU64::new(0),
        }
    }

    pub(super) fn append(self: &Arc<Self>, statement: &'static Append, params: Vec<Value>) -> Result<(), AppendRefused> {
        let mut buffer = self.buffer();
        if buffer.rows.len() >= APPENDED_ROWS_MAX || self.shared.check_open().is_err() {
            let refused_total = 1 + self.refused_total.fetch_add(1, Ordering::Relaxed);
            return Err(AppendRefused { params, refused_total });
        }
        buffer.rows.push_back(AppendedRow { statement, params });
        if buffer.rows.len() == APPENDED_ROWS_PER_FLUSH_MAX {
            self.is_enough.notify_one();
        }
        if !buffer.is_draining {
            buffer.is_draining = true;
            tokio::spawn(self.clone().drain());
        }
        Ok(())
    }

    pub(super) fn refused_total(&self) -> u64 {
        self.refused_total.load(Ordering::Relaxed)
    }

    /// Writes everything that is in the buffer, or says why it can't.
    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let _flushing = self.flushing.lock().await;
        loop {
            let rows = self.take();
            if rows.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.write(&rows).await {
                let mut buffer = self.buffer();
                for row in rows.into_iter().rev() {
                    buffer.rows.push_front(row);
                }
                return Err(error);
            }
        }
    }

    async fn drain(self: Arc<Self>) {
        loop {
            // Either way it is time: the buffer has enough for a statement, or its first row has waited long enough.
            let _ = timeout(APPEND_DELAY, self.is_enough.notified()).await;
            if let Err(error) = self.flush().await {
                tracing::warn!(detail = error.detail(), "appended rows have to wait");
                tokio::time::sleep(RETRY_PAUSE_MAX).await;
            }
            let mut buffer = self.buffer();
            if buffer.rows.is_empty() || self.shared.check_open().is_err() {
                buffer.is_draining = false;
                return;
            }
        }
    }

    /// The oldest rows that share a statement.
    fn take(&self) -> Vec<AppendedRow> {
        let mut buffer = self.buffer();
        let first = buffer.rows.front().map(|row| std::ptr::from_ref(row.statement));
        let same = |row: &&AppendedRow| Some(std::ptr::from_ref(row.statement)) == first;
        let count = buffer.rows.iter().take(APPENDED_ROWS_PER_FLUSH_MAX).take_while(same).count();
        buffer.rows.drain(..count).collect()
    }

    /// An error means that nothing can be written now; rows that the server refuses for themselves are lost here.
    async fn write(&self, rows: &[AppendedRow]) -> Result<(), StoreError> {
        let Some(first) = rows.first() else { return Ok(()) };
        let params: Vec<Vec<Value>> = rows.iter().map(|row| row.params.clone()).collect();
        let Err(failure) = self.insert(first.statement, &params).await else { return Ok(()) };
        if !failure.may_be_of_one_item() {
            return Err(failure.into());
        }
        for row in &params {
            match self.insert(first.statement, std::slice::from_ref(row)).await {
                Err(failure) if failure.may_be_of_one_item() => {
                    let error = StoreError::from(failure);
                    tracing::error!(detail = error.detail(), "an appended row was refused and is lost");
                }
                Err(failure) => return Err(failure.into()),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// The statement may be repeated, so a lost answer is only a reason to send it again.
    async fn insert(&self, statement: &Append, rows: &[Vec<Value>]) -> Result<(), Failure> {
        let unequal = || Failure::Unexpected("appended rows have different parameters".to_owned());
        let arrays = transpose(rows).ok_or_else(unequal)?;
        let mut attempts = Attempts::until(self.shared.deadline);
        loop {
            let attempt = async {
                let connection = self.slot.get(&self.shared.connector).await?;
                let result = connection.run_with_arrays(statement.postgres, &arrays).await;
                result.inspect_err(|failure| {
                    if failure.spoils_connection() {
                        self.slot.discard(&connection);
                    }
                })
            };
            let failure = match timeout_at(attempts.deadline, attempt).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    self.slot.clear();
                    return Err(Failure::NoAnswer);
                }
            };
            let may_repeat = failure.is_retryable() || failure.is_connection_lost();
            if !may_repeat || !attempts.pause().await {
                return Err(failure);
            }
        }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
