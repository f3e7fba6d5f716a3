//! Configuration: realms and what they consist of, as documents. Every change raises the version of its realm and the one that all nodes poll, in its own
//! transaction (T-010). Secrets are sealed; what is inside a document is not known here.

use crate::columns::{json, json_value, keys_text};
use crate::db::{Expect, Outcome, Row, StoreError, Transaction, Value};
use crate::events::AuditRecord;
use crate::sealing::Place;
use crate::store::Store;
use freshkey_core::Now;
use freshkey_core::documents::{ConfigItem, ItemKind, RealmDocuments};
use freshkey_core::ids::{ClientKey, RealmKey};
use freshkey_protocol::Secret;

/// A realm in the list of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmEntry {
    /// The key that rows refer to.
    pub key: RealmKey,
    /// The name in every URL.
    pub name: String,
    /// Raised by every change.
    pub version: i64,
}

/// A realm to be made.
#[derive(Debug)]
pub struct NewRealm {
    /// The name in every URL.
    pub name: String,
    /// The realm's own fields.
    pub document: serde_json::Value,
    /// Everything that the realm consists of.
    pub items: Vec<ConfigItem>,
}

/// What is to become of a realm. What is not named stays.
#[derive(Debug, Default)]
pub struct RealmChange {
    /// A new name.
    pub name: Option<String>,
    /// The realm's own fields, replaced whole.
    pub document: Option<serde_json::Value>,
    /// Items to make or replace, secrets included: without them, those that there were are gone.
    pub put: Vec<ConfigItem>,
    /// Items to delete, by kind and public id. With a role or group its memberships go; grants of a client go with the next sweep.
    pub remove: Vec<(ItemKind, String)>,
}

/// What became of a realm to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RealmCreated {
    /// It is there, with this key.
    Yes(RealmKey),
    /// Another realm has this name.
    NameTaken,
}

/// What became of a change to a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RealmChanged {
    /// It is durable.
    Yes,
    /// The realm is gone, or has another version than was read. Nothing was changed.
    Raced,
    /// The name of the realm or of an item belongs to another one. Nothing was changed.
    NameTaken,
}

/// How often the key of a new realm may be lost to somebody else who makes one.
const KEY_ATTEMPTS_MAX: usize = 16;

/// The clock of the database's machine. SQLite runs on ours.
const DATABASE_CLOCK: &str = "SELECT /*sqlite:CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)*/ /*postgres:(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT*/";
const VERSION: &str = "SELECT version FROM config_state WHERE singleton = 1";
const NEXT_REALM_KEY: &str = "SELECT next_realm_key FROM config_state WHERE singleton = 1";
const TAKE_REALM_KEY: &str =
    "UPDATE config_state SET next_realm_key = next_realm_key + 1, version = version + 1 WHERE singleton = 1 AND next_realm_key = $1";
const RAISE_VERSION: &str = "UPDATE config_state SET version = version + 1 WHERE singleton = 1";
const LIST: &str = "SELECT realm_key, name, version FROM realm ORDER BY name";
/// The realm's own row first, then its items: one statement, so all of one moment.
const LOAD: &str = "SELECT r.realm_key AS realm_key, r.version AS version, '' AS kind, '' AS id, r.name AS name, r.document AS document, CAST(NULL AS BYTEA) AS secrets
  FROM realm r WHERE r.name = $1
UNION ALL
SELECT r.realm_key, r.version, i.kind, i.id, i.name, i.document, i.secrets
  FROM realm r JOIN config_item i ON i.realm_key = r.realm_key WHERE r.name = $1
ORDER BY kind, name";
const ADD: &str = "INSERT INTO realm (realm_key, name, version, document) VALUES ($1, $2, 1, $3) ON CONFLICT (name) DO NOTHING";
const CHANGE: &str = "UPDATE realm SET version = version + 1, name = COALESCE($3, name), document = COALESCE($4, document) WHERE realm_key = $1 AND version = $2";
const PUT_ITEM: &str = "INSERT INTO config_item (realm_key, kind, item_key, id, name, document, secrets) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (realm_key, kind, item_key) DO UPDATE SET id = excluded.id, name = excluded.name, document = excluded.document, secrets = excluded.secrets";
const REMOVE_ITEM: &str = "DELETE FROM config_item WHERE realm_key = $1 AND kind = $2 AND item_key = $3";
const REMOVE_ITEMS: &str = "DELETE FROM config_item WHERE realm_key = $1";
/// `$3` is the key as it stands in the column. It is taken out of the text as it is then, so that a membership that is changed meanwhile is not lost.
const FORGET_ROLE_OF_USERS: &str = "UPDATE user_account
   SET role_keys = NULLIF(replace(role_keys, $3, ''), '')
 WHERE realm_key = $1 AND user_key IN (SELECT r.user_key FROM user_role r WHERE r.realm_key = $1 AND r.role_key = $2)";
