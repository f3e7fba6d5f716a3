//! Where the key is kept that everything at rest is sealed under: the first of four places that works, chosen once and written down, so that it is
//! known where to look (T-060). With none of them nothing is kept at all.

mod credential;
mod kernel;
mod keyring;
mod passphrase;

use crate::clock::random;
use crate::directories::Directories;
use crate::failure::{Failure, FailureKind};
use crate::files;
use aws_lc_rs::digest::{SHA256, digest};
use freshkey_protocol::Secret;
use freshkey_protocol::base64url;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Bytes of the file that says where the key is.
const SEAL_BYTES_MAX: u64 = 4096;

/// A place for the key, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The keyring of the desktop (Secret Service). Unlocked when its user logs in to the machine.
    OsKeyring,
    /// A credential that systemd hands to a service (systemd.exec(5), `LoadCredentialEncrypted=`).
    SystemdCredential,
    /// The kernel's keyring of the user. Lasts until the machine is restarted.
    KernelKeyring,
    /// A passphrase: asked for at the terminal, or in the file that `FRESHKEY_PASSPHRASE_FILE` names.
    Passphrase,
}

/// How a passphrase is had. `None` where nobody can be asked; the argument says whether it is a new one.
pub type Prompt<'a> = dyn Fn(New) -> Option<Result<Secret<String>, Failure>> + 'a;

/// Whether a passphrase is chosen, or told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum New {
    /// Chosen now.
    Yes,
    /// Told again.
    No,
}

impl Source {
    /// In the order in which they are tried.
    pub const ALL: [Self; 4] = [Self::OsKeyring, Self::SystemdCredential, Self::KernelKeyring, Self::Passphrase];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OsKeyring => "os-keyring",
            Self::SystemdCredential => "systemd-credential",
            Self::KernelKeyring => "kernel-keyring",
            Self::Passphrase => "passphrase",
        }
    }

    /// The source of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }

    /// For a sentence.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::OsKeyring => "keyring of the desktop",
            Self::SystemdCredential => "systemd credential",
            Self::KernelKeyring => "keyring of the kernel, which lasts until the machine is restarted",
            Self::Passphrase => "passphrase",
        }
    }
}

/// What is written down of the key, in clear: where it is, and how it is told from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Where the key is.
    pub source: Source,
    /// Names the key in its place, so that two stores of one user don't take each other's.
    id: String,
    /// A hash of the machine's id. A store that was copied to another machine is told apart from a key that got lost.
    machine: String,
    /// For a passphrase: its salt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    /// A hash of the key, cut short: a wrong passphrase is noticed before anything is opened.
    check: String,
}

impl Seal {
    /// What was written down; `None` before the first sign-in.
    pub fn read(directories: &Directories) -> Result<Option<Self>, Failure> {
        let path = path(directories);
        let Some(text) = files::read_text(&path, SEAL_BYTES_MAX)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure::new(FailureKind::Key, format!("{} is damaged: {error}", path.display()))
                .with_hint("run `freshkey logout --all`, and sign in anew")
        })
    }

    /// Chooses a place, puts a new key there, and writes down where.
    pub(super) fn make(
        directories: &Directories,
        wish: Option<Source>,
        prompt: &Prompt<'_>,
    ) -> Result<(Secret<[u8; 32]>, Source), Failure> {
        let id = base64url::encode(&random::<6>());
        let mut reasons = Vec::new();
        for source in Source::ALL.into_iter().filter(|source| wish.is_none_or(|wish| wish == *source)) {
            let key = Secret::new(random::<32>());
            let salt = base64url::encode(&random::<16>());
            let kept = match source {
                Source::OsKeyring => keyring::put(&id, &key).map(|()| key),
                Source::SystemdCredential => credential::key(),
                Source::KernelKeyring => kernel::put(&id, &key).map(|()| key),
                Source::Passphrase => passphrase::key(&salt, New::Yes, prompt),
            };
            match kept {
                Ok(key) => {
                    let salt = (source == Source::Passphrase).then_some(salt);
                    let seal = Self { source, id, machine: machine(), salt, check: check_of(&key) };
                    let text = serde_json::to_string_pretty(&seal).unwrap_or_default() + "\n";
                    files::replace(&path(directories), text.as_bytes(), 0o600)?;
                    return Ok((key, source));
                }
                // The one that was asked for says itself what it lacks.
                Err(why) if wish.is_some() && why.hint.is_some() => return Err(why),
                Err(why) => reasons.push(format!("{}: {}", source.as_str(), why.message)),
            }
        }
        let what = format!("there is no place to keep a key, so nothing can be kept ({})", reasons.join("; "));
        Err(Failure::new(FailureKind::Key, what)
            .with_hint("write a passphrase into a file of yours with mode 600, and set FRESHKEY_PASSPHRASE_FILE to its path"))
    }

    /// The key, from where it is.
    pub fn key(&self, prompt: &Prompt<'_>) -> Result<Secret<[u8; 32]>, Failure> {
        let found = match self.source {
            Source::OsKeyring => keyring::get(&self.id),
            Source::SystemdCredential => credential::key(),
            Source::KernelKeyring => kernel::get(&self.id),
            Source::Passphrase => passphrase::key(self.salt.as_deref().unwrap_or_default(), New::No, prompt),
        };
        let key = found.map_err(|why| self.explained(why))?;
        if check_of(&key) == self.check {
            return Ok(key);
        }
        let wrong =
            Failure::new(FailureKind::Key, format!("the {} holds another key than the accounts were sealed under", self.source.told()));
        Err(match self.source {
            Source::Passphrase => Failure::new(FailureKind::Key, "that is not the passphrase")
                .with_hint("try again; if it is lost, run `freshkey logout --all` and sign in anew"),
            _ => self.explained(wrong),
        })
    }

    /// A store from another machine has no key here, and that is then the whole story.
    fn explained(&self, why: Failure) -> Failure {
        let signs_in = "run `freshkey logout --all`, and sign in anew";
        if self.machine != machine() {
            return Failure::new(FailureKind::Key, "the accounts were kept on another machine, whose key is not here").with_hint(signs_in);
        }
        if why.hint.is_some() { why } else { why.with_hint(signs_in) }
    }
}

fn path(directories: &Directories) -> PathBuf {
    directories.state.join("seal.json")
}

/// Forgets the key and where it was.
pub fn forget(directories: &Directories) -> Result<(), Failure> {
    if let Ok(Some(seal)) = Seal::read(directories) {
        match seal.source {
            Source::OsKeyring => keyring::remove(&seal.id),
            Source::KernelKeyring => kernel::remove(&seal.id),
            Source::SystemdCredential | Source::Passphrase => {}
        }
    }
    files::remove(&path(directories))
}

fn hash(purpose: &str, bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, &[purpose.as_bytes(), b"\0", bytes].concat()).as_ref().to_vec()
}

fn check_of(key: &Secret<[u8; 32]>) -> String {
    base64url::encode(&hash("freshkey key check", key.expose())[..6])
}

/// machine-id(5) asks that the id itself be told to nobody.
fn machine() -> String {
    let id = std::fs::read("/etc/machine-id").unwrap_or_default();
    base64url::encode(&hash("freshkey machine", &id)[..9])
}
