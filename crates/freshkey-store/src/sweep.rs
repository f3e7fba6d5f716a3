//! Deletes what is dead, a bounded number of rows at a time, so that the writer is never held for long (T-052). What counts as dead is policy and comes in as
//! numbers. Only rows that could not be used any more are deleted, so nothing depends on when a sweep runs.

use crate::columns::count;
use crate::db::{Expect, Outcome, Row, StoreError, Transaction, Value};
use crate::grants::{grant_id_from, id_values};
use crate::store::Store;
use freshkey_core::Now;
use freshkey_core::grant::{GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, RealmKey, SessionId};
use freshkey_core::time::{EpochMillis, EpochSeconds};
use std::collections::HashMap;

/// What is dead, and how much is deleted at a time.
#[derive(Debug, Clone)]
pub struct SweepPolicy {
    /// For each realm; grants of a realm that is not named here die only with their user, client or realm.
    pub grants: HashMap<RealmKey, GrantCutoffs>,
    /// Events before this are deleted; `None` keeps all.
    pub events_before_ms: Option<EpochMillis>,
    /// Wrong guesses that were last counted before this are forgotten, unless the account is locked.
    pub failures_before_ms: EpochMillis,
    /// Rows looked at, and at most deleted, in one step.
    pub rows_per_step: usize,
}

/// From when on grants of a realm are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantCutoffs {
    /// Online ones.
    pub online: Cutoff,
    /// Offline ones.
    pub offline: Cutoff,
}

/// From when on grants of one kind are dead. Each number must allow for the longest lifetime that any client of the realm has, and for the coarseness of
/// "last used".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoff {
    /// Dead when last used before this.
    pub used_before: EpochSeconds,
    /// Dead when begun before this; `None` for no absolute end.
    pub begun_before: Option<EpochSeconds>,
}

/// What a sweep deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Grants that had died of age or disuse.
    pub grants: u64,
    /// Grants whose user, client or realm is gone.
    pub orphaned_grants: u64,
    /// Entries of things that can be used once.
    pub used_once: u64,
    /// Revoked access tokens that have expired.
    pub revoked_access_tokens: u64,
    /// Counted wrong guesses.
    pub login_failures: u64,
    /// Events.
    pub events: u64,
    /// Rows of deleted realms.
    pub deleted_realms: u64,
}

/// Where a sweep goes on. Starts at [`SweepPosition::START`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepPosition(Stage);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Grants { after: GrantId },
    UsedOnce,
    RevokedAccessTokens,
    LoginFailures,
    Events,
    DeletedRealms,
}

impl SweepPosition {
    /// The beginning.
    pub const START: Self = Self(Stage::Grants { after: FIRST });
}

/// No grant has this key.
const FIRST: GrantId = GrantId { sid: SessionId([0; 16]), kind: SessionKind::Online, client: ClientKey([0; 16]), family: Family(i64::MIN) };

/// A stretch of all grants, and for each whether all that it needs is there. Not `EXISTS`, for which PostgreSQL would read all users at every step.
const GRANTS: &str = "SELECT g.sid, g.is_offline, g.client_key, g.family, g.realm_key, g.last_used_at, g.session_started_at,
       (SELECT u.realm_key FROM user_account u WHERE u.realm_key = g.realm_key AND u.user_key = g.user_key) IS NOT NULL
         AND (SELECT i.realm_key FROM config_item i WHERE i.realm_key = g.realm_key AND i.kind = 'client' AND i.item_key = g.client_key) IS NOT NULL
  FROM client_grant g
 WHERE (g.sid, g.is_offline, g.client_key, g.family) > ($1, $2, $3, $4)
 ORDER BY g.sid, g.is_offline, g.client_key, g.family LIMIT $5";
/// A grant that was used since it was looked at stays.
const DELETE_GRANT: &str =
    "DELETE FROM client_grant WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4 AND last_used_at = $5";
const DELETE_USED_ONCE: &str = "DELETE FROM used_once WHERE (kind, realm_key, id_hash) IN
       (SELECT kind, realm_key, id_hash FROM used_once WHERE until <= $1 ORDER BY until LIMIT $2)";
const DELETE_REVOKED: &str = "DELETE FROM revoked_access_token WHERE (realm_key, jti_hash) IN
       (SELECT realm_key, jti_hash FROM revoked_access_token WHERE until <= $1 ORDER BY until LIMIT $2)";