const FORGET_GROUP_OF_USERS: &str = "UPDATE user_account
   SET group_keys = NULLIF(replace(group_keys, $3, ''), '')
 WHERE realm_key = $1 AND user_key IN (SELECT m.user_key FROM user_group m WHERE m.realm_key = $1 AND m.group_key = $2)";
const FORGET_ROLE: &str = "DELETE FROM user_role WHERE realm_key = $1 AND role_key = $2";
const FORGET_GROUP: &str = "DELETE FROM user_group WHERE realm_key = $1 AND group_key = $2";
const DELETE: &str = "DELETE FROM realm WHERE realm_key = $1 AND version = $2";
const MARK_DELETED: &str = "INSERT INTO deleted_realm (realm_key) VALUES ($1)";

pub(crate) const STATEMENTS: &[&str] = &[
    DATABASE_CLOCK,
    VERSION,
    NEXT_REALM_KEY,
    TAKE_REALM_KEY,
    RAISE_VERSION,
    LIST,
    LOAD,
    ADD,
    CHANGE,
    PUT_ITEM,
    REMOVE_ITEM,
    REMOVE_ITEMS,
    FORGET_ROLE_OF_USERS,
    FORGET_GROUP_OF_USERS,
    FORGET_ROLE,
    FORGET_GROUP,
    DELETE,
    MARK_DELETED,
];

impl Store {
    /// What the database takes for now, in milliseconds: one clock that all nodes can compare theirs with (T-092).
    pub async fn database_now(&self) -> Result<Now, StoreError> {
        let rows = self.db.read(DATABASE_CLOCK, &[]).await?;
        let row = rows.first().ok_or_else(|| StoreError::inconsistent("the database has no clock"))?;
        Ok(Now::from_milliseconds(row.int(0)?))
    }

    /// Raised by every change of any realm's configuration: what nodes poll.
    pub async fn config_version(&self) -> Result<i64, StoreError> {
        match self.db.read_one(VERSION, &[]).await? {
            Some(row) => row.int(0),
            None => Err(StoreError::inconsistent("the version of the configuration is missing")),
        }
    }

    /// All realms by name.
    pub async fn realm_list(&self) -> Result<Vec<RealmEntry>, StoreError> {
        let rows = self.db.read(LIST, &[]).await?;
        let entry = |mut row: Row| Ok(RealmEntry { key: RealmKey(row.int(0)?), name: row.take_text(1)?, version: row.int(2)? });
        rows.into_iter().map(entry).collect()
    }

    /// The whole configuration of a realm, secrets opened. `None` when there is none of this name.
    pub async fn load_realm(&self, name: &str) -> Result<Option<RealmDocuments>, StoreError> {
        if name.contains('\0') {
            return Ok(None);
        }
        let mut rows = self.db.read_long(LOAD, vec![Value::from(name)]).await?.into_iter();
        let Some(mut first) = rows.next() else { return Ok(None) };
        let key = RealmKey(first.int(0)?);
        let items = rows.map(|row| self.item_from(key, row)).collect::<Result<_, _>>()?;
        Ok(Some(RealmDocuments { key, version: first.int(1)?, document: json(&first, 5)?, name: first.take_text(4)?, items }))
    }

    /// Makes a realm. Its key was never another realm's, deleted ones included. The event is filed under the new realm.
    pub async fn create_realm(&self, new: &NewRealm, audit: &AuditRecord) -> Result<RealmCreated, StoreError> {
        for _ in 0..KEY_ATTEMPTS_MAX {
            let Some(row) = self.db.read_one(NEXT_REALM_KEY, &[]).await? else { break };
            let key = RealmKey(row.int(0)?);
            let mut audit = audit.clone();
            audit.event.realm = key;
            let mut transaction = Transaction::new().then(TAKE_REALM_KEY, vec![Value::Int(key.0)], Expect::Rows(1)).then(
                ADD,
                vec![Value::Int(key.0), Value::from(new.name.as_str()), json_value(&new.document)?],
                Expect::Rows(1),
            );
            for item in &new.items {
                transaction.push(PUT_ITEM, self.item_values(key, item)?, Expect::Any);
            }
            let event = self.event_statement(&audit)?;
            transaction.push(event.sql, event.params, event.expect);
            match self.db.write(transaction).await? {
                Outcome::Committed(_) => return Ok(RealmCreated::Yes(key)),
                Outcome::GuardFailed { index: 0 } => {}
                Outcome::GuardFailed { .. } => return Ok(RealmCreated::NameTaken),
            }
        }
        Err(StoreError::inconsistent("no key could be had for a new realm"))
    }

