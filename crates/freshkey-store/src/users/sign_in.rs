//! What a sign-in by password reads, in one round trip.

use super::failures::failures_from;
use super::{USER_COLUMNS, credential_place, user_from};
use crate::columns::json;
use crate::db::{Row, StoreError, Value};
use crate::store::Store;
use freshkey_core::grants::password::{SecondFactor, SignInContext, StoredPassword};
use freshkey_core::ids::{RealmKey, UserKey};
use freshkey_core::one_time_codes::read_device;
use freshkey_core::passwords::{ONE_TIME_CODE_KIND, PASSWORD_KIND, read_stored};
use freshkey_core::user::User;

/// What a login name may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginBy {
    /// A user name.
    Username,
    /// An address that one user has, otherwise a user name.
    UsernameOrEmail,
}

/// An account for each match of name (`$2`) and address (`$3`), with a row for each password, of which there should be one, and each device for
/// one-time codes.
const SIGN_IN_CONTEXT: &str =
    "SELECT u.user_key, u.id, u.username, u.email, u.email_verified, u.first_name, u.last_name, u.enabled, u.not_before, u.created_at_ms,
       u.attributes, u.required_actions, u.service_account_of, u.role_keys, u.group_keys,
       f.failure_count, f.last_failure_at_ms, f.last_address, f.locked_until, f.temporary_lockouts, f.permanently_locked,
       c.id, c.kind, c.document, c.secret, x.next_count
  FROM user_account u
  LEFT JOIN login_failures f ON f.realm_key = u.realm_key AND f.user_key = u.user_key
  LEFT JOIN credential c ON c.realm_key = u.realm_key AND c.user_key = u.user_key AND c.kind IN ($4, $5)
  LEFT JOIN one_time_code_use x ON x.realm_key = c.realm_key AND x.user_key = c.user_key AND x.credential_id = c.id
 WHERE u.realm_key = $1 AND u.user_key IN (
       SELECT n.user_key FROM user_account n WHERE n.realm_key = $1 AND n.username = $2
       UNION ALL SELECT a.user_key FROM user_account a WHERE a.realm_key = $1 AND a.email = $3)
 ORDER BY c.position";

pub(crate) const STATEMENTS: &[&str] = &[SIGN_IN_CONTEXT];

const FAILURES: usize = USER_COLUMNS;
const CREDENTIAL: usize = FAILURES + 6;

impl Store {
    /// The account with this name, or address, in any case; its password, its second factor and its wrong guesses.
    ///
    /// An address that several accounts have names none of them.
    pub async fn sign_in_context(&self, realm: RealmKey, login: &str, by: LoginBy) -> Result<SignInContext, StoreError> {
        if login.contains('\0') {
            // No name has one, and the database would refuse to look.
            return Ok(SignInContext::default());
        }
        let login = login.to_lowercase();
        let email = match by {
            LoginBy::UsernameOrEmail if login.contains('@') => Value::from(login.as_str()),
            _ => Value::Null,
        };
        let may_be_email = email != Value::Null;
        let params = [
            Value::Int(realm.0),
            Value::from(login.as_str()),
            email,
            Value::from_static(PASSWORD_KIND),
            Value::from_static(ONE_TIME_CODE_KIND),
        ];
        let mut found = Vec::new();
        for mut row in self.db.read(SIGN_IN_CONTEXT, &params).await? {
            if let Some(user) = user_from(&mut row, 0)? {
                found.push((user, row));
            }
        }
        let by_email = |user: &User| may_be_email && user.email.as_deref() == Some(&*login);
        let chosen = match one_user(found.iter().map(|(user, _)| user).filter(|user| by_email(user))) {
            Matches::One(key) => Some(key),
            Matches::Several => None,
            Matches::None => found.iter().find(|(user, _)| user.username == login).map(|(user, _)| user.key),
        };
        match chosen {
            Some(key) => self.context_of(realm, found.into_iter().filter(|(user, _)| user.key == key)),
            None => Ok(SignInContext::default()),
        }
    }

    /// From the rows of one user, each with another credential.
    fn context_of(&self, realm: RealmKey, rows: impl Iterator<Item = (User, Row)>) -> Result<SignInContext, StoreError> {
        let mut context = SignInContext::default();
        let (mut has_password, mut devices) = (false, None);
        for (user, row) in rows {
            if let Some(id) = row.optional_text(CREDENTIAL)? {
                let place = credential_place(realm, &user.key.0, id);
                let document = json(&row, CREDENTIAL + 2)?;
                let secret = self.sealing_key.open(&place.as_place(), row.bytes(CREDENTIAL + 3)?)?;
                if row.text(CREDENTIAL + 1)? == ONE_TIME_CODE_KIND {
                    let device = read_device(id, &document, &secret, row.optional_int(CREDENTIAL + 4)?);
                    devices.get_or_insert_with(Vec::new).extend(device);
                } else if !has_password {
                    has_password = true;
                    let hash = read_stored(&document, secret.expose());
                    context.password = hash.map(|hash| StoredPassword { credential_id: id.to_owned(), hash });
                }
            }
            context.failures = failures_from(&row, FAILURES)?;
            context.user = Some(user);
        }
        context.second_factor = devices.map_or(SecondFactor::None, SecondFactor::OneTimeCode);
        Ok(context)
    }
}

enum Matches {
    None,
    One(UserKey),
    Several,
}

fn one_user<'a>(mut users: impl Iterator<Item = &'a User>) -> Matches {
    match users.next() {
        None => Matches::None,
        Some(first) if users.all(|other| other.key == first.key) => Matches::One(first.key),
        Some(_) => Matches::Several,
    }
}
