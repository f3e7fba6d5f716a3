//! Where the client's work goes on while Python does something else: threads of its own, made at the first use, and made anew in the child of a fork,
//! which has none of its parent's.

use crate::failure::raised;
use crate::limits::{SIGNALS_EVERY, WORKERS};
use arc_swap::ArcSwapOption;
use freshkey_client::caller::{Agent, Caller};
use freshkey_client::clock::SystemClock;
use freshkey_client::directories::Directories;
use freshkey_client::{Failure, FailureKind};
use pyo3::prelude::*;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

static PROCESS: ArcSwapOption<Process> = ArcSwapOption::const_empty();

/// What belongs to one process.
pub(crate) struct Process {
    id: u32,
    runtime: Runtime,
    callers: Mutex<Vec<(Place, Arc<Caller>)>>,
}

/// Whose tokens are asked for, and how.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) directories: Directories,
    pub(crate) agent: Agent,
}

impl Process {
    /// That of the process that asks.
    pub(crate) fn current() -> Result<Arc<Self>, Failure> {
        let id = std::process::id();
        if let Some(process) = PROCESS.load_full().filter(|process| process.id == id) {
            return Ok(process);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("freshkey")
            .enable_all()
            .build()
            .map_err(|error| Failure::new(FailureKind::Failed, format!("no thread could be started: {error}")))?;
        let process = Arc::new(Self { id, runtime, callers: Mutex::default() });
        // A parent's threads do not exist here, so nothing of it can be ended: it is left as it is.
        std::mem::forget(PROCESS.swap(Some(Arc::clone(&process))));
        Ok(process)
    }

    /// Who asks at this place: one for all sessions, so that connections and keys are kept.
    pub(crate) fn caller(&self, place: &Place) -> Arc<Caller> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, caller)) = callers.iter().find(|(known, _)| known == place) {
            return Arc::clone(caller);
        }
        let caller = Arc::new(Caller::new(place.directories.clone(), Arc::new(SystemClock::new()), place.agent));
        callers.push((place.clone(), Arc::clone(&caller)));
        caller
    }

    /// Carries on whatever becomes of its caller.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(work).abort_handle()
    }

    /// Waits, without holding Python up, until the work is done, the time is over, or the user interrupts. The work goes on in any case: a caller that
    /// goes away harms nobody. `None` when the time is over.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        py: Python<'_>,
        timeout: Option<Duration>,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> PyResult<Option<Result<T, Failure>>> {
        let (sender, mut receiver) = mpsc::sync_channel(1);
        // Whoever waited may have gone.
        self.spawn(async move { drop(sender.send(work.await)) });
        let mut left = timeout;
        loop {
            let slice = left.map_or(SIGNALS_EVERY, |left| left.min(SIGNALS_EVERY));
            let (same, answer) = py.detach(move || {
                let answer = receiver.recv_timeout(slice);
                (receiver, answer)
            });
            receiver = same;
            match answer {
                Ok(answer) => return Ok(Some(answer)),
                Err(RecvTimeoutError::Timeout) => py.check_signals()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(raised(py, &Failure::new(FailureKind::Failed, "the client broke off").with_hint("please report this")));
                }
            }
            left = left.map(|left| left.saturating_sub(slice));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
        }
    }
}
