//! Finding a user by whatever name people have for one.

use super::{Desk, not_found};
use crate::cli::{Failure, store_failure};
use freshkey_core::ids::{RealmKey, UserKey};
use freshkey_core::realm::Realm;
use freshkey_core::user::User;
use freshkey_store::{Page, TextMatch, UserFilter};
use std::collections::HashMap;

/// The user with this name, or public id, or address that no other user has.
pub(crate) async fn find_user(desk: &Desk, realm: &Realm, name: &str) -> Result<Option<User>, Failure> {
    let store = &desk.store;
    let by_name = store.user_by_name(realm.key, name).await.map_err(|error| store_failure(&error))?;
    if by_name.is_some() {
        return Ok(by_name);
    }
    let by_id = store.user(realm.key, UserKey::of(name)).await.map_err(|error| store_failure(&error))?;
    if let Some(user) = by_id.filter(|user| user.id == name) {
        return Ok(Some(user));
    }
    if !name.contains('@') {
        return Ok(None);
    }
    let filter = UserFilter { email: Some(TextMatch::Is(name.to_owned())), ..UserFilter::default() };
    let mut found = store.list_users(realm.key, &filter, &Page::first(2)).await.map_err(|error| store_failure(&error))?;
    Ok(found.pop().filter(|_| found.is_empty()))
}

/// The same, where there has to be one.
pub(super) async fn user(desk: &Desk, realm: &Realm, name: &str) -> Result<User, Failure> {
    let found = find_user(desk, realm, name).await?;
    found.ok_or_else(|| {
        let hint = format!(
            "look with `admin … user list --realm {} --search PART`; a name, an id or an e-mail address will do",
            realm.settings.name
        );
        not_found(&format!("user {name:?} in realm {:?}", realm.settings.name)).with_hint(hint)
    })
}

/// The page that begins after a user: memberships are listed in the order of keys.
pub(super) async fn page_after(desk: &Desk, realm: &Realm, after: Option<&str>, rows: usize) -> Result<Page<UserKey>, Failure> {
    let after = match after {
        None => None,
        Some(name) => Some(user(desk, realm, name).await?.key),
    };
    Ok(Page { after, rows })
}

/// Names of users, looked up once each.
pub(super) struct Names<'a> {
    desk: &'a Desk,
    realm: RealmKey,
    known: HashMap<UserKey, Option<User>>,
}

impl<'a> Names<'a> {
    /// Names of users of one realm.
    pub(super) fn new(desk: &'a Desk, realm: RealmKey) -> Self {
        Self { desk, realm, known: HashMap::new() }
    }

    /// The user with this key; `None` when deleted.
    pub(super) async fn get(&mut self, key: UserKey) -> Result<Option<&User>, Failure> {
        if !self.known.contains_key(&key) {
            let user = self.desk.store.user(self.realm, key).await.map_err(|error| store_failure(&error))?;
            self.known.insert(key, user);
        }
        Ok(self.known.get(&key).and_then(Option::as_ref))
    }
}
