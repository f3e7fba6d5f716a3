//! The one thread that writes: it takes everything that is queued, commits it together, and answers after the commit is durable.
//! Each transaction in a group succeeds or fails for itself; only the disk fails for all of them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::ErrorCode;
use tokio::sync::oneshot;

use super::checkpointer::{Checkpointer, LogState};
use super::connection::{CheckpointMode, Connection, Failure, Role};
use crate::db::transaction::TransactionKind;
use crate::db::{AppendRefused, DbOptions, Guarded, Outcome, StatementResult, StoreError, Transaction, Value};
use crate::limits::{
    APPEND_DELAY, APPENDED_ROWS_MAX, APPENDED_ROWS_PER_FLUSH_MAX, GROUP_COMMIT_COMPANY, GROUP_COMMIT_JOBS_MAX, LOG_RESTART_PATIENCE,
    WRITE_QUEUE_MAX,
};

/// The handle of the thread.
pub(super) struct Writer {
    inbox: Arc<Inbox>,
    append_refused_total: AtomicU64,
    threads: Mutex<Option<(JoinHandle<()>, Checkpointer)>>,
}

#[derive(Default)]
struct Inbox {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    appended: VecDeque<AppendedRow>,
    /// Whether the thread sleeps, and what would be worth waking it for.
    sleeping: Sleeping,
    /// Whoever queued first lets others join before the thread takes the jobs.
    is_gathering: bool,
    is_closed: bool,
}

#[derive(Default, PartialEq, Eq)]
enum Sleeping {
    #[default]
    No,
    UntilAnything,
    UntilJob,
}

impl Queue {
    fn has_ready_jobs(&self) -> bool {
        match self.is_gathering {
            true => self.jobs.len() >= GROUP_COMMIT_COMPANY,
            false => !self.jobs.is_empty(),
        }
    }
}

enum Job {
    Transaction(Transaction, oneshot::Sender<Result<Outcome, StoreError>>),
    One(Guarded, oneshot::Sender<Result<u64, StoreError>>),
    /// Answered when everything appended before it is committed.
    Flush(oneshot::Sender<Result<(), StoreError>>),
}

struct AppendedRow {
    sql: &'static str,
    params: Vec<Value>,
}

struct Batch {
    jobs: Vec<Job>,
    appended: Vec<AppendedRow>,
}

