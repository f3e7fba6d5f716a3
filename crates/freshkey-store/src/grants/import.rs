//! Many grants at once, from another server: some hundred to a transaction. Doing it again changes nothing, so that an import can be taken up.

use super::record::grant_values;
use crate::db::{Expect, Outcome, StoreError, Transaction};
use crate::store::Store;
use freshkey_core::grant::Grant;
use freshkey_core::ids::{RealmKey, SessionId};

/// Grants in one transaction: some milliseconds of the writer's time.
const GRANTS_PER_TRANSACTION: usize = 512;

/// A session id belongs to one realm. What a removed realm has left is not in the way, even before it is swept.
const PUT: &str =
    "INSERT INTO client_grant (sid, is_offline, client_key, family, realm_key, user_key, generation, predecessor_uses, session_started_at,
       started_at, rotated_at, last_used_at, auth_time, notes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (sid, is_offline, client_key, family) DO UPDATE
   SET realm_key = excluded.realm_key, user_key = excluded.user_key, generation = excluded.generation,
       predecessor_uses = excluded.predecessor_uses, session_started_at = excluded.session_started_at, started_at = excluded.started_at,
       rotated_at = excluded.rotated_at, last_used_at = excluded.last_used_at, auth_time = excluded.auth_time, notes = excluded.notes
 WHERE client_grant.realm_key = excluded.realm_key OR client_grant.realm_key IN (SELECT d.realm_key FROM deleted_realm d)";

pub(crate) const STATEMENTS: &[&str] = &[PUT];

/// What became of an import of grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum GrantsImported {
    /// All are there.
    Yes,
    /// This session is there already, in another realm. It and up to 511 others that were to be written with it are not there, nor are those after them.
    Conflict(SessionId),
}

impl Store {
    /// Puts many grants into a realm that nobody can use yet. Those that are there already are replaced. Their users are not looked at.
    pub async fn import_grants(&self, realm: RealmKey, grants: &[Grant]) -> Result<GrantsImported, StoreError> {
        for chunk in grants.chunks(GRANTS_PER_TRANSACTION) {
            let mut transaction = Transaction::new();
            for grant in chunk {
                transaction.push(PUT, grant_values(&Grant { realm, ..grant.clone() })?, Expect::Rows(1));
            }
            if let Outcome::GuardFailed { index } = self.db.write(transaction).await? {
                let sid = chunk.get(index).map_or(SessionId([0; 16]), |grant| grant.id.sid);
                return Ok(GrantsImported::Conflict(sid));
            }
        }
        Ok(GrantsImported::Yes)
    }
}
