//! A key in the keyring of the desktop, over the Secret Service of D-Bus. It may wait for somebody to unlock it, and must then not hang a job (T-060).

use crate::failure::{Failure, FailureKind};
use crate::limits::KEY_SOURCE_TIMEOUT;
use freshkey_protocol::{Secret, base64url};
use secret_service::blocking::{Collection, SecretService};
use secret_service::{EncryptionType, Error};
use std::collections::HashMap;
use std::sync::mpsc;

const LABEL: &str = "Freshkey: key of the signed-in accounts";

pub(super) fn put(id: &str, key: &Secret<[u8; 32]>) -> Result<(), Failure> {
    let (id, text) = (id.to_owned(), Secret::new(base64url::encode(key.expose())));
    in_time(move || {
        with_collection(|collection| collection.create_item(LABEL, attributes(&id), text.expose().as_bytes(), true, "text/plain").map(drop))
    })
}

pub(super) fn get(id: &str) -> Result<Secret<[u8; 32]>, Failure> {
    let id = id.to_owned();
    let found = in_time(move || {
        with_collection(|collection| {
            let items = collection.search_items(attributes(&id))?;
            items.first().map(|item| item.get_secret().map(Secret::new)).transpose()
        })
    })?;
    let found = found.ok_or_else(|| Failure::new(FailureKind::Key, "the keyring of the desktop has no key of ours any more"))?;
    let bytes = base64url::decode(found.expose()).map(Secret::new).ok();
    bytes
        .and_then(|bytes| <[u8; 32]>::try_from(bytes.expose().as_slice()).ok())
        .map(Secret::new)
        .ok_or_else(|| Failure::new(FailureKind::Key, "the keyring of the desktop holds something else under our name"))
}

/// One that is not there is as good.
pub(super) fn remove(id: &str) {
    let id = id.to_owned();
    let _ = in_time(move || {
        with_collection(|collection| collection.search_items(attributes(&id))?.iter().try_for_each(secret_service::blocking::Item::delete))
    });
}

fn attributes(id: &str) -> HashMap<&str, &str> {
    HashMap::from([("application", "freshkey"), ("key", id)])
}

fn with_collection<T>(work: impl FnOnce(&Collection<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let service = SecretService::connect(EncryptionType::Dh)?;
    let collection = service.get_default_collection()?;
    if collection.is_locked()? {
        return Err(Error::Locked);
    }
    work(&collection)
}

/// In a thread of its own, which is left behind when a keyring does not answer; the process does not outlive its work by it.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Failure> {
    // Without a session bus there is no keyring, and nothing to wait for.
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() {
        return Err(Failure::new(FailureKind::Key, "there is no session bus, hence no keyring of a desktop"));
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || drop(sender.send(work())));
    match receiver.recv_timeout(KEY_SOURCE_TIMEOUT) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Error::Locked)) => {
            Err(Failure::new(FailureKind::Key, "the keyring of the desktop is locked").with_hint("unlock it, and try again"))
        }
        Ok(Err(error)) => Err(Failure::new(FailureKind::Key, format!("the keyring of the desktop cannot be used: {error}"))),
        Err(_) => Err(Failure::new(
            FailureKind::Key,
            format!("the keyring of the desktop did not answer within {} s", KEY_SOURCE_TIMEOUT.as_secs()),
        )),
    }
}
