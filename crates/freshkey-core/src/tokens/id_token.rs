//! ID tokens (OpenID Connect Core §2, §12.2).

use super::TokenPlan;
use super::access::AccessToken;
use super::json_writer::ObjectWriter;
use crate::entropy::{Entropy, random_uuid};
use crate::inherited::sid_text;
use crate::mappers::MappedClaims;
use freshkey_protocol::base64url;
use freshkey_protocol::jose::{Algorithm, HeaderType, SignError, SigningKey, sign_compact};

pub(super) fn mint(
    plan: &TokenPlan<'_>,
    key: &SigningKey,
    mapped: &MappedClaims,
    access: &AccessToken,
    entropy: &dyn Entropy,
) -> Result<String, SignError> {
    let mut object = ObjectWriter::with_capacity(1024);
    object.number("exp", access.expires_at);
    object.number("iat", plan.now.seconds());
    if let Some(auth_time) = mapped.claims.get("auth_time") {
        object.value("auth_time", auth_time);
    }
    object.text("jti", &random_uuid(entropy));
    object.text("iss", plan.issuer);
    // The client itself is always among those that an ID token is for (OpenID Connect Core §2).
    let others: Vec<&str> = mapped.audience.iter().map(String::as_str).filter(|other| *other != plan.client.client_id).collect();
    match others.as_slice() {
        [] => object.text("aud", &plan.client.client_id),
        others => object.value("aud", &[others, &[&plan.client.client_id]].concat().into()),
    }
    object.text("sub", mapped.subject.as_deref().unwrap_or(&plan.user.id));
    object.text("typ", "ID");
    object.text("azp", &plan.client.client_id);
    if let Some(nonce) = &plan.nonce {
        object.text("nonce", nonce);
    }
    if let Some(grant) = &plan.grant {
        object.text("sid", &sid_text(grant));
    }
    object.text("at_hash", &half_hash(key.algorithm(), &access.text));
    if let Some(acr) = mapped.claims.get("acr") {
        object.value("acr", acr);
    }
    object.rest(&mapped.claims, &["auth_time", "acr"]);
    sign_compact(key, HeaderType::Jwt, &object.finish())
}

/// The left half of the hash that goes with the ID token's algorithm (OpenID Connect Core §3.1.3.6).
fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let hash = algorithm.hash(token.as_bytes());
    base64url::encode(&hash[..hash.len() / 2])
}
