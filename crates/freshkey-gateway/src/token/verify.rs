//! The checks of a token, in their order. Pure: keys and time are arguments.

use super::VerifiedToken;
use crate::issuer::Issuer;
use crate::keys::KeySet;
use crate::policy::Policy;
use crate::reason::Reason;
use crate::revocation::Standing;
use arc_swap::ArcSwapOption;
use freshkey_protocol::Claims;
use freshkey_protocol::jose::{CompactJws, JwsError, JwsHeader};
use std::sync::Arc;

/// Why a token was not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is refused.
    Refused(Reason),
    /// It names a key that the issuer of this place does not have; a fetch may bring it.
    NeedsKey(usize),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

/// A token whose signature and claims are right.
#[derive(Debug)]
pub struct Checked {
    /// The issuer, by its place in the policy.
    pub issuer: usize,
    /// The keys by which it was verified.
    pub key_generation: u64,
    /// What it says.
    pub claims: Claims,
}

/// Verifies a token. `keys` has the current keys of the policy's issuers, in their order.
pub fn verify(policy: &Policy, keys: &[Option<Arc<KeySet>>], token: &str, now_s: i64) -> Result<VerifiedToken, Stop> {
    let checked = check(policy, keys, token, now_s)?;
    let issuer = &policy.issuers[checked.issuer];
    let claims = &checked.claims;
    let (valid_from_s, valid_until_s) = validity(issuer, claims);
    Ok(VerifiedToken {
        issuer: checked.issuer,
        policy_generation: policy.generation,
        key_generation: checked.key_generation,
        valid_from_s,
        ends_at_s: claims.exp.unwrap_or(0),
        valid_until_s,
        facts: policy.facts.read(claims),
        subject: claims.sub.as_deref().map(Box::from),
        standing: Standing::default(),
        identity: ArcSwapOption::empty(),
    })
}

/// The same, with all of what the token says.
pub fn check(policy: &Policy, keys: &[Option<Arc<KeySet>>], token: &str, now_s: i64) -> Result<Checked, Stop> {
    let jws = CompactJws::parse(token.as_bytes()).map_err(form_reason)?;
    check_header_type(jws.header())?;
    let place = choose_issuer(policy, keys, &jws)?;
    let issuer = policy.issuers[place].as_ref();
    let set = keys.get(place).and_then(Option::as_ref).ok_or(Reason::KeysUnavailable)?;
    let header = jws.header();
    if !issuer.algorithms.contains(&header.algorithm) {
        return Err(Reason::AlgorithmNotAllowed.into());
    }
    let key = set.find(header.key_id.as_ref(), header.algorithm).ok_or(Stop::NeedsKey(place))?;
    let payload = jws.verify(key).map_err(|_| Reason::BadSignature)?;
    let claims = payload.claims().map_err(|_| Reason::MalformedClaims)?;
    check_claims(issuer, header, &claims, now_s)?;
    Ok(Checked { issuer: place, key_generation: set.generation, claims })
}

/// The issuer whose keys are tried. A key that one issuer alone has decides it; else what the payload says, which is checked again once it is proven.
fn choose_issuer(policy: &Policy, keys: &[Option<Arc<KeySet>>], jws: &CompactJws<'_>) -> Result<usize, Stop> {
    let header = jws.header();
    let mut having = keys.iter().enumerate().filter(|(_, set)| {
        let found = set.as_ref().and_then(|set| set.find(header.key_id.as_ref(), header.algorithm));
        found.is_some()
    });
    if let (Some((place, _)), None) = (having.next(), having.next()) {
        return Ok(place);
    }
    let payload = jws.unverified_payload().map_err(form_reason)?;
    let claims = Claims::parse(&payload).map_err(|_| Reason::MalformedClaims)?;
    let name = claims.iss.ok_or(Reason::UnknownIssuer)?;
    policy.issuers.iter().position(|issuer| issuer.name == name).ok_or(Stop::Refused(Reason::UnknownIssuer))
}

