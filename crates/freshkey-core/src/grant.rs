//! A grant: one chain of refresh tokens, the one row that decides everything about it.

use crate::ids::{ClientKey, Family, RealmKey, SessionId, UserKey};
use crate::time::EpochSeconds;
use crate::user::User;
use std::collections::BTreeMap;

/// Whether a session ends with the sign-in or lives on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKind {
    /// Bound to the realm's session lifetimes.
    Online,
    /// Asked for with `offline_access`. Has the same `sid` as the sign-in it came from: KC-013.
    Offline,
}

/// What names a grant: (session, kind, client, family).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId {
    /// The sign-in.
    pub sid: SessionId,
    /// Online and offline sessions of one `sid` are two sessions.
    pub kind: SessionKind,
    /// The client.
    pub client: ClientKey,
    /// The chain.
    pub family: Family,
}

/// A grant as stored. All grants of one `sid` and kind together are the user session; those of one client in it are the client session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its name.
    pub id: GrantId,
    /// The realm.
    pub realm: RealmKey,
    /// Who signed in.
    pub user: UserKey,
    /// The generation of the newest refresh token handed out: 0 for the first.
    pub generation: i64,
    /// How often the token of the generation before was used; 1 right after a rotation.
    pub predecessor_uses: i64,
    /// When the user session began.
    pub session_started_at: EpochSeconds,
    /// When the client session began.
    pub started_at: EpochSeconds,
    /// When the present generation was made: the `iat` of its refresh token.
    pub rotated_at: EpochSeconds,
    /// Last use, at the granularity of [`crate::lifetimes::Lifetimes::last_used_granularity_s`].
    pub last_used_at: EpochSeconds,
    /// When the user last authenticated in person, for sign-ins that claim it (`auth_time`).
    pub auth_time: Option<EpochSeconds>,
    /// Facts frozen at sign-in that mappers may read.
    pub notes: SessionNotes,
}

/// Facts of a session, by name: `clientHost`, `clientAddress`, ….
pub type SessionNotes = BTreeMap<String, String>;

/// Everything that the decision about a refresh reads, loaded in one round trip.
#[derive(Debug, Clone, Default)]
pub struct RefreshContext {
    /// All grants of the presented `sid` and kind. Empty: no such session.
    pub grants: Vec<Grant>,
    /// The user of these grants; `None` when deleted.
    pub user: Option<User>,
}

impl RefreshContext {
    /// The one grant with this name.
    pub fn grant(&self, id: &GrantId) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.id == *id)
    }

    /// When anything of the user session was last used.
    pub fn session_last_used_at(&self) -> Option<EpochSeconds> {
        self.grants.iter().map(|grant| grant.last_used_at).max()
    }
}
