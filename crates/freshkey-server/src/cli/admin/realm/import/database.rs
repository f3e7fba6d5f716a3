//! From the database of a Keycloak: first what can't come along, by name, then the move, realm by realm. Nothing is undone when it fails: the realm
//! stays switched off, and the same command goes on where it stopped.

use super::super::create::exists;
use super::progress::Shown;
use super::{Kept, add_missing_key, report, summary};
use crate::cli::admin::values::parse_name;
use crate::cli::admin::{Deed, Desk, not_found};
use crate::cli::output::Format;
use crate::cli::{ExitStatus, Failure, store_failure};
use crate::keycloak_database::{Address, MoveError, Moved, Movement, Plan, Sessions, Source, SourceError};
use crate::limits::STANDARD_INPUT_BYTES_MAX;
use crate::private_file;
use freshkey_core::event::EventKind;
use freshkey_protocol::Secret;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What can be typed.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Read the realm from the database of a Keycloak 26 (PostgreSQL), sessions included. Its password comes from PGPASSWORD or --password-file.
    #[arg(long, value_name = "URL", requires = "realm")]
    from_keycloak_database: Option<String>,
    /// Which realm of the database; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    realm: Vec<String>,
    /// Leave the sessions behind: everybody signs in again.
    #[arg(long)]
    without_sessions: bool,
    /// A file with the password of the database on its first line.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// PEM file with the authorities that may have signed the certificate of the database's server.
    #[arg(long, value_name = "FILE")]
    root_ca_file: Option<PathBuf>,
}

impl Options {
    /// Whether any of them was typed. The parser itself asks no more for what an option needs once something conflicts with that.
    pub(super) fn are_given(&self) -> bool {
        !self.realm.is_empty() || self.without_sessions || self.password_file.is_some() || self.root_ca_file.is_some()
    }
}

/// Moves the realms that were named.
pub(super) async fn run(desk: &Desk, options: &Options, dry_run: bool) -> Result<(), Failure> {
    let mut connected = address(options)?.connect().await.map_err(|error| source_failure(&error))?;
    let source = connected.source().await.map_err(|error| source_failure(&error))?;
    desk.output.say(&format!("Keycloak {}", source.version()));
    let sessions = if options.without_sessions { Sessions::Left } else { Sessions::Taken };
    let movement = Movement { source: &source, store: &desk.store, now: desk.now, entropy: &desk.entropy, sessions };
    let mut shown = Shown::new(desk.output);
    let mut plans = Vec::new();
    for name in &options.realm {
        let plan = movement.plan(name, &mut shown).await;
        shown.finish();
        let mut plan = plan.map_err(|error| failure(name, &error))?;
        if plan.is_done() {
            desk.output
                .say(&format!("realm {name:?} was moved here before, from the same state of Keycloak's database; it is left as it is"));
            continue;
        }
        let added_key = add_missing_key(desk, &mut plan.planned)?;
        tell(desk, &plan, sessions);
        if let Some(algorithm) = added_key {
            desk.output.say(&format!("  a key for {} is missing and is added", algorithm.as_str()));
        }
        report(desk, &plan.planned.report, Kept::Counted);
        plans.push(plan);
    }
    let mut summaries = Vec::new();
    for plan in &plans {
        let moved = if dry_run { None } else { Some(carry_out(desk, &movement, plan, &mut shown).await?) };
        conclude(desk, &source, plan, moved.as_ref());
        summaries.push(facts(plan, moved.as_ref(), dry_run));
    }
    if desk.output.format() == Format::Json { desk.output.json(&summaries) } else { Ok(()) }
}

/// The address, with a password that no list of processes shows.
fn address(options: &Options) -> Result<Address, Failure> {
    let url = options.from_keycloak_database.as_deref().unwrap_or_default();
    if Address::has_password(url) {
        return Err(Failure::new(ExitStatus::Usage, "a password on the command line can be seen by everybody on this machine")
            .with_hint("leave it out of the URL, and put it into PGPASSWORD or a file for --password-file"));
    }
    let password = match &options.password_file {
        Some(path) => Some(password_of(path)?),
        None => std::env::var("PGPASSWORD").ok().filter(|password| !password.is_empty()).map(Secret::new),
    };
    Address::parse(url, password.as_ref(), options.root_ca_file.as_deref()).map_err(|error| source_failure(&error))
}

fn password_of(path: &std::path::Path) -> Result<Secret<String>, Failure> {
    let limit = u64::try_from(STANDARD_INPUT_BYTES_MAX).unwrap_or(u64::MAX);
    let text = private_file::read_if_there(path, limit)
        .map_err(|error| Failure::new(ExitStatus::Material, format!("{} cannot be read: {error}", path.display())))?
        .map(Secret::new);
    let text = text.ok_or_else(|| not_found(&format!("file {}", path.display())))?;
    Ok(Secret::new(text.expose().lines().next().unwrap_or_default().to_owned()))
}

