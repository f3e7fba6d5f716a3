//! Making, changing and deleting users. Who changes a user names the version that was read; what somebody else has changed meanwhile is never overwritten.

use super::credential_place;
use super::one_time_codes::{forget_lost_devices, forget_user};
use crate::columns::{count, json_unless, json_value, keys_text};
use crate::db::{Expect, Guarded, Outcome, StoreError, Transaction, Value};
use crate::events::AuditRecord;
use crate::grants::statement_of;
use crate::store::Store;
use freshkey_core::change::Applied;
use freshkey_core::documents::{CredentialRecord, UserRecord};
use freshkey_core::ids::{GroupKey, RealmKey, RoleKey, UserKey};
use freshkey_core::user::User;

/// What became of a user to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum UserCreated {
    /// It is there.
    Yes,
    /// Another user has this name.
    NameTaken,
    /// Another user has this address.
    EmailTaken,
    /// Another user has this id.
    IdTaken,
}

/// What became of a change to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum UserChanged {
    /// It is durable.
    Yes,
    /// The user is gone, or has another version than was read. Nothing was changed.
    Raced,
    /// Another user has this name.
    NameTaken,
    /// Another user has this address.
    EmailTaken,
}

/// Roles and groups that a user gains and loses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipChange {
    /// Roles to assign; those that the user has stay.
    pub add_roles: Vec<RoleKey>,
    /// Roles to take away.
    pub remove_roles: Vec<RoleKey>,
    /// Groups to enter.
    pub add_groups: Vec<GroupKey>,
    /// Groups to leave.
    pub remove_groups: Vec<GroupKey>,
}

/// Whether two users of a realm may have one address (`duplicateEmailsAllowed`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailRule {
    /// They may not.
    Unique,
    /// They may.
    MayRepeat,
}

const ADD: &str = "INSERT INTO user_account (realm_key, user_key, id, username, email, email_holder, email_verified, first_name, last_name, enabled, not_before,
       created_at_ms, attributes, required_actions, service_account_of, other, role_keys, group_keys, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1) ON CONFLICT DO NOTHING";
const REPLACE: &str = "UPDATE user_account
   SET id = $3, username = $4, email = $5, email_holder = $6, email_verified = $7, first_name = $8, last_name = $9, enabled = $10, not_before = $11,
       created_at_ms = $12, attributes = $13, required_actions = $14, service_account_of = $15, other = $16, role_keys = $17, group_keys = $18,
       version = version + 1
 WHERE realm_key = $1 AND user_key = $2 AND version = $19";
