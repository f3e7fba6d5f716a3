//! The key of what is kept at rest, and the account that it opens.

use super::agent::Found;
use super::{Case, Check, Cure, Origin, Patient, Report, processes, shell_path, shell_word};
use crate::failure::{Failure, FailureKind};
use crate::keeper::Keeper;
use crate::record::Record;
use crate::vault::key::{Seal, Source};
use crate::vault::{self, Vault};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// What can be opened.
pub(super) enum Keys {
    /// Nobody has ever signed in.
    None,
    /// Everything.
    Opened(Box<Keeper>),
    /// Nothing here; the agent has the key.
    WithAgent,
    /// Nothing.
    Closed,
}

pub(super) fn examine(report: &mut Report<'_>, case: &Case<'_>, agent: &Found) -> Keys {
    let names = vault::names(case.directories).unwrap_or_default();
    let opened = Seal::read(case.directories).map(|seal| seal.map(|seal| (seal.source, seal.key(case.prompt))));
    match opened {
        Ok(None) => {
            without_seal(report);
            Keys::None
        }
        Ok(Some((source, Ok(key)))) => {
            report.ok(Check::Key, format!("in the {}", source.told()));
            if names.is_empty() {
                return Keys::None;
            }
            Vault::with_key(case.directories, &key, source).map_or_else(
                |failure| {
                    report.failure(Check::Key, &failure);
                    Keys::Closed
                },
                |vault| Keys::Opened(Box::new(Keeper::new(case.directories.clone(), vault, Arc::clone(&case.clock)))),
            )
        }
        Ok(Some((_, Err(failure)))) if matches!(agent, Found::Running) => {
            let says = format!("the agent holds the key, and once it has ended nothing can be opened: {}", failure.message);
            report.warning(Check::Key, says, cured(&failure, None, &names));
            Keys::WithAgent
        }
        Ok(Some((source, Err(failure)))) => {
            report.problem(Check::Key, failure.kind, failure.message.clone(), cured(&failure, Some(source), &names));
            Keys::Closed
        }
        Err(failure) => {
            report.problem(Check::Key, failure.kind, failure.message.clone(), cured(&failure, None, &names));
            Keys::Closed
        }
    }
}

/// Before the first sign-in: whether there will be a place for a key.
fn without_seal(report: &mut Report<'_>) {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_credential = std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|place| PathBuf::from(place).join("freshkey").is_file());
    let has_kernel_keyring = linux_keyutils::KeyRing::from_special_id(linux_keyutils::KeyRingIdentifier::User, false).is_ok();
    if is_set("DBUS_SESSION_BUS_ADDRESS") || has_credential || has_kernel_keyring || is_set("FRESHKEY_PASSPHRASE_FILE") {
        return report.ok(Check::Key, "none yet: the first sign-in makes one");
    }
    let makes =
        "(umask 077; head -c 24 /dev/urandom | base64 > ~/.freshkey-passphrase); export FRESHKEY_PASSPHRASE_FILE=~/.freshkey-passphrase";
    let says =
        "there is no place to keep a key: no keyring of a desktop, no credential of systemd, no keyring of the kernel, no passphrase";
    report.problem(Check::Key, FailureKind::Key, says, Cure::command(makes));
}

fn cured(failure: &Failure, source: Option<Source>, names: &[String]) -> Cure {
    let is_lost = || {
        let signs_in: String = names.iter().map(|name| format!(" && freshkey login {name}")).collect();
        format!("freshkey logout --all{signs_in}")
    };
    let from_elsewhere = failure.message.contains("another machine");
    match (source, std::env::var_os("FRESHKEY_PASSPHRASE_FILE").map(PathBuf::from)) {
        (Some(Source::Passphrase), Some(path)) if !from_elsewhere => match path.metadata() {
            Ok(found) if found.mode() & 0o077 != 0 => Cure::command(format!("chmod 600 {}", shell_path(&path))),
            _ => {
                let advice = format!(
                    "type the passphrase that the accounts were sealed with, then Enter and Ctrl-D; if it is lost, `{}`",
                    is_lost()
                );
                Cure::both(advice, format!("install -m 600 /dev/stdin {}", shell_path(&path)))
            }
        },
        (Some(Source::Passphrase), None) if !from_elsewhere => {
            Cure::advice(format!("set FRESHKEY_PASSPHRASE_FILE to the file with the passphrase, mode 600; if it is lost, `{}`", is_lost()))
        }
        (Some(Source::OsKeyring), _) if failure.message.contains("locked") => {
            Cure::advice("unlock the keyring of the desktop, and try again")
        }
        (Some(Source::SystemdCredential), _) if !from_elsewhere => {
            Cure::both("run it in the unit that has the credential; if there is none any more, sign in anew", is_lost())
        }
        _ => Cure::both("what was sealed cannot be opened any more; sign in anew", is_lost()),
    }
}

/// What is kept of a profile's sign-in.
pub(super) enum Kept {
    /// This.
    Record(Box<Record>),
    /// Nothing: nobody is signed in.
    Nothing,
    /// Something that can't be looked at here.
    Hidden,
    /// Something that a stopped process holds the lock of: whoever asks for it waits.
    Blocked,
}

impl Kept {
    pub(super) fn record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Nothing | Self::Hidden | Self::Blocked => None,
        }
    }
}

/// What is kept of the profile, and whether somebody sits on its lock.
pub(super) fn account(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>) -> Kept {
    let vault = match patient.keys {
        Keys::Opened(keeper) => keeper.vault(),
        Keys::None => return Kept::Nothing,
        Keys::WithAgent | Keys::Closed => return Kept::Hidden,
    };
    if let Some(holder) = processes::holder_of(&vault.lock_file(patient.name)).filter(|holder| holder.is_stopped) {
        let says = format!("the process {} holds the lock of the account, and was stopped: everybody waits for it", holder.pid);
        report.problem(Check::Account, FailureKind::Failed, says, Cure::command(format!("kill -CONT {}", holder.pid)));
        return Kept::Blocked;
    }
    match vault.read(patient.name) {
        // One that is only described is not the one of that name.
        Ok(Some(record)) if patient.origin == Origin::CommandLine && !is_of(patient, &record) => Kept::Nothing,
        Ok(Some(record)) => {
            account_of(report, case, patient, &record);
            Kept::Record(Box::new(record))
        }
        Ok(None) => Kept::Nothing,
        Err(failure) => {
            report.failure(Check::Account, &failure);
            Kept::Hidden
        }
    }
}

/// Tokens go to nobody whom the user has not seen at the sign-in, so a profile that was changed since then stops them.
fn account_of(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>, record: &Record) {
    let profile = patient.profile;
    if !is_of(patient, record) {
        let says = format!(
            "the profile names {} through {}, and the sign-in was at {} through {}",
            profile.issuer, profile.client_id, record.issuer, record.client_id
        );
        let returns = format!(
            "freshkey login {} --issuer {} --client-id {}",
            patient.name,
            shell_word(&record.issuer),
            shell_word(&record.client_id)
        );
        return report.problem(Check::Account, FailureKind::Untrusted, says, Cure::both("go back to what was signed in to", returns));
    }
    let signed_in_s = case.clock.now().wall_s().saturating_sub(record.signed_in_at);
    let who = record.subject.as_deref().map_or_else(|| "somebody".to_owned(), crate::failure::shown);
    report.ok(Check::Account, format!("{who} signed in {} ago", super::clock::span(signed_in_s)));
}

fn is_of(patient: &Patient<'_>, record: &Record) -> bool {
    patient.profile.issuer == record.issuer && patient.profile.client_id == record.client_id
}
