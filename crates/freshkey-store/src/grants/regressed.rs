//! Grants of which the database has forgotten acknowledged rotations: what the operator is shown, and the ways to decide (T-095).

use super::record::{END_CLIENT_SESSION, twice};
use super::{grant_id_from, id_values, is_offline};
use crate::columns::json_or_default;
use crate::db::{Expect, Outcome, Row, StoreError, Transaction, Value};
use crate::events::AuditRecord;
use crate::page::Page;
use crate::store::Store;
use freshkey_core::grant::GrantId;
use freshkey_core::ids::{RealmKey, UserKey};
use freshkey_core::inherited::is_inherited;
use freshkey_core::time::EpochSeconds;

/// A grant that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegressedGrant {
    /// The grant.
    pub id: GrantId,
    /// The newest generation of which a token was seen.
    pub seen_generation: i64,
    /// When it was first seen.
    pub noticed_at: EpochSeconds,
    /// The row as it is now; `None` when the grant has ended meanwhile.
    pub row: Option<RegressedRow>,
}

/// What the database knows of a regressed grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegressedRow {
    /// The realm.
    pub realm: RealmKey,
    /// The user.
    pub user: UserKey,
    /// The generation that is too low.
    pub generation: i64,
    /// Whether it was brought here from another server.
    pub is_inherited: bool,
}

/// Whether a grant was stepped forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Stepped {
    /// It stands at the new generation.
    Yes,
    /// It has another generation than was thought, or is gone. Nothing was changed.
    No,
}

const LIST: &str =
    "SELECT r.sid, r.is_offline, r.client_key, r.family, r.seen_generation, r.noticed_at, g.realm_key, g.user_key, g.generation, g.notes
  FROM regressed_grant r
  LEFT JOIN client_grant g ON g.sid = r.sid AND g.is_offline = r.is_offline AND g.client_key = r.client_key AND g.family = r.family
 WHERE (r.sid, r.is_offline, r.client_key, r.family) > ($1, $2, $3, $4)
 ORDER BY r.sid, r.is_offline, r.client_key, r.family LIMIT $5";
const STEP: &str = "UPDATE client_grant SET generation = $6
 WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4 AND generation = $5";
const CLEAR: &str = "DELETE FROM regressed_grant WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4";
const END: &str = "DELETE FROM client_grant WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4";

pub(crate) const STATEMENTS: &[&str] = &[LIST, STEP, CLEAR, END];

impl Store {
    /// One page of the grants that wait for a decision.
    pub async fn regressed_grants(&self, page: &Page<GrantId>) -> Result<Vec<RegressedGrant>, StoreError> {
        let mut values = id_values(&page.after.unwrap_or(super::list::BEFORE_ALL));
        values.push(page.limit());
        let rows = self.db.read_long(LIST, values).await?;
        rows.iter().map(regressed_from).collect()
    }

    /// Steps a grant forward, so that the token that was seen is its newest one, and takes it off the list.
    pub async fn set_generation(&self, grant: &GrantId, from: i64, to: i64, record: &AuditRecord) -> Result<Stepped, StoreError> {
        let mut values = id_values(grant);
        values.extend([Value::Int(from), Value::Int(to)]);
        let event = self.event_statement(record)?;
        let transaction = Transaction::new().then(STEP, values, Expect::Rows(1)).then(CLEAR, id_values(grant), Expect::Any).then(
            event.sql,
            event.params,
            event.expect,
        );
        Ok(match self.db.write(transaction).await? {
            Outcome::Committed(_) => Stepped::Yes,
            Outcome::GuardFailed { .. } => Stepped::No,
        })
    }

    /// Ends a grant that waits for a decision, and takes it off the list. With one that was brought here goes the client's whole part of the session.
    pub async fn end_regressed_grant(&self, grant: &RegressedGrant, record: &AuditRecord) -> Result<(), StoreError> {
        let id = &grant.id;
        let mut transaction = Transaction::new();
        if grant.row.as_ref().is_some_and(|row| row.is_inherited) {
            for statement in twice(END_CLIENT_SESSION, vec![Value::from(id.sid.0), is_offline(id.kind), Value::from(id.client.0)]) {
                transaction.push(statement.sql, statement.params, statement.expect);
            }
        } else {
            transaction.push(END, id_values(id), Expect::Any);
        }
        let event = self.event_statement(record)?;
        self.db.write(transaction.then(CLEAR, id_values(id), Expect::Any).then(event.sql, event.params, event.expect)).await.map(drop)
    }

    /// Takes a grant off the list and leaves it as it is.
    pub async fn clear_regressed_grant(&self, grant: &GrantId) -> Result<(), StoreError> {
        self.db.write(Transaction::new().then(CLEAR, id_values(grant), Expect::Any)).await.map(drop)
    }
}

fn regressed_from(row: &Row) -> Result<RegressedGrant, StoreError> {
    let found = match row.optional_int(6)? {
        None => None,
        Some(realm) => Some(RegressedRow {
            realm: RealmKey(realm),
            user: UserKey(row.array(7)?),
            generation: row.int(8)?,
            is_inherited: is_inherited(&json_or_default(row, 9)?),
        }),
    };
    Ok(RegressedGrant { id: grant_id_from(row)?, seen_generation: row.int(4)?, noticed_at: row.int(5)?, row: found })
}
