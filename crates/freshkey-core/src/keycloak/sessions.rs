//! Sessions as Keycloak keeps them in its database, to grants. A session there is a row for the sign-in and one for each client, both with notes in
//! JSON; the chains of refresh tokens, one for each tab, are notes of the client's row (`UserSessionPersisterProvider`, since 26.0).

use crate::client::Rotation;
use crate::grant::{Grant, GrantId, SessionKind, SessionNotes};
use crate::ids::{ClientKey, Family, SessionId, UserKey};
use crate::inherited::{self, LastUse};
use crate::limits::SESSION_NOTE_BYTES_MAX;
use crate::realm::Realm;
use crate::time::{EpochSeconds, Now};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A sign-in as it is stored.
#[derive(Debug, Clone)]
pub struct StoredSession {
    /// `user_session_id`: random text since 26.7, a UUID before.
    pub id: String,
    /// `offline_flag`
    pub kind: SessionKind,
    /// `user_id`
    pub user_id: String,
    /// `created_on`
    pub started_at: EpochSeconds,
    /// `last_session_refresh`
    pub last_used_at: EpochSeconds,
    /// `data`
    pub data: String,
    /// The clients in it.
    pub clients: Vec<StoredClientSession>,
}

/// A client's part of a sign-in as it is stored.
#[derive(Debug, Clone)]
pub struct StoredClientSession {
    /// `client_id`: the id, not the OAuth name. `external` for clients that are not in the database.
    pub client_id: String,
    /// `timestamp`
    pub last_used_at: EpochSeconds,
    /// `data`
    pub data: String,
}

/// Why a client's part of a sign-in is left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftBehind {
    /// Past its idle time or its end.
    Expired,
    /// Its user is not in the realm: deleted, or kept by a user federation alone.
    UnknownUser,
    /// Its client is not in the realm.
    UnknownClient,
    /// It is not of OpenID Connect.
    OtherProtocol,
    /// The sign-in was being logged out.
    LoggedOut,
    /// It can't be read.
    Unreadable,
}

impl LeftBehind {
    /// In words, for a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::UnknownUser => "of a user who is not in the realm",
            Self::UnknownClient => "of a client that is not in the realm",
            Self::OtherProtocol => "not of OpenID Connect",
            Self::LoggedOut => "logged out",
            Self::Unreadable => "not readable",
        }
    }
}

/// What becomes of one client's part of a sign-in: its grants, the first chain first.
pub type Translated = Result<Vec<Grant>, LeftBehind>;

/// Translates the sessions of one realm.
pub struct SessionReader<'r> {
    realm: &'r Realm,
    now: Now,
}

/// Notes of a sign-in that nothing here reads and that take room, or that are secrets of an identity provider.
const DROPPED_NOTES: [&str; 8] = [
    "AUTH_TIME",
    "KC_DEVICE_NOTE",
    "authenticators-completed",
    "FEDERATED_ACCESS_TOKEN",
    "FEDERATED_ACCESS_TOKEN_RESPONSE",
    "FEDERATED_ID_TOKEN",
    "FEDERATED_REFRESH_TOKEN",
    "FEDERATED_TOKEN_EXPIRATION",
];

/// `data` of a sign-in (`PersistentUserSessionAdapter`).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SessionData {
    state: Option<String>,
    notes: Option<Map<String, Value>>,
}

/// `data` of a client's part (`PersistentAuthenticatedClientSessionAdapter`).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClientSessionData {
    auth_method: Option<String>,
    notes: Option<BTreeMap<String, String>>,
}

impl<'r> SessionReader<'r> {
    /// For sessions that come into `realm` at `now`.
    pub fn new(realm: &'r Realm, now: Now) -> Self {
        Self { realm, now }
    }

    /// Translates one sign-in; one answer for each client in it. `has_user` tells whether a user came along.
    pub fn read(&self, session: &StoredSession, has_user: impl Fn(UserKey) -> bool) -> Vec<Translated> {
        let checked = self.check(session, has_user);
        session.clients.iter().map(|client| checked.clone().and_then(|notes| self.client_session(session, client, &notes))).collect()
    }

