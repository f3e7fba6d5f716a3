//! The audit event: what happened, to whom, by which decision. One for every token request, never a token in it.

use crate::grant::GrantId;
use crate::ids::{RealmKey, SessionId};
use crate::refusal::Refusal;
use crate::time::EpochMillis;

/// One event. The server adds address and correlation id.
#[derive(Debug, Clone)]
pub struct Event {
    /// When.
    pub at_ms: EpochMillis,
    /// Where.
    pub realm: RealmKey,
    /// What.
    pub kind: EventKind,
    /// The OAuth `client_id`, as presented when it could not be verified.
    pub client_id: Option<String>,
    /// Public id of the user, once known.
    pub user_id: Option<String>,
    /// The session, once known.
    pub sid: Option<SessionId>,
    /// Why it was refused; `None` when it was not.
    pub reason: Option<Refusal>,
    /// Further facts, by Keycloak's names for event details.
    pub details: Vec<(&'static str, String)>,
}

/// Kinds of events; the wire names are Keycloak's where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Sign-in by password.
    Login,
    /// Refresh.
    RefreshToken,
    /// A refresh token was used after its time: theft, or a client without care. Its grant has ended.
    RefreshTokenReuse,
    /// An ordinary refresh token became an offline one.
    OfflineUpgrade,
    /// A valid refresh token is newer than its row: the database has lost acknowledged commits.
    DatabaseRegression,
    /// Client credentials.
    ClientLogin,
    /// A token request that no grant type saw: bad form, unknown grant, failed client authentication.
    TokenRequest,
    /// Introspection.
    IntrospectToken,
    /// Revocation.
    RevokeGrant,
    /// Userinfo.
    UserInfoRequest,
    /// Logout.
    Logout,
    /// An account was locked after too many wrong passwords.
    UserLocked,
    /// An administrator changed something.
    AdminChange,
    /// Keys were added, retired or disabled.
    KeyChange,
}

impl EventKind {
    /// The name in events and metrics: Keycloak's where it has one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::RefreshToken => "REFRESH_TOKEN",
            Self::RefreshTokenReuse => "REFRESH_TOKEN_REUSE",
            Self::OfflineUpgrade => "OFFLINE_UPGRADE",
            Self::DatabaseRegression => "DATABASE_REGRESSION",
            Self::ClientLogin => "CLIENT_LOGIN",
            Self::TokenRequest => "TOKEN_REQUEST",
            Self::IntrospectToken => "INTROSPECT_TOKEN",
            Self::RevokeGrant => "REVOKE_GRANT",
            Self::UserInfoRequest => "USER_INFO_REQUEST",
            Self::Logout => "LOGOUT",
            Self::UserLocked => "USER_LOCKED",
            Self::AdminChange => "ADMIN_CHANGE",
            Self::KeyChange => "KEY_CHANGE",
        }
    }

    /// Whether losing the event in a crash would hide something that an auditor must see. Such events are written with their changes.
    pub fn is_security_relevant(self) -> bool {
        matches!(
            self,
            Self::RefreshTokenReuse
                | Self::OfflineUpgrade
                | Self::DatabaseRegression
                | Self::RevokeGrant
                | Self::Logout
                | Self::AdminChange
                | Self::KeyChange
        )
    }
}

impl Event {
    /// An event with nothing but time, place and kind.
    pub fn new(at_ms: EpochMillis, realm: RealmKey, kind: EventKind) -> Self {
        Self { at_ms, realm, kind, client_id: None, user_id: None, sid: None, reason: None, details: Vec::new() }
    }

    /// Whether it is written before anybody is answered. One that is security relevant is; so is that of a refused sign-in: the wrong guess at an account
    /// that is there has to be counted before it is answered, and who watches the clock must not see that (T-023).
    pub fn is_waited_for(&self) -> bool {
        self.kind.is_security_relevant() || (self.kind == EventKind::Login && self.reason.is_some())
    }

    /// The same event, refused.
    pub fn refused(mut self, reason: &Refusal) -> Self {
        self.reason = Some(reason.clone());
        self
    }

    /// The same event, about this grant.
    pub fn about(mut self, grant: &GrantId) -> Self {
        self.sid = Some(grant.sid);
        self
    }

    /// The same event with one more fact.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }
}
