//! Grants that another server began and that were brought here with its users: their tokens name sessions by ids that need not be UUIDs, and say
//! nothing of a generation. What is needed to place such a token is kept in notes of the grant. How the other server writes them is not known here.

use crate::grant::{Grant, GrantId, RefreshContext, SessionNotes};
use crate::ids::Family;
use crate::time::EpochSeconds;
use crate::tokens::VerifiedRefreshToken;
use std::borrow::Cow;

/// Note with the text of a session id that is no UUID. Tokens of the session go on naming it.
const SID: &str = "freshkey.sid";

/// Note with the moment in which the grant was brought here, in seconds. Older tokens are the other server's.
const MOVED_AT: &str = "freshkey.moved-at";

/// Note with the token that was used last before the move, and when: `1800000000 jti`.
const LAST_USE: &str = "freshkey.last-use";

/// How far the clock of the other server may have been ahead of ours, in seconds.
const SKEW_S: i64 = 10;

/// The generation of tokens that were replaced before the last use.
const REPLACED: i64 = 0;
/// The generation of the token that was used last before the move.
const USED_LAST: i64 = 1;
/// The generation of the tokens made by that use or after it: any of them is the newest one, since the other server can't tell them apart either.
const NEWEST: i64 = 2;

/// What was last done with a chain before the move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// `jti` of the token that was used.
    pub token_id: String,
    /// When.
    pub at: EpochSeconds,
    /// How often that token was used.
    pub uses: i64,
}

/// Makes `grant` one that was brought here at `moved_at`, from a session whose id is `sid`. `last_use` is `None` for a chain of which no token was used.
pub fn inherit(grant: Grant, sid: &str, moved_at: EpochSeconds, last_use: Option<&LastUse>) -> Grant {
    let mut notes = grant.notes;
    if sid != grant.id.sid.to_string() {
        notes.insert(SID.to_owned(), sid.to_owned());
    }
    notes.insert(MOVED_AT.to_owned(), moved_at.to_string());
    let Some(last_use) = last_use else { return Grant { notes, ..grant } };
    notes.insert(LAST_USE.to_owned(), format!("{} {}", last_use.at, last_use.token_id));
    Grant { notes, generation: NEWEST, predecessor_uses: last_use.uses, rotated_at: last_use.at, ..grant }
}

/// The id of the grant's session as its tokens name it.
pub fn sid_text(grant: &Grant) -> Cow<'_, str> {
    grant.notes.get(SID).map_or_else(|| Cow::Owned(grant.id.sid.to_string()), |text| Cow::Borrowed(text.as_str()))
}

/// The id of a session as its tokens name it, from its notes.
pub(crate) fn sid_noted(notes: &SessionNotes) -> Option<&str> {
    notes.get(SID).map(String::as_str)
}

/// The notes of a grant of ours that is made from an inherited one: what tells of the other server's tokens does not apply to it.
pub(crate) fn notes_of_twin(notes: &SessionNotes) -> SessionNotes {
    without(notes, &[MOVED_AT, LAST_USE])
}

/// The notes of a chain that begins beside the first one: what was last done with that one does not apply to it.
pub(crate) fn notes_of_begun_chain(notes: &SessionNotes) -> SessionNotes {
    without(notes, &[LAST_USE])
}

fn without(notes: &SessionNotes, names: &[&str]) -> SessionNotes {
    notes.iter().filter(|(name, _)| !names.contains(&name.as_str())).map(|(name, text)| (name.clone(), text.clone())).collect()
}

/// Whether a grant with these notes was brought here. A chain of it that ends alone could begin again, so it ends with the client's whole part of the session.
pub fn is_inherited(notes: &SessionNotes) -> bool {
    notes.contains_key(MOVED_AT)
}

/// Which token of its chain was presented. Ours say it. One of the other server is placed by its id and moment: the token used last is known by its
/// id, and what is older than that use had been replaced.
pub(crate) fn generation_of(grant: &Grant, token: &VerifiedRefreshToken) -> i64 {
    let last_use = grant.notes.get(LAST_USE).and_then(|note| note.split_once(' '));
    match last_use {
        Some((_, token_id)) if token.generation == 0 && token_id == token.id => USED_LAST,
        Some((at, _)) if token.generation == 0 => match at.parse::<EpochSeconds>() {
            Ok(at) if token.issued_at >= at => NEWEST,
            _ => REPLACED,
        },
        _ => token.generation,
    }
}

/// The chain of a token of the other server of which no token was used before the move: nothing told of it, so it has no row yet. What is answered is
/// the first chain of its client in the session, which stands for all such.
pub(crate) fn chain_without_row<'c>(context: &'c RefreshContext, id: &GrantId, token: &VerifiedRefreshToken) -> Option<&'c Grant> {
    let first = context.grant(&GrantId { family: Family::FIRST, ..*id })?;
    let moved_at: EpochSeconds = first.notes.get(MOVED_AT)?.parse().ok()?;
    // A chain that had a row once has tokens of ours, and is not begun again when it has ended.
    (token.generation == 0 && token.issued_at <= moved_at.saturating_add(SKEW_S)).then_some(first)
}

#[cfg(test)]
mod tests;
