//! Counted wrong guesses: replaced only while they are what was judged.

use crate::db::{Expect, Guarded, Row, StoreError, Transaction, Value};
use crate::events::AuditRecord;
use crate::grants::statement_of;
use crate::store::Store;
use freshkey_core::brute_force::LoginFailures;
use freshkey_core::ids::{RealmKey, UserKey};

const FIND: &str = "SELECT failure_count, last_failure_at_ms, last_address, locked_until, temporary_lockouts, permanently_locked
  FROM login_failures WHERE realm_key = $1 AND user_key = $2";
const BEGIN: &str = "INSERT INTO login_failures
       (realm_key, user_key, failure_count, last_failure_at_ms, last_address, locked_until, temporary_lockouts, permanently_locked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (realm_key, user_key) DO NOTHING";
const REPLACE: &str = "UPDATE login_failures
   SET failure_count = $3, last_failure_at_ms = $4, last_address = $5, locked_until = $6, temporary_lockouts = $7, permanently_locked = $8
 WHERE realm_key = $1 AND user_key = $2
   AND failure_count = $9 AND last_failure_at_ms = $10 AND locked_until = $11 AND temporary_lockouts = $12 AND permanently_locked = $13";
const FORGET: &str = "DELETE FROM login_failures
 WHERE realm_key = $1 AND user_key = $2
   AND failure_count = $3 AND last_failure_at_ms = $4 AND locked_until = $5 AND temporary_lockouts = $6 AND permanently_locked = $7";
const CLEAR: &str = "DELETE FROM login_failures WHERE realm_key = $1 AND (user_key = $2 OR $2 IS NULL)";

pub(crate) const STATEMENTS: &[&str] = &[FIND, BEGIN, REPLACE, FORGET, CLEAR];

impl Store {
    /// What is known of a user's wrong guesses.
    pub async fn login_failures(&self, realm: RealmKey, user: UserKey) -> Result<Option<LoginFailures>, StoreError> {
        let row = self.db.read_one(FIND, &[Value::Int(realm.0), Value::from(user.0)]).await?;
        row.map(|row| failures_from(&row, 0)).transpose().map(Option::flatten)
    }

    /// Forgets the wrong guesses of one user, or of all users of the realm, and so lifts every lock.
    pub async fn clear_login_failures(&self, realm: RealmKey, user: Option<UserKey>, record: &AuditRecord) -> Result<(), StoreError> {
        let event = self.event_statement(record)?;
        let params = vec![Value::Int(realm.0), user.map(|user| user.0).into()];
        self.db.write(Transaction::new().then(CLEAR, params, Expect::Any).then(event.sql, event.params, event.expect)).await.map(drop)
    }
}

/// Reads `failure_count, last_failure_at_ms, last_address, locked_until, temporary_lockouts, permanently_locked`, beginning at column `at`.
pub(crate) fn failures_from(row: &Row, at: usize) -> Result<Option<LoginFailures>, StoreError> {
    let Some(count) = row.optional_int(at)? else { return Ok(None) };
    Ok(Some(LoginFailures {
        count,
        last_failure_at_ms: row.int(at + 1)?,
        last_address: row.optional_text(at + 2)?.map(str::to_owned),
        locked_until_s: row.int(at + 3)?,
        temporary_lockouts: row.int(at + 4)?,
        permanently_locked: row.bool(at + 5)?,
    }))
}

/// The guarded statement that replaces what was seen; `None` when nothing was there and nothing is to be.
pub(crate) fn failures_change(
    realm: RealmKey,
    user: UserKey,
    seen: Option<&LoginFailures>,
    becomes: Option<&LoginFailures>,
) -> Option<Guarded> {
    let mut params = vec![Value::Int(realm.0), Value::from(user.0)];
    params.extend(becomes.into_iter().flat_map(all_values));
    params.extend(seen.into_iter().flat_map(compared_values));
    let sql = match (seen, becomes) {
        (None, None) => return None,
        (None, Some(_)) => BEGIN,
        (Some(_), Some(_)) => REPLACE,
        (Some(_), None) => FORGET,
    };
    Some(Guarded { expect: Expect::Rows(1), ..statement_of(sql, params) })
}

fn all_values(failures: &LoginFailures) -> [Value; 6] {
    let [count, last, locked, lockouts, permanently] = compared_values(failures);
    let address = failures.last_address.as_deref().map(|address| address.replace('\0', "\u{fffd}"));
    [count, last, address.into(), locked, lockouts, permanently]
}

fn compared_values(failures: &LoginFailures) -> [Value; 5] {
    [
        Value::Int(failures.count),
        Value::Int(failures.last_failure_at_ms),
        Value::Int(failures.locked_until_s),
        Value::Int(failures.temporary_lockouts),
        Value::Bool(failures.permanently_locked),
    ]
}
