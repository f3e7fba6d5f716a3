//! Gathers the items of one hot statement while the previous batch is under way, and sends them as one statement.
//! No timer: an item that finds nothing under way goes at once. PostgreSQL groups no commits by itself on one connection.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::connection::Purpose;
use super::failure::Failure;
use super::slot::Slot;
use super::{Attempts, Ended, Shared};
use crate::db::{Coalesced, StoreError, Value};
use crate::limits::{COALESCED_ITEMS_MAX, WRITE_QUEUE_MAX};

/// The collector of one statement, with a connection of its own.
pub(super) struct Coalescer {
    statement: &'static Coalesced,
    slot: Slot,
    queue: Mutex<Queue>,
    hasher: RandomState,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Item>,
    is_draining: bool,
}

struct Item {
    params: Vec<Value>,
    answer: oneshot::Sender<Result<u64, StoreError>>,
}

impl Coalescer {
    pub(super) fn new(statement: &'static Coalesced) -> Self {
        Coalescer { statement, slot: Slot::new(Purpose::Write), queue: Mutex::new(Queue::default()), hasher: RandomState::new() }
    }

    pub(super) async fn submit(self: &Arc<Self>, shared: &Arc<Shared>, params: Vec<Value>) -> Result<u64, StoreError> {
        shared.check_open()?;
        let (sender, answer) = oneshot::channel();
        {
            let mut queue = self.queue();
            if queue.waiting.len() >= WRITE_QUEUE_MAX {
                return Err(StoreError::unavailable("too many writes are queued"));
            }
            queue.waiting.push_back(Item { params, answer: sender });
            if !queue.is_draining {
                queue.is_draining = true;
                tokio::spawn(self.clone().drain(shared.clone()));
            }
        }
        let lost = |_| Err(StoreError::outcome_unknown("the writing task was stopped"));
        answer.await.unwrap_or_else(lost)
    }

    async fn drain(self: Arc<Self>, shared: Arc<Shared>) {
        while let Some(batch) = self.next_batch() {
            let (params, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|item| (item.params, item.answer)).unzip();
            let results = self.run(&shared, &params).await;
            for (answer, result) in answers.into_iter().zip(results) {
                // Whoever stopped waiting gets no answer, and that is fine.
                let _ = answer.send(result);
            }
        }
    }

    /// The items that have waited longest, one for each key, ordered by key so that two nodes lock rows in the same order.
    fn next_batch(&self) -> Option<Vec<Item>> {
        let mut queue = self.queue();
        let mut keys = HashSet::new();
        let (mut batch, mut later) = (Vec::new(), VecDeque::new());
        while batch.len() < COALESCED_ITEMS_MAX {
            let Some(item) = queue.waiting.pop_front() else { break };
            // Two keys with one hash only cost the second a batch of waiting.
            if keys.insert(self.hasher.hash_one(self.key(&item.params))) {
                batch.push(item);
            } else {
                later.push_back(item);
            }
        }
        later.append(&mut queue.waiting);
        queue.waiting = later;
        queue.is_draining = !batch.is_empty();
        batch.sort_by(|left, right| self.key(&left.params).cmp(self.key(&right.params)));
        (!batch.is_empty()).then_some(batch)
    }

    fn key<'item>(&self, params: &'item [Value]) -> &'item [Value] {
        &params[..self.statement.key_params.min(params.len())]
    }

    /// One result for each item. An item that the server refuses must not spoil the others', so then each goes alone.
    async fn run(&self, shared: &Shared, items: &[Vec<Value>]) -> Vec<Result<u64, StoreError>> {
        let failure = match self.run_together(shared, items).await {
            Ok(rows) => return rows.into_iter().map(Ok).collect(),
            Err(Ended::Unknown(text)) => {
                return items.iter().map(|_| Err(StoreError::outcome_unknown(text))).collect();
            }
            Err(Ended::Undone(failure)) => failure,
        };
        if items.len() == 1 || !failure.may_be_of_one_item() {
            let error = StoreError::from(failure);
            return items.iter().map(|_| Err(error.clone())).collect();
        }
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            let rows = self.run_together(shared, std::slice::from_ref(item)).await;
            results.push(match rows {
                Ok(rows) => Ok(rows.into_iter().sum()),
                Err(Ended::Undone(failure)) => Err(failure.into()),
                Err(Ended::Unknown(text)) => Err(StoreError::outcome_unknown(text)),
            });
        }
        results
    }

    async fn run_together(&self, shared: &Shared, items: &[Vec<Value>]) -> Result<Vec<u64>, Ended> {
        let arrays = transpose(items).ok_or_else(|| Failure::Unexpected("the items of a batch have different parameters".to_owned()))?;
        let mut attempts = Attempts::until(shared.deadline);
        loop {
            match self.attempt(shared, &arrays, items.len(), &attempts).await {
                Err(Ended::Undone(failure)) if failure.is_retryable() => {
                    if !attempts.pause().await {
                        return Err(Ended::Undone(failure));
                    }
                }
                ended => return ended,
            }
        }
    }

    async fn attempt(&self, shared: &Shared, arrays: &[Vec<&Value>], items_count: usize, attempts: &Attempts) -> Result<Vec<u64>, Ended> {
        let ready = async {
            let connection = self.slot.get(&shared.connector).await?;
            connection.prepared(self.statement.postgres).await.map_err(before_sending)?;
            Ok::<_, Failure>(connection)
        };
        let connection = timeout_at(attempts.deadline, ready).await;
        let connection = connection.map_err(|_| Ended::Undone(Failure::NoAnswer))??;
        let statement = connection.run_with_arrays(self.statement.postgres, arrays);
        let Ok(result) = timeout_at(attempts.deadline, statement).await else {
            self.slot.discard(&connection);
            return Err(Ended::Unknown("no answer to the batch in time"));
        };
        let result = result.map_err(|failure| {
            if failure.spoils_connection() {
                self.slot.discard(&connection);
            }
            Ended::of_commit(failure)
        })?;
        let mut rows = vec![0; items_count];
        for row in &result.rows {
            let ordinal = row.int(0).ok().and_then(|ordinal| usize::try_from(ordinal).ok());
            match ordinal.and_then(|ordinal| rows.get_mut(ordinal.checked_sub(1)?)) {
                Some(count) => *count += 1,
                None => return Err(Ended::Unknown("a batch answered an ordinal that it wasn't given")),
            }
        }
        Ok(rows)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing of the batch had been sent when the connection went, so it may be tried again.
fn before_sending(failure: Failure) -> Failure {
    match failure {
        Failure::ConnectionLost(text) => Failure::NotConnected(text),
        other => other,
    }
}

/// Columns of the items, as `UNNEST` wants them. `None` if the items differ in length.
pub(super) fn transpose(items: &[Vec<Value>]) -> Option<Vec<Vec<&Value>>> {
    let width = items.first()?.len();
    if items.iter().any(|item| item.len() != width) {
        return None;
    }
    Some((0..width).map(|column| items.iter().map(|item| &item[column]).collect()).collect())
}
