//! Password hashing off the request threads: as many at a time as there are cores to spare, a bounded queue, and the rest shed (T-048).

use crate::limits::HASHES_WAITING_MAX;
use freshkey_core::entropy::random_bytes;
use freshkey_core::grants::password::{HashResult, HashTask};
use freshkey_core::passwords::{self, HashWorkspace, PlainPassword, Verdict};
use freshkey_core::{Entropy, Refusal};
use freshkey_protocol::Secret;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// The pool.
pub struct HashingPool {
    permits: Semaphore,
    waiting: AtomicUsize,
    /// Memory of former hashes, used again: Argon2 wants megabytes each time.
    workspaces: Arc<Mutex<Vec<HashWorkspace>>>,
    entropy: Arc<dyn Entropy>,
}

impl HashingPool {
    /// A pool that runs so many hashes at a time.
    pub fn new(concurrency: usize, entropy: Arc<dyn Entropy>) -> Self {
        Self { permits: Semaphore::new(concurrency.max(1)), waiting: AtomicUsize::new(0), workspaces: Arc::default(), entropy }
    }

    /// Does the work between the two steps of a sign-in. A password that is too long costs no hash and matches nothing (T-049).
    pub async fn run(&self, task: HashTask, password: &str) -> Result<HashResult, Refusal> {
        if PlainPassword::new(password).is_err() {
            return Ok(HashResult { verdict: Verdict::Mismatch, rehash: None });
        }
        let _waiting = Waiting::enter(&self.waiting).ok_or(Refusal::Overloaded)?;
        let _permit = self.permits.acquire().await.map_err(|_| Refusal::Internal)?;
        let salt = random_bytes::<16>(&*self.entropy);
        let password = Secret::new(password.to_owned());
        let workspaces = Arc::clone(&self.workspaces);
        let work = tokio::task::spawn_blocking(move || {
            let mut workspace = lock(&workspaces).pop().unwrap_or_default();
            let result = work(&task, password.expose(), salt, &mut workspace);
            lock(&workspaces).push(workspace);
            result
        });
        work.await.map_err(|_| Refusal::Internal)?
    }
}

fn work(task: &HashTask, password: &str, salt: [u8; 16], workspace: &mut HashWorkspace) -> Result<HashResult, Refusal> {
    let plain = PlainPassword::new(password).map_err(|_| Refusal::Internal)?;
    match task {
        HashTask::Dummy(algorithm) => {
            let verdict = passwords::verify_dummy(algorithm, plain, workspace).map_err(|_| Refusal::Internal)?;
            Ok(HashResult { verdict, rehash: None })
        }
        HashTask::Verify { hash, wanted } => {
            let verdict = passwords::verify(hash, plain, workspace).map_err(|_| Refusal::Internal)?;
            let rehash = match verdict {
                Verdict::Match if passwords::needs_rehash(hash, wanted) => passwords::hash(plain, wanted, salt, workspace).ok(),
                _ => None,
            };
            Ok(HashResult { verdict, rehash })
        }
    }
}

fn lock(workspaces: &Mutex<Vec<HashWorkspace>>) -> std::sync::MutexGuard<'_, Vec<HashWorkspace>> {
    // Another hash may have panicked while it held the list; the list itself is still whole.
    workspaces.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A place in the queue, given back when dropped: also when the caller goes away.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Option<Self> {
        if count.fetch_add(1, Ordering::Relaxed) < HASHES_WAITING_MAX {
            return Some(Self(count));
        }
        count.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