impl Writer {
    pub(super) fn start(path: &Path, options: &DbOptions) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path, Role::Writer, options)?;
        let log = Arc::new(LogState::default());
        let (hook, patience) = (log.clone(), options.deadline);
        connection.on_commit(move |pages| hook.committed(pages))?;
        let checkpointer = Checkpointer::start(path, options, log.clone())?;
        let inbox = Arc::new(Inbox::default());
        let mut thread = WriterThread { connection, inbox: inbox.clone(), log, patience };
        let handle = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || thread.run())
            .map_err(|error| StoreError::unavailable(format!("no thread to write: {error}")))?;
        Ok(Writer { inbox, append_refused_total: AtomicU64::new(0), threads: Mutex::new(Some((handle, checkpointer))) })
    }

    pub(super) async fn write(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        self.submit(|answer| Job::Transaction(transaction, answer)).await
    }

    pub(super) async fn run_one(&self, sql: &'static str, params: Vec<Value>) -> Result<u64, StoreError> {
        let statement = Guarded { sql, params, expect: crate::db::Expect::Any };
        self.submit(|answer| Job::One(statement, answer)).await
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        self.submit(Job::Flush).await
    }

    pub(super) fn append(&self, sql: &'static str, params: Vec<Value>) -> Result<(), AppendRefused> {
        let mut queue = self.inbox.lock();
        if queue.is_closed || queue.appended.len() >= APPENDED_ROWS_MAX {
            let refused_total = 1 + self.append_refused_total.fetch_add(1, Ordering::Relaxed);
            return Err(AppendRefused { params, refused_total });
        }
        queue.appended.push_back(AppendedRow { sql, params });
        let is_enough = queue.appended.len() >= APPENDED_ROWS_PER_FLUSH_MAX;
        if queue.sleeping == Sleeping::UntilAnything || (queue.sleeping == Sleeping::UntilJob && is_enough) {
            self.inbox.wake(queue);
        }
        Ok(())
    }

    pub(super) fn append_refused_total(&self) -> u64 {
        self.append_refused_total.load(Ordering::Relaxed)
    }

    /// Lets the thread finish what is queued, and waits for it.
    pub(super) fn close(&self) {
        self.inbox.close();
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((writer, checkpointer)) = threads {
            // An error is a panic of that thread, which has been printed; there is nothing left to close.
            let _ = writer.join();
            checkpointer.stop();
        }
    }

    async fn submit<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job) -> Result<T, StoreError> {
        let (sender, answer) = oneshot::channel();
        if let Some(gathering) = self.enqueue(job(sender))? {
            gathering.wait_for_company().await;
        }
        let lost = |_| Err(StoreError::outcome_unknown("the writer ended without an answer"));
        answer.await.unwrap_or_else(lost)
    }

    fn enqueue(&self, job: Job) -> Result<Option<Gathering<'_>>, StoreError> {
        let mut queue = self.inbox.lock();
        if queue.is_closed {
            return Err(StoreError::unavailable("the database is closed"));
        }
        if queue.jobs.len() >= WRITE_QUEUE_MAX {
            return Err(StoreError::unavailable("too many writes are queued"));
        }
        queue.jobs.push_back(job);
        if !queue.is_gathering {
            queue.is_gathering = true;
            return Ok(Some(Gathering(&self.inbox)));
        }
        if queue.has_ready_jobs() && queue.sleeping != Sleeping::No {
            self.inbox.wake(queue);
        }
        Ok(None)
    }
}

/// A sync costs the same for one and for many, so whoever queues first lets others join.
struct Gathering<'a>(&'a Inbox);

impl Gathering<'_> {
    /// Lets this thread of the runtime do first what it has to do already, as long as that brings company. Where there is nothing to do, this comes
    /// back at once: nobody waits for a clock.
    async fn wait_for_company(self) {
        // The first time round, work that has just arrived is taken up, and the second time done.
        tokio::task::yield_now().await;
        let mut company = 0;
        loop {
            let queued = self.0.lock().jobs.len();
            if queued <= company {
                return;
            }
            company = queued;
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Gathering<'_> {
    /// Also where the caller has stopped waiting.
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.is_gathering = false;
        if queue.has_ready_jobs() && queue.sleeping != Sleeping::No {
            self.0.wake(queue);
        }
    }
}

impl Drop for Writer {
    /// The last user is gone. The thread finishes what is queued by itself, so that no thread of the runtime waits here.
    fn drop(&mut self) {
        self.inbox.close();
    }
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        queue.sleeping = Sleeping::No;
        drop(queue);
        self.arrived.notify_one();
    }

    fn close(&self) {
        let mut queue = self.lock();
        queue.is_closed = true;
        self.wake(queue);
    }

    /// Waits for work; nothing more comes after `None`.
    fn take(&self) -> Option<Batch> {
        let mut queue = self.lock();
        while !queue.has_ready_jobs() && queue.appended.len() < APPENDED_ROWS_PER_FLUSH_MAX && !queue.is_closed {
            if queue.appended.is_empty() {
                queue.sleeping = Sleeping::UntilAnything;
                queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
            } else {
                queue.sleeping = Sleeping::UntilJob;
                let waited = self.arrived.wait_timeout(queue, APPEND_DELAY);
                let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                queue = woken;
                if timeout.timed_out() {
                    break;
                }
            }
        }
        queue.sleeping = Sleeping::No;
        let jobs_count = queue.jobs.len().min(GROUP_COMMIT_JOBS_MAX);
        let jobs: Vec<Job> = queue.jobs.drain(..jobs_count).collect();
        // A flush promises every row that was appended before it.
        let wants_all = jobs.iter().any(|job| matches!(job, Job::Flush(_)));
        let rows_max = if wants_all { APPENDED_ROWS_MAX } else { APPENDED_ROWS_PER_FLUSH_MAX };
        let rows_count = queue.appended.len().min(rows_max);
        let appended: Vec<AppendedRow> = queue.appended.drain(..rows_count).collect();
        let is_over = queue.is_closed && jobs.is_empty() && appended.is_empty();
        (!is_over).then_some(Batch { jobs, appended })
    }
}

