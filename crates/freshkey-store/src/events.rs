//! The audit log: append-only, in order of time. Who writes an event waits for it only where losing it in a crash would hide something.

use crate::columns::{json_or_default, json_unless};
use crate::db::{Append, Expect, Guarded, Row, StoreError, Transaction, Value};
use crate::page::Page;
use crate::store::Store;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::{RealmKey, SessionId};
use freshkey_core::time::EpochMillis;

/// An event with what only the server knows of it.
#[derive(Debug, Clone)]
pub struct AuditRecord {
    /// What the rules say.
    pub event: Event,
    /// The stable name of the refusal, if it was one.
    pub reason: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Finds the request in the log.
    pub correlation_id: String,
}

/// An event as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its key.
    pub key: EventKey,
    /// Where.
    pub realm: RealmKey,
    /// What: [`EventKind::as_str`], or the name that another release gave it.
    pub kind: String,
    /// The OAuth `client_id`, as presented when it could not be verified.
    pub client_id: Option<String>,
    /// Public id of the user.
    pub user_id: Option<String>,
    /// The session.
    pub sid: Option<SessionId>,
    /// The stable name of the refusal; `None` when it was not refused.
    pub reason: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Finds the request in the log.
    pub correlation_id: String,
    /// Further facts.
    pub details: Vec<(String, String)>,
}

/// What names an event, in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey {
    /// When.
    pub at_ms: EpochMillis,
    /// Tells events of one millisecond apart.
    pub nonce: i64,
}

/// Which events of a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// The realm.
    pub realm: RealmKey,
    /// Not before this.
    pub from_ms: EpochMillis,
    /// Before this.
    pub to_ms: EpochMillis,
    /// Of this kind only.
    pub kind: Option<EventKind>,
    /// Of this OAuth `client_id` only.
    pub client_id: Option<String>,
    /// Of the user with this public id only.
    pub user_id: Option<String>,
    /// Of this session only.
    pub sid: Option<SessionId>,
}

impl EventFilter {
    /// All events of a realm.
    pub fn realm(realm: RealmKey) -> Self {
        Self { realm, from_ms: i64::MIN, to_ms: i64::MAX, kind: None, client_id: None, user_id: None, sid: None }
    }
}

static EVENT: Append = Append {
    sqlite: ADD,
    postgres: "INSERT INTO event (at_ms, nonce, realm_key, kind, client_id, user_id, sid, reason, address, correlation_id, details)
SELECT * FROM UNNEST($1::BIGINT[], $2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::BYTEA[], $8::TEXT[], $9::TEXT[], $10::TEXT[], $11::TEXT[])
ON CONFLICT (at_ms, nonce) DO NOTHING",
};

const ADD: &str = "INSERT INTO event (at_ms, nonce, realm_key, kind, client_id, user_id, sid, reason, address, correlation_id, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (at_ms, nonce) DO NOTHING";
/// Time is the only index: an index more would cost every refresh, and who reads the log knows about when.
const LIST: &str = "SELECT at_ms, nonce, realm_key, kind, client_id, user_id, sid, reason, address, correlation_id, details
  FROM event
 WHERE (at_ms, nonce) < ($1, $2) AND at_ms >= $3 AND at_ms < $4 AND realm_key = $5
   AND (kind = $6 OR $6 IS NULL) AND (client_id = $7 OR $7 IS NULL) AND (user_id = $8 OR $8 IS NULL) AND (sid = $9 OR $9 IS NULL)
 ORDER BY at_ms DESC, nonce DESC LIMIT $10";

pub(crate) const STATEMENTS: &[&str] = &[ADD, LIST];
pub(crate) const APPEND: &[&Append] = &[&EVENT];

impl Store {
    /// One page of events, newest first.
    pub async fn events(&self, filter: &EventFilter, page: &Page<EventKey>) -> Result<Vec<StoredEvent>, StoreError> {
        let before = page.after.unwrap_or(EventKey { at_ms: i64::MAX, nonce: i64::MAX });
        let params = vec![
            Value::Int(before.at_ms),
            Value::Int(before.nonce),
            Value::Int(filter.from_ms),
            Value::Int(filter.to_ms),
            Value::Int(filter.realm.0),
            filter.kind.map_or(Value::Null, |kind| Value::from_static(kind.as_str())),
            filter.client_id.clone().into(),
            filter.user_id.clone().into(),
            filter.sid.map(|sid| sid.0).into(),
            page.limit(),
        ];
        let rows = self.db.read_long(LIST, params).await?;
        rows.into_iter().map(event_from).collect()
    }

    /// Leaves an event to be written within a moment, or waits for it where too many are left already.
    pub(crate) async fn append_event(&self, record: &AuditRecord) -> Result<(), StoreError> {
        let values = self.event_values(record)?;
        match self.db.append(&EVENT, values) {
            Ok(()) => Ok(()),
            Err(refused) => self.write_event(refused.params).await,
        }
    }

    /// The statement that writes an event in the transaction of its changes.
    pub(crate) fn event_statement(&self, record: &AuditRecord) -> Result<Guarded, StoreError> {
        Ok(Guarded { sql: ADD, params: self.event_values(record)?, expect: Expect::Any })
    }

    async fn write_event(&self, values: Vec<Value>) -> Result<(), StoreError> {
        self.db.write(Transaction::new().then(ADD, values, Expect::Any)).await.map(drop)
    }

    fn event_values(&self, record: &AuditRecord) -> Result<Vec<Value>, StoreError> {
        let AuditRecord { event, reason, address, correlation_id } = record;
        let texts = [&event.client_id, &event.user_id, reason, address];
        let [client_id, user_id, reason, address] = texts.map(|text| text.as_deref().map(without_nul).into());
        Ok(vec![
            Value::Int(event.at_ms),
            Value::Int(self.event_nonce()),
            Value::Int(event.realm.0),
            Value::from_static(event.kind.as_str()),
            client_id,
            user_id,
            event.sid.map(|sid| sid.0).into(),
            reason,
            address,
            Value::from(without_nul(correlation_id)),
            json_unless(&event.details, event.details.is_empty())?,
        ])
    }
}

/// No column of PostgreSQL holds NUL, and an event must not get lost over one that a caller sent.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn event_from(mut row: Row) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        key: EventKey { at_ms: row.int(0)?, nonce: row.int(1)? },
        realm: RealmKey(row.int(2)?),
        kind: row.take_text(3)?,
        client_id: row.take_optional_text(4)?,
        user_id: row.take_optional_text(5)?,
        sid: row.optional_array(6)?.map(SessionId),
        reason: row.take_optional_text(7)?,
        address: row.take_optional_text(8)?,
        correlation_id: row.take_text(9)?,
        details: json_or_default(&row, 10)?,
    })
}
