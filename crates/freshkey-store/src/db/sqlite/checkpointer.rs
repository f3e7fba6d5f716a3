//! Moves pages from SQLite's log into the file, off the commit path, where they were the whole p99.
//! A log that never stops growing under load is started over by the writer, after this thread has done almost all of it.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::connection::{CheckpointMode, Connection, Role};
use crate::db::{DbOptions, StoreError};
use crate::limits::{LOG_PAGES_CHECKPOINT, LOG_PAGES_LEFT_FOR_WRITER, LOG_PAGES_MAX, LOG_PAGES_RESTART, LOG_RESTART_PASSES_MAX};

/// What the writer and the checkpointer tell each other about the log.
#[derive(Default)]
pub(super) struct LogState {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Default)]
struct State {
    pages: u32,
    pages_in_file: u32,
    restart_wanted: bool,
    is_closed: bool,
}

impl LogState {
    /// After each commit: how many pages are in the log. Fewer than before means that it was started over.
    pub(super) fn committed(&self, pages: u32) {
        let mut state = self.lock();
        if pages < state.pages {
            state.pages_in_file = 0;
        }
        state.pages = pages;
        if state.is_due() {
            drop(state);
            self.grown.notify_one();
        }
    }

    pub(super) fn take_restart_request(&self) -> bool {
        std::mem::take(&mut self.lock().restart_wanted)
    }

    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.grown.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a checkpoint is due; `false` at the end.
    fn wait(&self) -> bool {
        let waits = |state: &mut State| !state.is_due() && !state.is_closed;
        let state = self.grown.wait_while(self.lock(), waits);
        !state.unwrap_or_else(PoisonError::into_inner).is_closed
    }

    fn pages(&self) -> u32 {
        self.lock().pages
    }

    /// Pages that a reader pins can't be moved now; they count as done until the log has grown again, so that this thread doesn't spin.
    fn checkpointed(&self, pages_before: u32, restart: Restart) {
        let mut state = self.lock();
        state.pages_in_file = pages_before.min(state.pages);
        state.restart_wanted = restart == Restart::Wanted;
    }
}

/// Whether the writer shall start the log over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Restart {
    Wanted,
    NotWanted,
}

impl State {
    fn is_due(&self) -> bool {
        self.pages.saturating_sub(self.pages_in_file) >= LOG_PAGES_CHECKPOINT
    }
}

/// The handle of the thread.
pub(super) struct Checkpointer {
    log: Arc<LogState>,
    thread: JoinHandle<()>,
}

impl Checkpointer {
    pub(super) fn start(path: &Path, options: &DbOptions, log: Arc<LogState>) -> Result<Self, StoreError> {
        let connection = Connection::open(path, Role::Checkpointer, options)?;
        let shared = log.clone();
        let file = kept_open(path).map_err(|error| StoreError::unavailable(error.to_string()))?;
        let thread = std::thread::Builder::new()
            .name("sqlite-checkpointer".into())
            .spawn(move || run(&connection, &file, &shared))
            .map_err(|error| StoreError::unavailable(format!("no thread: {error}")))?;
        Ok(Checkpointer { log, thread })
    }

    pub(super) fn stop(self) {
        self.log.close();
        // An error is a panic of that thread, which has been printed.
        let _ = self.thread.join();
    }
}

/// The file itself, for telling the kernel to write out what a checkpoint has put into it. SQLite does that only at the end of the log, all at
/// once and in the way of the next commit (measured: 60 ms).
///
/// It stays open as long as the process: closing any handle of a file takes away all locks that the process has on it, SQLite's too.
fn kept_open(path: &Path) -> std::io::Result<Arc<File>> {
    static FILES: Mutex<Option<HashMap<PathBuf, Arc<File>>>> = Mutex::new(None);
    let path = path.canonicalize()?;
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let files = files.get_or_insert_default();
    if let Some(file) = files.get(&path) {
        return Ok(file.clone());
    }
    let file = Arc::new(File::options().write(true).open(&path)?);
    files.insert(path, file.clone());
    Ok(file)
}

fn run(connection: &Connection, file: &File, log: &LogState) {
    while log.wait() {
        let pages_before = log.pages();
        let mut left = checkpoint(connection, file, log);
        if pages_before < LOG_PAGES_RESTART {
            log.checkpointed(pages_before, Restart::NotWanted);
            continue;
        }
        // Each pass is shorter than the one before it, and so is what the writer adds meanwhile.
        for _ in 0..LOG_RESTART_PASSES_MAX {
            if left <= LOG_PAGES_LEFT_FOR_WRITER {
                break;
            }
            left = checkpoint(connection, file, log);
        }
        let is_cheap = left <= LOG_PAGES_LEFT_FOR_WRITER;
        let is_needed = pages_before >= LOG_PAGES_MAX;
        let restart = if is_cheap || is_needed { Restart::Wanted } else { Restart::NotWanted };
        log.checkpointed(pages_before, restart);
    }
}

/// Moves what can be moved without holding up anyone, and answers how many pages of the log are left.
fn checkpoint(connection: &Connection, file: &File, log: &LogState) -> u32 {
    let moved = connection.checkpoint(CheckpointMode::Passive);
    // An error here is SQLite's to find: it syncs once more before it lets go of the log.
    let _ = file.sync_data();
    match moved {
        Ok(pages_in_file) => log.pages().saturating_sub(pages_in_file),
        Err(failure) => {
            let error = StoreError::from(failure);
            tracing::warn!(detail = error.detail(), "the log could not be moved into the file");
            log.pages()
        }
    }
}
