//! Lists of users, in the order of their names. A search is a parameter of a fixed statement, never part of one (T-043).

use super::user_from;
use crate::db::{Row, StoreError, Value};
use crate::page::Page;
use crate::store::Store;
use freshkey_core::ids::{GroupKey, RealmKey, RoleKey, UserKey};
use freshkey_core::user::User;

/// Which users of a realm. Everything that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// In the name, the address, the given name or the family name.
    pub search: Option<TextMatch>,
    /// In the name.
    pub username: Option<TextMatch>,
    /// In the address.
    pub email: Option<TextMatch>,
    /// In the given name.
    pub first_name: Option<TextMatch>,
    /// In the family name.
    pub last_name: Option<TextMatch>,
    /// Enabled ones, or disabled ones.
    pub enabled: Option<bool>,
    /// Whether service accounts are among them.
    pub service_accounts: ServiceAccounts,
}

/// Whether service accounts are listed among the users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServiceAccounts {
    /// They aren't.
    #[default]
    Left,
    /// They are.
    Listed,
}

/// A text to look for, in any case (beyond ASCII only on PostgreSQL).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextMatch {
    /// The whole text.
    Is(String),
    /// Its beginning.
    Begins(String),
    /// Any part of it.
    Contains(String),
}

/// Longer texts are in no name.
const SEARCH_CHARACTERS_MAX: usize = 255;

const LIST: &str = "SELECT u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys
  FROM user_account u
 WHERE u.realm_key = $1 AND u.username > $2
   AND (u.username LIKE $3 ESCAPE '\\' OR u.email LIKE $3 ESCAPE '\\' OR lower(u.first_name) LIKE $3 ESCAPE '\\' OR lower(u.last_name) LIKE $3 ESCAPE '\\'
        OR $3 IS NULL)
   AND (u.username LIKE $4 ESCAPE '\\' OR $4 IS NULL)
   AND (u.email LIKE $5 ESCAPE '\\' OR $5 IS NULL)
   AND (lower(u.first_name) LIKE $6 ESCAPE '\\' OR $6 IS NULL)
   AND (lower(u.last_name) LIKE $7 ESCAPE '\\' OR $7 IS NULL)
   AND (u.enabled = $8 OR $8 IS NULL)
   AND (u.service_account_of IS NULL OR $9)
 ORDER BY u.username LIMIT $10";
const COUNT: &str = "SELECT count(*) FROM user_account u
 WHERE u.realm_key = $1
   AND (u.username LIKE $2 ESCAPE '\\' OR u.email LIKE $2 ESCAPE '\\' OR lower(u.first_name) LIKE $2 ESCAPE '\\' OR lower(u.last_name) LIKE $2 ESCAPE '\\'
        OR $2 IS NULL)
   AND (u.username LIKE $3 ESCAPE '\\' OR $3 IS NULL)
   AND (u.email LIKE $4 ESCAPE '\\' OR $4 IS NULL)
   AND (lower(u.first_name) LIKE $5 ESCAPE '\\' OR $5 IS NULL)
   AND (lower(u.last_name) LIKE $6 ESCAPE '\\' OR $6 IS NULL)
   AND (u.enabled = $7 OR $7 IS NULL)
   AND (u.service_account_of IS NULL OR $8)";
const MEMBERS_OF_ROLE: &str =
    "SELECT u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys
  FROM user_role m JOIN user_account u ON u.realm_key = m.realm_key AND u.user_key = m.user_key
 WHERE m.realm_key = $1 AND m.role_key = $2 AND m.user_key > $3
 ORDER BY m.user_key LIMIT $4";
const MEMBERS_OF_GROUP: &str =
    "SELECT u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys
  FROM user_group m JOIN user_account u ON u.realm_key = m.realm_key AND u.user_key = m.user_key
 WHERE m.realm_key = $1 AND m.group_key = $2 AND m.user_key > $3
 ORDER BY m.user_key LIMIT $4";

pub(crate) const STATEMENTS: &[&str] = &[LIST, COUNT, MEMBERS_OF_ROLE, MEMBERS_OF_GROUP];

impl Store {
    /// One page of users; the key of a page is a user name.
    pub async fn list_users(&self, realm: RealmKey, filter: &UserFilter, page: &Page<String>) -> Result<Vec<User>, StoreError> {
        let Some(patterns) = filter.values() else { return Ok(Vec::new()) };
        let mut values = vec![Value::Int(realm.0), after(page)];
        values.extend(patterns);
        values.push(page.limit());
        users_from(self.db.read_long(LIST, values).await?)
    }

    /// How many users there are of this kind.
    pub async fn count_users(&self, realm: RealmKey, filter: &UserFilter) -> Result<i64, StoreError> {
        let Some(patterns) = filter.values() else { return Ok(0) };
        let mut values = vec![Value::Int(realm.0)];
        values.extend(patterns);
        match self.db.read_long(COUNT, values).await?.first() {
            Some(row) => row.int(0),
            None => Err(StoreError::inconsistent("a count is missing")),
        }
    }

    /// One page of the users who have a role directly, in the order of their keys: an index has them so, however large the realm.
    pub async fn members_of_role(&self, realm: RealmKey, role: RoleKey, page: &Page<UserKey>) -> Result<Vec<User>, StoreError> {
        self.members(MEMBERS_OF_ROLE, realm, role.0, page).await
    }

    /// One page of the direct members of a group, in the order of their keys.
    pub async fn members_of_group(&self, realm: RealmKey, group: GroupKey, page: &Page<UserKey>) -> Result<Vec<User>, StoreError> {
        self.members(MEMBERS_OF_GROUP, realm, group.0, page).await
    }

    async fn members(&self, sql: &'static str, realm: RealmKey, key: [u8; 16], page: &Page<UserKey>) -> Result<Vec<User>, StoreError> {
        // The empty key is before every other.
        let after = page.after.as_ref().map_or(Value::from(&[][..]), |key| Value::from(key.0));
        users_from(self.db.read_long(sql, vec![Value::Int(realm.0), Value::from(key), after, page.limit()]).await?)
    }
}

impl UserFilter {
    /// The parameters of the filter; `None` when nothing can fit.
    fn values(&self) -> Option<Vec<Value>> {
        let mut values = Vec::with_capacity(7);
        for text in [&self.search, &self.username, &self.email, &self.first_name, &self.last_name] {
            values.push(match text {
                None => Value::Null,
                Some(text) => Value::from(text.pattern()?),
            });
        }
        values.extend([Value::from(self.enabled), Value::Bool(self.service_accounts == ServiceAccounts::Listed)]);
        Some(values)
    }
}

impl TextMatch {
    fn pattern(&self) -> Option<String> {
        let (before, text, after) = match self {
            TextMatch::Is(text) => ("", text, ""),
            TextMatch::Begins(text) => ("", text, "%"),
            TextMatch::Contains(text) => ("%", text, "%"),
        };
        if text.contains('\0') || text.chars().count() > SEARCH_CHARACTERS_MAX {
            return None;
        }
        let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        Some(format!("{before}{escaped}{after}"))
    }
}

/// No user has the empty name, so the first page begins after it.
fn after(page: &Page<String>) -> Value {
    Value::from(page.after.as_deref().unwrap_or_default().replace('\0', ""))
}

fn users_from(rows: Vec<Row>) -> Result<Vec<User>, StoreError> {
    let mut users = Vec::with_capacity(rows.len());
    for mut row in rows {
        users.extend(user_from(&mut row, 0)?);
    }
    Ok(users)
}
