//! A key made of a passphrase (argon2id, RFC 9106 §4, the choice for little memory), which is asked for at the terminal or stands in a file.

use super::{New, Prompt};
use crate::failure::{Failure, FailureKind};
use crate::files;
use crate::limits::SECRET_FILE_BYTES_MAX;
use argon2::{Algorithm, Argon2, Params, Version};
use freshkey_protocol::Secret;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
const PASSPHRASE_CHARS_MIN: usize = 8;

pub(super) fn key(salt: &str, new: New, prompt: &Prompt<'_>) -> Result<Secret<[u8; 32]>, Failure> {
    let unusable = |what: &str| Failure::new(FailureKind::Key, what.to_owned());
    let passphrase = match std::env::var_os("FRESHKEY_PASSPHRASE_FILE").map(PathBuf::from) {
        Some(path) => of_file(&path)?,
        None => prompt(new).ok_or_else(|| {
            unusable("a passphrase is needed, and there is no terminal to ask for it")
                .with_hint("set FRESHKEY_PASSPHRASE_FILE to a file of yours with mode 600")
        })??,
    };
    if new == New::Yes && passphrase.expose().chars().count() < PASSPHRASE_CHARS_MIN {
        return Err(unusable("the passphrase is shorter than 8 characters"));
    }
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).map_err(|_| unusable("argon2 cannot be used"))?;
    let mut key = Secret::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    key.with_mut(|key| argon2.hash_password_into(passphrase.expose().as_bytes(), salt.as_bytes(), key))
        .map_err(|_| unusable("the passphrase cannot be used"))?;
    Ok(key)
}

fn of_file(path: &std::path::Path) -> Result<Secret<String>, Failure> {
    let shown = path.display();
    let text = files::read_text(path, SECRET_FILE_BYTES_MAX)?.map(Secret::new);
    let text = text.ok_or_else(|| {
        Failure::new(FailureKind::Key, format!("FRESHKEY_PASSPHRASE_FILE names {shown}, which is not there"))
            .with_hint("write the passphrase into it, with mode 600")
    })?;
    let mode = std::fs::metadata(path).map_err(|error| Failure::file(path, "read", &error))?.mode();
    if mode & 0o077 != 0 {
        return Err(Failure::new(FailureKind::Key, format!("others can read {shown} (mode {:o})", mode & 0o777))
            .with_hint(format!("run `chmod 600 {shown}`")));
    }
    Ok(Secret::new(text.expose().trim_end_matches(['\r', '\n']).to_owned()))
}