struct WriterThread {
    connection: Connection,
    inbox: Arc<Inbox>,
    log: Arc<LogState>,
    patience: std::time::Duration,
}

/// What a job will be told if the group's commit succeeds.
enum Verdict {
    Transaction(Result<Outcome, StoreError>),
    One(Result<u64, StoreError>),
    Flush,
}

impl WriterThread {
    fn run(&mut self) {
        // Whatever ends this thread, nobody may queue for it afterwards.
        let _closes_at_the_end = CloseOnDrop(self.inbox.clone(), self.log.clone());
        while let Some(batch) = self.inbox.take() {
            self.start_log_over_if_asked();
            match self.commit(&batch) {
                Ok(verdicts) => answer_each(batch.jobs, verdicts),
                Err(error) => {
                    tracing::warn!(detail = error.detail(), "a group of writes failed");
                    answer_all(batch.jobs, &error);
                    self.keep_for_later(batch.appended);
                }
            }
        }
    }

    /// Everything of the batch in one commit. An error is the fate of all of it.
    fn commit(&mut self, batch: &Batch) -> Result<Vec<Verdict>, StoreError> {
        self.connection.control("BEGIN IMMEDIATE")?;
        let verdicts = self.run_all(batch).and_then(|verdicts| {
            self.connection.control("COMMIT").map_err(commit_failure)?;
            Ok(verdicts)
        });
        if verdicts.is_err() && self.connection.is_in_transaction() {
            // If even this fails, the next BEGIN says so to its own callers.
            let _ = self.connection.control("ROLLBACK");
        }
        verdicts
    }

    fn run_all(&mut self, batch: &Batch) -> Result<Vec<Verdict>, StoreError> {
        let mut verdicts = Vec::with_capacity(batch.jobs.len());
        for job in &batch.jobs {
            verdicts.push(match job {
                Job::Transaction(transaction, _) => Verdict::Transaction(self.run_transaction(transaction)?),
                Job::One(statement, _) => Verdict::One(self.run_guarded(statement)?.map(|result| result.rows_affected)),
                Job::Flush(_) => Verdict::Flush,
            });
        }
        for row in &batch.appended {
            let result = self.connection.run(row.sql, &row.params);
            if let Err(error) = self.survived(result)? {
                tracing::error!(detail = error.detail(), "an appended row was refused and is lost");
            }
        }
        Ok(verdicts)
    }

    /// The outer error ends the whole group, the inner one only this job.
    fn run_transaction(&mut self, transaction: &Transaction) -> Result<Result<Outcome, StoreError>, StoreError> {
        if let Some(single) = transaction.as_single_statement() {
            let result = self.run_guarded(single)?;
            return Ok(result.map(|result| match single.expect.is_met_by(result.rows_affected) {
                true => Outcome::Committed(vec![result]),
                false => Outcome::GuardFailed { index: 0 },
            }));
        }
        self.connection.control("SAVEPOINT transaction_of_a_job")?;
        let outcome = self.run_statements(transaction)?;
        if !matches!(outcome, Ok(Outcome::Committed(_))) {
            self.connection.control("ROLLBACK TO transaction_of_a_job")?;
        }
        self.connection.control("RELEASE transaction_of_a_job")?;
        Ok(outcome)
    }