const DELETE_FAILURES: &str = "DELETE FROM login_failures WHERE (realm_key, user_key) IN
       (SELECT realm_key, user_key FROM login_failures WHERE last_failure_at_ms < $1 AND locked_until <= $2 AND NOT permanently_locked LIMIT $3)";
const DELETE_EVENTS: &str =
    "DELETE FROM event WHERE (at_ms, nonce) IN (SELECT at_ms, nonce FROM event WHERE at_ms < $1 ORDER BY at_ms, nonce LIMIT $2)";
const DELETED_REALM: &str = "SELECT realm_key FROM deleted_realm ORDER BY realm_key LIMIT 1";
const FORGET_REALM: &str = "DELETE FROM deleted_realm WHERE realm_key = $1";
pub(crate) const REALM_TABLES: &[&str] = &[
    "DELETE FROM user_account WHERE (realm_key, user_key) IN (SELECT realm_key, user_key FROM user_account WHERE realm_key = $1 LIMIT $2)",
    "DELETE FROM user_role WHERE (realm_key, user_key, role_key) IN (SELECT realm_key, user_key, role_key FROM user_role WHERE realm_key = $1 LIMIT $2)",
    "DELETE FROM user_group WHERE (realm_key, user_key, group_key) IN (SELECT realm_key, user_key, group_key FROM user_group WHERE realm_key = $1 LIMIT $2)",
    "DELETE FROM credential WHERE (realm_key, user_key, id) IN (SELECT realm_key, user_key, id FROM credential WHERE realm_key = $1 LIMIT $2)",
    "DELETE FROM one_time_code_use WHERE (realm_key, user_key, credential_id) IN (SELECT realm_key, user_key, credential_id FROM one_time_code_use WHERE realm_key = $1 LIMIT $2)",
    "DELETE FROM login_failures WHERE (realm_key, user_key) IN (SELECT realm_key, user_key FROM login_failures WHERE realm_key = $1 LIMIT $2)",
    "DELETE FROM used_once WHERE (kind, realm_key, id_hash) IN (SELECT kind, realm_key, id_hash FROM used_once WHERE realm_key = $1 LIMIT $2)",
    "DELETE FROM revoked_access_token WHERE (realm_key, jti_hash) IN (SELECT realm_key, jti_hash FROM revoked_access_token WHERE realm_key = $1 LIMIT $2)",
];

pub(crate) const STATEMENTS: &[&str] =
    &[GRANTS, DELETE_GRANT, DELETE_USED_ONCE, DELETE_REVOKED, DELETE_FAILURES, DELETE_EVENTS, DELETED_REALM, FORGET_REALM];

impl Store {
    /// A whole sweep, step after step.
    pub async fn sweep(&self, now: Now, policy: &SweepPolicy) -> Result<Swept, StoreError> {
        let (mut total, mut position) = (Swept::default(), Some(SweepPosition::START));
        while let Some(from) = position {
            let (swept, next) = self.sweep_step(now, policy, from).await?;
            total.add(&swept);
            position = next;
        }
        Ok(total)
    }

    /// One step of a sweep: at most [`SweepPolicy::rows_per_step`] rows in one transaction. `None` when the sweep is through. Who wants to be
    /// gentle pauses between steps.
    pub async fn sweep_step(
        &self,
        now: Now,
        policy: &SweepPolicy,
        from: SweepPosition,
    ) -> Result<(Swept, Option<SweepPosition>), StoreError> {
        let mut swept = Swept::default();
        let rows = policy.rows_per_step.max(1);
        let limit = count(rows);
        let seconds = Value::Int(now.seconds());
        let here = |deleted: u64, next: Stage| if deleted >= rows as u64 { from.0 } else { next };
        let next = match from.0 {
            Stage::Grants { after } => match self.sweep_grants(policy, rows, after, &mut swept).await? {
                Some(after) => Stage::Grants { after },
                None => Stage::UsedOnce,
            },
            Stage::UsedOnce => {
                swept.used_once = self.delete(DELETE_USED_ONCE, vec![seconds, limit]).await?;
                here(swept.used_once, Stage::RevokedAccessTokens)
            }
            Stage::RevokedAccessTokens => {
                swept.revoked_access_tokens = self.delete(DELETE_REVOKED, vec![seconds, limit]).await?;
                here(swept.revoked_access_tokens, Stage::LoginFailures)
            }
            Stage::LoginFailures => {
                swept.login_failures = self.delete(DELETE_FAILURES, vec![Value::Int(policy.failures_before_ms), seconds, limit]).await?;
                here(swept.login_failures, Stage::Events)
            }
            Stage::Events => {
                if let Some(before_ms) = policy.events_before_ms {
                    swept.events = self.delete(DELETE_EVENTS, vec![Value::Int(before_ms), limit]).await?;
                }
                here(swept.events, Stage::DeletedRealms)
            }
            Stage::DeletedRealms => {
                let goes_on = self.sweep_deleted_realm(limit, &mut swept).await?;
                return Ok((swept, goes_on.then_some(from)));
            }
        };
        Ok((swept, Some(SweepPosition(next))))
    }

