//! Secrets at rest: sealed under a key that is not in the database (T-053).
//!
//! What is sealed is bound to its place, so that a value copied into another row, or another realm, does not open there.

use crate::columns::hexadecimal;
use crate::db::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_core::Entropy;
use freshkey_core::entropy::random_bytes;
use freshkey_core::ids::RealmKey;
use freshkey_protocol::Secret;
use freshkey_protocol::sealing::{OpenError, Sealer};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// A key file holds 44 characters; whatever is longer is another file.
const KEY_FILE_BYTES_MAX: u64 = 128;

/// The key under which secrets are sealed. Whoever loses it loses the client secrets, the signing keys and the credentials.
pub struct SealingKey {
    sealer: Sealer,
}

/// The row that a sealed value belongs to.
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) realm: RealmKey,
    /// What names the row within the realm.
    pub(crate) row: &'a [&'a [u8]],
}

impl SealingKey {
    /// Reads a key file: 32 bytes in base64 on one line, readable by nobody but its owner and perhaps its group.
    pub fn from_file(path: &Path) -> Result<Self, StoreError> {
        let unusable =
            |why: String| StoreError::Misconfigured { what: format!("the sealing key file {} cannot be used: {why}", path.display()) };
        let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
        let mode = file.metadata().map_err(|error| unusable(error.to_string()))?.mode();
        if mode & 0o037 != 0 {
            return Err(unusable(format!("others may read or change it (mode {:o}); run chmod 600 on it", mode & 0o777)));
        }
        let mut text = String::new();
        file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| unusable(error.to_string()))?;
        let text = Secret::new(text);
        let bytes = STANDARD.decode(text.expose().trim()).ok().map(Secret::new);
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.expose().as_slice()).ok());
        Self::from_bytes(&Secret::new(bytes.ok_or_else(|| unusable("it must hold 32 bytes in base64".to_owned()))?))
    }

    /// Reads the key file, or makes one with mode 0600 where there is none.
    pub fn from_file_or_new(path: &Path, entropy: &dyn Entropy) -> Result<Self, StoreError> {
        let unusable = |error: std::io::Error| StoreError::Misconfigured {
            what: format!("the sealing key file {} cannot be made: {error}", path.display()),
        };
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Self::from_file(path),
            made => made.map_err(unusable)?,
        };
        let bytes = Secret::new(random_bytes::<32>(entropy));
        let line = Secret::new(STANDARD.encode(bytes.expose()) + "\n");
        file.write_all(line.expose().as_bytes()).and_then(|()| file.sync_all()).map_err(unusable)?;
        Self::from_bytes(&bytes)
    }

    /// A key from elsewhere.
    pub fn from_bytes(bytes: &Secret<[u8; 32]>) -> Result<Self, StoreError> {
        let failed = |_| StoreError::Misconfigured { what: "the sealing key was refused by the cipher".to_owned() };
        Sealer::new(bytes).map(|sealer| Self { sealer }).map_err(failed)
    }

    /// Seals a secret for one place.
    pub(crate) fn seal(&self, place: &Place<'_>, secret: &str) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::inconsistent("a secret could not be sealed");
        place.with_parts(|parts| self.sealer.seal(parts, secret.as_bytes())).map_err(failed)
    }

    /// Opens what [`SealingKey::seal`] has sealed for the same place.
    pub(crate) fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret<String>, StoreError> {
        let broken = || StoreError::inconsistent(format!("a sealed value of {} does not open in its row", place.table));
        let bytes = place.with_parts(|parts| self.sealer.open(parts, sealed)).map_err(|error| match error {
            OpenError::Broken => broken(),
            OpenError::UnknownForm(form) => {
                StoreError::inconsistent(format!("a sealed value of {} has form {form}, unknown to this release", place.table))
            }
            OpenError::OtherKey(found) => StoreError::Misconfigured {
                what: format!(
                    "the secrets in this database were sealed with another key (id {}) than the one configured (id {}): put back the key file they were sealed with",
                    hexadecimal(&found),
                    hexadecimal(&self.sealer.key_id())
                ),
            },
        })?;
        String::from_utf8(bytes.expose().clone()).map(Secret::new).map_err(|_| broken())
    }
}

impl Place<'_> {
    fn with_parts<R>(&self, work: impl FnOnce(&[&[u8]]) -> R) -> R {
        let realm = self.realm.0.to_be_bytes();
        let parts: Vec<&[u8]> = [self.table.as_bytes(), &realm].into_iter().chain(self.row.iter().copied()).collect();
        work(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> = Place { table: "credential", realm: RealmKey(1), row: &[b"user", b"id"] };

    fn key(byte: u8) -> SealingKey {
        SealingKey::from_bytes(&Secret::new([byte; 32])).expect("a key")
    }

    fn opens(key: &SealingKey, place: &Place<'_>, sealed: &[u8]) -> bool {
        key.open(place, sealed).is_ok()
    }

    #[test]
    fn a_sealed_secret_opens_in_its_own_row_only() {
        let key = key(1);
        let sealed = key.seal(&PLACE, "s3cret").expect("sealed");
        assert_eq!(key.open(&PLACE, &sealed).expect("opened").expose(), "s3cret");
        assert!(!opens(&key, &Place { table: "config_item", ..PLACE }, &sealed));
        assert!(!opens(&key, &Place { realm: RealmKey(2), ..PLACE }, &sealed));
        assert!(!opens(&key, &Place { row: &[b"userid", b""], ..PLACE }, &sealed));
        assert!(!opens(&key, &Place { row: &[b"userid"], ..PLACE }, &sealed));
    }

    #[test]
    fn a_wrong_key_says_what_to_do() {
        let sealed = key(1).seal(&PLACE, "s3cret").expect("sealed");
        let Err(StoreError::Misconfigured { what }) = key(2).open(&PLACE, &sealed) else { panic!("opened, or another error") };
        assert!(what.contains("put back the key file"), "{what}");
    }

    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(1);
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_private() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("sealing.key");
        let made = SealingKey::from_file_or_new(&path, &Ones).expect("made");
        let read = SealingKey::from_file_or_new(&path, &Ones).expect("read");
        assert_eq!(made.sealer.key_id(), read.sealer.key_id());
        assert_eq!(made.sealer.key_id(), key(1).sealer.key_id());
        assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_file_that_others_can_read_or_that_holds_no_key_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("sealing.key");
        SealingKey::from_file_or_new(&path, &Ones).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(SealingKey::from_file(&path).is_err());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(SealingKey::from_file(&path).is_ok());
        std::fs::write(&path, "c2hvcnQ=").expect("written");
        assert!(SealingKey::from_file(&path).is_err());
        assert!(SealingKey::from_file(&directory.path().join("none")).is_err());
    }
}