    /// What holds for the whole sign-in; its notes, if it can come along.
    fn check(&self, session: &StoredSession, has_user: impl Fn(UserKey) -> bool) -> Result<Map<String, Value>, LeftBehind> {
        let data: SessionData = serde_json::from_str(&session.data).map_err(|_| LeftBehind::Unreadable)?;
        if data.state.is_some_and(|state| state != "LOGGED_IN") {
            return Err(LeftBehind::LoggedOut);
        }
        if !has_user(UserKey::of(&session.user_id)) {
            return Err(LeftBehind::UnknownUser);
        }
        Ok(data.notes.unwrap_or_default())
    }

    fn client_session(&self, session: &StoredSession, stored: &StoredClientSession, notes: &Map<String, Value>) -> Translated {
        let client = self.realm.client_by_key(ClientKey::of(&stored.client_id)).ok_or(LeftBehind::UnknownClient)?;
        let data: ClientSessionData = serde_json::from_str(&stored.data).map_err(|_| LeftBehind::Unreadable)?;
        if data.auth_method.is_some_and(|protocol| protocol != "openid-connect") {
            return Err(LeftBehind::OtherProtocol);
        }
        let chains = data.notes.unwrap_or_default();
        let started_at = number(&chains, "startedAt").or_else(|| number(&chains, "userSessionStartedAt"));
        let first = Grant {
            id: GrantId {
                sid: SessionId::of(&session.id).ok_or(LeftBehind::Unreadable)?,
                kind: session.kind,
                client: client.key,
                family: Family::FIRST,
            },
            realm: self.realm.key,
            user: UserKey::of(&session.user_id),
            generation: 0,
            predecessor_uses: 0,
            session_started_at: session.started_at,
            started_at: started_at.unwrap_or(session.started_at),
            rotated_at: stored.last_used_at,
            last_used_at: stored.last_used_at,
            auth_time: notes.get("AUTH_TIME").and_then(Value::as_str).and_then(|text| text.parse().ok()),
            notes: kept(notes),
        };
        let lifetimes = self.realm.lifetimes(session.kind, client);
        let ends = [
            lifetimes.session_end(session.started_at),
            lifetimes.client_session_end(&first),
            Some(lifetimes.session_idle_end(session.last_used_at, 0)),
            Some(lifetimes.client_session_idle_end(stored.last_used_at, 0)),
        ];
        if ends.into_iter().flatten().any(|end| end <= self.now.seconds()) {
            return Err(LeftBehind::Expired);
        }
        let mut families = vec![(Family::FIRST, None)];
        if self.realm.rotation(client) == Rotation::On {
            // Without rotation Keycloak looks at no chain, and what the notes say is of another time.
            families = used_chains(&chains);
        }
        let moved_at = self.now.seconds();
        let chain = |(family, last_use): (Family, Option<LastUse>)| {
            let grant = Grant { id: GrantId { family, ..first.id }, ..first.clone() };
            inherited::inherit(grant, &session.id, moved_at, last_use.as_ref())
        };
        Ok(families.into_iter().map(chain).collect())
    }
}

/// The chains that the notes of a client's part tell of, the first one before all others, whether it was used or not: chains of which no token was used
/// have no note.
fn used_chains(notes: &BTreeMap<String, String>) -> Vec<(Family, Option<LastUse>)> {
    const TOKEN: &str = "refreshTokenPrefix";
    let mut chains = vec![(Family::FIRST, None)];
    for (name, token_id) in notes {
        let Some(reuse_id) = name.strip_prefix(TOKEN) else { continue };
        let at = number(notes, &format!("refreshTokenLastRefreshPrefix{reuse_id}")).unwrap_or_default();
        let uses = number(notes, &format!("refreshTokenUsePrefix{reuse_id}")).unwrap_or_default();
        let last_use = Some(LastUse { token_id: token_id.clone(), at, uses });
        match Family::of_keycloak(reuse_id) {
            // Tokens from before the realm began to rotate have no `reuse_id`.
            _ if reuse_id.is_empty() => chains[0].1 = last_use,
            Some(family) => chains.push((family, last_use)),
            None => {}
        }
    }
    chains
}

fn number(notes: &BTreeMap<String, String>, name: &str) -> Option<i64> {
    notes.get(name).and_then(|text| text.parse().ok())
}

/// The notes of a sign-in that mappers may read.
fn kept(notes: &Map<String, Value>) -> SessionNotes {
    let texts = notes.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    texts
        .filter(|(name, text)| !DROPPED_NOTES.contains(&name.as_str()) && text.len() <= SESSION_NOTE_BYTES_MAX)
        .map(|(name, text)| (name.clone(), text.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
