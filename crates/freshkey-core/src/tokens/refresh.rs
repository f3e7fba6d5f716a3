//! Refresh and offline tokens: they carry the name of their grant and a generation, and nothing about the user but the id.

use super::TokenPlan;
use super::json_writer::ObjectWriter;
use crate::entropy::{Entropy, random_uuid};
use crate::grant::{Grant, SessionKind};
use crate::ids::{Family, uuid_text};
use crate::inherited::sid_text;
use crate::time::EpochSeconds;
use freshkey_protocol::jose::{HeaderType, SignError, SigningKey, sign_compact};
use sha2::{Digest, Sha256};

/// A refresh token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTokenPlan {
    /// Its `iat`.
    pub issued_at: EpochSeconds,
    /// Its scope: the one of the first grant, copied from token to token word for word.
    pub scope: String,
    /// Whether the same token must come out again when this is done again.
    pub identity: TokenIdentity,
}

/// Where the `jti` of a refresh token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenIdentity {
    /// Without rotation: every token is a new one.
    Random,
    /// With rotation: a function of the grant, the generation and the moment of rotation. A retry gets the identical token,
    /// and nothing that can be replayed is stored.
    Derived,
}

/// A minted refresh token.
pub(super) struct RefreshToken {
    pub(super) text: String,
    pub(super) id: String,
    pub(super) expires_at: Option<EpochSeconds>,
}

/// A refresh token to make, for which grant, and whom it names.
pub(super) struct OfGrant<'a> {
    pub(super) plan: &'a RefreshTokenPlan,
    pub(super) grant: &'a Grant,
    pub(super) subject: Option<&'a str>,
}

pub(super) fn mint(
    plan: &TokenPlan<'_>,
    of_grant: &OfGrant<'_>,
    key: &SigningKey,
    entropy: &dyn Entropy,
) -> Result<RefreshToken, SignError> {
    let OfGrant { plan: refresh, grant, subject } = of_grant;
    let id = match refresh.identity {
        TokenIdentity::Random => random_uuid(entropy),
        TokenIdentity::Derived => derived_id(grant),
    };
    let expires_at = plan.lifetimes().refresh_token_expiry(grant, refresh.issued_at);
    let mut object = ObjectWriter::with_capacity(768);
    if let Some(expiry) = expires_at {
        object.number("exp", expiry);
    }
    object.number("iat", refresh.issued_at);
    object.text("jti", &id);
    object.text("iss", plan.issuer);
    object.text("aud", plan.issuer);
    if let Some(subject) = subject {
        object.text("sub", subject);
    }
    object.text(
        "typ",
        match grant.id.kind {
            SessionKind::Online => "Refresh",
            SessionKind::Offline => "Offline",
        },
    );
    object.text("azp", &plan.client.client_id);
    if let Some(nonce) = &plan.nonce {
        object.text("nonce", nonce);
    }
    object.text("sid", &sid_text(grant));
    object.text("scope", &refresh.scope);
    // Without rotation the first chain of a session needs neither: the token has Keycloak's claims and no others.
    if refresh.identity == TokenIdentity::Derived || grant.id.family != Family::FIRST {
        object.text("reuse_id", &grant.id.family.to_string());
    }
    if refresh.identity == TokenIdentity::Derived || grant.generation > 0 {
        object.number(GENERATION, grant.generation);
    }
    Ok(RefreshToken { text: sign_compact(key, HeaderType::Jwt, &object.finish())?, id, expires_at })
}

/// The claim that numbers the tokens of a chain. Ours; Keycloak's own tokens have none and count as generation 0.
pub(super) const GENERATION: &str = "generation";

fn derived_id(grant: &Grant) -> String {
    let mut hash = Sha256::new();
    hash.update(b"freshkey refresh token id");
    hash.update(grant.id.sid.0);
    hash.update([u8::from(grant.id.kind == SessionKind::Offline)]);
    hash.update(grant.id.client.0);
    hash.update(grant.id.family.0.to_be_bytes());
    hash.update(grant.generation.to_be_bytes());
    hash.update(grant.rotated_at.to_be_bytes());
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Version 8 (RFC 9562 §5.8): a UUID whose bits are the maker's own affair.
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    uuid_text(&bytes)
}
