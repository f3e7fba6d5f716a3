//! The users of a quickstart and their passwords. The database has only hashes, so a file of one's own keeps what later starts print again.

use crate::cli::{ExitStatus, Failure, shell};
use crate::private_file;
use freshkey_core::Entropy;
use freshkey_core::keycloak::defaults::random_client_secret;
use freshkey_protocol::Secret;
use std::path::Path;

/// Bytes of the file: four short lines.
const FILE_BYTES_MAX: u64 = 64 * 1024;

const USERNAME: &str = "KC_USERNAME";
const PASSWORD: &str = "KC_PASSWORD";
const ADMIN_USERNAME: &str = "ADMIN_USERNAME";
const ADMIN_PASSWORD: &str = "ADMIN_PASSWORD";

/// Who can sign in.
pub(super) struct Credentials {
    /// The ordinary user.
    pub(super) user: Account,
    /// The one with the role `admin`.
    pub(super) admin: Account,
}

/// Name and password.
pub(super) struct Account {
    pub(super) username: String,
    pub(super) password: Secret<String>,
}

impl Credentials {
    /// Those in the file, or new ones, kept there before anyone is made with them: a start that is interrupted goes on with the same.
    pub(super) fn open_or_make(path: &Path, entropy: &dyn Entropy) -> Result<Self, Failure> {
        let unusable = |why: &dyn std::fmt::Display| {
            Failure::new(ExitStatus::Material, format!("the credentials in {} cannot be used: {why}", path.display()))
                .with_hint("remove the file; then set the passwords anew with `freshkey-server admin user set-password`")
        };
        match private_file::read_if_there(path, FILE_BYTES_MAX).map_err(|error| unusable(&error))? {
            Some(text) => Self::read(&text).ok_or_else(|| unusable(&"they are not what a quickstart has written")),
            None => {
                let made = Self { user: Account::new("demo", entropy), admin: Account::new("admin", entropy) };
                private_file::write(path, made.written().expose().as_bytes()).map_err(|error| unusable(&error))?;
                Ok(made)
            }
        }
    }

    fn read(text: &str) -> Option<Self> {
        let mut values = shell::read_assignments(text)?;
        let mut account = |username: &str, password: &str| {
            Some(Account { username: values.remove(username)?, password: Secret::new(values.remove(password)?) })
        };
        Some(Self { user: account(USERNAME, PASSWORD)?, admin: account(ADMIN_USERNAME, ADMIN_PASSWORD)? })
    }

    fn written(&self) -> Secret<String> {
        Secret::new(shell::assignments(&[
            (USERNAME, &self.user.username),
            (PASSWORD, self.user.password.expose()),
            (ADMIN_USERNAME, &self.admin.username),
            (ADMIN_PASSWORD, self.admin.password.expose()),
        ]))
    }
}

impl Account {
    /// 32 letters and digits.
    fn new(username: &str, entropy: &dyn Entropy) -> Self {
        Self { username: username.to_owned(), password: random_client_secret(entropy) }
    }
}
