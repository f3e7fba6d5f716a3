//! Writes down what was decided: all of it or nothing, durable before the answer, with the event that tells of it.
//!
//! Whether a change still fits is asked by the statement itself, so that of several callers one wins on either engine and the others decide again.

use super::{id_values, is_offline};
use crate::columns::{json, json_unless, short_hash};
use crate::db::{Coalesced, Expect, Guarded, Outcome, StoreError, Transaction, Value};
use crate::events::AuditRecord;
use crate::store::Store;
use crate::users::{code_use, credential_place, failures_change};
use freshkey_core::change::{Applied, Change};
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{RealmKey, UserKey};
use freshkey_core::passwords::{PasswordHash, write_stored};
use freshkey_core::time::EpochSeconds;

/// Advances a chain. Of all that present one generation one matches: the row lock (PostgreSQL) and the one writer (SQLite) see to it.
static ROTATE: Coalesced = Coalesced {
    sqlite: ROTATE_ONE,
    postgres: "UPDATE client_grant AS g
   SET generation = g.generation + 1, predecessor_uses = 1, rotated_at = item.at, last_used_at = GREATEST(g.last_used_at, item.at)
  FROM UNNEST($1::BYTEA[], $2::BOOLEAN[], $3::BYTEA[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[])
       WITH ORDINALITY AS item (sid, is_offline, client_key, family, presented, at, ordinal)
 WHERE g.sid = item.sid AND g.is_offline = item.is_offline AND g.client_key = item.client_key AND g.family = item.family
   AND g.generation = item.presented
RETURNING item.ordinal",
    key_params: 4,
};

/// Moves "last used" forward. It matches whenever the grant is there.
static TOUCH: Coalesced = Coalesced {
    sqlite: TOUCH_ONE,
    postgres: "UPDATE client_grant AS g
   SET last_used_at = GREATEST(g.last_used_at, item.at)
  FROM UNNEST($1::BYTEA[], $2::BOOLEAN[], $3::BYTEA[], $4::BIGINT[], $5::BIGINT[])
       WITH ORDINALITY AS item (sid, is_offline, client_key, family, at, ordinal)
 WHERE g.sid = item.sid AND g.is_offline = item.is_offline AND g.client_key = item.client_key AND g.family = item.family
RETURNING item.ordinal",
    key_params: 4,
};

const ROTATE_ONE: &str = "UPDATE client_grant
   SET generation = generation + 1, predecessor_uses = 1, rotated_at = $6, last_used_at = CASE WHEN last_used_at < $6 THEN $6 ELSE last_used_at END
 WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4 AND generation = $5";
const TOUCH_ONE: &str = "UPDATE client_grant
   SET last_used_at = CASE WHEN last_used_at < $5 THEN $5 ELSE last_used_at END
 WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4";
const COUNT_REUSE: &str = "UPDATE client_grant
   SET predecessor_uses = predecessor_uses + 1, last_used_at = CASE WHEN last_used_at < $7 THEN $7 ELSE last_used_at END
 WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4 AND generation = $5 AND predecessor_uses = $6";
/// Changes nothing, but holds the user's row: beginning a grant is ordered with deleting the user, and with other grants of the same user.
const HOLD_USER: &str = "UPDATE user_account SET version = version WHERE realm_key = $1 AND user_key = $2";
const BEGIN_GRANT: &str = "INSERT INTO client_grant (sid, is_offline, client_key, family, realm_key, user_key, generation, predecessor_uses, session_started_at,
       started_at, rotated_at, last_used_at, auth_time, notes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (sid, is_offline, client_key, family) DO UPDATE
   SET last_used_at = CASE WHEN client_grant.last_used_at < excluded.last_used_at THEN excluded.last_used_at ELSE client_grant.last_used_at END";
/// Of several that begin one chain, one does.
const BEGIN_CHAIN: &str =
    "INSERT INTO client_grant (sid, is_offline, client_key, family, realm_key, user_key, generation, predecessor_uses, session_started_at,
       started_at, rotated_at, last_used_at, auth_time, notes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING";
/// The grant that has just begun is not counted, and so never the one that goes.
const END_OFFLINE_BEYOND: &str = "DELETE FROM client_grant WHERE (sid, is_offline, client_key, family) IN (
    SELECT ranked.sid, ranked.is_offline, ranked.client_key, ranked.family FROM (
        SELECT o.sid, o.is_offline, o.client_key, o.family, row_number() OVER (ORDER BY o.last_used_at DESC, o.sid DESC, o.family DESC) AS position
          FROM client_grant o
         WHERE o.user_key = $1 AND o.realm_key = $2 AND o.client_key = $3 AND o.is_offline = $4 AND NOT (o.sid = $5 AND o.family = $6)
    ) AS ranked WHERE ranked.position > $7)";
