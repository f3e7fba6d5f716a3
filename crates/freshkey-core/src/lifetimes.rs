//! How long sessions and tokens live: settings, and the formulas over them (Keycloak's `SessionExpirationUtils` and `TokenManager`).

use crate::grant::{Grant, SessionKind};
use crate::time::EpochSeconds;

/// Lifetimes of a realm, in seconds. Zero in an optional field means "as the one it overrides".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmLifetimes {
    /// `accessTokenLifespan`
    pub access_token_lifespan_s: i64,
    /// `ssoSessionIdleTimeout`
    pub session_idle_s: i64,
    /// `ssoSessionMaxLifespan`
    pub session_max_s: i64,
    /// `clientSessionIdleTimeout`; 0 = as the session.
    pub client_session_idle_s: i64,
    /// `clientSessionMaxLifespan`; 0 = as the session.
    pub client_session_max_s: i64,
    /// `offlineSessionIdleTimeout`
    pub offline_session_idle_s: i64,
    /// `offlineSessionMaxLifespan` when `offlineSessionMaxLifespanEnabled`, otherwise none.
    pub offline_session_max_s: Option<i64>,
    /// `clientOfflineSessionIdleTimeout`; 0 = as the offline session.
    pub client_offline_session_idle_s: i64,
    /// `clientOfflineSessionMaxLifespan`; 0 = as the offline session. Counts only when the realm limits offline sessions.
    pub client_offline_session_max_s: i64,
}

/// What a client overrides, in seconds; `None` = as the realm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientLifetimes {
    /// `access.token.lifespan`
    pub access_token: Option<AccessTokenLifespan>,
    /// `client.session.idle.timeout`
    pub session_idle_s: Option<i64>,
    /// `client.session.max.lifespan`
    pub session_max_s: Option<i64>,
    /// `client.offline.session.idle.timeout`
    pub offline_session_idle_s: Option<i64>,
    /// `client.offline.session.max.lifespan`
    pub offline_session_max_s: Option<i64>,
}

/// A client's own access token lifespan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessTokenLifespan {
    /// So many seconds.
    Seconds(i64),
    /// As long as the session may last (`-1`).
    SessionMaximum,
}

/// The lifetimes that apply to one client's grants of one kind: realm and client settings, resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    kind: SessionKind,
    access_token: AccessTokenLifespan,
    session_idle_s: i64,
    session_max_s: Option<i64>,
    client_idle_s: i64,
    client_max_s: Option<i64>,
    sso_max_s: i64,
    expiry_in_token: bool,
}

impl Lifetimes {
    /// Resolves which setting wins: the client's, then the realm's for client sessions, then the realm's for sessions.
    pub fn resolve(kind: SessionKind, realm: &RealmLifetimes, client: &ClientLifetimes) -> Self {
        let access_token = client.access_token.unwrap_or(AccessTokenLifespan::Seconds(realm.access_token_lifespan_s));
        let first_positive = |values: [i64; 2], last: i64| values.into_iter().find(|value| *value > 0).unwrap_or(last);
        match kind {
            SessionKind::Online => Self {
                kind,
                access_token,
                session_idle_s: realm.session_idle_s,
                session_max_s: Some(realm.session_max_s),
                client_idle_s: first_positive([client.session_idle_s.unwrap_or(0), realm.client_session_idle_s], realm.session_idle_s),
                client_max_s: Some(first_positive([client.session_max_s.unwrap_or(0), realm.client_session_max_s], realm.session_max_s)),
                sso_max_s: realm.session_max_s,
                expiry_in_token: true,
            },
            SessionKind::Offline => Self {
                kind,
                access_token,
                session_idle_s: realm.offline_session_idle_s,
                session_max_s: realm.offline_session_max_s,
                client_idle_s: first_positive(
                    [client.offline_session_idle_s.unwrap_or(0), realm.client_offline_session_idle_s],
                    realm.offline_session_idle_s,
                ),
                client_max_s: match (client.offline_session_max_s.filter(|max| *max > 0), realm.offline_session_max_s) {
                    (Some(own), _) => Some(own),
                    (None, Some(max)) => Some(first_positive([realm.client_offline_session_max_s, 0], max)),
                    (None, None) => None,
                },
                sso_max_s: realm.session_max_s,
                // A client's own maximum ends the session but does not show in the token: KC-011.
                expiry_in_token: realm.offline_session_max_s.is_some(),
            },
        }
    }

    /// How coarse "last used" is, in seconds: a row is written at most this often when tokens do not rotate.
    ///
    /// Idle expiry allows for it, so that nobody expires early (DESIGN: last used + idle + granularity).
    pub fn last_used_granularity_s(&self) -> i64 {
        const ONLINE_S: i64 = 60;
        const OFFLINE_S: i64 = 24 * 60 * 60;
        let idle_s = self.session_idle_s.min(self.client_idle_s);
        match self.kind {
            SessionKind::Online => ONLINE_S.min(idle_s / 30),
            SessionKind::Offline => OFFLINE_S.min(idle_s / 30),
        }
    }

    /// The second from which the user session is dead of old age, if it ever is.
    pub fn session_end(&self, session_started_at: EpochSeconds) -> Option<EpochSeconds> {
        self.session_max_s.map(|max| session_started_at.saturating_add(max))
    }

    /// The second from which the client session is dead of old age, if it ever is: never later than its user session.
    pub fn client_session_end(&self, grant: &Grant) -> Option<EpochSeconds> {
        let own = self.client_max_s.map(|max| grant.started_at.saturating_add(max));
        match (own, self.session_end(grant.session_started_at)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The second from which an unused user session is dead.
    pub fn session_idle_end(&self, last_used_at: EpochSeconds, granularity_s: i64) -> EpochSeconds {
        last_used_at.saturating_add(self.session_idle_s).saturating_add(granularity_s)
    }

    /// The second from which an unused client session is dead.
    pub fn client_session_idle_end(&self, last_used_at: EpochSeconds, granularity_s: i64) -> EpochSeconds {
        last_used_at.saturating_add(self.client_idle_s).saturating_add(granularity_s)
    }

    /// `exp` of an access token or ID token minted at `now` for this grant.
    pub fn access_token_expiry(&self, grant: &Grant, now: EpochSeconds) -> EpochSeconds {
        let wished = match self.access_token {
            AccessTokenLifespan::Seconds(lifespan) => now.saturating_add(lifespan),
            AccessTokenLifespan::SessionMaximum => grant.session_started_at.saturating_add(self.sso_max_s),
        };
        self.client_session_end(grant).map_or(wished, |end| wished.min(end))
    }

    /// `exp` of an access token that belongs to no session (client credentials).
    pub fn sessionless_access_token_expiry(&self, now: EpochSeconds) -> EpochSeconds {
        match self.access_token {
            AccessTokenLifespan::Seconds(lifespan) => now.saturating_add(lifespan),
            AccessTokenLifespan::SessionMaximum => now.saturating_add(self.sso_max_s),
        }
    }

    /// `exp` of a refresh token of this grant issued at `issued_at`; `None` for an offline token without an absolute end.
    pub fn refresh_token_expiry(&self, grant: &Grant, issued_at: EpochSeconds) -> Option<EpochSeconds> {
        if !self.expiry_in_token {
            return None;
        }
        let idle_end = issued_at.saturating_add(self.client_idle_s);
        Some(self.client_session_end(grant).map_or(idle_end, |end| idle_end.min(end)))
    }
}

#[cfg(test)]
mod tests;
