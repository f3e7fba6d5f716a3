//! Many users at once: some hundred to a transaction, so that other writers come in between.

use super::change::EmailRule;
use crate::db::{Outcome, StoreError, Transaction};
use crate::store::Store;
use freshkey_core::documents::UserRecord;
use freshkey_core::ids::RealmKey;

/// Users in one transaction: a few thousand statements, some milliseconds of the writer's time.
const USERS_PER_TRANSACTION: usize = 256;

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Imported {
    /// All users are there.
    Yes,
    /// This one has the id, name or address of another. It and up to 255 others that were to be written with it are not there, nor are those after them.
    Conflict {
        /// Its name.
        username: String,
        /// Users of this call that are there.
        imported: usize,
    },
}

impl Store {
    /// Makes many users. It can be called again and again with the next ones; memory is bounded by the slice, and a slice of thousands is fastest.
    ///
    /// They are written in the order of their keys: neighbours in a tree of rows then share the pages that a transaction has to write.
    pub async fn import_users(&self, realm: RealmKey, users: &[UserRecord], emails: EmailRule) -> Result<Imported, StoreError> {
        let mut users: Vec<&UserRecord> = users.iter().collect();
        users.sort_by_key(|record| record.user.key);
        for (chunk_number, chunk) in users.chunks(USERS_PER_TRANSACTION).enumerate() {
            let mut transaction = Transaction::new();
            // Which user a statement is about, for the one that fails.
            let mut owners = Vec::new();
            for &record in chunk {
                for statement in self.statements_to_create(realm, record, emails)? {
                    transaction.push(statement.sql, statement.params, statement.expect);
                    owners.push(record);
                }
            }
            if let Outcome::GuardFailed { index } = self.db.write(transaction).await? {
                let username = owners.get(index).map(|record| record.user.username.clone()).unwrap_or_default();
                return Ok(Imported::Conflict { username, imported: chunk_number * USERS_PER_TRANSACTION });
            }
        }
        Ok(Imported::Yes)
    }
}
