//! What a decision wants written: a value, recorded by the store in one transaction before the answer goes out.

use crate::brute_force::LoginFailures;
use crate::event::Event;
use crate::grant::{Grant, GrantId, SessionKind};
use crate::ids::{ClientKey, RealmKey, SessionId, UserKey};
use crate::one_time_codes::CodeUse;
use crate::passwords::PasswordHash;
use crate::refusal::Refusal;
use crate::time::EpochSeconds;

/// What follows from asking: an answer, and what is to be recorded. A refusal can have effects too.
#[derive(Debug)]
#[must_use]
pub struct Outcome<T> {
    /// What goes out, once the changes are durable.
    pub answer: Result<T, Refusal>,
    /// Written all or nothing. Empty for most refreshes without rotation.
    pub changes: Vec<Change>,
    /// The audit event of this request.
    pub event: Event,
}

/// One thing to write.
#[derive(Debug, Clone)]
pub enum Change {
    /// Advances the chain if `presented` is still its newest generation; otherwise the whole outcome is void and decided again.
    Rotate {
        /// The chain.
        grant: GrantId,
        /// The generation that was used.
        presented: i64,
        /// `iat` of the successor.
        at: EpochSeconds,
    },
    /// Counts one more use of the predecessor of `generation`, if that count is still `seen`.
    CountReuse {
        /// The chain.
        grant: GrantId,
        /// The present generation.
        generation: i64,
        /// The count that was judged.
        seen: i64,
        /// When.
        at: EpochSeconds,
    },
    /// Moves "last used" forward, never back. When the grant is gone the whole outcome is void and decided again.
    Touch {
        /// The chain.
        grant: GrantId,
        /// When.
        at: EpochSeconds,
    },
    /// A new chain. When it exists already (the same upgrade, retried) only its "last used" moves.
    BeginGrant {
        /// The first row.
        grant: Box<Grant>,
        /// Keep at most this many offline grants per user and client, oldest out first; `None` for no limit.
        offline_grants_max: Option<u32>,
    },
    /// A new chain beside the first one of its client in the session, which has to stand. When it exists already, or the first one is gone, the
    /// whole outcome is void and decided again.
    BeginChain {
        /// The first row.
        grant: Box<Grant>,
        /// The first chain.
        first: GrantId,
    },
    /// Ends one chain. With an offline chain ends the online one that it may have come from, so that it cannot be made anew;
    /// an online chain ends alone.
    EndGrant(GrantId),
    /// Ends all chains of a client in a session.
    EndClientSession {
        /// The session.
        sid: SessionId,
        /// Online or offline.
        kind: SessionKind,
        /// The client.
        client: ClientKey,
    },
    /// Ends a session for all clients.
    EndSession {
        /// The session.
        sid: SessionId,
        /// Online or offline.
        kind: SessionKind,
    },
    /// One access token is no longer good.
    RevokeAccessToken {
        /// The realm.
        realm: RealmKey,
        /// Its `jti`.
        jti: String,
        /// When the entry may be forgotten.
        until: EpochSeconds,
    },
    /// Replaces what is known of a user's wrong passwords, if it is still what was judged.
    LoginFailures {
        /// The realm.
        realm: RealmKey,
        /// Whose.
        user: UserKey,
        /// What was judged; `None` when there was nothing.
        seen: Option<LoginFailures>,
        /// What it becomes; `None` to forget.
        becomes: Option<LoginFailures>,
    },
    /// Uses up a one-time code and all before it, if it is not used yet; otherwise, or when the device is gone, the whole outcome is void and
    /// decided again.
    UseOneTimeCode(CodeUse),
    /// Remembers that a valid token is newer than its row, so that an operator can find and decide every such grant (T-095).
    NoteRegression {
        /// The chain.
        grant: GrantId,
        /// The generation of the token.
        seen_generation: i64,
        /// When.
        at: EpochSeconds,
    },
    /// Replaces a user's password hash by one with the parameters of today, if the user still has the old one.
    Rehash {
        /// The realm.
        realm: RealmKey,
        /// Whose.
        user: UserKey,
        /// Public id of the credential.
        credential_id: String,
        /// The new hash.
        hash: PasswordHash,
    },
}

/// Kinds of things that can be used once: one kind can never be read as another (T-032).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnceKind {
    /// `jti` of a client assertion (RFC 7523 §3).
    ClientAssertion,
}

/// What became of recorded changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// All are durable.
    Yes,
    /// Someone else was faster; nothing was written. Load and decide again.
    Raced,
}