const END_GRANT: &str = "DELETE FROM client_grant WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4";
const END_GRANT_OF_BOTH_KINDS: &str = "DELETE FROM client_grant WHERE sid = $1 AND client_key = $2 AND family = $3";
pub(super) const END_CLIENT_SESSION: &str = "DELETE FROM client_grant WHERE sid = $1 AND is_offline = $2 AND client_key = $3";
const END_SESSION: &str = "DELETE FROM client_grant WHERE sid = $1 AND is_offline = $2";
const REVOKE_ACCESS_TOKEN: &str = "INSERT INTO revoked_access_token (realm_key, jti_hash, until) VALUES ($1, $2, $3)
ON CONFLICT (realm_key, jti_hash) DO UPDATE
   SET until = CASE WHEN revoked_access_token.until < excluded.until THEN excluded.until ELSE revoked_access_token.until END";
const NOTE_REGRESSION: &str = "INSERT INTO regressed_grant (sid, is_offline, client_key, family, seen_generation, noticed_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (sid, is_offline, client_key, family) DO UPDATE
   SET seen_generation = CASE WHEN regressed_grant.seen_generation < excluded.seen_generation THEN excluded.seen_generation ELSE regressed_grant.seen_generation END";
const FIND_CREDENTIAL: &str = "SELECT document, secret FROM credential WHERE realm_key = $1 AND user_key = $2 AND id = $3";
/// A sealed value never comes out the same twice, so comparing it tells whether anything was put in its place.
const REHASH: &str = "UPDATE credential SET document = $4, secret = $5 WHERE realm_key = $1 AND user_key = $2 AND id = $3 AND secret = $6";

pub(crate) const STATEMENTS: &[&str] = &[
    ROTATE_ONE,
    TOUCH_ONE,
    COUNT_REUSE,
    HOLD_USER,
    BEGIN_GRANT,
    BEGIN_CHAIN,
    END_OFFLINE_BEYOND,
    END_GRANT,
    END_GRANT_OF_BOTH_KINDS,
    END_CLIENT_SESSION,
    END_SESSION,
    REVOKE_ACCESS_TOKEN,
    NOTE_REGRESSION,
    FIND_CREDENTIAL,
    REHASH,
];

pub(crate) const COALESCED: &[&Coalesced] = &[&ROTATE, &TOUCH];

impl Store {
    /// Records what follows from a decision, and its event. `Raced` means that nothing was written, not even the event.
    ///
    /// An event that stands alone, or beside a single [`Change::Rotate`] or [`Change::Touch`], is left to be written within a moment, unless it is
    /// [waited for](freshkey_core::event::Event::is_waited_for). Every other event is in the transaction of its changes.
    ///
    /// Errors: `OutcomeUnknown` when the commit's fate is not known: load and decide again (T-088).
    pub async fn record(&self, changes: &[Change], record: &AuditRecord) -> Result<Applied, StoreError> {
        if !record.event.is_waited_for() {
            let matched = match changes {
                [] => Some(1),
                [Change::Rotate { grant, presented, at }] => Some(self.db.coalesced(&ROTATE, rotate_values(grant, *presented, *at)).await?),
                [Change::Touch { grant, at }] => Some(self.db.coalesced(&TOUCH, touch_values(grant, *at)).await?),
                _ => None,
            };
            match matched {
                Some(0) => return Ok(Applied::Raced),
                Some(_) => return self.append_event(record).await.map(|()| Applied::Yes),
                None => {}
            }
        }
        let mut statements = Vec::with_capacity(changes.len() + 2);
        for change in changes {
            self.add_change(change, &mut statements).await?;
        }
        // A lost race is then known before anything else is tried. Users are held before grants, as in every transaction, so that none waits in a circle.
        statements.sort_by_key(|statement| (statement.expect == Expect::Any, statement.sql != HOLD_USER));
        statements.push(self.event_statement(record)?);
        self.write_all(statements).await
    }

    async fn add_change(&self, change: &Change, statements: &mut Vec<Guarded>) -> Result<(), StoreError> {
        match change {
            Change::Rotate { grant, presented, at } => statements.push(guard(ROTATE_ONE, rotate_values(grant, *presented, *at))),
            Change::Touch { grant, at } => statements.push(guard(TOUCH_ONE, touch_values(grant, *at))),
            Change::CountReuse { grant, generation, seen, at } => {
                let mut values = id_values(grant);
                values.extend([Value::Int(*generation), Value::Int(*seen), Value::Int(*at)]);
                statements.push(guard(COUNT_REUSE, values));
            }
            Change::BeginGrant { grant, offline_grants_max } => statements.extend(begin_grant(grant, *offline_grants_max)?),
            Change::BeginChain { grant, first } => {
                statements.extend([
                    hold_user(grant),
                    guard(TOUCH_ONE, touch_values(first, grant.last_used_at)),
                    guard(BEGIN_CHAIN, grant_values(grant)?),
                ]);
            }
            Change::EndGrant(id) => statements.push(end_grant(id)),
            Change::EndClientSession { sid, kind, client } => {
                let values = vec![Value::from(sid.0), is_offline(*kind), Value::from(client.0)];
                statements.extend(twice(END_CLIENT_SESSION, values));
            }
            Change::EndSession { sid, kind } => statements.extend(twice(END_SESSION, vec![Value::from(sid.0), is_offline(*kind)])),
            Change::RevokeAccessToken { realm, jti, until } => {
                statements.push(statement_of(REVOKE_ACCESS_TOKEN, vec![Value::Int(realm.0), short_hash(jti), Value::Int(*until)]));
            }
            Change::LoginFailures { realm, user, seen, becomes } => {
                statements.extend(failures_change(*realm, *user, seen.as_ref(), becomes.as_ref()));
            }
            Change::UseOneTimeCode(used) => statements.push(code_use(used)),
            Change::NoteRegression { grant, seen_generation, at } => {
                let mut values = id_values(grant);
                values.extend([Value::Int(*seen_generation), Value::Int(*at)]);
                statements.push(statement_of(NOTE_REGRESSION, values));
            }
            Change::Rehash { realm, user, credential_id, hash } => {
                statements.extend(self.rehash(*realm, *user, credential_id, hash).await?);
            }
        }
        Ok(())
    }