const RAISE_VERSION: &str = "UPDATE user_account SET version = version + 1 WHERE realm_key = $1 AND user_key = $2";
const DELETE: &str = "DELETE FROM user_account WHERE realm_key = $1 AND user_key = $2";
const DELETE_ROLES: &str = "DELETE FROM user_role WHERE realm_key = $1 AND user_key = $2";
const DELETE_GROUPS: &str = "DELETE FROM user_group WHERE realm_key = $1 AND user_key = $2";
const DELETE_CREDENTIALS: &str = "DELETE FROM credential WHERE realm_key = $1 AND user_key = $2";
const DELETE_FAILURES: &str = "DELETE FROM login_failures WHERE realm_key = $1 AND user_key = $2";
const DELETE_GRANTS: &str = "DELETE FROM client_grant WHERE realm_key = $1 AND user_key = $2";
const ADD_ROLE: &str = "INSERT INTO user_role (realm_key, user_key, role_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const ADD_GROUP: &str = "INSERT INTO user_group (realm_key, user_key, group_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const REMOVE_ROLE: &str = "DELETE FROM user_role WHERE realm_key = $1 AND user_key = $2 AND role_key = $3";
const REMOVE_GROUP: &str = "DELETE FROM user_group WHERE realm_key = $1 AND user_key = $2 AND group_key = $3";
/// After a change of memberships, whose transaction has locked the row before it.
const REPEAT_MEMBERSHIPS: &str = "UPDATE user_account
   SET role_keys = (SELECT string_agg(',' || /*sqlite:lower(hex(r.role_key))*/ /*postgres:encode(r.role_key, 'hex')*/, '')
          FROM user_role r WHERE r.realm_key = $1 AND r.user_key = $2),
       group_keys = (SELECT string_agg(',' || /*sqlite:lower(hex(m.group_key))*/ /*postgres:encode(m.group_key, 'hex')*/, '')
          FROM user_group m WHERE m.realm_key = $1 AND m.user_key = $2)
 WHERE realm_key = $1 AND user_key = $2";
const ADD_CREDENTIAL: &str =
    "INSERT INTO credential (realm_key, user_key, id, kind, position, document, secret) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING";
const REMOVE_CREDENTIALS_OF_KIND: &str = "DELETE FROM credential WHERE realm_key = $1 AND user_key = $2 AND kind = $3 AND id <> $4";
const REMOVE_CREDENTIAL: &str = "DELETE FROM credential WHERE realm_key = $1 AND user_key = $2 AND id = $3";
const SAME_NAME: &str = "SELECT user_key FROM user_account WHERE realm_key = $1 AND username = $2";
const SAME_EMAIL: &str = "SELECT user_key FROM user_account WHERE realm_key = $1 AND email = $2 AND user_key <> $3 LIMIT 1";

pub(crate) const STATEMENTS: &[&str] = &[
    ADD,
    REPLACE,
    RAISE_VERSION,
    DELETE,
    DELETE_ROLES,
    DELETE_GROUPS,
    DELETE_CREDENTIALS,
    DELETE_FAILURES,
    DELETE_GRANTS,
    ADD_ROLE,
    ADD_GROUP,
    REMOVE_ROLE,
    REMOVE_GROUP,
    REPEAT_MEMBERSHIPS,
    ADD_CREDENTIAL,
    REMOVE_CREDENTIALS_OF_KIND,
    REMOVE_CREDENTIAL,
    SAME_NAME,
    SAME_EMAIL,
];

impl Store {
    /// Makes a user with all its memberships and credentials. Name and address are kept in lower case.
    pub async fn create_user(
        &self,
        realm: RealmKey,
        record: &UserRecord,
        emails: EmailRule,
        audit: &AuditRecord,
    ) -> Result<UserCreated, StoreError> {
        let mut transaction = Transaction::new();
        for statement in self.statements_to_create(realm, record, emails)? {
            transaction.push(statement.sql, statement.params, statement.expect);
        }
        let event = self.event_statement(audit)?;
        transaction.push(event.sql, event.params, event.expect);
        match self.db.write(transaction).await? {
            Outcome::Committed(_) => Ok(UserCreated::Yes),
            Outcome::GuardFailed { .. } => self.who_is_in_the_way(realm, &record.user).await,
        }
    }

    /// Replaces everything of a user whose version is still `expected_version`.
    pub async fn put_user(
        &self,
        realm: RealmKey,
        record: &UserRecord,
        expected_version: i64,
        emails: EmailRule,
        audit: &AuditRecord,
    ) -> Result<UserChanged, StoreError> {
        let user = &record.user;
        let key = user_values(realm, user.key);
        let mut values = self.account_values(realm, record, emails)?;
        values.push(Value::Int(expected_version));
        let mut transaction = Transaction::new()
            .then(REPLACE, values, Expect::Rows(1))
            .then(DELETE_ROLES, key.clone(), Expect::Any)
            .then(DELETE_GROUPS, key.clone(), Expect::Any)
            .then(DELETE_CREDENTIALS, key, Expect::Any);
        let belongings = self.statements_for_belongings(realm, record)?;
        for statement in belongings.into_iter().chain([forget_lost_devices(realm, user.key)]) {
            transaction.push(statement.sql, statement.params, statement.expect);
        }
        let event = self.event_statement(audit)?;
        transaction.push(event.sql, event.params, event.expect);
        match self.db.write(transaction).await {
            Ok(Outcome::Committed(_)) => Ok(UserChanged::Yes),
            Ok(Outcome::GuardFailed { .. }) => Ok(UserChanged::Raced),
            Err(StoreError::Constraint(detail)) => match self.who_is_in_the_way(realm, user).await? {
                UserCreated::NameTaken => Ok(UserChanged::NameTaken),
                UserCreated::EmailTaken => Ok(UserChanged::EmailTaken),
                UserCreated::Yes | UserCreated::IdTaken => Err(StoreError::Constraint(detail)),
            },
            Err(error) => Err(error),
        }
    }

    /// Changes only what is named, whatever else is changed meanwhile. `Raced` when the user is gone.
    pub async fn change_memberships(
        &self,
        realm: RealmKey,
        user: UserKey,
        change: &MembershipChange,
        audit: &AuditRecord,
    ) -> Result<Applied, StoreError> {
        let mut transaction = Transaction::new().then(RAISE_VERSION, user_values(realm, user), Expect::Rows(1));
        let roles = |keys: &[RoleKey]| keys.iter().map(|key| key.0).collect::<Vec<_>>();
        let groups = |keys: &[GroupKey]| keys.iter().map(|key| key.0).collect::<Vec<_>>();
        let parts = [
            (REMOVE_ROLE, roles(&change.remove_roles)),
            (REMOVE_GROUP, groups(&change.remove_groups)),
            (ADD_ROLE, roles(&change.add_roles)),
            (ADD_GROUP, groups(&change.add_groups)),
        ];
        for (sql, keys) in parts {
            for key in keys {
                transaction.push(sql, membership_values(realm, user, key), Expect::Any);
            }
        }
        transaction.push(REPEAT_MEMBERSHIPS, user_values(realm, user), Expect::Rows(1));
        self.apply(transaction, audit).await
    }

    /// Gives a user a credential in place of all others of its kind. `Raced` when the user is gone or the id is in use.
    ///
    /// The id must be a fresh one, so that what another request decides about the old credential cannot be written over the new one.
    pub async fn set_credential(
        &self,
        realm: RealmKey,
        user: UserKey,
        credential: &CredentialRecord,
        audit: &AuditRecord,
    ) -> Result<Applied, StoreError> {
        let mut others = user_values(realm, user);
        others.extend([Value::from(credential.kind.as_str()), Value::from(credential.id.as_str())]);
        let add = self.credential_statement(realm, user, 0, credential)?;
        let forget = forget_lost_devices(realm, user);
        let transaction = Transaction::new()
            .then(RAISE_VERSION, user_values(realm, user), Expect::Rows(1))
            .then(REMOVE_CREDENTIALS_OF_KIND, others, Expect::Any)
            .then(add.sql, add.params, add.expect)
            .then(forget.sql, forget.params, forget.expect);
        self.apply(transaction, audit).await
    }

    /// Takes a credential away. `Raced` when there is no such user or credential.
    pub async fn remove_credential(
        &self,
        realm: RealmKey,
        user: UserKey,
        credential_id: &str,
        audit: &AuditRecord,
    ) -> Result<Applied, StoreError> {
        let mut values = user_values(realm, user);
        values.push(Value::from(credential_id));
        let forget = forget_lost_devices(realm, user);
        let transaction = Transaction::new()
            .then(RAISE_VERSION, user_values(realm, user), Expect::Rows(1))
            .then(REMOVE_CREDENTIAL, values, Expect::Rows(1))
            .then(forget.sql, forget.params, forget.expect);
        self.apply(transaction, audit).await
    }

    /// Deletes a user with everything that belongs to it, grants included. `Raced` when it is gone already.
    pub async fn delete_user(&self, realm: RealmKey, user: UserKey, audit: &AuditRecord) -> Result<Applied, StoreError> {
        let key = user_values(realm, user);
        let mut transaction = Transaction::new().then(DELETE, key.clone(), Expect::Rows(1));
        // Grants twice: the second time sees a chain that was begun beside a grant while the first waited for it.
        for sql in [DELETE_ROLES, DELETE_GROUPS, DELETE_CREDENTIALS, DELETE_FAILURES, DELETE_GRANTS, DELETE_GRANTS] {
            transaction.push(sql, key.clone(), Expect::Any);
        }
        let forget = forget_user(realm, user);
        self.apply(transaction.then(forget.sql, forget.params, forget.expect), audit).await
    }

    /// The statements that make a user, the guarded one first.
    pub(crate) fn statements_to_create(&self, realm: RealmKey, record: &UserRecord, emails: EmailRule) -> Result<Vec<Guarded>, StoreError> {
        let account = self.account_values(realm, record, emails)?;
        let mut statements = vec![Guarded { sql: ADD, params: account, expect: Expect::Rows(1) }];
        statements.extend(self.statements_for_belongings(realm, record)?);
        Ok(statements)
    }

    async fn apply(&self, transaction: Transaction, audit: &AuditRecord) -> Result<Applied, StoreError> {
        let event = self.event_statement(audit)?;
        Ok(match self.db.write(transaction.then(event.sql, event.params, event.expect)).await? {
            Outcome::Committed(_) => Applied::Yes,
            Outcome::GuardFailed { .. } => Applied::Raced,
        })
    }

    async fn who_is_in_the_way(&self, realm: RealmKey, user: &User) -> Result<UserCreated, StoreError> {
        let name = [Value::Int(realm.0), Value::from(user.username.to_lowercase())];
        if let Some(row) = self.db.read_one(SAME_NAME, &name).await?
            && row.array(0)? != user.key.0
        {
            return Ok(UserCreated::NameTaken);
        }
        let email = [Value::Int(realm.0), user.email.as_ref().map(|email| email.to_lowercase()).into(), Value::from(user.key.0)];
        Ok(match self.db.read(SAME_EMAIL, &email).await?.is_empty() {
            false => UserCreated::EmailTaken,
            true => UserCreated::IdTaken,
        })
    }

    fn account_values(&self, realm: RealmKey, record: &UserRecord, emails: EmailRule) -> Result<Vec<Value>, StoreError> {
        let user = &record.user;
        let mut values = user_values(realm, user.key);
        let holder: &[u8] = match emails {
            EmailRule::Unique => &[],
            EmailRule::MayRepeat => &user.key.0,
        };
        values.extend([
            Value::from(user.id.as_str()),
            Value::from(user.username.to_lowercase()),
            user.email.as_ref().map(|email| email.to_lowercase()).into(),
            Value::from(holder),
            Value::Bool(user.email_verified),
            user.first_name.as_deref().into(),
            user.last_name.as_deref().into(),
            Value::Bool(user.enabled),
            Value::Int(user.not_before),
            Value::Int(user.created_at_ms),
            json_unless(&user.attributes, user.attributes.is_empty())?,
            json_unless(&user.required_actions, user.required_actions.is_empty())?,
            user.service_account_of.map(|client| client.0).into(),
            json_unless(&record.other, record.other.is_null())?,
            keys_text(user.roles.iter().map(|role| &role.0)),
            keys_text(user.groups.iter().map(|group| &group.0)),
        ]);
        Ok(values)
    }

    fn statements_for_belongings(&self, realm: RealmKey, record: &UserRecord) -> Result<Vec<Guarded>, StoreError> {
        let user = &record.user;
        let mut statements = Vec::with_capacity(user.roles.len() + user.groups.len() + record.credentials.len());
        statements.extend(user.roles.iter().map(|role| statement_of(ADD_ROLE, membership_values(realm, user.key, role.0))));
        statements.extend(user.groups.iter().map(|group| statement_of(ADD_GROUP, membership_values(realm, user.key, group.0))));
        for (position, credential) in record.credentials.iter().enumerate() {
            statements.push(self.credential_statement(realm, user.key, position, credential)?);
        }
        Ok(statements)
    }

    fn credential_statement(
        &self,
        realm: RealmKey,
        user: UserKey,
        position: usize,
        credential: &CredentialRecord,
    ) -> Result<Guarded, StoreError> {
        let place = credential_place(realm, &user.0, &credential.id);
        let sealed = self.sealing_key.seal(&place.as_place(), credential.secret.expose())?;
        let mut values = user_values(realm, user);
        values.extend([
            Value::from(credential.id.as_str()),
            Value::from(credential.kind.as_str()),
            count(position),
            json_value(&credential.document)?,
            Value::from(sealed),
        ]);
        Ok(Guarded { sql: ADD_CREDENTIAL, params: values, expect: Expect::Rows(1) })
    }
}

fn user_values(realm: RealmKey, user: UserKey) -> Vec<Value> {
    vec![Value::Int(realm.0), Value::from(user.0)]
}

fn membership_values(realm: RealmKey, user: UserKey, key: [u8; 16]) -> Vec<Value> {
    vec![Value::Int(realm.0), Value::from(user.0), Value::from(key)]
}
