//! The agent's own side: it listens, checks who is there, and answers.

use super::account::Account;
use super::frame::{Answer, PROTOCOL, Request, TokenWish, request_len, version_of};
use super::sinks::{Sinks, Supply};
use crate::directories::Directories;
use crate::failure::{Failure, FailureKind};
use crate::files::Locked;
use crate::handout;
use crate::keeper::{Keeper, Need};
use crate::limits::{AGENT_CALLERS_MAX, AGENT_REQUEST_TIMEOUT};
use crate::profile::file::Profiles;
use crate::record::{Fingerprint, Record};
use crate::vault::{self};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

/// How often the agent looks whether its socket is still the one in its place.
const LOOK_AT_SOCKET: Duration = Duration::from_secs(5);

/// What a caller asks beside tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum Call {
    /// How things are.
    Status,
    /// A new token for this profile, or the default one.
    Refresh {
        /// The profile.
        profile: Option<String>,
        /// The fingerprint of a token that was refused somewhere. If it has been replaced already, nobody is asked for another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejected: Option<Fingerprint>,
    },
    /// Sign out of this profile.
    Forget {
        /// The profile.
        profile: String,
    },
    /// An account or its profile was changed on the disk: nothing of it stays in memory, and what is supplied is what is wished for now.
    Reload {
        /// The profile.
        profile: String,
    },
    /// End.
    Stop,
}

/// How the agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Its process.
    pub pid: u32,
    /// Its release.
    pub release: String,
    /// The form of its requests.
    pub protocol: u8,
    /// Where its key came from.
    pub key_source: String,
    /// The accounts that it holds.
    pub accounts: Vec<String>,
    /// What it supplies of its own accord.
    #[serde(default)]
    pub supplies: Vec<Supply>,
}

/// The agent.
pub struct Agent {
    pub(super) keeper: Arc<Keeper>,
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    /// The file of profiles as it was read last: it names the default.
    profiles: Mutex<Option<(FileMark, Profiles)>>,
    pub(super) sinks: Sinks,
    stop: Notify,
}

type FileMark = (u64, Option<SystemTime>);

/// A socket that is listened on, for as long as this process is the agent.
pub struct Listening {
    listener: UnixListener,
    inode: u64,
    _locked: Locked,
}

impl Listening {
    /// Takes the place of the agent. `None` when another process has it.
    pub fn take(directories: &Directories) -> Result<Option<Self>, Failure> {
        crate::directories::private(&directories.runtime)?;
        let Some(locked) = Locked::at_once(&directories.runtime.join("agent.lock"))? else { return Ok(None) };
        let path = directories.socket();
        // It appears under its name only when it is listened on.
        let hidden = directories.runtime.join(".agent.sock.new");
        crate::files::remove(&hidden)?;
        let failed = |error: std::io::Error| Failure::file(&path, "listened on", &error);
        let listener = UnixListener::bind(&hidden).map_err(failed)?;
        let inode = std::fs::metadata(&hidden).map_err(failed)?.ino();
        std::fs::rename(&hidden, &path).map_err(failed)?;
        Ok(Some(Self { listener, inode, _locked: locked }))
    }

    fn is_in_place(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|found| found.ino() == self.inode)
    }
}

impl Agent {
    /// Over these accounts.
    #[must_use]
    pub fn new(keeper: Arc<Keeper>) -> Arc<Self> {
        Arc::new(Self { keeper, accounts: Mutex::default(), profiles: Mutex::default(), sinks: Sinks::default(), stop: Notify::new() })
    }

    /// Serves until somebody asks it to end, or its socket is taken away. Interrupted refreshes are taken up first. No token file outlives it.
    pub async fn serve(self: Arc<Self>, listening: Listening) -> Result<(), Failure> {
        let supplying = tokio::spawn(super::sinks::keep_up(Arc::clone(&self)));
        let ended = self.serve_callers(&listening).await;
        supplying.abort();
        self.sinks.end().await;
        // Only now may another one begin, and write the files that this one has removed.
        drop(listening);
        ended
    }

