//! When a grant dies if nobody uses it again, and of what: the formulas of the core over what is stored.

use freshkey_core::client::Rotation;
use freshkey_core::grant::{Grant, SessionKind};
use freshkey_core::realm::Realm;
use freshkey_core::time::EpochSeconds;

/// The end of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    /// The first second at which it is dead.
    pub(crate) at: EpochSeconds,
    /// Of what.
    pub(crate) cause: &'static str,
}

/// The end that comes first. `None` when the client is gone, and with it every use of the grant.
///
/// `siblings` are all grants of the same session and kind: a use of one keeps the session of all alive.
pub(crate) fn deadline(realm: &Realm, grant: &Grant, siblings: &[Grant]) -> Option<Deadline> {
    let client = realm.client_by_key(grant.id.client)?;
    let lifetimes = realm.lifetimes(grant.id.kind, client);
    let granularity_s = match realm.rotation(client) {
        Rotation::On => 0,
        Rotation::Off => lifetimes.last_used_granularity_s(),
    };
    let of_session = siblings.iter().filter(|other| other.id.sid == grant.id.sid && other.id.kind == grant.id.kind);
    let session_last_used_at = of_session.map(|other| other.last_used_at).max().unwrap_or(grant.last_used_at);
    let ends = [
        (lifetimes.session_end(grant.session_started_at), "the longest life of a session"),
        (lifetimes.client_session_end(grant), "the longest life of a session with this client"),
        (Some(lifetimes.session_idle_end(session_last_used_at, granularity_s)), "disuse of the session"),
        (Some(lifetimes.client_session_idle_end(grant.last_used_at, granularity_s)), "disuse by this client"),
    ];
    // Of equal ends the first in the list is named.
    let ends = ends.into_iter().filter_map(|(at, cause)| at.map(|at| Deadline { at, cause }));
    ends.min_by_key(|deadline| deadline.at)
}

/// `online` or `offline`.
pub(crate) fn kind_word(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Online => "online",
        SessionKind::Offline => "offline",
    }
}