    /// Changes a realm whose version is still `expected_version`.
    pub async fn change_realm(
        &self,
        key: RealmKey,
        expected_version: i64,
        change: &RealmChange,
        audit: &AuditRecord,
    ) -> Result<RealmChanged, StoreError> {
        let document = change.document.as_ref().map(json_value).transpose()?;
        let values = vec![Value::Int(key.0), Value::Int(expected_version), change.name.as_deref().into(), document.unwrap_or(Value::Null)];
        let mut transaction = Transaction::new().then(CHANGE, values, Expect::Rows(1));
        // Removed first, so that a name that becomes free can be given to another item.
        for (kind, id) in &change.remove {
            remove_item(&mut transaction, key, *kind, id);
        }
        for item in &change.put {
            transaction.push(PUT_ITEM, self.item_values(key, item)?, Expect::Any);
        }
        let event = self.event_statement(audit)?;
        let transaction = transaction.then(RAISE_VERSION, Vec::new(), Expect::Rows(1)).then(event.sql, event.params, event.expect);
        match self.db.write(transaction).await {
            Ok(Outcome::Committed(_)) => Ok(RealmChanged::Yes),
            Ok(Outcome::GuardFailed { .. }) => Ok(RealmChanged::Raced),
            Err(StoreError::Constraint(_)) => Ok(RealmChanged::NameTaken),
            Err(error) => Err(error),
        }
    }

    /// Deletes a realm whose version is still `expected_version`. Nothing of it can be used from then on; its users and grants are swept later, its
    /// events stay until they expire.
    pub async fn delete_realm(&self, key: RealmKey, expected_version: i64, audit: &AuditRecord) -> Result<RealmChanged, StoreError> {
        let event = self.event_statement(audit)?;
        let transaction = Transaction::new()
            .then(DELETE, vec![Value::Int(key.0), Value::Int(expected_version)], Expect::Rows(1))
            .then(REMOVE_ITEMS, vec![Value::Int(key.0)], Expect::Any)
            .then(MARK_DELETED, vec![Value::Int(key.0)], Expect::Rows(1))
            .then(RAISE_VERSION, Vec::new(), Expect::Rows(1))
            .then(event.sql, event.params, event.expect);
        Ok(match self.db.write(transaction).await? {
            Outcome::Committed(_) => RealmChanged::Yes,
            Outcome::GuardFailed { .. } => RealmChanged::Raced,
        })
    }

    fn item_values(&self, realm: RealmKey, item: &ConfigItem) -> Result<Vec<Value>, StoreError> {
        let sealed = match &item.secrets {
            None => None,
            Some(secrets) => {
                Some(self.sealing_key.seal(&place(realm, &[item.kind.as_str().as_bytes(), item.id.as_bytes()]), secrets.expose())?)
            }
        };
        Ok(vec![
            Value::Int(realm.0),
            Value::from_static(item.kind.as_str()),
            Value::from(item_key(&item.id)),
            Value::from(item.id.as_str()),
            Value::from(item.name.as_str()),
            json_value(&item.document)?,
            sealed.into(),
        ])
    }

    fn item_from(&self, realm: RealmKey, mut row: Row) -> Result<ConfigItem, StoreError> {
        let kind = ItemKind::parse(row.text(2)?).ok_or_else(|| StoreError::inconsistent("a kind of configuration item is unknown"))?;
        let secrets: Option<Secret<String>> = match row.optional_bytes(6)? {
            None => None,
            Some(sealed) => Some(self.sealing_key.open(&place(realm, &[kind.as_str().as_bytes(), row.text(3)?.as_bytes()]), sealed)?),
        };
        Ok(ConfigItem { kind, document: json(&row, 5)?, id: row.take_text(3)?, name: row.take_text(4)?, secrets })
    }
}

fn place<'a>(realm: RealmKey, row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "config_item", realm, row }
}

/// The key of an item of any kind is made from its public id in the same way.
fn item_key(id: &str) -> [u8; 16] {
    ClientKey::of(id).0
}

fn remove_item(transaction: &mut Transaction, realm: RealmKey, kind: ItemKind, id: &str) {
    let (realm, key) = (Value::Int(realm.0), item_key(id));
    transaction.push(REMOVE_ITEM, vec![realm.clone(), Value::from_static(kind.as_str()), Value::from(key)], Expect::Any);
    // A role or group that is made anew with the same id must not find the members of the old one.
    let (of_users, members) = match kind {
        ItemKind::Role => (FORGET_ROLE_OF_USERS, FORGET_ROLE),
        ItemKind::Group => (FORGET_GROUP_OF_USERS, FORGET_GROUP),
        ItemKind::Client | ItemKind::ClientScope | ItemKind::Component => return,
    };
    transaction.push(of_users, vec![realm.clone(), Value::from(key), keys_text([&key].into_iter())], Expect::Any);
    transaction.push(members, vec![realm, Value::from(key)], Expect::Any);
}
