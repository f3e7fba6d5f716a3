//! Users with all that is stored of them. What tokens are made from is read afresh every time; nothing here caches.

pub(crate) mod change;
pub(crate) mod failures;
mod import;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod one_time_codes;
pub(crate) mod sign_in;

pub use change::{EmailRule, MembershipChange, UserChanged, UserCreated};
pub use import::Imported;
pub use list::{ServiceAccounts, TextMatch, UserFilter};
pub use load::VersionedUser;
pub use sign_in::LoginBy;

pub(crate) use failures::failures_change;
pub(crate) use one_time_codes::code_use;

use crate::columns::{json_or_default, keys};
use crate::db::{Row, StoreError};
use crate::sealing::Place;
use freshkey_core::ids::{ClientKey, GroupKey, RealmKey, RoleKey, UserKey};
use freshkey_core::user::User;

/// How many columns [`user_from`] reads.
pub(crate) const USER_COLUMNS: usize = 15;

/// Reads, beginning at column `at`: `user_key, id, username, email, email_verified, first_name, last_name, enabled, not_before, created_at_ms, attributes,
/// required_actions, service_account_of, role_keys, group_keys`. `None` where an outer join found no user.
pub(crate) fn user_from(row: &mut Row, at: usize) -> Result<Option<User>, StoreError> {
    let Some(key) = row.optional_array(at)? else { return Ok(None) };
    Ok(Some(User {
        key: UserKey(key),
        id: row.take_text(at + 1)?,
        username: row.take_text(at + 2)?,
        email: row.take_optional_text(at + 3)?,
        email_verified: row.bool(at + 4)?,
        first_name: row.take_optional_text(at + 5)?,
        last_name: row.take_optional_text(at + 6)?,
        enabled: row.bool(at + 7)?,
        not_before: row.int(at + 8)?,
        created_at_ms: row.int(at + 9)?,
        attributes: json_or_default(row, at + 10)?,
        required_actions: json_or_default(row, at + 11)?,
        service_account_of: row.optional_array(at + 12)?.map(ClientKey),
        roles: keys(row, at + 13, RoleKey)?,
        groups: keys(row, at + 14, GroupKey)?,
    }))
}

/// Where the secret of a credential is sealed for.
pub(crate) struct CredentialPlace<'a> {
    realm: RealmKey,
    row: [&'a [u8]; 2],
}

pub(crate) fn credential_place<'a>(realm: RealmKey, user: &'a [u8; 16], credential_id: &'a str) -> CredentialPlace<'a> {
    CredentialPlace { realm, row: [user, credential_id.as_bytes()] }
}

impl CredentialPlace<'_> {
    pub(crate) fn as_place(&self) -> Place<'_> {
        Place { table: "credential", realm: self.realm, row: &self.row }
    }
}