    async fn serve_callers(self: &Arc<Self>, listening: &Listening) -> Result<(), Failure> {
        let no_signals = |error: std::io::Error| Failure::new(FailureKind::Failed, format!("signals cannot be heard: {error}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        for name in vault::names(self.keeper.directories())? {
            self.account(&name);
        }
        let places = Arc::new(Semaphore::new(AGENT_CALLERS_MAX));
        let path = self.keeper.directories().socket();
        loop {
            let accepted = tokio::select! {
                accepted = listening.listener.accept() => accepted,
                () = self.stop.notified() => break,
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = tokio::time::sleep(LOOK_AT_SOCKET) => {
                    if listening.is_in_place(&path) { continue }
                    return Ok(());
                }
            };
            // Out of descriptors: those that are open end in a while.
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            if !is_ours(&stream) {
                continue;
            }
            let (agent, places) = (Arc::clone(self), Arc::clone(&places));
            tokio::spawn(async move {
                // Whoever finds no place waits, and is served as soon as one of those who are there has gone.
                let Ok(_place) = places.acquire_owned().await else { return };
                agent.attend(stream).await;
            });
        }
        // Whatever else has taken its place is somebody else's.
        if listening.is_in_place(&path) { crate::files::remove(&path) } else { Ok(()) }
    }

    async fn attend(self: &Arc<Self>, mut stream: UnixStream) {
        let Ok(Some(body)) = timeout(AGENT_REQUEST_TIMEOUT, read_request(&mut stream)).await else { return };
        let answer =
            match version_of(&body) {
                Some(PROTOCOL) => match Request::decode(&body) {
                    Ok(Request::Token(wish)) => self.token(&wish).await,
                    Ok(Request::Call(json)) => self.call(&json).await,
                    Err(_) => Err(Failure::new(FailureKind::Agent, "the agent does not understand the request")),
                },
                _ => Err(Failure::new(FailureKind::Agent, "the agent is of another release")
                    .with_hint("run `freshkey agent stop`, and try again")),
            };
        let answer = answer.unwrap_or_else(Answer::Failed);
        // A caller that has gone away wants no answer.
        let _ = timeout(AGENT_REQUEST_TIMEOUT, stream.write_all(&answer.encode())).await;
    }

    async fn token(&self, wish: &TokenWish) -> Result<Answer, Failure> {
        let name = self.name_of(wish.profile.as_deref())?;
        let (record, warning) = self.record(&name, wish.min_ttl_s).await?;
        Ok(Answer::Done { data: handout::written(&name, &record, self.keeper.clock().now(), &wish.form)?, warning })
    }

    /// What is handed out of an account, and what its caller should be told beside it.
    pub(super) async fn record(&self, name: &str, min_ttl_s: Option<u32>) -> Result<(Arc<Record>, Option<String>), Failure> {
        let account = self.account(name);
        match account.fresh(Need::Ttl(min_ttl_s)).await {
            Ok(record) => Ok((record, None)),
            Err(failure) => {
                let Ok(Some(record)) = account.load() else { return Err(failure) };
                match handout::warning_instead(&record, self.keeper.clock().now(), min_ttl_s, &failure) {
                    Some(warning) => Ok((record, Some(warning))),
                    None => Err(failure),
                }
            }
        }
    }

    async fn call(self: &Arc<Self>, json: &[u8]) -> Result<Answer, Failure> {
        let call: Call = serde_json::from_slice(json).map_err(|_| Failure::new(FailureKind::Agent, "the agent does not know this call"))?;
        let done = |data: Vec<u8>, warning: Option<String>| Ok(Answer::Done { data, warning });
        match call {
            Call::Status => done(serde_json::to_vec(&self.status().await?).unwrap_or_default(), None),
            Call::Refresh { profile, rejected } => {
                let name = self.name_of(profile.as_deref())?;
                let account = self.account(&name);
                let version = account.load()?.ok_or_else(|| Failure::not_signed_in(&name))?.version;
                let need = rejected.map_or(Need::Newer { version }, |rejected| Need::InsteadOf { rejected });
                let record = account.fresh(need).await?;
                done(handout::written(&name, &record, self.keeper.clock().now(), &super::frame::TokenForm::Json)?, None)
            }
            Call::Forget { profile } => {
                let told = self.keeper.forget(&profile).await;
                self.drop_account(&profile);
                self.sinks.look_again(self, &profile).await;
                let warning = told?.err().map(|failure| failure.told(&profile, "the provider").message);
                done(Vec::new(), warning)
            }
            Call::Reload { profile } => {
                self.drop_account(&profile);
                self.sinks.settle(self).await;
                self.sinks.look_again(self, &profile).await;
                done(Vec::new(), None)
            }
            Call::Stop => {
                // Whoever has stopped it finds no token in any file, and nobody to talk to.
                self.sinks.end().await;
                crate::files::remove(&self.keeper.directories().socket())?;
                self.stop.notify_one();
                done(Vec::new(), None)
            }
        }
    }

    async fn status(&self) -> Result<AgentStatus, Failure> {
        Ok(AgentStatus {
            pid: std::process::id(),
            release: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            key_source: self.keeper.vault().source().as_str().to_owned(),
            accounts: vault::names(self.keeper.directories())?,
            supplies: self.sinks.told(self.keeper.clock().now()).await,
        })
    }

    pub(super) fn account(&self, name: &str) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(accounts.entry(name.to_owned()).or_insert_with(|| Account::start(name, &self.keeper)))
    }

    fn drop_account(&self, name: &str) {
        let account = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(account) = account {
            account.forget();
        }
    }

    /// The profile that is meant.
    fn name_of(&self, name: Option<&str>) -> Result<String, Failure> {
        self.with_profiles(|profiles| profiles.choose(name).map(|(name, _)| name.to_owned()))?
    }

    /// Looks something up in the profiles. Their file is read only when it has changed.
    pub(super) fn with_profiles<T>(&self, look: impl FnOnce(&Profiles) -> T) -> Result<T, Failure> {
        let mark =
            std::fs::metadata(self.keeper.directories().profiles_file()).map_or((0, None), |found| (found.ino(), found.modified().ok()));
        let mut profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        if profiles.as_ref().is_none_or(|(known, _)| *known != mark) {
            *profiles = Some((mark, Profiles::read(self.keeper.directories())?));
        }
        match &*profiles {
            Some((_, profiles)) => Ok(look(profiles)),
            None => Err(Failure::new(FailureKind::Profile, "there is no profile yet")),
        }
    }
}

pub(super) fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

async fn read_request(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.ok()?;
    let mut body = vec![0; request_len(header).ok()?];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}
