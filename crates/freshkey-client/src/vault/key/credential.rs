//! A key that systemd hands to a service: the credential `freshkey`, any 32 bytes or more (`systemd-creds encrypt`).

use super::hash;
use crate::failure::{Failure, FailureKind};
use crate::files;
use crate::limits::SECRET_FILE_BYTES_MAX;
use freshkey_protocol::Secret;
use std::path::PathBuf;

const BYTES_MIN: usize = 32;

pub(super) fn key() -> Result<Secret<[u8; 32]>, Failure> {
    let none =
        |what: &str| Failure::new(FailureKind::Key, what.to_owned()).with_hint("give the unit `LoadCredentialEncrypted=freshkey:FILE`");
    let place = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| none("this is no service with credentials of systemd"))?;
    let content = files::read(&PathBuf::from(place).join("freshkey"), SECRET_FILE_BYTES_MAX)?.map(Secret::new);
    let content = content.ok_or_else(|| none("this service has no credential named freshkey"))?;
    if content.expose().len() < BYTES_MIN {
        return Err(none("the credential freshkey is shorter than 32 bytes"));
    }
    let hashed = Secret::new(hash("freshkey key of a credential", content.expose()));
    <[u8; 32]>::try_from(hashed.expose().as_slice()).map(Secret::new).map_err(|_| none("the credential freshkey cannot be used"))
}
