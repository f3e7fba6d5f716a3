//! Grants: what a refresh reads and writes, and what administration sees of it. The rules about them are the core's.

pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod record;
pub(crate) mod regressed;

pub use import::GrantsImported;
pub use list::GrantFilter;
pub use regressed::{RegressedGrant, RegressedRow, Stepped};

pub(crate) use record::statement_of;

use crate::columns::json_or_default;
use crate::db::{Row, StoreError, Value};
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, RealmKey, SessionId, UserKey};

/// How many columns [`grant_from`] reads.
pub(crate) const GRANT_COLUMNS: usize = 14;

/// Reads `sid, is_offline, client_key, family, realm_key, user_key, generation, predecessor_uses, session_started_at, started_at, rotated_at,
/// last_used_at, auth_time, notes`.
pub(crate) fn grant_from(row: &Row) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: grant_id_from(row)?,
        realm: RealmKey(row.int(4)?),
        user: UserKey(row.array(5)?),
        generation: row.int(6)?,
        predecessor_uses: row.int(7)?,
        session_started_at: row.int(8)?,
        started_at: row.int(9)?,
        rotated_at: row.int(10)?,
        last_used_at: row.int(11)?,
        auth_time: row.optional_int(12)?,
        notes: json_or_default(row, 13)?,
    })
}

/// Reads `sid, is_offline, client_key, family`.
pub(crate) fn grant_id_from(row: &Row) -> Result<GrantId, StoreError> {
    let kind = if row.bool(1)? { SessionKind::Offline } else { SessionKind::Online };
    Ok(GrantId { sid: SessionId(row.array(0)?), kind, client: ClientKey(row.array(2)?), family: Family(row.int(3)?) })
}

/// The parameters `$1 … $4` of every statement about one grant.
pub(crate) fn id_values(id: &GrantId) -> Vec<Value> {
    vec![Value::from(id.sid.0), is_offline(id.kind), Value::from(id.client.0), Value::Int(id.family.0)]
}

pub(crate) fn is_offline(kind: SessionKind) -> Value {
    Value::Bool(kind == SessionKind::Offline)
}
