//! What the agent supplies of its own accord, as the profiles wish it: token files that it keeps fresh, and sockets for tools that ask in a way of
//! their own. Each runs by itself, so that a slow provider of one delays no other (T-062).

mod file;
#[cfg(test)]
mod tests;

use super::serve::Agent;
use super::{http_helper, oidc_agent};
use crate::clock::Moment;
use crate::failure::{Failure, FailureKind};
use crate::profile::file::Profiles;
use crate::token_file::TokenFile;
use file::KeptFile;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

pub use http_helper::secret_file;
pub use oidc_agent::socket as oidc_agent_socket;

/// How often the profiles are looked at for a change that nobody has told of.
const LOOK_AT_PROFILES: Duration = Duration::from_secs(5);

/// What `freshkey setup` calls the helper on loopback.
pub const HTTP: &str = "http";
/// What `freshkey setup` calls the socket in oidc-agent's form.
pub const OIDC_AGENT: &str = "oidc-agent";

/// Something that is supplied, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// Of this profile; of several where it is `None`.
    pub profile: Option<String>,
    /// Where: a file, an address, or a socket.
    pub place: String,
    /// Seconds that the token in the file has left.
    pub expires_in: Option<u32>,
    /// Why it is not as it should be.
    pub failure: Option<Failure>,
}

/// Everything that is supplied.
#[derive(Default)]
pub(super) struct Sinks {
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    running: BTreeMap<Wanted, Running>,
    is_over: bool,
}

/// Something that is to be supplied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    File { path: PathBuf, profile: String },
    Http { port: u16, profile: String },
    OidcAgent,
}

enum Running {
    File { kept: Arc<KeptFile>, task: JoinHandle<()> },
    Listener(JoinHandle<()>),
    Failed(Failure),
}

/// Keeps up with the profiles for as long as it is let.
pub(super) async fn keep_up(agent: Arc<Agent>) {
    loop {
        agent.sinks.settle(&agent).await;
        tokio::time::sleep(LOOK_AT_PROFILES).await;
    }
}

impl Sinks {
    /// Ends what is not wished for any more, and starts what is. What could not be started is tried again.
    pub(super) async fn settle(&self, agent: &Arc<Agent>) {
        // A file of profiles that can't be read tells nothing about anybody's wishes.
        let Ok(wanted) = agent.with_profiles(wanted) else { return };
        let mut all = self.all.lock().await;
        if all.is_over {
            return;
        }
        let over: Vec<Wanted> = all.running.keys().filter(|known| !wanted.contains(known)).cloned().collect();
        for one in over {
            if let Some(running) = all.running.remove(&one) {
                end(agent, &one, running).await;
            }
        }
        for one in wanted {
            if all.running.get(&one).is_none_or(Running::has_ended) {
                let running = start(agent, &one).unwrap_or_else(Running::Failed);
                all.running.insert(one, running);
            }
        }
    }

    /// The account of this profile has changed. When this returns, its files have its new token, or why not is known; no file has a token of an
    /// account that is signed out (T-059).
    pub(super) async fn look_again(&self, agent: &Agent, profile: &str) {
        let of_profile = |running: &Running| match running {
            Running::File { kept, .. } if kept.profile() == profile => Some(Arc::clone(kept)),
            _ => None,
        };
        // Not while everything is locked: a provider may take its time.
        let files: Vec<Arc<KeptFile>> = self.all.lock().await.running.values().filter_map(of_profile).collect();
        for kept in files {
            kept.look_again(agent).await;
        }
    }

    /// Ends everything, and leaves no token behind.
    pub(super) async fn end(&self) {
        let mut all = self.all.lock().await;
        all.is_over = true;
        for running in std::mem::take(&mut all.running).into_values() {
            running.stop().await;
        }
    }

    /// How everything is.
    pub(super) async fn told(&self, now: Moment) -> Vec<Supply> {
        let all = self.all.lock().await;
        let told = all.running.iter().map(|(wanted, running)| {
            let (expires_in, failure) = match running {
                Running::File { kept, .. } => kept.told(now),
                Running::Listener(_) => (None, None),
                Running::Failed(failure) => (None, Some(failure.clone())),
            };
            Supply { profile: wanted.profile().map(str::to_owned), place: wanted.place(), expires_in, failure }
        });
        told.collect()
    }
}

impl Wanted {
    fn profile(&self) -> Option<&str> {
        match self {
            Self::File { profile, .. } | Self::Http { profile, .. } => Some(profile),
            Self::OidcAgent => None,
        }
    }

    fn place(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            Self::Http { port, .. } => http_helper::url(*port),
            Self::OidcAgent => "the socket of oidc-agent".to_owned(),
        }
    }
}

impl Running {
    /// Whether it has ended although nobody wanted that, or never began.
    fn has_ended(&self) -> bool {
        match self {
            Self::File { task, .. } | Self::Listener(task) => task.is_finished(),
            Self::Failed(_) => true,
        }
    }

    async fn stop(self) {
        match self {
            Self::File { kept, task } => {
                task.abort();
                kept.end().await;
            }
            Self::Listener(task) => {
                task.abort();
                // Until then its address is taken.
                let _ = task.await;
            }
            Self::Failed(_) => {}
        }
    }
}

/// What the profiles wish for. A file has one token: of two profiles that name it, the first has it.
fn wanted(profiles: &Profiles) -> BTreeSet<Wanted> {
    let mut files = BTreeMap::new();
    let mut ports = BTreeMap::new();
    let mut all = BTreeSet::new();
    for (name, profile) in &profiles.profiles {
        for delivery in &profile.deliveries {
            if let Some(path) = &delivery.token_file {
                files.entry(path.clone()).or_insert_with(|| name.clone());
            }
            match (delivery.tool.as_str(), delivery.url.as_deref().and_then(http_helper::port)) {
                (HTTP, Some(port)) => drop(ports.entry(port).or_insert_with(|| name.clone())),
                (OIDC_AGENT, _) => drop(all.insert(Wanted::OidcAgent)),
                _ => {}
            }
        }
    }
    all.extend(files.into_iter().map(|(path, profile)| Wanted::File { path, profile }));
    all.extend(ports.into_iter().map(|(port, profile)| Wanted::Http { port, profile }));
    all
}

fn start(agent: &Arc<Agent>, wanted: &Wanted) -> Result<Running, Failure> {
    match wanted {
        Wanted::File { path, profile } => {
            let kept = KeptFile::new(profile, TokenFile::at(path)?, agent);
            let task = tokio::spawn(Arc::clone(&kept).keep_fresh(Arc::clone(agent)));
            Ok(Running::File { kept, task })
        }
        Wanted::Http { port, profile } => http_helper::start(agent, *port, profile).map(Running::Listener),
        Wanted::OidcAgent => oidc_agent::start(agent).map(Running::Listener),
    }
}

/// Ends what is not wished for any more, with what it has left in the directories.
async fn end(agent: &Agent, wanted: &Wanted, running: Running) {
    running.stop().await;
    let directories = agent.keeper.directories();
    let left = match wanted {
        Wanted::File { .. } => return,
        Wanted::Http { profile, .. } => secret_file(directories, profile),
        Wanted::OidcAgent => oidc_agent_socket(directories),
    };
    // Neither says anything to anybody once nobody listens.
    let _ = crate::files::remove(&left);
}

/// Work with files, which may be on a disk that is slow, or on a server that does not answer: not in the thread that serves everybody.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(Failure::new(FailureKind::Agent, "the agent is about to end")))
}

/// Whether somebody is signed in, as far as the disk tells.
fn is_signed_in(account_file: &Path) -> bool {
    account_file.exists()
}
