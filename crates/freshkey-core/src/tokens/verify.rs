//! Reading back tokens of ours. Each verified type has one constructor, so that nothing later can be called with less.

use super::refresh::GENERATION;
use crate::client::Client;
use crate::grant::SessionKind;
use crate::grants::Setting;
use crate::ids::{Family, SessionId};
use crate::refusal::{AccessTokenFault, RefreshTokenFault, Refusal};
use crate::time::EpochSeconds;
use freshkey_protocol::Claims;
use freshkey_protocol::jose::{CompactJws, Family as AlgorithmFamily};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A refresh or offline token that this realm issued and that has not expired. Whether its session is alive is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRefreshToken {
    /// `jti`
    pub id: String,
    /// `sid`
    pub sid: SessionId,
    /// `typ`
    pub kind: SessionKind,
    /// `reuse_id`; the first chain when there is none.
    pub family: Family,
    /// Which token of its chain; 0 when it does not say.
    pub generation: i64,
    /// `azp`
    pub client_id: String,
    /// `sub`: the user's id, or for a client with pairwise subjects a pseudonym in tokens of Keycloak's. Absent where the access token has another one or none.
    pub subject: Option<String>,
    /// `iat`
    pub issued_at: EpochSeconds,
    /// `exp`; offline tokens usually have none.
    pub expires_at: Option<EpochSeconds>,
    /// The scope of the first grant.
    pub scope: String,
    /// The nonce of the authorization request.
    pub nonce: Option<String>,
}

/// An access token that this realm issued and that has not expired.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedAccessToken {
    /// `jti`
    pub id: String,
    /// `azp`
    pub client_id: String,
    /// `sub`, which Keycloak leaves out without the scope `basic`.
    pub subject: Option<String>,
    /// `sid`; absent for tokens without a session.
    pub sid: Option<SessionId>,
    /// `iat`
    pub issued_at: EpochSeconds,
    /// `exp`
    pub expires_at: EpochSeconds,
    /// `scope`
    pub scope: String,
    /// `acr` and all other claims, as they stand in the token.
    pub claims: Map<String, Value>,
}

/// How far in the future `iat` and `nbf` may lie, in seconds: clocks differ (Keycloak 26.6 and later).
const SKEW_S: i64 = 10;

/// Whether an expired token is accepted. At logout it is: what it opens is closed anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// An expired token is refused.
    Checked,
    /// An expired token will do.
    Ignored,
}

/// Verifies a refresh token presented by `client` (rows 3 to 8 of KEYCLOAK §2.4).
pub fn verify_refresh_token(setting: Setting<'_>, client: &Client, text: &str, expiry: Expiry) -> Result<VerifiedRefreshToken, Refusal> {
    let token = read_refresh_token(setting, text, expiry)?;
    if token.client_id != client.client_id {
        return Err(Refusal::WrongClient); // 8
    }
    Ok(token)
}

/// Verifies a refresh token that somebody else asks about, and finds the client that it belongs to.
pub fn verify_refresh_token_of_any<'r>(setting: Setting<'r>, text: &str) -> Result<(VerifiedRefreshToken, &'r Arc<Client>), Refusal> {
    let token = read_refresh_token(setting, text, Expiry::Checked)?;
    let client = setting.realm.clients.get(&token.client_id).ok_or(Refusal::UnknownClient)?;
    Ok((token, client))
}

fn read_refresh_token(setting: Setting<'_>, text: &str, expiry: Expiry) -> Result<VerifiedRefreshToken, Refusal> {
    let claims = read(setting, text, Accepted::Internal).map_err(Refusal::InvalidRefreshToken)?; // 3
    let kind = match claims.typ.as_deref() {
        Some("Refresh") => SessionKind::Online,
        Some("Offline") => SessionKind::Offline,
        _ => return Err(Refusal::InvalidRefreshToken(RefreshTokenFault::Type)), // 4
    };
    if claims.iss.as_deref() != Some(setting.issuer) {
        return Err(Refusal::WrongIssuer { expected: setting.issuer.to_owned() }); // 5
    }
    let token = refresh_token(claims, kind).ok_or(Refusal::InvalidRefreshToken(RefreshTokenFault::Ids))?;
    let now = setting.now.seconds();
    if token.issued_at < setting.realm.settings.not_before {
        return Err(Refusal::StaleNotBefore); // 6
    }
    let expired = token.expires_at.is_some_and(|expires_at| now > expires_at);
    if (expired && expiry == Expiry::Checked) || token.issued_at > now + SKEW_S {
        return Err(Refusal::RefreshTokenExpired); // 7
    }
    Ok(token)
}

