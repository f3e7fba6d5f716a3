//! Revocation (RFC 7009) and logout with a refresh token: what ends.

use crate::change::Change;
use crate::client::Client;
use crate::grant::SessionKind;
use crate::ids::RealmKey;
use crate::refusal::Refusal;
use crate::time::EpochSeconds;
use crate::tokens::{VerifiedAccessToken, VerifiedRefreshToken};

/// How long a revoked `jti` is remembered at least, in seconds (Keycloak).
const REVOKED_REMEMBERED_MIN_S: i64 = 10;

/// What the store knows of the token's grants: whether anything is left to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// The session has a grant for the client.
    Alive,
    /// It has none, or is gone.
    Gone,
}

/// Ends the client's part of the session that a refresh or offline token belongs to (KC-030: all chains of the client in it).
pub fn revoke_refresh_token(client: &Client, token: &VerifiedRefreshToken, session: Session) -> Result<Vec<Change>, Refusal> {
    if token.client_id != client.client_id {
        return Err(Refusal::RevocationByOtherClient);
    }
    if session == Session::Gone {
        return Err(Refusal::RevocationOfInvalidToken);
    }
    let end = |kind| Change::EndClientSession { sid: token.sid, kind, client: client.key };
    Ok(match token.kind {
        SessionKind::Online => vec![end(SessionKind::Online)],
        // The online part of the same sign-in goes too; it could otherwise make a new offline grant.
        SessionKind::Offline => vec![end(SessionKind::Offline), end(SessionKind::Online)],
    })
}

/// Makes one access token worthless, by its `jti`.
pub fn revoke_access_token(
    realm: RealmKey,
    client: &Client,
    token: &VerifiedAccessToken,
    now: EpochSeconds,
) -> Result<Vec<Change>, Refusal> {
    if token.client_id != client.client_id {
        return Err(Refusal::RevocationByOtherClient);
    }
    let until = token.expires_at.max(now.saturating_add(REVOKED_REMEMBERED_MIN_S));
    Ok(vec![Change::RevokeAccessToken { realm, jti: token.id.clone(), until }])
}

/// Ends the whole session, for every client in it, as Keycloak's logout endpoint does with a refresh token (KC-031).
pub fn log_out(client: &Client, token: &VerifiedRefreshToken) -> Result<Vec<Change>, Refusal> {
    if token.client_id != client.client_id {
        return Err(Refusal::WrongClient);
    }
    let end = |kind| Change::EndSession { sid: token.sid, kind };
    Ok(match token.kind {
        SessionKind::Online => vec![end(SessionKind::Online)],
        SessionKind::Offline => vec![end(SessionKind::Offline), end(SessionKind::Online)],
    })
}