    /// `None` when the credential is gone.
    async fn rehash(
        &self,
        realm: RealmKey,
        user: UserKey,
        credential_id: &str,
        hash: &PasswordHash,
    ) -> Result<Option<Guarded>, StoreError> {
        let key = [Value::Int(realm.0), Value::from(user.0), Value::from(credential_id)];
        let Some(row) = self.db.read_one(FIND_CREDENTIAL, &key).await? else { return Ok(None) };
        let (document, secret) = write_stored(&json(&row, 0)?, hash);
        let sealed = self.sealing_key.seal(&credential_place(realm, &user.0, credential_id).as_place(), secret.expose())?;
        let mut values = key.to_vec();
        values.extend([Value::from(document.to_string()), Value::from(sealed), row.value(1)?.clone()]);
        Ok(Some(statement_of(REHASH, values)))
    }

    async fn write_all(&self, statements: Vec<Guarded>) -> Result<Applied, StoreError> {
        let mut transaction = Transaction::new();
        for Guarded { sql, params, expect } in statements {
            transaction.push(sql, params, expect);
        }
        Ok(match self.db.write(transaction).await? {
            Outcome::Committed(_) => Applied::Yes,
            Outcome::GuardFailed { .. } => Applied::Raced,
        })
    }
}

/// The statements that begin a grant: the user is held, the row is written, and what is beyond the cap ends (T-021).
fn begin_grant(grant: &Grant, offline_grants_max: Option<u32>) -> Result<Vec<Guarded>, StoreError> {
    let (realm, user) = (Value::Int(grant.realm.0), Value::from(grant.user.0));
    let mut statements = vec![hold_user(grant), statement_of(BEGIN_GRANT, grant_values(grant)?)];
    if let (Some(most), SessionKind::Offline) = (offline_grants_max, grant.id.kind) {
        let id = &grant.id;
        let others = Value::from(most.saturating_sub(1));
        let values = vec![user, realm, Value::from(id.client.0), Value::Bool(true), Value::from(id.sid.0), Value::Int(id.family.0), others];
        statements.push(statement_of(END_OFFLINE_BEYOND, values));
    }
    Ok(statements)
}

fn hold_user(grant: &Grant) -> Guarded {
    guard(HOLD_USER, vec![Value::Int(grant.realm.0), Value::from(grant.user.0)])
}

/// All columns, in the order of the statements that insert.
pub(crate) fn grant_values(grant: &Grant) -> Result<Vec<Value>, StoreError> {
    let mut values = id_values(&grant.id);
    values.extend([Value::Int(grant.realm.0), Value::from(grant.user.0)]);
    let numbers =
        [grant.generation, grant.predecessor_uses, grant.session_started_at, grant.started_at, grant.rotated_at, grant.last_used_at];
    values.extend(numbers.map(Value::Int));
    values.extend([Value::from(grant.auth_time), json_unless(&grant.notes, grant.notes.is_empty())?]);
    Ok(values)
}

/// A statement that waited for a row does not see the chain that was begun beside that row meanwhile; the same one after it does.
pub(super) fn twice(sql: &'static str, values: Vec<Value>) -> [Guarded; 2] {
    [statement_of(sql, values.clone()), statement_of(sql, values)]
}

fn end_grant(id: &GrantId) -> Guarded {
    match id.kind {
        SessionKind::Online => statement_of(END_GRANT, id_values(id)),
        SessionKind::Offline => {
            statement_of(END_GRANT_OF_BOTH_KINDS, vec![Value::from(id.sid.0), Value::from(id.client.0), Value::Int(id.family.0)])
        }
    }
}

fn rotate_values(id: &GrantId, presented: i64, at: EpochSeconds) -> Vec<Value> {
    let mut values = id_values(id);
    values.extend([Value::Int(presented), Value::Int(at)]);
    values
}

fn touch_values(id: &GrantId, at: EpochSeconds) -> Vec<Value> {
    let mut values = id_values(id);
    values.push(Value::Int(at));
    values
}

fn guard(sql: &'static str, params: Vec<Value>) -> Guarded {
    Guarded { sql, params, expect: Expect::Rows(1) }
}

/// A statement that may find nothing to do.
pub(crate) fn statement_of(sql: &'static str, params: Vec<Value>) -> Guarded {
    Guarded { sql, params, expect: Expect::Any }
}
