//! Grants as administration sees them: lists, counts, and ending many at once. Every grant that can refresh is in these lists (T-021).

use super::record::twice;
use super::{grant_from, id_values, is_offline};
use crate::db::{Expect, Outcome, StoreError, Transaction, Value};
use crate::events::AuditRecord;
use crate::page::{PAGE_ROWS_MAX, Page};
use crate::store::Store;
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, RealmKey, SessionId, UserKey};

/// Which grants of a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantFilter {
    /// The realm.
    pub realm: RealmKey,
    /// Of this user only. Uses an index.
    pub user: Option<UserKey>,
    /// Of this session only. Uses an index.
    pub sid: Option<SessionId>,
    /// Of this client only. Without user or session every grant in the database is looked at.
    pub client: Option<ClientKey>,
    /// Of this kind only.
    pub kind: Option<SessionKind>,
}

impl GrantFilter {
    /// All grants of a realm.
    pub fn realm(realm: RealmKey) -> Self {
        Self { realm, user: None, sid: None, client: None, kind: None }
    }

    /// All grants of a user.
    pub fn user(realm: RealmKey, user: UserKey) -> Self {
        Self { user: Some(user), ..Self::realm(realm) }
    }

    /// All grants of a session.
    pub fn session(realm: RealmKey, sid: SessionId) -> Self {
        Self { sid: Some(sid), ..Self::realm(realm) }
    }

    /// All grants of a client.
    pub fn client(realm: RealmKey, client: ClientKey) -> Self {
        Self { client: Some(client), ..Self::realm(realm) }
    }
}

// The three differ in what they begin with, so that each engine has an index for it. `$1 … $5` are the filter, `$6 … $9` the key before the page.
const OF_USER: &str = "SELECT g.sid, g.is_offline, g.client_key, g.family, g.realm_key, g.user_key, g.generation, g.predecessor_uses,
       g.session_started_at, g.started_at, g.rotated_at, g.last_used_at, g.auth_time, g.notes
  FROM client_grant g
 WHERE g.realm_key = $1 AND g.user_key = $2 AND (g.sid = $3 OR $3 IS NULL) AND (g.client_key = $4 OR $4 IS NULL) AND (g.is_offline = $5 OR $5 IS NULL)
   AND (g.sid, g.is_offline, g.client_key, g.family) > ($6, $7, $8, $9)
 ORDER BY g.sid, g.is_offline, g.client_key, g.family LIMIT $10";
const OF_SESSION: &str = "SELECT g.sid, g.is_offline, g.client_key, g.family, g.realm_key, g.user_key, g.generation, g.predecessor_uses,
       g.session_started_at, g.started_at, g.rotated_at, g.last_used_at, g.auth_time, g.notes
  FROM client_grant g
 WHERE g.realm_key = $1 AND (g.user_key = $2 OR $2 IS NULL) AND g.sid = $3 AND (g.client_key = $4 OR $4 IS NULL) AND (g.is_offline = $5 OR $5 IS NULL)
   AND (g.sid, g.is_offline, g.client_key, g.family) > ($6, $7, $8, $9)
 ORDER BY g.sid, g.is_offline, g.client_key, g.family LIMIT $10";
const OF_REALM: &str = "SELECT g.sid, g.is_offline, g.client_key, g.family, g.realm_key, g.user_key, g.generation, g.predecessor_uses,
       g.session_started_at, g.started_at, g.rotated_at, g.last_used_at, g.auth_time, g.notes
  FROM client_grant g
 WHERE g.realm_key = $1 AND (g.user_key = $2 OR $2 IS NULL) AND (g.sid = $3 OR $3 IS NULL) AND (g.client_key = $4 OR $4 IS NULL)
   AND (g.is_offline = $5 OR $5 IS NULL)
   AND (g.sid, g.is_offline, g.client_key, g.family) > ($6, $7, $8, $9)
 ORDER BY g.sid, g.is_offline, g.client_key, g.family LIMIT $10";
const END_OF_USER: &str = "DELETE FROM client_grant
 WHERE realm_key = $1 AND user_key = $2 AND (sid = $3 OR $3 IS NULL) AND (client_key = $4 OR $4 IS NULL) AND (is_offline = $5 OR $5 IS NULL)
RETURNING sid, is_offline, client_key, family, realm_key, user_key, generation, predecessor_uses,
       session_started_at, started_at, rotated_at, last_used_at, auth_time, notes";
const END_OF_SESSION: &str = "DELETE FROM client_grant
 WHERE realm_key = $1 AND (user_key = $2 OR $2 IS NULL) AND sid = $3 AND (client_key = $4 OR $4 IS NULL) AND (is_offline = $5 OR $5 IS NULL)
RETURNING sid, is_offline, client_key, family, realm_key, user_key, generation, predecessor_uses,
       session_started_at, started_at, rotated_at, last_used_at, auth_time, notes";
