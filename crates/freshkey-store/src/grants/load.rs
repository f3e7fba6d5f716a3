//! What a decision reads, each in one round trip and one statement, so that all of it is of one moment.

use super::{GRANT_COLUMNS, grant_from, is_offline};
use crate::columns::short_hash;
use crate::db::{Row, StoreError, Value};
use crate::store::Store;
use crate::users::user_from;
use freshkey_core::grant::{RefreshContext, SessionKind};
use freshkey_core::ids::{RealmKey, SessionId, UserKey};
use freshkey_core::token_status::AccessTokenContext;

/// The user's columns come with each grant of the session; nearly every session has one.
const REFRESH_CONTEXT: &str =
    "SELECT g.sid, g.is_offline, g.client_key, g.family, g.realm_key, g.user_key, g.generation, g.predecessor_uses,
       g.session_started_at, g.started_at, g.rotated_at, g.last_used_at, g.auth_time, g.notes,
       u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys
  FROM client_grant g
  LEFT JOIN user_account u ON u.realm_key = g.realm_key AND u.user_key = g.user_key
 WHERE g.sid = $1 AND g.is_offline = $2 AND g.realm_key = $3";

/// One row even where there is no grant, since the token may be revoked, or belong to no session.
const ACCESS_TOKEN_CONTEXT: &str =
    "SELECT g.sid, g.is_offline, g.client_key, g.family, g.realm_key, g.user_key, g.generation, g.predecessor_uses,
       g.session_started_at, g.started_at, g.rotated_at, g.last_used_at, g.auth_time, g.notes,
       u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys,
       EXISTS (SELECT 1 FROM revoked_access_token r WHERE r.realm_key = $1 AND r.jti_hash = $4)
  FROM (SELECT 1 AS one) AS always
  LEFT JOIN client_grant g ON g.realm_key = $1 AND g.sid = $2
  LEFT JOIN user_account u ON u.realm_key = $1 AND u.user_key = COALESCE(g.user_key, $3)";

pub(crate) const STATEMENTS: &[&str] = &[REFRESH_CONTEXT, ACCESS_TOKEN_CONTEXT];

const REVOKED_COLUMN: usize = GRANT_COLUMNS + 15;

impl Store {
    /// Everything that the decision about a refresh reads. Grants of another realm are not there (T-046).
    pub async fn refresh_context(&self, realm: RealmKey, sid: SessionId, kind: SessionKind) -> Result<RefreshContext, StoreError> {
        let params = [Value::from(sid.0), is_offline(kind), Value::Int(realm.0)];
        let mut rows = self.db.read(REFRESH_CONTEXT, &params).await?;
        let user = match rows.first_mut() {
            Some(row) => user_from(row, GRANT_COLUMNS)?,
            None => None,
        };
        let grants = rows.iter().map(grant_from).collect::<Result<_, _>>()?;
        Ok(RefreshContext { grants, user })
    }

    /// What is known of an access token: of its `jti`, of the grants of its `sid`, and of the user of these grants, or else of `user`.
    pub async fn access_token_context(
        &self,
        realm: RealmKey,
        sid: Option<SessionId>,
        user: Option<UserKey>,
        jti: &str,
    ) -> Result<AccessTokenContext, StoreError> {
        let params = [Value::Int(realm.0), sid.map(|sid| sid.0).into(), user.map(|user| user.0).into(), short_hash(jti)];
        let mut rows = self.db.read(ACCESS_TOKEN_CONTEXT, &params).await?;
        let (revoked, user) = match rows.first_mut() {
            Some(row) => (row.bool(REVOKED_COLUMN)?, user_from(row, GRANT_COLUMNS)?),
            None => return Err(StoreError::inconsistent("the context of an access token is missing")),
        };
        let has_grant = |row: &&Row| row.value(0).is_ok_and(|sid| *sid != Value::Null);
        let grants = rows.iter().filter(has_grant).map(grant_from).collect::<Result<_, _>>()?;
        Ok(AccessTokenContext { revoked, grants, user })
    }
}
