//! One token file: written as soon as there is a token, renewed while ten minutes are left, gone with the sign-in. A provider that is away leaves the
//! file as it is until its token ends; a file with a dead token would only send its readers looking in the wrong place.

use super::{is_signed_in, on_disk};
use crate::agent::account::{Account, FileState, state_of};
use crate::agent::serve::Agent;
use crate::clock::{Clock, Moment};
use crate::failure::{Failure, FailureKind};
use crate::keeper::Need;
use crate::limits::AGENT_ANSWER_TIMEOUT;
use crate::record::Record;
use crate::token_file::{MIN_TTL_S, TokenFile};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Timers stand still while a machine sleeps, and a file can be taken away by anybody who may: nobody waits longer for the next look.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// Time between two looks at least.
const LOOK_AGAIN_MIN: Duration = Duration::from_secs(1);

/// A file that is kept fresh.
pub(super) struct KeptFile {
    profile: String,
    file: TokenFile,
    /// As long as this is there, somebody is signed in.
    account_file: PathBuf,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    written: Option<Written>,
    failure: Option<Failure>,
    is_over: bool,
}

struct Written {
    record: Arc<Record>,
    file: Option<FileState>,
}

impl KeptFile {
    pub(super) fn new(profile: &str, file: TokenFile, agent: &Agent) -> Arc<Self> {
        let account_file = agent.keeper.vault().account_file(profile);
        Arc::new(Self { profile: profile.to_owned(), file, account_file, state: Mutex::default(), wake: Notify::new() })
    }

    pub(super) fn profile(&self) -> &str {
        &self.profile
    }

    /// Keeps it fresh until it is ended.
    pub(super) async fn keep_fresh(self: Arc<Self>, agent: Arc<Agent>) {
        loop {
            if !is_signed_in(&self.account_file) {
                self.clear().await;
                let _ = tokio::time::timeout(LOOK_AGAIN, self.wake.notified()).await;
                continue;
            }
            let account = agent.account(&self.profile);
            let changed = account.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let pause = self.look(&account, agent.keeper.clock()).await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = changed => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// One look: the token that should be there is there afterwards, if it can be had. The answer is the time until the next look.
    pub(super) async fn look(self: &Arc<Self>, account: &Account, clock: &dyn Clock) -> Duration {
        let patience = self.patience(clock.now());
        let fresh = tokio::time::timeout(patience, account.fresh(Need::Ttl(Some(MIN_TTL_S)))).await.unwrap_or_else(|_| {
            Err(Failure::new(FailureKind::Unavailable, "the provider has been asked for a token, and has not answered yet"))
        });
        let now = clock.now();
        match fresh {
            Ok(record) => {
                let pause = pause_of(&record, now);
                self.put(record, None).await;
                pause
            }
            Err(failure) => {
                let record = account.load().ok().flatten();
                let rests_ms = record.as_ref().and_then(|record| Some(record.failed.as_ref()?.rests_for_ms(now))).unwrap_or(0);
                match record.filter(|record| serves(record, now)) {
                    Some(record) => self.put(record, Some(failure)).await,
                    None => self.keep_while_it_lives(failure, now).await,
                }
                Duration::from_millis(rests_ms).clamp(LOOK_AGAIN_MIN, LOOK_AGAIN)
            }
        }
    }

    /// How long a provider may take before the token in the file has to be looked at once more.
    fn patience(&self, now: Moment) -> Duration {
        let left_s = self.locked().written.as_ref().map(|written| remaining_s(&written.record, now));
        left_s.map_or(AGENT_ANSWER_TIMEOUT, |left_s| Duration::from_secs(left_s.into()).clamp(LOOK_AGAIN_MIN, AGENT_ANSWER_TIMEOUT))
    }

    /// Puts a token there, unless it is there already, or nobody is signed in any more.
    pub(super) async fn put(self: &Arc<Self>, record: Arc<Record>, failure: Option<Failure>) {
        let this = Arc::clone(self);
        let put = on_disk(move || {
            let mut state = this.locked();
            state.failure = failure;
            // Looked at under the lock that `look_again` takes after a sign-out: whichever comes second sees what the first has done (T-059).
            if state.is_over || !is_signed_in(&this.account_file) {
                return this.take_away(&mut state);
            }
            let token = record.access.as_ref().map_or("", |access| access.token());
            let is_there = state.written.as_ref().is_some_and(|written| {
                let before = written.record.access.as_ref().map_or("", |access| access.token());
                before == token && written.file.is_some() && written.file == state_of(this.file.path())
            });
            if !is_there {
                this.file.write(token)?;
                state.written = Some(Written { file: state_of(this.file.path()), record });
            }
            Ok(())
        });
        if let Err(failure) = put.await {
            self.locked().failure = Some(failure);
        }
    }

    async fn keep_while_it_lives(self: &Arc<Self>, failure: Failure, now: Moment) {
        let is_alive = {
            let mut state = self.locked();
            state.failure = Some(failure);
            state.written.as_ref().is_some_and(|written| remaining_s(&written.record, now) > 0)
        };
        if !is_alive {
            self.clear().await;
        }
    }

    /// The account has changed: when this returns, its token is here, or nothing is.
    pub(super) async fn look_again(self: &Arc<Self>, agent: &Agent) {
        if is_signed_in(&self.account_file) {
            self.look(&agent.account(&self.profile), agent.keeper.clock()).await;
        } else {
            self.clear().await;
        }
        self.wake.notify_one();
    }

    /// It is not kept fresh any more, so it is not there any more.
    pub(super) async fn end(self: &Arc<Self>) {
        self.locked().is_over = true;
        self.clear().await;
    }

    /// How it is: the seconds that its token has left, and why they are not more.
    pub(super) fn told(&self, now: Moment) -> (Option<u32>, Option<Failure>) {
        let state = self.locked();
        let remaining_s = state.written.as_ref().map(|written| remaining_s(&written.record, now));
        let failure = if is_signed_in(&self.account_file) { state.failure.clone() } else { Some(Failure::not_signed_in(&self.profile)) };
        (remaining_s, failure)
    }

    async fn clear(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let cleared = on_disk(move || this.take_away(&mut this.locked()));
        if let Err(failure) = cleared.await {
            self.locked().failure = Some(failure);
        }
    }

    fn take_away(&self, state: &mut State) -> Result<(), Failure> {
        state.written = None;
        self.file.remove()
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remaining_s(record: &Record, now: Moment) -> u32 {
    record.access.as_ref().map_or(0, |access| access.life.lifetime().remaining_s(now))
}

fn serves(record: &Record, now: Moment) -> bool {
    record.access.as_ref().is_some_and(|access| access.life.lifetime().serves(now))
}

fn pause_of(record: &Record, now: Moment) -> Duration {
    let Some(lifetime) = record.access.as_ref().map(|access| access.life.lifetime()) else { return LOOK_AGAIN };
    let spare_s = lifetime.remaining_s(now).saturating_sub(lifetime.wanted_s(Some(MIN_TTL_S)));
    Duration::from_secs(u64::from(spare_s) + 1).min(LOOK_AGAIN)
}
