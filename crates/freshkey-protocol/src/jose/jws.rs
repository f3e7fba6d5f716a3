//! Compact JWS (RFC 7515 §7.1): parsed strictly first, verified second, payload given out last.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{self, Deserializer as _, IgnoredAny, MapAccess, Visitor};

use super::{Algorithm, KeyId, VerifyingKey};
use crate::base64url;
use crate::claims::{Claims, ClaimsError};
use crate::json::Name;
use crate::limits::{COMPACT_JWS_BYTES_MAX, JWS_HEADER_BYTES_MAX, JWS_HEADER_MEMBERS_MAX, SIGNATURE_BYTES_MAX};

/// Why a text isn't an acceptable JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwsError {
    /// Above [`COMPACT_JWS_BYTES_MAX`] bytes.
    TooLong,
    /// Not three parts with two dots between them.
    NotThreeParts,
    /// A part isn't canonical unpadded base64url.
    NotBase64Url,
    /// The header isn't a JSON object, is too long, or has too many members.
    BadHeader,
    /// The header names something twice (RFC 7515 §4).
    DuplicateHeader,
    /// A known header has the wrong type, or `alg` is missing.
    BadHeaderMember,
    /// `alg` isn't an algorithm of ours; `none` in any spelling comes here.
    UnknownAlgorithm,
    /// `crit` is there: no extension is understood (RFC 7515 §4.1.11).
    CriticalExtension,
    /// `b64` is there (RFC 7797).
    UnencodedPayload,
    /// `kid` is empty, above 256 bytes or not printable ASCII.
    BadKeyId,
    /// No key of that id and algorithm.
    UnknownKey,
    /// The header's `alg` isn't the key's.
    AlgorithmMismatch,
    /// The signature is wrong.
    BadSignature,
}

/// What a header may say here. Everything else in it, `jwk`, `jku`, `x5u` and `x5c` included, has been skipped unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwsHeader {
    /// The algorithm that the token claims.
    pub algorithm: Algorithm,
    /// The kind of token, as written.
    pub typ: Option<String>,
    /// The key that the token names.
    pub key_id: Option<KeyId>,
}

/// A JWS whose form is right. Nothing in it is proven.
///
/// The text of a token isn't its identity: an ECDSA signature can be turned by anyone into another valid one over the same
/// payload. Who wants to recognise a token again must use its `jti`. No `Debug`: the text is a credential.
#[derive(Clone)]
pub struct CompactJws<'a> {
    header: JwsHeader,
    signing_input: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> CompactJws<'a> {
    /// Reads header and form. The signature's base64url is checked when it is verified, the payload's
    /// afterwards: until then they are bytes that nobody interprets.
    pub fn parse(text: &'a [u8]) -> Result<Self, JwsError> {
        if text.len() > COMPACT_JWS_BYTES_MAX {
            return Err(JwsError::TooLong);
        }
        let first = memchr::memchr(b'.', text).ok_or(JwsError::NotThreeParts)?;
        let second = memchr::memrchr(b'.', text).filter(|&second| second > first).ok_or(JwsError::NotThreeParts)?;
        let (header, payload, signature) = (&text[..first], &text[first + 1..second], &text[second + 1..]);
        if memchr::memchr(b'.', payload).is_some() {
            return Err(JwsError::NotThreeParts);
        }
        if header.len() > JWS_HEADER_BYTES_MAX {
            return Err(JwsError::BadHeader);
        }
        let header = base64url::decode(header).map_err(|_| JwsError::NotBase64Url)?;
        Ok(Self { header: JwsHeader::parse(&header)?, signing_input: &text[..second], payload, signature })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// Verifies with a key; the key's algorithm must be the header's (RFC 8725 §3.1). Gives out the payload.
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedPayload, JwsError> {
        if self.header.algorithm != key.algorithm() {
            return Err(JwsError::AlgorithmMismatch);
        }
        // Two bytes more than the longest signature, because the decoder wants room for whole groups.
        let mut buffer = [0; SIGNATURE_BYTES_MAX + 2];
        let signature = base64url::decode_into(self.signature, &mut buffer).map_err(|_| JwsError::NotBase64Url)?;
        key.verify(self.signing_input, signature).map_err(|_| JwsError::BadSignature)?;
        Ok(VerifiedPayload(self.unverified_payload()?))
    }

    /// The payload as anybody may have written it; only good for finding the key (a client assertion's `sub`).
    pub fn unverified_payload(&self) -> Result<Vec<u8>, JwsError> {
        base64url::decode(self.payload).map_err(|_| JwsError::NotBase64Url)
    }
}

/// A payload whose signature has been verified. No `Debug`: it may hold personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedPayload(Vec<u8>);

impl VerifiedPayload {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The payload as claims of a JWT.
    pub fn claims(&self) -> Result<Claims, ClaimsError> {
        Claims::parse(&self.0)
    }
}

impl JwsHeader {
    fn parse(json: &[u8]) -> Result<Self, JwsError> {
        let text = std::str::from_utf8(json).map_err(|_| JwsError::BadHeader)?;
        let refusal = Cell::new(JwsError::BadHeader);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        deserializer
            .deserialize_map(HeaderVisitor { refusal: &refusal })
            .and_then(|header| deserializer.end().map(|()| header))
            .map_err(|error| if error.is_data() { refusal.get() } else { JwsError::BadHeader })
    }
}

/// Errors of serde carry text only, so the reason that is meant travels beside them.
struct HeaderVisitor<'r> {
    refusal: &'r Cell<JwsError>,
}

impl HeaderVisitor<'_> {
    fn refuse<E: de::Error>(&self, reason: JwsError) -> E {
        self.refusal.set(reason);
        E::custom("refused")
    }

    fn text<'de, A: MapAccess<'de>>(&self, members: &mut A) -> Result<Cow<'de, str>, A::Error> {
        self.refusal.set(JwsError::BadHeaderMember);
        members.next_value_seed(Name)
    }
}

impl<'de> Visitor<'de> for HeaderVisitor<'_> {
    type Value = JwsHeader;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JwsHeader, A::Error> {
        let mut algorithm = None;
        let mut typ = None;
        let mut key_id = None;
        let mut names: Vec<Cow<'de, str>> = Vec::with_capacity(4);
        while let Some(name) = members.next_key_seed(Name)? {
            if names.contains(&name) {
                return Err(self.refuse(JwsError::DuplicateHeader));
            }
            match name.as_ref() {
                "alg" => {
                    let value = self.text(&mut members)?;
                    algorithm = Some(Algorithm::parse(&value).ok_or_else(|| self.refuse(JwsError::UnknownAlgorithm))?);
                }
                "typ" => typ = Some(self.text(&mut members)?.into_owned()),
                "kid" => {
                    let value = self.text(&mut members)?;
                    key_id = Some(KeyId::parse(&value).map_err(|_| self.refuse(JwsError::BadKeyId))?);
                }
                "crit" => return Err(self.refuse(JwsError::CriticalExtension)),
                "b64" => return Err(self.refuse(JwsError::UnencodedPayload)),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
            names.push(name);
            if names.len() > JWS_HEADER_MEMBERS_MAX {
                return Err(self.refuse(JwsError::BadHeader));
            }
        }
        let algorithm = algorithm.ok_or_else(|| self.refuse(JwsError::BadHeaderMember))?;
        Ok(JwsHeader { algorithm, typ, key_id })
    }
}