    /// Looks at the next rows and deletes the dead ones of them. Answers the last that it looked at; `None` at the end of the table.
    async fn sweep_grants(
        &self,
        policy: &SweepPolicy,
        rows: usize,
        after: GrantId,
        swept: &mut Swept,
    ) -> Result<Option<GrantId>, StoreError> {
        let mut values = id_values(&after);
        values.push(count(rows));
        let found = self.db.read_long(GRANTS, values).await?;
        let mut transaction = Transaction::new();
        let mut fates = Vec::new();
        let mut last = None;
        for row in &found {
            let id = grant_id_from(row)?;
            let fate = fate_of(policy, id.kind, row)?;
            if fate != Fate::Lives {
                let mut values = id_values(&id);
                values.push(row.value(5)?.clone());
                transaction.push(DELETE_GRANT, values, Expect::Any);
                fates.push(fate);
            }
            last = Some(id);
        }
        if !fates.is_empty()
            && let Outcome::Committed(results) = self.db.write(transaction).await?
        {
            for (fate, result) in fates.iter().zip(&results) {
                match fate {
                    Fate::Orphaned => swept.orphaned_grants += result.rows_affected,
                    Fate::Dead | Fate::Lives => swept.grants += result.rows_affected,
                }
            }
        }
        Ok(last.filter(|_| found.len() == rows))
    }

    /// Whether there is more to do.
    async fn sweep_deleted_realm(&self, limit: Value, swept: &mut Swept) -> Result<bool, StoreError> {
        let Some(row) = self.db.read_one(DELETED_REALM, &[]).await? else { return Ok(false) };
        let realm = Value::Int(row.int(0)?);
        for &sql in REALM_TABLES {
            let deleted = self.delete(sql, vec![realm.clone(), limit.clone()]).await?;
            if deleted > 0 {
                swept.deleted_realms += deleted;
                return Ok(true);
            }
        }
        self.delete(FORGET_REALM, vec![realm]).await.map(|_| true)
    }

    async fn delete(&self, sql: &'static str, params: Vec<Value>) -> Result<u64, StoreError> {
        match self.db.write(Transaction::new().then(sql, params, Expect::Any)).await? {
            Outcome::Committed(results) => Ok(results.first().map_or(0, |result| result.rows_affected)),
            Outcome::GuardFailed { .. } => Ok(0),
        }
    }
}

impl Swept {
    fn add(&mut self, other: &Self) {
        let Self { grants, orphaned_grants, used_once, revoked_access_tokens, login_failures, events, deleted_realms } = other;
        self.grants += grants;
        self.orphaned_grants += orphaned_grants;
        self.used_once += used_once;
        self.revoked_access_tokens += revoked_access_tokens;
        self.login_failures += login_failures;
        self.events += events;
        self.deleted_realms += deleted_realms;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    Dead,
    Orphaned,
}

fn fate_of(policy: &SweepPolicy, kind: SessionKind, row: &Row) -> Result<Fate, StoreError> {
    if !row.bool(7)? {
        return Ok(Fate::Orphaned);
    }
    let Some(cutoffs) = policy.grants.get(&RealmKey(row.int(4)?)) else { return Ok(Fate::Lives) };
    let cutoff = match kind {
        SessionKind::Online => cutoffs.online,
        SessionKind::Offline => cutoffs.offline,
    };
    let disused = row.int(5)? < cutoff.used_before;
    let session_started_at = row.int(6)?;
    let too_old = cutoff.begun_before.is_some_and(|before| session_started_at < before);
    Ok(if disused || too_old { Fate::Dead } else { Fate::Lives })
}
