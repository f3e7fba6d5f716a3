//! Printing compact JWS: one buffer of the final size, header encoded long ago, claims and signature encoded straight into place.

use super::signing_key::SignError;
use super::{Algorithm, KeyId, SigningKey};
use crate::base64url;
use crate::json::append_string;
use crate::limits::SIGNATURE_BYTES_MAX;

/// The header's `typ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderType {
    /// `JWT`: access, refresh, offline and ID tokens in Keycloak.
    Jwt,
    /// `at+jwt`: access tokens after RFC 9068, for clients that want it.
    AccessToken,
    /// `logout+jwt`: back-channel logout tokens.
    LogoutToken,
}

impl HeaderType {
    const ALL: [Self; 3] = [Self::Jwt, Self::AccessToken, Self::LogoutToken];

    /// The text on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::AccessToken => "at+jwt",
            Self::LogoutToken => "logout+jwt",
        }
    }
}

/// Makes the token: header (`alg`, `typ`, `kid`, as Keycloak orders them), claims and signature.
///
/// The claims must be a JSON object; that isn't checked. Nor is the length: what is minted beyond
/// [`COMPACT_JWS_BYTES_MAX`](crate::limits::COMPACT_JWS_BYTES_MAX) isn't read back here.
pub fn sign_compact(key: &SigningKey, header_type: HeaderType, claims_json: &[u8]) -> Result<String, SignError> {
    let header = key.headers.get(header_type);
    let mut buffer = [0; SIGNATURE_BYTES_MAX];
    let signature_len = base64url::encoded_len(key.signature_bytes());
    let mut token = Vec::with_capacity(header.len() + base64url::encoded_len(claims_json.len()) + 1 + signature_len);
    token.extend_from_slice(header);
    base64url::append(claims_json, &mut token);
    let signature = key.sign_into(&token, &mut buffer)?;
    token.push(b'.');
    base64url::append(signature, &mut token);
    // Base64url and dots are ASCII, so this can't fail.
    String::from_utf8(token).map_err(|_| SignError)
}

/// The encoded header and its dot, for every type.
pub(super) struct EncodedHeaders([Box<[u8]>; 3]);

impl EncodedHeaders {
    pub(super) fn new(algorithm: Algorithm, key_id: &KeyId) -> Self {
        Self(HeaderType::ALL.map(|header_type| {
            let mut json = format!(r#"{{"alg":"{algorithm}","typ":"{}","kid":"#, header_type.as_str()).into_bytes();
            append_string(key_id.as_str(), &mut json);
            json.push(b'}');
            let mut encoded = Vec::with_capacity(base64url::encoded_len(json.len()) + 1);
            base64url::append(&json, &mut encoded);
            encoded.push(b'.');
            encoded.into_boxed_slice()
        }))
    }

    fn get(&self, header_type: HeaderType) -> &[u8] {
        let [jwt, access_token, logout_token] = &self.0;
        match header_type {
            HeaderType::Jwt => jwt,
            HeaderType::AccessToken => access_token,
            HeaderType::LogoutToken => logout_token,
        }
    }
}
