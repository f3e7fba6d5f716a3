//! Where a token may be in a request, and where it may not.

use super::CanonicalRequest;
use crate::reason::Reason;
use freshkey_protocol::limits::COMPACT_JWS_BYTES_MAX;
use freshkey_protocol::{BearerCredentials, BearerError};

/// The ways that a rule takes a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CredentialForm {
    /// `Authorization: Bearer`.
    #[default]
    Bearer,
    /// That, or the access key of an S3 client: `Authorization: AWS4-HMAC-SHA256 Credential=<token>/…`.
    BearerOrS3,
}

/// What was presented as a token. As good as a password until it expires: no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'r> {
    /// As RFC 6750 has it.
    Bearer(BearerCredentials<'r>),
    /// As the access key of an S3 client.
    S3Key(&'r str),
}

impl<'r> Credential<'r> {
    /// What was presented, byte for byte: by these, tokens that were verified before are known, and nothing else of them is looked at.
    #[must_use]
    pub fn as_bytes(self) -> &'r [u8] {
        match self {
            Self::Bearer(credentials) => credentials.as_bytes(),
            Self::S3Key(key) => key.as_bytes(),
        }
    }

    /// The token.
    pub fn token(self) -> Result<&'r str, Reason> {
        match self {
            Self::Bearer(credentials) => credentials.token().map(|token| token.as_str()).map_err(|_| Reason::MalformedCredential),
            Self::S3Key(key) => Ok(key),
        }
    }
}

/// What a request presents as a token.
pub fn credential<'r>(request: &CanonicalRequest<'r>, form: CredentialForm) -> Result<Credential<'r>, Reason> {
    let Some(value) = request.authorization else { return Err(Reason::NoCredential) };
    match BearerCredentials::of_header(value.as_bytes()) {
        Ok(credentials) => Ok(Credential::Bearer(credentials)),
        Err(BearerError::OtherScheme) if form == CredentialForm::BearerOrS3 => s3_credential(value.as_bytes()),
        Err(BearerError::OtherScheme) => Err(Reason::NoCredential),
        Err(_) => Err(Reason::MalformedCredential),
    }
}

/// The access key of a request that an S3 client signed. The signature is not looked at: whoever has the token could make it.
fn s3_credential(value: &[u8]) -> Result<Credential<'_>, Reason> {
    let text = std::str::from_utf8(value).map_err(|_| Reason::MalformedCredential)?;
    let parameters = text.trim_start().strip_prefix("AWS4-HMAC-SHA256 ").ok_or(Reason::NoCredential)?;
    let mut found = None;
    for parameter in parameters.split(',') {
        if let Some(scope) = parameter.trim().strip_prefix("Credential=")
            && found.replace(scope).is_some()
        {
            return Err(Reason::MalformedCredential);
        }
    }
    let scope = found.ok_or(Reason::MalformedCredential)?;
    // `<key>/<date>/<region>/<service>/aws4_request`. A compact JWS has no slash.
    let mut parts = scope.split('/');
    let key = parts.next().unwrap_or_default();
    if key.is_empty() || key.len() > COMPACT_JWS_BYTES_MAX || parts.count() != 4 {
        return Err(Reason::MalformedCredential);
    }
    Ok(Credential::S3Key(key))
}

/// Whether the query has a token in it, however its name is spelled or encoded (T-078).
pub fn query_credential(query: &str) -> bool {
    query.split(['&', ';']).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        // Most names are written as they are, and need no copy.
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
            return is_credential_name(name);
        }
        // Rails and PHP take `access_token[]` for the same.
        decoded(name).split('[').next().is_some_and(is_credential_name)
    })
}

fn is_credential_name(name: &str) -> bool {
    ["access_token", "x-amz-credential", "x-amz-security-token"].iter().any(|refused| name.eq_ignore_ascii_case(refused))
}

fn decoded(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        match (byte, rest) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default();
                out.push(u8::try_from(digit(*high) * 16 + digit(*low)).unwrap_or_default());
                bytes = after;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    // PHP leaves out white space before a name, and takes a dot or a space in it for an underscore.
    String::from_utf8_lossy(&out).trim().replace(['.', ' '], "_")
}
