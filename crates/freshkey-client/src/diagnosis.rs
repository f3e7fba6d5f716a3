//! What is wrong, and what cures it: checks in the order in which things build upon each other, each with one line. Nothing is changed by them. A
//! refresh token is used by the keeper alone, under its lock, and only when the account's state asks for it; a raw request would lose a session
//! whose tokens rotate.

pub mod certificate;
pub mod network;
pub mod tls;

mod agent;
mod client;
mod clock;
mod deliveries;
mod discovery;
mod key;
mod places;
mod processes;
mod settings;
mod sign_in;
mod tools;

#[cfg(test)]
mod tests;

use crate::clock::Clock;
use crate::directories::Directories;
use crate::failure::{Failure, FailureKind};
use crate::profile::Profile;
use crate::profile::file::Profiles;
use crate::vault::key::Prompt;
use serde::Serialize;
use std::sync::Arc;

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The directories: there, ours alone, writable, with room.
    Directories,
    /// The file of profiles.
    Profiles,
    /// The agent: the same release and program as this, and answering.
    Agent,
    /// The key of what is kept at rest.
    Key,
    /// The files that a profile names.
    Settings,
    /// What is kept of the sign-in, and its lock.
    Account,
    /// The address of the provider's name.
    Address,
    /// A connection to it.
    Connection,
    /// The proxy on the way.
    Proxy,
    /// The provider's certificate.
    Certificate,
    /// What the provider says of itself.
    Discovery,
    /// This machine's clock against the provider's.
    Clock,
    /// The provider's public keys.
    Keys,
    /// The client, as the provider knows it.
    Client,
    /// The session at the provider.
    SignIn,
    /// Whether a sign-in without an end was given.
    Offline,
    /// What the access token says.
    Token,
    /// The files that hold a token.
    Deliveries,
    /// The settings of tools that ask for tokens.
    Tools,
}

impl Check {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Directories => "directories",
            Self::Profiles => "profiles",
            Self::Agent => "agent",
            Self::Key => "key",
            Self::Settings => "settings",
            Self::Account => "account",
            Self::Address => "address",
            Self::Connection => "connection",
            Self::Proxy => "proxy",
            Self::Certificate => "certificate",
            Self::Discovery => "discovery",
            Self::Clock => "clock",
            Self::Keys => "keys",
            Self::Client => "client",
            Self::SignIn => "sign-in",
            Self::Offline => "offline",
            Self::Token => "token",
            Self::Deliveries => "deliveries",
            Self::Tools => "tools",
        }
    }
}

/// How it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and there is something to know.
    Warning,
    /// It does not work.
    Problem,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cure {
    /// What no command of this machine's can do, or what to know before one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// A command that can be pasted as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Cure {
    fn command(command: impl Into<String>) -> Self {
        Self { advice: None, command: Some(command.into()) }
    }

    fn advice(advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), command: None }
    }

    fn both(advice: impl Into<String>, command: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), command: Some(command.into()) }
    }

    /// Of a failure's hint: the command in it, if it is one that can be pasted as it is.
    fn of_hint(hint: &str) -> Self {
        // A word such as URL or NAME stands for something that only the reader knows.
        let is_placeholder = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let command = hint.split('`').nth(1).filter(|command| !command.split(' ').any(is_placeholder));
        match command {
            Some(command) if hint == format!("run `{command}`") => Self::command(command),
            Some(command) => Self::both(hint, command),
            None => Self::advice(hint),
        }
    }

    /// As the hint of a failure.
    #[must_use]
    pub fn told(&self) -> String {
        match (&self.advice, &self.command) {
            (Some(advice), Some(command)) if advice.contains(command.as_str()) => advice.clone(),
            (Some(advice), Some(command)) => format!("{advice}: `{command}`"),
            (None, Some(command)) => format!("run `{command}`"),
            (advice, None) => advice.clone().unwrap_or_default(),
        }
    }
}

