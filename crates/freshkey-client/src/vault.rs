//! What is kept at rest: one sealed file for each account, under one key that is never beside it (T-060). There is no form in clear.

pub mod key;

use crate::directories::{self, Directories};
use crate::failure::{Failure, FailureKind};
use crate::files::{self, Successor};
use crate::limits::ACCOUNT_FILE_BYTES_MAX;
use crate::record::Record;
use freshkey_protocol::Secret;
use freshkey_protocol::sealing::{OpenError, Sealer};
use key::{Seal, Source};
use std::path::PathBuf;

/// Bytes of room that a record's next version may need beyond twice its present size: a first refresh token may be longer than none.
const GROWTH_BYTES: u64 = 16 * 1024;

/// The sealed accounts.
pub struct Vault {
    directories: Directories,
    sealer: Sealer,
    source: Source,
}

impl Vault {
    /// Opens it with a key that is at hand.
    pub fn with_key(directories: &Directories, key: &Secret<[u8; 32]>, source: Source) -> Result<Self, Failure> {
        directories::private(&accounts(directories))?;
        let sealer = Sealer::new(key).map_err(|_| Failure::new(FailureKind::Key, "the key was refused by the cipher"))?;
        Ok(Self { directories: directories.clone(), sealer, source })
    }

    /// Opens it with the key that it was made with.
    pub fn open(directories: &Directories, prompt: &key::Prompt<'_>) -> Result<Self, Failure> {
        let seal = Seal::read(directories)?.ok_or_else(|| {
            Failure::new(FailureKind::SignIn, "nobody is signed in on this machine")
                .with_hint("run `freshkey login --issuer URL --client-id ID`")
        })?;
        let key = seal.key(prompt)?;
        Self::with_key(directories, &key, seal.source)
    }

    /// Opens it, or makes it with a new key, at the first sign-in. `wish` is the key source that was asked for.
    pub fn open_or_make(directories: &Directories, wish: Option<Source>, prompt: &key::Prompt<'_>) -> Result<Self, Failure> {
        directories::private(&directories.state)?;
        let _locked = files::Locked::wait(&directories.state.join("seal.lock"))?;
        let (key, source) = match Seal::read(directories)? {
            Some(seal) if wish.is_none_or(|wish| wish == seal.source) => (seal.key(prompt)?, seal.source),
            Some(seal) if !names(directories)?.is_empty() => {
                return Err(Failure::new(
                    FailureKind::Key,
                    format!("what is kept is sealed by the {}, not by what was asked for", seal.source.told()),
                )
                .with_hint("run `freshkey logout --all` first"));
            }
            Some(_) | None => Seal::make(directories, wish, prompt)?,
        };
        Self::with_key(directories, &key, source)
    }

    /// Where its key is kept.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The lock of an account. Whoever changes the account holds it.
    #[must_use]
    pub fn lock_file(&self, name: &str) -> PathBuf {
        accounts(&self.directories).join(format!("{name}.lock"))
    }

    /// The sealed file of an account.
    #[must_use]
    pub fn account_file(&self, name: &str) -> PathBuf {
        account_file(&self.directories, name)
    }

    /// What is kept of an account; `None` when nobody is signed in to it.
    pub fn read(&self, name: &str) -> Result<Option<Record>, Failure> {
        let path = self.account_file(name);
        let Some(sealed) = files::read(&path, ACCOUNT_FILE_BYTES_MAX)? else { return Ok(None) };
        let shown = path.display();
        let plain = self.sealer.open(&[b"account", name.as_bytes()], &sealed).map_err(|error| match error {
            OpenError::OtherKey(_) => Failure::new(FailureKind::Key, format!("{shown} was sealed under another key"))
                .with_hint(format!("run `freshkey login {name}` to sign in anew")),
            OpenError::Broken => Failure::new(FailureKind::Key, format!("{shown} was changed, or is another account's"))
                .with_hint(format!("run `freshkey login {name}` to sign in anew")),
            OpenError::UnknownForm(_) => Failure::new(FailureKind::Key, format!("{shown} was written by a newer release"))
                .with_hint("run that release, or sign in anew"),
        })?;
        serde_json::from_slice(plain.expose()).map(Some).map_err(|_| {
            Failure::new(FailureKind::Key, format!("{shown} was written by another release"))
                .with_hint(format!("run `freshkey login {name}` to sign in anew"))
        })
    }

    /// Takes the room that the next version of a record will need.
    pub fn reserve(&self, name: &str, record: &Record) -> Result<Successor, Failure> {
        let bytes = self.sealed(name, record)?.len() as u64;
        Successor::reserve(&self.account_file(name), 2 * bytes + GROWTH_BYTES, 0o600)
    }

    /// Writes a record into room that was taken. Durable when it returns.
    pub fn write_into(&self, room: Successor, name: &str, record: &mut Record) -> Result<(), Failure> {
        record.version += 1;
        room.become_the_file(&self.sealed(name, record)?)
    }

    /// Writes a record. Durable when it returns.
    pub fn write(&self, name: &str, record: &mut Record) -> Result<(), Failure> {
        record.version += 1;
        files::replace(&self.account_file(name), &self.sealed(name, record)?, 0o600)
    }

    /// Forgets an account.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        files::remove(&self.account_file(name))
    }

    fn sealed(&self, name: &str, record: &Record) -> Result<Vec<u8>, Failure> {
        let failed = |_| Failure::new(FailureKind::Failed, "the account could not be sealed");
        let plain =
            Secret::new(serde_json::to_vec(record).map_err(|_| Failure::new(FailureKind::Failed, "the account could not be written"))?);
        self.sealer.seal(&[b"account", name.as_bytes()], plain.expose()).map_err(failed)
    }
}

/// The accounts that somebody is signed in to.
pub fn names(directories: &Directories) -> Result<Vec<String>, Failure> {
    let place = accounts(directories);
    let entries = match std::fs::read_dir(&place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file(&place, "read", &error)),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".sealed").map(str::to_owned))
        .filter(|name| crate::profile::check_name(name).is_ok())
        .collect();
    names.sort();
    Ok(names)
}

fn accounts(directories: &Directories) -> PathBuf {
    directories.state.join("accounts")
}

fn account_file(directories: &Directories, name: &str) -> PathBuf {
    accounts(directories).join(format!("{name}.sealed"))
}

/// Throws away an account that can't be opened.
pub fn discard(directories: &Directories, name: &str) -> Result<(), Failure> {
    files::remove(&account_file(directories, name))
}
