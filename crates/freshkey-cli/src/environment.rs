//! What every command works with: the directories, the profiles, the accounts, and how the agent is asked.

use crate::arguments::Arguments;
use crate::terminal;
use freshkey_client::agent::ask::{Unanswered, ask};
use freshkey_client::agent::frame::{Answer, Request};
use freshkey_client::agent::serve::Call;
use freshkey_client::agent::start::ask_or_start;
use freshkey_client::clock::{Clock, SystemClock};
use freshkey_client::directories::Directories;
use freshkey_client::keeper::Keeper;
use freshkey_client::profile::Profile;
use freshkey_client::profile::file::Profiles;
use freshkey_client::vault::Vault;
use freshkey_client::vault::key::{New, Source};
use freshkey_client::{Failure, FailureKind};
use freshkey_protocol::Secret;
use std::sync::Arc;

/// What every command works with.
#[derive(Clone)]
pub(crate) struct Environment {
    pub(crate) directories: Directories,
    pub(crate) clock: Arc<dyn Clock>,
    no_agent: bool,
}

impl Environment {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        Ok(Self { directories: Directories::of_environment()?, clock: Arc::new(SystemClock::new()), no_agent: arguments.no_agent })
    }

    /// For a tool that asks under a name of its own, and has none of our options.
    pub(crate) fn for_helper() -> Result<Self, Failure> {
        Ok(Self { directories: Directories::of_environment()?, clock: Arc::new(SystemClock::new()), no_agent: false })
    }

    /// Whether the agent may be asked.
    pub(crate) fn has_agent(&self) -> bool {
        !self.no_agent
    }

    /// The profile of this name, or the default one.
    pub(crate) fn profile(&self, name: Option<&str>) -> Result<(String, Profile), Failure> {
        let profiles = Profiles::read(&self.directories)?;
        profiles.choose(name).map(|(name, profile)| (name.to_owned(), profile.clone()))
    }

    /// The accounts, opened in this process.
    pub(crate) fn keeper(&self) -> Result<Keeper, Failure> {
        let vault = Vault::open(&self.directories, &passphrase)?;
        Ok(Keeper::new(self.directories.clone(), vault, Arc::clone(&self.clock)))
    }

    /// The accounts, with a key of their own if there is none yet.
    pub(crate) fn keeper_or_new(&self, wish: Option<Source>) -> Result<Keeper, Failure> {
        let vault = Vault::open_or_make(&self.directories, wish, &passphrase)?;
        Ok(Keeper::new(self.directories.clone(), vault, Arc::clone(&self.clock)))
    }

    /// Asks the agent, which is started if there is none.
    pub(crate) fn ask(&self, request: &Request) -> Result<(Vec<u8>, Option<String>), Failure> {
        match ask_or_start(&self.directories, request, &passphrase)? {
            Answer::Done { data, warning } => Ok((data, warning)),
            Answer::Failed(failure) => Err(failure),
        }
    }

    /// The same for anything but tokens.
    pub(crate) fn call(&self, call: &Call) -> Result<(Vec<u8>, Option<String>), Failure> {
        self.ask(&request_of(call))
    }

    /// Tells the agent something, if there is one.
    pub(crate) fn tell(&self, call: &Call) -> Result<bool, Failure> {
        match ask(&self.directories, &request_of(call)) {
            Ok(Answer::Done { .. }) => Ok(true),
            Ok(Answer::Failed(failure)) | Err(Unanswered::Failed(failure)) => Err(failure),
            Err(Unanswered::NoAgent) => Ok(false),
        }
    }
}

fn request_of(call: &Call) -> Request {
    Request::Call(serde_json::to_vec(call).unwrap_or_default())
}

/// Runs something that waits for the network.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(FailureKind::Failed, format!("no runtime: {error}")))?;
    runtime.block_on(work)
}

/// Asks for the passphrase where there is somebody to ask.
pub(crate) fn passphrase(new: New) -> Option<Result<Secret<String>, Failure>> {
    if !terminal::is_interactive() {
        return None;
    }
    Some(match new {
        New::No => terminal::ask_secret("Passphrase of your accounts: "),
        New::Yes => terminal::ask_secret("Choose a passphrase for your accounts: ").and_then(|first| {
            let second = terminal::ask_secret("Once more: ")?;
            if first == second { Ok(first) } else { Err(Failure::new(FailureKind::Usage, "the two passphrases differ")) }
        }),
    })
}
