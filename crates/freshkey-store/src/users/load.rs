//! One user: as tokens see it, or with everything that is stored.

use super::{USER_COLUMNS, credential_place, user_from};
use crate::columns::{json, json_or_default};
use crate::db::{StoreError, Value};
use crate::store::Store;
use freshkey_core::documents::{CredentialRecord, UserRecord};
use freshkey_core::ids::{ClientKey, RealmKey, UserKey};
use freshkey_core::one_time_codes::with_counter;
use freshkey_core::user::User;

/// A user with all that is stored, and the version that a change of it must name.
#[derive(Debug, Clone)]
pub struct VersionedUser {
    /// Everything.
    pub record: UserRecord,
    /// Raised by every change of the record.
    pub version: i64,
}

const BY_KEY: &str =
    "SELECT u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys
  FROM user_account u WHERE u.realm_key = $1 AND u.user_key = $2";
const BY_NAME: &str =
    "SELECT u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys
  FROM user_account u WHERE u.realm_key = $1 AND u.username = $2";
const OF_CLIENT: &str =
    "SELECT u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys
  FROM user_account u WHERE u.realm_key = $1 AND u.service_account_of = $2 ORDER BY u.username LIMIT 1";
/// A row for each credential, one without for a user who has none: all of one moment.
const RECORD: &str =
    "SELECT u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys,
       u.other, u.version, c.id, c.kind, c.document, c.secret, x.next_count
  FROM user_account u
  LEFT JOIN credential c ON c.realm_key = u.realm_key AND c.user_key = u.user_key
  LEFT JOIN one_time_code_use x ON x.realm_key = c.realm_key AND x.user_key = c.user_key AND x.credential_id = c.id
 WHERE u.realm_key = $1 AND u.user_key = $2
 ORDER BY c.position, c.id";

pub(crate) const STATEMENTS: &[&str] = &[BY_KEY, BY_NAME, OF_CLIENT, RECORD];

impl Store {
    /// The user with this key.
    pub async fn user(&self, realm: RealmKey, key: UserKey) -> Result<Option<User>, StoreError> {
        self.one_user(BY_KEY, [Value::Int(realm.0), Value::from(key.0)]).await
    }

    /// The user with this name, in any case.
    pub async fn user_by_name(&self, realm: RealmKey, username: &str) -> Result<Option<User>, StoreError> {
        if username.contains('\0') {
            return Ok(None);
        }
        self.one_user(BY_NAME, [Value::Int(realm.0), Value::from(username.to_lowercase())]).await
    }

    /// The service account of a client.
    pub async fn service_account(&self, realm: RealmKey, client: ClientKey) -> Result<Option<User>, StoreError> {
        self.one_user(OF_CLIENT, [Value::Int(realm.0), Value::from(client.0)]).await
    }

    /// The user with everything that is stored, secrets included: for export and for changing it.
    pub async fn user_record(&self, realm: RealmKey, key: UserKey) -> Result<Option<VersionedUser>, StoreError> {
        let mut rows = self.db.read(RECORD, &[Value::Int(realm.0), Value::from(key.0)]).await?;
        let mut credentials = Vec::new();
        for row in &rows {
            let Some(id) = row.optional_text(USER_COLUMNS + 2)? else { continue };
            let place = credential_place(realm, &key.0, id);
            let document = json(row, USER_COLUMNS + 4)?;
            credentials.push(CredentialRecord {
                id: id.to_owned(),
                kind: row.text(USER_COLUMNS + 3)?.to_owned(),
                document: match row.optional_int(USER_COLUMNS + 6)? {
                    None => document,
                    Some(used) => with_counter(document, used),
                },
                secret: self.sealing_key.open(&place.as_place(), row.bytes(USER_COLUMNS + 5)?)?,
            });
        }
        let Some(row) = rows.first_mut() else { return Ok(None) };
        let Some(user) = user_from(row, 0)? else { return Ok(None) };
        let other = json_or_default(row, USER_COLUMNS)?;
        Ok(Some(VersionedUser { record: UserRecord { user, credentials, other }, version: row.int(USER_COLUMNS + 1)? }))
    }

    async fn one_user(&self, sql: &'static str, params: [Value; 2]) -> Result<Option<User>, StoreError> {
        match self.db.read_one(sql, &params).await? {
            Some(mut row) => user_from(&mut row, 0),
            None => Ok(None),
        }
    }
}