fn form_reason(error: JwsError) -> Reason {
    match error {
        JwsError::UnknownAlgorithm | JwsError::AlgorithmMismatch => Reason::AlgorithmNotAllowed,
        JwsError::BadSignature => Reason::BadSignature,
        _ => Reason::MalformedToken,
    }
}

/// RFC 8725 §3.11: a token that says of itself to be something else is nothing else here.
fn check_header_type(header: &JwsHeader) -> Result<(), Reason> {
    let Some(typ) = header.typ.as_deref() else { return Ok(()) };
    // RFC 7515 §4.1.9: `application/` may be left out.
    let typ = typ.get(..12).filter(|prefix| prefix.eq_ignore_ascii_case("application/")).map_or(typ, |prefix| &typ[prefix.len()..]);
    if typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt") { Ok(()) } else { Err(Reason::WrongKind) }
}

/// What the claims of a token must be.
pub fn check_claims(issuer: &Issuer, header: &JwsHeader, claims: &Claims, now_s: i64) -> Result<(), Reason> {
    if claims.iss.as_deref() != Some(issuer.name.as_str()) {
        return Err(if claims.iss.is_some() { Reason::IssuerMismatch } else { Reason::UnknownIssuer });
    }
    check_kind(header, claims)?;
    let audience = claims.aud.as_ref().ok_or(Reason::WrongAudience)?;
    if !issuer.audiences.iter().any(|wanted| audience.contains(wanted)) {
        return Err(Reason::WrongAudience);
    }
    check_party(issuer, claims)?;
    let (valid_from_s, valid_until_s) = validity(issuer, claims);
    if claims.exp.is_none() {
        return Err(Reason::MissingClaim);
    }
    if now_s >= valid_until_s {
        return Err(Reason::Expired);
    }
    if now_s < valid_from_s {
        return Err(Reason::NotYetValid);
    }
    let has_subject = claims.sub.as_deref().is_some_and(|subject| !subject.is_empty());
    if issuer.needs_subject && !has_subject {
        return Err(Reason::MissingClaim);
    }
    Ok(())
}

/// Only an access token passes (T-028). A provider that says no kind is believed to mean one, unless the token has what only others have.
fn check_kind(header: &JwsHeader, claims: &Claims) -> Result<(), Reason> {
    let says_access = header.typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"));
    match claims.typ.as_deref() {
        Some(typ) if typ.eq_ignore_ascii_case("Bearer") => {}
        Some(_) => return Err(Reason::WrongKind),
        None if says_access => {}
        None => {
            // An ID token (OpenID Connect Core §2, §3.3.2.11).
            if claims.nonce.is_some() || claims.other.contains_key("at_hash") || claims.other.contains_key("c_hash") {
                return Err(Reason::WrongKind);
            }
        }
    }
    // A logout token or another message about security (RFC 8417 §2.2).
    if claims.other.contains_key("events") {
        return Err(Reason::WrongKind);
    }
    if claims.other.contains_key("cnf") {
        return Err(Reason::SenderConstrained);
    }
    Ok(())
}

/// The client: `azp`, or `client_id` after RFC 9068 §2.2. Where both are, both must be right.
fn check_party(issuer: &Issuer, claims: &Claims) -> Result<(), Reason> {
    let client_id = match claims.other.get("client_id") {
        Some(serde_json::Value::String(text)) => Some(text.as_str()),
        Some(_) => return Err(Reason::MalformedClaims),
        None => None,
    };
    if issuer.parties.is_empty() {
        return Ok(());
    }
    let mut said = [claims.azp.as_deref(), client_id].into_iter().flatten().peekable();
    let is_good = said.peek().is_some() && said.all(|party| issuer.parties.iter().any(|wanted| wanted == party));
    if is_good { Ok(()) } else { Err(Reason::WrongParty) }
}

fn validity(issuer: &Issuer, claims: &Claims) -> (i64, i64) {
    let begins = claims.nbf.unwrap_or(0).max(claims.iat.unwrap_or(0));
    (begins - issuer.skew_s, claims.exp.unwrap_or(0) + issuer.skew_s)
}
