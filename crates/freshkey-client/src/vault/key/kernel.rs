//! A key in the kernel's keyring of the user (keyrings(7), user-keyring(7)): in no file and in no swap, gone when the machine is restarted.

use crate::failure::{Failure, FailureKind};
use freshkey_protocol::Secret;
use linux_keyutils::{KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};
use zeroize::Zeroizing;

fn description(id: &str) -> String {
    format!("freshkey:{id}")
}

fn ring() -> Result<KeyRing, KeyError> {
    KeyRing::from_special_id(KeyRingIdentifier::User, false)
}

pub(super) fn put(id: &str, key: &Secret<[u8; 32]>) -> Result<(), Failure> {
    let unusable = |error: KeyError| Failure::new(FailureKind::Key, format!("the keyring of the kernel cannot be used: {error}"));
    let added = ring().and_then(|ring| ring.add_key(&description(id), key.expose())).map_err(unusable)?;
    // Any process of the user may read it, not only those that share this one's session keyring, which a job of cron does not.
    let permissions = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(Permission::ALL).build();
    added.set_perms(permissions).map_err(unusable)?;
    let read = get(id)?;
    if read == *key {
        Ok(())
    } else {
        Err(Failure::new(FailureKind::Key, "the keyring of the kernel does not give back what it was given"))
    }
}

pub(super) fn get(id: &str) -> Result<Secret<[u8; 32]>, Failure> {
    let gone = |_| Failure::new(FailureKind::Key, "the key was in the keyring of the kernel, and is gone since the machine was restarted");
    let found = ring().and_then(|ring| ring.search(&description(id))).map_err(gone)?;
    let bytes = Zeroizing::new(found.read_to_vec().map_err(gone)?);
    <[u8; 32]>::try_from(bytes.as_slice())
        .map(Secret::new)
        .map_err(|_| Failure::new(FailureKind::Key, "the keyring of the kernel holds something else under our name"))
}

/// One that is not there is as good.
pub(super) fn remove(id: &str) {
    if let Ok(ring) = ring()
        && let Ok(found) = ring.search(&description(id))
    {
        let _ = ring.unlink_key(found);
    }
}
