//! Error codes of OAuth and its extensions, and the JSON body that carries them. Which reason becomes which code is decided elsewhere.

use crate::json::append_string;

/// Every error code this service says, with the standard that defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// RFC 6749 §5.2.
    InvalidRequest,
    /// RFC 6749 §5.2.
    InvalidClient,
    /// RFC 6749 §5.2.
    InvalidGrant,
    /// RFC 6749 §5.2.
    UnauthorizedClient,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §5.2.
    InvalidScope,
    /// RFC 6749 §4.1.2.1; Keycloak also at the token endpoint.
    AccessDenied,
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 §4.1.2.1.
    ServerError,
    /// RFC 6749 §4.1.2.1.
    TemporarilyUnavailable,
    /// RFC 6750 §3.1.
    InvalidToken,
    /// RFC 6750 §3.1.
    InsufficientScope,
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType,
    /// RFC 8628 §3.5.
    AuthorizationPending,
    /// RFC 8628 §3.5.
    SlowDown,
    /// RFC 8628 §3.5.
    ExpiredToken,
    /// RFC 8693 §2.2.2.
    InvalidTarget,
    /// RFC 9449 §5.
    InvalidDpopProof,
    /// RFC 7591 §3.2.2.
    InvalidRedirectUri,
    /// RFC 7591 §3.2.2.
    InvalidClientMetadata,
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core §3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core §3.1.2.6.
    InteractionRequired,
    /// Keycloak's own: the feature or client doesn't allow it.
    NotAllowed,
    /// Keycloak's own: a path or resource that isn't there.
    NotFound,
    /// Keycloak's own, introspection and revocation without authorisation.
    Unauthorized,
    /// Keycloak's own, answered by internal failures of older endpoints.
    UnknownError,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 27] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::AccessDenied,
        Self::UnsupportedResponseType,
        Self::ServerError,
        Self::TemporarilyUnavailable,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::UnsupportedTokenType,
        Self::AuthorizationPending,
        Self::SlowDown,
        Self::ExpiredToken,
        Self::InvalidTarget,
        Self::InvalidDpopProof,
        Self::InvalidRedirectUri,
        Self::InvalidClientMetadata,
        Self::LoginRequired,
        Self::ConsentRequired,
        Self::InteractionRequired,
        Self::NotAllowed,
        Self::NotFound,
        Self::Unauthorized,
        Self::UnknownError,
    ];

    /// The text on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::NotAllowed => "not_allowed",
            Self::NotFound => "not_found",
            Self::Unauthorized => "unauthorized",
            Self::UnknownError => "unknown_error",
        }
    }
}

/// What goes out about an error. The description is public text; private detail belongs into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorBody<'a> {
    /// The code.
    pub error: ErrorCode,
    /// Keycloak's words, where it has any.
    pub error_description: Option<&'a str>,
}

impl ErrorBody<'_> {
    /// The body: `{"error":…,"error_description":…}`, the description omitted when there is none.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.error_description.map_or(0, str::len));
        out.extend_from_slice(b"{\"error\":");
        append_string(self.error.as_str(), &mut out);
        if let Some(description) = self.error_description {
            out.extend_from_slice(b",\"error_description\":");
            append_string(description, &mut out);
        }
        out.push(b'}');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorBody, ErrorCode};
    use std::collections::HashSet;

    #[test]
    fn codes_are_different_and_in_snake_case() {
        let texts: HashSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        assert!(texts.iter().all(|text| text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())));
    }

    #[test]
    fn description_is_escaped_or_omitted() {
        let body = |error_description| {
            let body = ErrorBody { error: ErrorCode::InvalidGrant, error_description };
            String::from_utf8(body.to_json()).unwrap()
        };
        assert_eq!(body(None), r#"{"error":"invalid_grant"}"#);
        assert_eq!(
            body(Some("Invalid token issuer. Expected 'https://a'")),
            r#"{"error":"invalid_grant","error_description":"Invalid token issuer. Expected 'https://a'"}"#
        );
        assert_eq!(body(Some("a\"b\\c\n<é>")), r#"{"error":"invalid_grant","error_description":"a\"b\\c\n<é>"}"#);
    }
}