/// Verifies an access token of this realm (userinfo, introspection, revocation).
pub fn verify_access_token(setting: Setting<'_>, text: &str) -> Result<VerifiedAccessToken, AccessTokenFault> {
    let claims = read(setting, text, Accepted::Any).map_err(|_| AccessTokenFault::Verification)?;
    if !claims.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case("Bearer")) {
        return Err(AccessTokenFault::Type);
    }
    if claims.iss.as_deref() != Some(setting.issuer) {
        return Err(AccessTokenFault::Issuer);
    }
    let now = setting.now.seconds();
    let (expires_at, issued_at) = claims.exp.zip(claims.iat).ok_or(AccessTokenFault::Verification)?;
    if now > expires_at || issued_at > now + SKEW_S || claims.nbf.is_some_and(|not_before| not_before > now + SKEW_S) {
        return Err(AccessTokenFault::NotActive);
    }
    let sid = match &claims.sid {
        Some(sid) => Some(SessionId::of(sid).ok_or(AccessTokenFault::Verification)?),
        None => None,
    };
    Ok(VerifiedAccessToken {
        id: claims.jti.ok_or(AccessTokenFault::Verification)?,
        client_id: claims.azp.ok_or(AccessTokenFault::Verification)?,
        subject: claims.sub,
        sid,
        issued_at,
        expires_at,
        scope: claims.scope.unwrap_or_default(),
        claims: claims.other,
    })
}

/// Which tokens a reader accepts, by algorithm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accepted {
    /// Refresh tokens are internal: MACed with HS512, and with HS256 before Keycloak 24.
    Internal,
    /// Access tokens may be signed with any algorithm that a client can be set to.
    Any,
}

fn read(setting: Setting<'_>, text: &str, accepted: Accepted) -> Result<Claims, RefreshTokenFault> {
    let jws = CompactJws::parse(text.as_bytes()).map_err(|_| RefreshTokenFault::Malformed)?;
    let header = jws.header();
    if accepted == Accepted::Internal && header.algorithm.family() != AlgorithmFamily::Hmac {
        return Err(RefreshTokenFault::UnknownKey);
    }
    let key = setting.realm.keys.verifier(header.key_id.as_ref(), header.algorithm).ok_or(RefreshTokenFault::UnknownKey)?;
    let payload = jws.verify(key).map_err(|_| RefreshTokenFault::Signature)?;
    payload.claims().map_err(|_| RefreshTokenFault::Claims)
}

fn refresh_token(claims: Claims, kind: SessionKind) -> Option<VerifiedRefreshToken> {
    let generation = match claims.other.get(GENERATION) {
        Some(number) => number.as_i64().filter(|generation| *generation >= 0)?,
        None => 0,
    };
    let family = match &claims.reuse_id {
        // A UUID is a family of Keycloak's.
        Some(family) => Family::parse(family).or_else(|| Family::of_keycloak(family))?,
        None => Family::FIRST,
    };
    // Only offline tokens may live without an end of their own.
    if claims.exp.is_none() && kind == SessionKind::Online {
        return None;
    }
    Some(VerifiedRefreshToken {
        id: claims.jti?,
        // Tokens of Keycloak up to 14 named it differently.
        sid: SessionId::of(claims.sid.or(claims.session_state).as_deref()?)?,
        kind,
        family,
        generation,
        client_id: claims.azp?,
        subject: claims.sub,
        issued_at: claims.iat?,
        expires_at: claims.exp,
        scope: claims.scope.unwrap_or_default(),
        nonce: claims.nonce,
    })
}

#[cfg(test)]
mod tests;
