//! Access tokens.

use super::json_writer::ObjectWriter;
use super::{GrantLetters, TokenPlan};
use crate::client::{AccessTokenHeader, TokenTypeSpelling};
use crate::entropy::{Entropy, random_uuid};
use crate::grant::SessionKind;
use crate::inherited::sid_text;
use crate::mappers::MappedClaims;
use crate::time::EpochSeconds;
use freshkey_protocol::jose::{HeaderType, SignError, SigningKey, sign_compact};
use serde_json::Value;

/// A minted access token.
pub(super) struct AccessToken {
    pub(super) text: String,
    pub(super) id: String,
    pub(super) expires_at: EpochSeconds,
}

/// Claims that Keycloak writes before `scope`; all others follow it.
const BEFORE_SCOPE: [&str; 4] = ["acr", "allowed-origins", "realm_access", "resource_access"];

pub(super) fn mint(plan: &TokenPlan<'_>, key: &SigningKey, mapped: &MappedClaims, entropy: &dyn Entropy) -> Result<AccessToken, SignError> {
    let now = plan.now.seconds();
    let expires_at = match &plan.grant {
        Some(grant) => plan.lifetimes().access_token_expiry(grant, now),
        None => plan.lifetimes().sessionless_access_token_expiry(now),
    };
    let id = token_id(plan, entropy);
    let claims = claims(plan, mapped, &id, expires_at);
    let header = match plan.client.access_token_header {
        AccessTokenHeader::Jwt => HeaderType::Jwt,
        AccessTokenHeader::AtJwt => HeaderType::AccessToken,
    };
    Ok(AccessToken { text: sign_compact(key, header, &claims)?, id, expires_at })
}

fn claims(plan: &TokenPlan<'_>, mapped: &MappedClaims, id: &str, expires_at: EpochSeconds) -> Vec<u8> {
    let mut object = ObjectWriter::with_capacity(1536);
    object.number("exp", expires_at);
    object.number("iat", plan.now.seconds());
    if let Some(auth_time) = mapped.claims.get("auth_time") {
        object.value("auth_time", auth_time);
    }
    object.text("jti", id);
    object.text("iss", plan.issuer);
    match mapped.audience.as_slice() {
        [] => {}
        [one] => object.text("aud", one),
        many => object.value("aud", &Value::from(many.to_vec())),
    }
    if let Some(subject) = &mapped.subject {
        object.text("sub", subject);
    }
    object.text(
        "typ",
        match plan.client.token_type_spelling {
            TokenTypeSpelling::Capital => "Bearer",
            TokenTypeSpelling::LowerCase => "bearer",
        },
    );
    object.text("azp", &plan.client.client_id);
    if let Some(grant) = &plan.grant {
        object.text("sid", &sid_text(grant));
    }
    for name in BEFORE_SCOPE {
        if let Some(value) = mapped.claims.get(name) {
            object.value(name, value);
        }
    }
    object.text("scope", &plan.scopes.shown());
    let written = [&BEFORE_SCOPE[..], &["auth_time"]].concat();
    object.rest(&mapped.claims, &written);
    object.finish()
}

/// `<session><token><grant>:<uuid>` (KC-006).
fn token_id(plan: &TokenPlan<'_>, entropy: &dyn Entropy) -> String {
    let session = match plan.grant.as_ref().map(|grant| grant.id.kind) {
        Some(SessionKind::Online) => "on",
        Some(SessionKind::Offline) => "of",
        None => "tr",
    };
    let token = if plan.client.lightweight_access_tokens { "lt" } else { "rt" };
    let grant = match plan.grant_type {
        GrantLetters::Password => "ro",
        GrantLetters::RefreshToken => "rt",
        GrantLetters::ClientCredentials => "cc",
    };
    format!("{session}{token}{grant}:{}", random_uuid(entropy))
}