const END_ONE: &str = "DELETE FROM client_grant WHERE sid = $1 AND is_offline = $2 AND client_key = $3 AND family = $4
RETURNING sid, is_offline, client_key, family, realm_key, user_key, generation, predecessor_uses,
       session_started_at, started_at, rotated_at, last_used_at, auth_time, notes";
const COUNT: &str = "SELECT client_key, is_offline, count(*) FROM client_grant WHERE realm_key = $1 GROUP BY client_key, is_offline ORDER BY client_key, is_offline";

pub(crate) const STATEMENTS: &[&str] = &[OF_USER, OF_SESSION, OF_REALM, END_OF_USER, END_OF_SESSION, END_ONE, COUNT];

impl Store {
    /// One page of grants, in the order of their sessions' beginnings.
    pub async fn grants(&self, filter: &GrantFilter, page: &Page<GrantId>) -> Result<Vec<Grant>, StoreError> {
        let sql = match (filter.sid, filter.user) {
            (Some(_), _) => OF_SESSION,
            (None, Some(_)) => OF_USER,
            (None, None) => OF_REALM,
        };
        let mut values = filter_values(filter);
        values.extend(id_values(&page.after.unwrap_or(BEFORE_ALL)));
        values.push(page.limit());
        let rows = self.db.read_long(sql, values).await?;
        rows.iter().map(grant_from).collect()
    }

    /// How many grants each client of a realm has of each kind. Looks at every grant in the database.
    pub async fn count_grants(&self, realm: RealmKey) -> Result<Vec<(ClientKey, SessionKind, i64)>, StoreError> {
        let rows = self.db.read_long(COUNT, vec![Value::Int(realm.0)]).await?;
        let read = |row: &crate::db::Row| {
            let kind = if row.bool(1)? { SessionKind::Offline } else { SessionKind::Online };
            Ok((ClientKey(row.array(0)?), kind, row.int(2)?))
        };
        rows.iter().map(read).collect()
    }

    /// Ends all grants that the filter names, and answers them. Those of one user or one session end in one transaction with the event; those of a client
    /// or a realm a page at a time, the event with the first, so that refreshes are never held up (T-052).
    pub async fn end_grants(&self, filter: &GrantFilter, record: &AuditRecord) -> Result<Vec<Grant>, StoreError> {
        let sql = match (filter.sid, filter.user) {
            (Some(_), _) => END_OF_SESSION,
            (None, Some(_)) => END_OF_USER,
            (None, None) => return self.end_grants_by_page(filter, record).await,
        };
        let mut transaction = Transaction::new();
        for statement in twice(sql, filter_values(filter)) {
            transaction.push(statement.sql, statement.params, statement.expect);
        }
        let event = self.event_statement(record)?;
        match self.db.write(transaction.then(event.sql, event.params, event.expect)).await? {
            Outcome::Committed(results) => results.iter().flat_map(|ended| &ended.rows).map(grant_from).collect(),
            Outcome::GuardFailed { .. } => Err(StoreError::inconsistent("ending grants has no guard")),
        }
    }

    async fn end_grants_by_page(&self, filter: &GrantFilter, record: &AuditRecord) -> Result<Vec<Grant>, StoreError> {
        let event = self.event_statement(record)?;
        let mut transaction = Transaction::new().then(event.sql, event.params, event.expect);
        let mut ended = Vec::new();
        let mut page = Page::first(PAGE_ROWS_MAX);
        loop {
            let found = self.grants(filter, &page).await?;
            for grant in &found {
                transaction.push(END_ONE, id_values(&grant.id), Expect::Any);
            }
            match self.db.write(std::mem::take(&mut transaction)).await? {
                Outcome::Committed(results) => {
                    for row in results.iter().flat_map(|result| &result.rows) {
                        ended.push(grant_from(row)?);
                    }
                }
                Outcome::GuardFailed { .. } => return Err(StoreError::inconsistent("ending grants has no guard")),
            }
            match found.last() {
                Some(last) if found.len() == PAGE_ROWS_MAX => page.after = Some(last.id),
                _ => return Ok(ended),
            }
        }
    }
}

/// No grant has this key: the time in its session id is before there were any.
pub(crate) const BEFORE_ALL: GrantId =
    GrantId { sid: SessionId([0; 16]), kind: SessionKind::Online, client: ClientKey([0; 16]), family: Family(i64::MIN) };

fn filter_values(filter: &GrantFilter) -> Vec<Value> {
    vec![
        Value::Int(filter.realm.0),
        filter.user.map(|user| user.0).into(),
        filter.sid.map(|sid| sid.0).into(),
        filter.client.map(|client| client.0).into(),
        filter.kind.map_or(Value::Null, is_offline),
    ]
}