/// One line of the diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// For which profile, if for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// How it was found.
    pub state: State,
    /// What sort of problem it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<FailureKind>,
    /// The cause, or what is well.
    pub says: String,
    /// What to do about it. Every problem has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<Cure>,
}

/// The findings as they come.
struct Report<'a> {
    findings: Vec<Finding>,
    profile: Option<String>,
    tell: &'a mut dyn FnMut(&Finding),
}

impl Report<'_> {
    fn add(&mut self, check: Check, state: State, kind: Option<FailureKind>, says: String, cure: Option<Cure>) {
        let finding = Finding { check, profile: self.profile.clone(), state, kind, says, cure };
        (self.tell)(&finding);
        self.findings.push(finding);
    }

    fn ok(&mut self, check: Check, says: impl Into<String>) {
        self.add(check, State::Ok, None, says.into(), None);
    }

    fn warning(&mut self, check: Check, says: impl Into<String>, cure: Cure) {
        self.add(check, State::Warning, None, says.into(), Some(cure));
    }

    fn problem(&mut self, check: Check, kind: FailureKind, says: impl Into<String>, cure: Cure) {
        self.add(check, State::Problem, Some(kind), says.into(), Some(cure));
    }

    /// A failure that already says what to do.
    fn failure(&mut self, check: Check, failure: &Failure) {
        let cure = failure.hint.as_deref().map_or_else(|| Cure::advice("see `freshkey --help`"), Cure::of_hint);
        self.problem(check, failure.kind, failure.message.clone(), cure);
    }
}

/// What is examined, and with what.
pub struct Case<'a> {
    /// Where things are.
    pub directories: &'a Directories,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How a passphrase is had.
    pub prompt: &'a Prompt<'a>,
}

/// Which profiles are examined.
pub enum Wanted {
    /// This one, or the default one; all of them where there is no default.
    Kept(Option<String>),
    /// One that is not in the file, before a first sign-in for instance.
    Described(String, Box<Profile>),
}

/// Runs all checks, and tells each finding as soon as it is made: some have to wait for others. A check that needs another which found a problem is
/// left out.
pub async fn examine(case: &Case<'_>, wanted: Wanted, tell: &mut dyn FnMut(&Finding)) -> Vec<Finding> {
    let mut report = Report { findings: Vec::new(), profile: None, tell };
    places::examine(&mut report, case.directories);
    let profiles = settings::profiles(&mut report, case.directories);
    let agent = agent::examine(&mut report, case).await;
    let keys = key::examine(&mut report, case, &agent);
    let (origin, chosen) = match wanted {
        Wanted::Described(name, profile) => (Origin::CommandLine, vec![(name, *profile)]),
        Wanted::Kept(name) => {
            let chosen = profiles.as_ref().map(|profiles| chosen(&mut report, profiles, name.as_deref()));
            (Origin::File, chosen.unwrap_or_default())
        }
    };
    for (name, profile) in &chosen {
        report.profile = Some(name.clone());
        examine_profile(&mut report, case, &Patient { name, profile, origin, agent: &agent, keys: &keys }).await;
    }
    report.profile = None;
    if let Some(profiles) = &profiles {
        tools::examine(&mut report, profiles);
    }
    report.findings
}

/// Whether the file of profiles has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    File,
    CommandLine,
}

/// One profile under examination.
struct Patient<'a> {
    name: &'a str,
    profile: &'a Profile,
    origin: Origin,
    agent: &'a agent::Found,
    keys: &'a key::Keys,
}