async fn carry_out(desk: &Desk, movement: &Movement<'_>, plan: &Plan, shown: &mut Shown) -> Result<Moved, Failure> {
    let name = plan.planned.name();
    let audit = |key, action| desk.record(key, EventKind::AdminChange, &Deed::new(action, name).with("source", "keycloak-database"));
    let moved = movement.carry_out(plan, &audit, shown).await;
    shown.finish();
    moved.map_err(|error| {
        let failed = failure(name, &error);
        match (&error, failed.hint.is_some()) {
            (MoveError::Exists, _) | (_, true) => failed,
            _ => failed.with_hint(format!(
                "what was brought of realm {name:?} is kept, switched off: run the same command again to go on, or `realm remove {name} --yes`"
            )),
        }
    })
}

/// What is known of a realm before anything is written.
fn tell(desk: &Desk, plan: &Plan, sessions: Sessions) {
    let with_sessions = if sessions == Sessions::Taken { format!(" and {} sessions", plan.session_count) } else { String::new() };
    desk.output.say(&format!("realm {:?}: {} users{with_sessions}", plan.planned.name(), plan.user_count));
    if plan.is_taken_up() {
        desk.output.say("  an import of it was interrupted and is taken up");
    } else if plan.begins_anew() {
        desk.output.say("  an import of it was interrupted, and Keycloak's database has changed since: it begins anew");
    }
    for finding in &plan.survey.findings {
        desk.output.warn(&finding.to_string());
    }
    if sessions == Sessions::Taken {
        for issuer in &plan.survey.issuers {
            desk.output
                .say(&format!("  sessions began at {issuer}: they go on only where this server has the same address (server.public_url)"));
        }
    }
}

fn conclude(desk: &Desk, source: &Source<'_>, plan: &Plan, moved: Option<&Moved>) {
    let name = plan.planned.name();
    let Some(moved) = moved else {
        return desk.output.say(&format!("realm {name:?} can be moved here; nothing was changed"));
    };
    let online = moved.online;
    desk.output.say(&format!(
        "realm {name:?} is moved here from Keycloak {}: {} users, {online} sessions of sign-ins, {} offline sessions",
        source.version(),
        moved.users,
        moved.offline
    ));
    for (reason, count) in &moved.left_behind {
        desk.output.say(&format!("  {count} sessions stayed behind: {}", reason.as_str()));
    }
}

fn facts(plan: &Plan, moved: Option<&Moved>, dry_run: bool) -> Value {
    let users = usize::try_from(moved.map_or(plan.user_count, |moved| moved.users)).unwrap_or(usize::MAX);
    let mut facts = summary(&plan.planned, users, dry_run);
    let findings = plan.survey.findings.iter();
    facts["notCarriedOver"] =
        findings.map(|finding| json!({ "topic": finding.topic, "name": finding.name, "count": finding.count })).collect();
    facts["issuers"] = json!(plan.survey.issuers);
    facts["takenUp"] = json!(plan.is_taken_up());
    if let Some(moved) = moved {
        facts["onlineSessions"] = json!(moved.online);
        facts["offlineSessions"] = json!(moved.offline);
        facts["leftBehind"] = moved.left_behind.iter().map(|(reason, count)| (reason.as_str().to_owned(), json!(count))).collect();
    }
    facts
}

fn source_failure(error: &SourceError) -> Failure {
    let status = match error {
        SourceError::Address(_) => ExitStatus::Usage,
        SourceError::NoRealm(..) => ExitStatus::NotFound,
        SourceError::Unreachable(_) | SourceError::NotKeycloak | SourceError::Version(_) | SourceError::Failed(_) => ExitStatus::Database,
    };
    let failure = Failure::new(status, error.to_string());
    match error {
        SourceError::Unreachable(_) => failure.with_hint("check address, account and password; nothing was changed"),
        SourceError::NotKeycloak => {
            failure.with_hint("a Keycloak with a schema of its own needs ?options=-csearch_path%3DSCHEMA in the URL; nothing was changed")
        }
        SourceError::Version(_) => failure.with_hint("bring that Keycloak to the last 26.x first; nothing was changed"),
        _ => failure,
    }
}

fn failure(name: &str, error: &MoveError) -> Failure {
    match error {
        MoveError::Source(error) => source_failure(error),
        MoveError::Store(error) => store_failure(error),
        MoveError::Exists => exists(name),
        MoveError::Import(_) | MoveError::NoKey(_) | MoveError::Stopped => {
            Failure::new(ExitStatus::Failed, format!("realm {name:?}: {error}"))
        }
        MoveError::Raced | MoveError::UserConflict(_) | MoveError::SessionConflict(_) => {
            Failure::new(ExitStatus::Conflict, format!("realm {name:?}: {error}"))
        }
    }
}