    fn run_statements(&mut self, transaction: &Transaction) -> Result<Result<Outcome, StoreError>, StoreError> {
        let mut results = Vec::with_capacity(transaction.statements.len());
        for (index, statement) in transaction.statements.iter().enumerate() {
            let result = match transaction.kind {
                TransactionKind::Prepared => self.run_guarded(statement)?,
                TransactionKind::Script => {
                    let result = self.connection.run_once(statement.sql, &statement.params);
                    self.survived(result)?
                }
            };
            match result {
                Err(error) => return Ok(Err(error)),
                Ok(result) if !statement.expect.is_met_by(result.rows_affected) => {
                    return Ok(Ok(Outcome::GuardFailed { index }));
                }
                Ok(result) => results.push(result),
            }
        }
        Ok(Ok(Outcome::Committed(results)))
    }

    fn run_guarded(&mut self, statement: &Guarded) -> Result<Result<StatementResult, StoreError>, StoreError> {
        let result = self.connection.run(statement.sql, &statement.params);
        self.survived(result)
    }

    /// Tells a statement that failed for itself from one with which the transaction of the whole group is gone:
    /// after a full disk or a failed write SQLite has rolled back, or its state must not be trusted.
    fn survived<T>(&self, result: Result<T, Failure>) -> Result<Result<T, StoreError>, StoreError> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(failure) => {
                let is_of_the_disk =
                    matches!(failure.code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory));
                let error = StoreError::from(failure);
                match is_of_the_disk || !self.connection.is_in_transaction() {
                    true => Err(error),
                    false => Ok(Err(error)),
                }
            }
        }
    }

    /// Rows that could not be written are tried again with the next batch, as far as the buffer has room.
    fn keep_for_later(&self, appended: Vec<AppendedRow>) {
        let mut queue = self.inbox.lock();
        if queue.is_closed {
            tracing::error!(rows = appended.len(), "appended rows are lost at the end");
            return;
        }
        for row in appended.into_iter().rev() {
            queue.appended.push_front(row);
        }
    }

    /// Between two commits nobody of this process writes, so the little that the checkpointer left over goes quickly.
    fn start_log_over_if_asked(&self) {
        if !self.log.take_restart_request() {
            return;
        }
        self.connection.patience().set(LOG_RESTART_PATIENCE);
        if let Err(failure) = self.connection.checkpoint(CheckpointMode::Restart) {
            let error = StoreError::from(failure);
            tracing::warn!(detail = error.detail(), "the log could not be started over");
        }
        self.connection.patience().set(self.patience);
    }
}

/// Frames that could not be written are not found again. Frames that could not be synced may be, after a power cut.
fn commit_failure(failure: Failure) -> StoreError {
    let is_of_sync = failure.is_of_sync();
    match StoreError::from(failure) {
        StoreError::Unavailable(detail) if is_of_sync => StoreError::OutcomeUnknown(detail),
        error => error,
    }
}

/// Whoever stopped waiting gets no answer, and that is fine.
fn answer_each(jobs: Vec<Job>, verdicts: Vec<Verdict>) {
    for (job, verdict) in jobs.into_iter().zip(verdicts) {
        match (job, verdict) {
            (Job::Transaction(_, answer), Verdict::Transaction(outcome)) => {
                let _ = answer.send(outcome);
            }
            (Job::One(_, answer), Verdict::One(rows)) => {
                let _ = answer.send(rows);
            }
            (Job::Flush(answer), Verdict::Flush) => {
                let _ = answer.send(Ok(()));
            }
            // The verdicts were made from these jobs, one for one; a job that got another's is dropped, which its caller hears of.
            _ => {}
        }
    }
}

fn answer_all(jobs: Vec<Job>, error: &StoreError) {
    for job in jobs {
        match job {
            Job::Transaction(_, answer) => {
                let _ = answer.send(Err(error.clone()));
            }
            Job::One(_, answer) => {
                let _ = answer.send(Err(error.clone()));
            }
            Job::Flush(answer) => {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

struct CloseOnDrop(Arc<Inbox>, Arc<LogState>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
        let left: Vec<Job> = self.0.lock().jobs.drain(..).collect();
        answer_all(left, &StoreError::unavailable("the writer has ended"));
        self.1.close();
    }
}
