//! What a refusal looks like on the wire: Keycloak's status, error code and words, all in one place.
//!
//! Texts are facts of the protocol that clients match on (KEYCLOAK §2). Reasons of ours that Keycloak does not have are worded here too.

use crate::client_auth::{AssertionFault, AssertionMethod};
use crate::refusal::{AccessTokenFault, Refusal};
use freshkey_protocol::ErrorCode;
use std::borrow::Cow;

/// The public side of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// HTTP status.
    pub status: u16,
    /// `error`, or a text of Keycloak's that is no code.
    pub error: ErrorName,
    /// `error_description`, if any.
    pub description: Option<Cow<'static, str>>,
}

/// What stands in the field `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorName {
    /// A code of a standard.
    Code(ErrorCode),
    /// A sentence; Keycloak's framework puts some there.
    Text(&'static str),
}

impl ErrorName {
    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code(code) => code.as_str(),
            Self::Text(text) => text,
        }
    }
}

const CLIENT: &str = "Invalid client or Invalid client credentials";
const USER: &str = "Invalid user credentials";
const REFRESH_TOKEN: &str = "Invalid refresh token";
const STALE: &str = "Stale token";

/// The wording of a refusal.
pub fn wording(refusal: &Refusal) -> Wording {
    use ErrorCode as E;
    use Refusal as R;
    match refusal {
        R::UnknownRealm => text(404, "Realm does not exist"),
        R::RealmDisabled => said(403, E::AccessDenied, "Realm not enabled"),
        R::HttpsRequired => said(403, E::InvalidRequest, "HTTPS required"),
        R::UnsupportedMediaType => text(415, "HTTP 415 Unsupported Media Type"),
        R::MethodNotAllowed => text(405, "HTTP 405 Method Not Allowed"),
        R::OriginNotAllowed => text(403, "Invalid origin"),
        R::BodyTooLarge => said(413, E::InvalidRequest, "The request body is too large"),
        R::MalformedForm => said(400, E::InvalidRequest, "The form cannot be read"),
        R::RepeatedAuthorization => said(400, E::InvalidRequest, "More than one Authorization header"),
        R::MissingGrantType => said(400, E::InvalidRequest, "Missing form parameter: grant_type"),
        R::UnsupportedGrantType => said(400, E::UnsupportedGrantType, "Unsupported grant_type"),
        R::DuplicatedParameter => said(400, E::InvalidRequest, "duplicated parameter"),

        R::NoClient | R::UnknownClient | R::ClientDisabled => said(401, E::InvalidClient, CLIENT),
        R::BearerOnlyClient => said(400, E::InvalidClient, "Bearer-only not allowed"),
        R::WrongClientProtocol => said(400, E::InvalidClient, "Wrong client protocol."),
        R::ClientSecretMissing | R::WrongClientSecret | R::ClientLocked => said(401, E::UnauthorizedClient, CLIENT),
        R::ClientAuthenticationUnavailable => said(400, E::InvalidClient, "Client authentication method not available"),
        R::ClientAssertion(fault) => assertion(fault),

        R::InvalidScope { requested } => said(400, E::InvalidScope, format!("Invalid scopes: {}", requested.replace(char::is_control, ""))),

        R::DirectAccessNotAllowed => said(400, E::UnauthorizedClient, "Client not allowed for direct access grants"),
        R::ConsentRequired => said(400, E::InvalidClient, "Client requires user consent"),
        R::MissingUsername => said(401, E::InvalidRequest, "Missing parameter: username"),
        R::UnknownUser | R::UserLocked | R::WrongPassword | R::SecondFactorRequired | R::WrongOneTimeCode | R::UsedOneTimeCode => {
            said(400, E::InvalidGrant, USER)
        }
        R::AccountDisabled => said(400, E::InvalidGrant, "Account disabled"),
        R::AccountNotSetUp => said(400, E::InvalidGrant, "Account is not fully set up"),

        R::MissingRefreshToken => said(400, E::InvalidRequest, "No refresh token"),
        R::InvalidRefreshToken(_) | R::RefreshUserUnknown => said(400, E::InvalidGrant, REFRESH_TOKEN),
        R::WrongIssuer { expected } => said(400, E::InvalidGrant, format!("Invalid token issuer. Expected '{expected}'")),
        R::StaleNotBefore | R::ReusedAfterSuccessor => said(400, E::InvalidGrant, STALE),
        R::RefreshTokenExpired => said(400, E::InvalidGrant, "Token is not active"),
        R::WrongClient => said(400, E::InvalidGrant, "Invalid refresh token. Token client and authorized client don't match"),
        R::OfflineSessionNotFound | R::OfflineSessionExpired => said(400, E::InvalidGrant, "Offline user session not found"),
        R::SessionNotActive => said(400, E::InvalidGrant, "Session not active"),
        R::UserDisabled => said(400, E::InvalidGrant, "User disabled"),
        R::IssuedBeforeSession => said(400, E::InvalidGrant, "Refresh token issued before the user session started"),
        R::ClientNotInSession => said(400, E::InvalidGrant, "Session doesn't have required client"),
        R::ClientSessionExpired => said(400, E::InvalidGrant, "Client session not active"),
        R::IssuedBeforeClientSession => said(400, E::InvalidGrant, "refresh token issued before the client session started"),
        R::ReusedTooOften => said(400, E::InvalidGrant, "Maximum allowed refresh token reuse exceeded"),
        R::ConsentWithdrawn => said(400, E::InvalidScope, "Client no longer has requested consent from user"),
        R::OfflineNotAllowed => said(400, E::NotAllowed, "Offline tokens not allowed for the user or client"),
        R::OfflineNoLongerAllowed => said(400, E::InvalidGrant, "Offline session invalid because offline access not granted anymore"),

        R::PublicClientServiceAccount => said(401, E::UnauthorizedClient, "Public client not allowed to retrieve service account"),
        R::ServiceAccountNotEnabled => said(401, E::UnauthorizedClient, "Client not enabled to retrieve service account"),
        R::ServiceAccountMissing => said(401, E::InvalidRequest, "The associated service account for the client does not exist"),
        R::ServiceAccountDisabled { username } => said(401, E::InvalidRequest, format!("User '{username}' disabled")),

        R::MissingToken => said(400, E::InvalidRequest, "Token not provided"),
        R::MissingTokenToIntrospect => said(400, E::InvalidRequest, "Token not provided."),
        R::UnsupportedTokenTypeHint { .. } => said(400, E::InvalidRequest, "Unsupported token type."),
        R::IntrospectionByPublicClient => said(403, E::InvalidRequest, "Client not allowed."),
        R::IntrospectionAuthentication => said(401, E::InvalidClient, "Client authentication failed."),
        R::RevocationByOtherClient => said(400, E::InvalidRequest, "Unmatching clients"),
        R::RevocationOfOtherType => said(400, E::UnsupportedTokenType, "Unsupported token type"),
        R::RevocationOfInvalidToken => said(200, E::InvalidToken, "Invalid token"),
        R::NoBearerToken => said(401, E::InvalidToken, "No token"),
        R::TwoBearerTokens => said(400, E::InvalidRequest, "More than one method used for including an access token"),
        R::InvalidAccessToken(fault) => said(401, E::InvalidToken, access_token(*fault)),
        R::MissingOpenidScope => said(403, E::InsufficientScope, "Missing openid scope"),

        R::DatabaseRegressed | R::StoreUnavailable | R::TooContended | R::Overloaded => {
            said(503, E::TemporarilyUnavailable, "The service is temporarily unavailable")
        }
        R::Internal => said(500, E::ServerError, "An unexpected error occurred"),
    }
}