impl Patient<'_> {
    /// The address that the provider is looked up at.
    fn place(&self) -> &str {
        self.profile.discovery_url.as_deref().unwrap_or(&self.profile.issuer)
    }

    /// The command that signs in to it.
    fn signs_in(&self) -> String {
        self.signs_in_at(&self.profile.issuer)
    }

    /// The same with another issuer.
    fn signs_in_at(&self, issuer: &str) -> String {
        let mut command = format!("freshkey login {}", self.name);
        if self.origin == Origin::CommandLine || issuer != self.profile.issuer {
            command.push_str(&format!(" --issuer {}", shell_word(issuer)));
        }
        if self.origin == Origin::CommandLine {
            command.push_str(&format!(" --client-id {}", shell_word(&self.profile.client_id)));
            let files = [("--ca", &self.profile.ca_file), ("--client-secret-file", &self.profile.client_secret_file)];
            for (option, path) in files {
                command.extend(path.iter().map(|path| format!(" {option} {}", shell_path(path))));
            }
        }
        command
    }

    /// The command that shows and pins the provider's authority.
    fn trusts(&self) -> String {
        let host = crate::profile::secure_url(self.place()).map(|url| {
            let (host, port) = (url.host_str().unwrap_or_default().to_owned(), url.port());
            port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
        });
        format!("freshkey trust {} --profile {}", shell_word(&host.unwrap_or_default()), self.name)
    }

    /// The command that looks at it again.
    fn examines(&self) -> String {
        format!("freshkey doctor {}", self.name)
    }

    /// The issuer's address with another host in it.
    fn at_host(&self, host: &str) -> Option<String> {
        let url = crate::profile::secure_url(&self.profile.issuer).ok()?;
        let before = url.host_str()?;
        let moved = self.profile.issuer.replacen(before, host, 1);
        crate::profile::secure_url(&moved).ok().map(|_| moved)
    }
}

async fn examine_profile(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>) {
    let can_ask = settings::files(report, patient);
    let kept = key::account(report, case, patient);
    if let Some(path) = &patient.profile.access_token_file {
        // Such a token comes from nobody whom we could ask.
        sign_in::from_file(report, patient, &kept, path).await;
        return deliveries::examine(report, case, patient, &kept);
    }
    let reached = if can_ask { network::examine(report, patient) } else { None };
    let is_trusted = reached.is_some_and(|reached| tls::examine(report, case, patient, reached));
    let provider = if is_trusted { discovery::examine(report, case, patient, &kept).await } else { None };
    let way = match &provider {
        Some(provider) => client::examine(report, patient, provider, &kept).await,
        None => None,
    };
    match (&provider, way) {
        (Some(provider), Some(way)) => sign_in::examine(report, case, patient, provider, &kept, way).await,
        _ => sign_in::without_provider(report, case, patient, &kept),
    }
    deliveries::examine(report, case, patient, &kept);
}

fn chosen(report: &mut Report<'_>, profiles: &Profiles, name: Option<&str>) -> Vec<(String, Profile)> {
    match profiles.choose(name) {
        Ok((name, profile)) => vec![(name.to_owned(), profile.clone())],
        Err(_) if name.is_none() && !profiles.profiles.is_empty() => {
            profiles.profiles.iter().map(|(name, profile)| (name.clone(), profile.clone())).collect()
        }
        Err(failure) => {
            let is_of_environment = name.is_some() && std::env::var("FRESHKEY_PROFILE").ok().as_deref() == name;
            if is_of_environment {
                let says = format!("{}, which FRESHKEY_PROFILE names", failure.message);
                report.problem(Check::Profiles, failure.kind, says, Cure::command("unset FRESHKEY_PROFILE"));
            } else {
                let signs_in = failure.hint.unwrap_or_default();
                let advice = format!(
                    "{signs_in}; where that fails, `freshkey doctor --issuer URL --client-id ID` looks at a provider before the first sign-in"
                );
                report.problem(Check::Profiles, failure.kind, failure.message, Cure::advice(advice));
            }
            Vec::new()
        }
    }
}

/// A word for a shell: quoted where it has to be. What a provider says goes into commands as one word, or not at all.
fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn shell_path(path: &std::path::Path) -> String {
    shell_word(&path.display().to_string())
}
