//! One account in the agent: an actor of its own, so that a slow provider of one account delays no other (T-062). Its callers are served from memory
//! as long as that suffices; when it does not, one refresh serves all who wait.

use crate::failure::{Failure, FailureKind};
use crate::keeper::{Keeper, Need};
use crate::record::{Record, Renewal};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

/// Waiting callers of one account.
const QUEUE_MAX: usize = 4096;
/// Timers stand still while a machine sleeps, so nobody sleeps longer than this without a look at the clock (T-093).
const LOOK_AT_CLOCK: Duration = Duration::from_secs(15);
/// An account that nobody has asked for during so many lives of a token is renewed only as often as keeps it signed in.
const IDLE_LIVES: u64 = 3;
/// Seconds after which a sign-in without an end that we know of is used, so that it does not lie unused for too long.
const TOUCH_S: u64 = 24 * 3600;

/// One account in the agent.
pub(super) struct Account {
    name: String,
    keeper: Arc<Keeper>,
    latest: Mutex<Latest>,
    queue: mpsc::Sender<Job>,
    /// Told whenever another record is in memory.
    pub(super) changed: Notify,
}

/// What was read last.
#[derive(Default)]
struct Latest {
    record: Option<Arc<Record>>,
    /// The file that it was read from, as it was then: another process may have changed it.
    file: Option<FileState>,
    /// When somebody asked last, on the clock that counts from the machine's start.
    asked_at_ms: u64,
}

/// A file as it was at a look: another of the same name is another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct FileState {
    inode: u64,
    modified_s: i64,
    modified_ns: i64,
    bytes: u64,
}

struct Job {
    need: Need,
    answer: oneshot::Sender<Result<Arc<Record>, Failure>>,
}

impl Account {
    /// Starts its actor.
    pub(super) fn start(name: &str, keeper: &Arc<Keeper>) -> Arc<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let account =
            Arc::new(Self { name: name.to_owned(), keeper: Arc::clone(keeper), latest: Mutex::default(), queue, changed: Notify::new() });
        // It ends when the queue does, which ends with the account.
        tokio::spawn(run(Arc::downgrade(&account), jobs));
        account
    }

    /// A record that meets the need: from memory, or refreshed.
    pub(super) async fn fresh(&self, need: Need) -> Result<Arc<Record>, Failure> {
        self.note_asked();
        if let Need::Ttl(wish) = need
            && let Some(record) = self.current()
            && suffices(&self.keeper, &record, wish)
        {
            return Ok(record);
        }
        let (answer, answered) = oneshot::channel();
        let gone = || Failure::new(FailureKind::Agent, "the agent is about to end").with_hint("try again");
        self.queue.send(Job { need, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// The record in memory, if its file is still the one that it was read from.
    pub(super) fn current(&self) -> Option<Arc<Record>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let record = latest.record.as_ref()?;
        (latest.file == state_of(&self.file())).then(|| Arc::clone(record))
    }

    /// Nothing of it is in memory any more.
    pub(super) fn forget(&self) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Latest::default();
    }

    fn file(&self) -> PathBuf {
        self.keeper.vault().account_file(&self.name)
    }

    fn note_asked(&self) {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).asked_at_ms = self.keeper.clock().now().boot_ms;
    }

    fn publish(&self, record: Record, file: Option<FileState>) -> Arc<Record> {
        let record = Arc::new(record);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.file = file;
        latest.record = Some(Arc::clone(&record));
        self.changed.notify_waiters();
        record
    }

    /// Reads what is kept, without asking anybody.
    pub(super) fn load(&self) -> Result<Option<Arc<Record>>, Failure> {
        if let Some(record) = self.current() {
            return Ok(Some(record));
        }
        // A change between these two lines is seen at the next look.
        let file = state_of(&self.file());
        Ok(self.keeper.vault().read(&self.name)?.map(|record| self.publish(record, file)))
    }

    async fn renew(&self, need: Need) -> Result<Arc<Record>, Failure> {
        match self.keeper.fresh(&self.name, need).await {
            Ok(kept) => Ok(self.publish(kept.record, state_of(&self.file()))),
            Err(failure) => {
                // What is kept may have changed all the same: an attempt is noted, a sign-in over.
                if let Ok(None) | Err(_) = self.load() {
                    self.forget();
                }
                Err(failure)
            }
        }
    }

    /// In how many milliseconds it is renewed although nobody asks, and how; `None` when there is nothing to renew.
    fn next_renewal(&self) -> Option<(u64, Need)> {
        let record = self.load().ok()??;
        if record.ended.is_some() {
            return None;
        }
        let now = self.keeper.clock().now();
        let rests_ms = record.failed.as_ref().map_or(0, |failed| failed.rests_for_ms(now));
        let access = record.access.as_ref()?;
        if record.intent.is_some() {
            return Some((rests_ms, Need::Ahead));
        }
        let asked_at_ms = self.latest.lock().unwrap_or_else(PoisonError::into_inner).asked_at_ms;
        let idle_ms = now.boot_ms.saturating_sub(asked_at_ms);
        let lifetime = access.life.lifetime();
        if idle_ms <= IDLE_LIVES * 1000 * u64::from(lifetime.life_s) {
            return Some((access.renewal_in_ms(now).max(rests_ms), Need::Ahead));
        }
        if record.renewal == Renewal::ClientCredentials {
            return None;
        }
        // Nobody uses it: it is renewed when half of what its refresh token lives is over, so that the sign-in does not end meanwhile.
        let life_s = record.refresh_life.map_or(2 * TOUCH_S, |life| u64::from(life.lifetime().life_s)).min(2 * TOUCH_S);
        let age_ms = now.since(lifetime.obtained)?;
        Some(((life_s * 500).saturating_sub(age_ms).max(rests_ms), Need::Newer { version: record.version }))
    }
}

/// The actor: one job after the other, and a renewal ahead between them.
async fn run(account: Weak<Account>, mut jobs: mpsc::Receiver<Job>) {
    loop {
        let Some(this) = account.upgrade() else { return };
        let mut pause = LOOK_AT_CLOCK;
        match this.next_renewal() {
            // A failure is noted with the account, and whoever asks next is told. One that could not be noted must not be repeated at once.
            Some((0, need)) if this.renew(need).await.is_ok() => continue,
            Some((due_ms, _)) if due_ms > 0 => pause = pause.min(Duration::from_millis(due_ms)),
            _ => {}
        }
        drop(this);
        let job = match timeout(pause, jobs.recv()).await {
            Err(_) => continue,
            Ok(None) => return,
            Ok(Some(job)) => job,
        };
        let Some(this) = account.upgrade() else { return };
        let answer = match (job.need, this.current()) {
            (Need::Ttl(wish), Some(record)) if suffices(&this.keeper, &record, wish) => Ok(record),
            (need, _) => this.renew(need).await,
        };
        // A caller that has gone away wants no answer.
        let _ = job.answer.send(answer);
    }
}

fn suffices(keeper: &Keeper, record: &Record, wish: Option<u32>) -> bool {
    let access = record.access.as_ref().filter(|_| record.intent.is_none());
    access.is_some_and(|access| access.life.lifetime().suffices(keeper.clock().now(), wish))
}

pub(super) fn state_of(path: &std::path::Path) -> Option<FileState> {
    let found = std::fs::metadata(path).ok()?;
    Some(FileState { inode: found.ino(), modified_s: found.mtime(), modified_ns: found.mtime_nsec(), bytes: found.len() })
}