fn access_token(fault: AccessTokenFault) -> &'static str {
    use AccessTokenFault as F;
    match fault {
        F::Verification | F::Type | F::Issuer | F::NotActive | F::Revoked | F::Stale | F::UserNotFound | F::OtherAudience => {
            "Token verification failed"
        }
        F::ClientNotFound => "Client not found",
        F::ClientDisabled => "Client disabled",
        F::SessionNotFound | F::SessionExpired => "user_session_not_found",
        F::Lightweight => "Lightweight access token not allowed for userinfo endpoint",
        F::UserDisabled => "User disabled",
    }
}

fn assertion(fault: &AssertionFault) -> Wording {
    use AssertionFault as F;
    use ErrorCode as E;
    let failed = |reason: &str| match fault.method() {
        AssertionMethod::PrivateKey => said(400, E::InvalidClient, format!("Client authentication with signed JWT failed: {reason}")),
        AssertionMethod::Secret => {
            said(400, E::UnauthorizedClient, format!("Client authentication with client secret signed JWT failed: {reason}"))
        }
    };
    match fault {
        F::TypeMissing => said(400, E::InvalidClient, "Parameter client_assertion_type is missing"),
        // Without an assertion of a known type, or one that says who it is from, there is no client.
        F::TypeUnknown { .. } | F::IssuerMismatch(_) => said(401, E::InvalidClient, CLIENT),
        F::Missing => said(400, E::InvalidClient, "client_assertion parameter missing"),
        F::Algorithm => said(400, E::InvalidClient, "invalid signature algorithm"),
        F::SubjectMissing(_) => failed("Can't identify client. Subject missing on JWT token"),
        F::ClientMismatch(_) => failed("client_id parameter not matching with client from JWT token"),
        // The two blanks are Keycloak's.
        F::Signature(AssertionMethod::Secret) => failed("Signature on JWT token by client secret  failed validation"),
        F::Signature(AssertionMethod::PrivateKey) => failed("Signature on JWT token failed validation"),
        F::KeysUnavailable => said(400, E::InvalidClient, "Unable to load public key"),
        F::Audience(_) => said(400, E::InvalidClient, "Invalid token audience"),
        F::NotActive(_) => said(400, E::InvalidClient, "Token is not active"),
        F::IssuedInFuture(_) => said(400, E::InvalidClient, "Token was issued in the future"),
        F::ExpirationMissing(_) => said(400, E::InvalidClient, "Token exp claim is required"),
        F::IdMissing(_) => said(400, E::InvalidClient, "Token jti claim is required"),
        F::Reused(_) => said(400, E::InvalidClient, "Token reuse detected"),
    }
}

fn said(status: u16, code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Wording {
    Wording { status, error: ErrorName::Code(code), description: Some(description.into()) }
}

fn text(status: u16, text: &'static str) -> Wording {
    Wording { status, error: ErrorName::Text(text), description: None }
}

#[cfg(test)]
mod tests;
