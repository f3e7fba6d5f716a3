//! Every way to say no: the reason for log and metric, and the little that the caller is told of it.

use http::StatusCode;

/// Why a request is refused. The word of each is stable: dashboards and tests name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The request has no single meaning.
    Ambiguous(Ambiguity),
    /// No application has this host.
    UnknownHost,
    /// No rule of the application fits (default deny).
    NoRule,
    /// A token is needed and there is none.
    NoCredential,
    /// `Authorization` is there twice, has another scheme, or holds no token.
    MalformedCredential,
    /// A token in the query, where logs and referrers keep it (RFC 6750 §5.3).
    TokenInQuery,
    /// Not a compact JWS of an algorithm that exists here.
    MalformedToken,
    /// The payload is not a set of claims, or a claim has the wrong shape.
    MalformedClaims,
    /// The signature is not the key's.
    BadSignature,
    /// The algorithm is not in the issuer's list.
    AlgorithmNotAllowed,
    /// `iss` is missing or nobody that is trusted here.
    UnknownIssuer,
    /// The key is not one of the issuer's, and a fetch did not bring it.
    UnknownKey,
    /// There are no keys of the issuer, so nothing can be said about its tokens.
    KeysUnavailable,
    /// Signed with a key of one issuer, and names another.
    IssuerMismatch,
    /// Meant for somebody else.
    WrongAudience,
    /// Issued to a client that may not call here.
    WrongParty,
    /// A refresh, offline, ID or logout token: not an access token.
    WrongKind,
    /// Bound to a key of its holder (`cnf`), so presenting it alone proves nothing.
    SenderConstrained,
    /// A claim that must be there is missing.
    MissingClaim,
    /// Past its `exp`.
    Expired,
    /// Before its `nbf` or `iat`.
    NotYetValid,
    /// Revoked, as the issuer says when asked.
    Revoked,
    /// The issuer could not be asked whether it is revoked.
    RevocationUnknown,
    /// The token is good; the rule wants more (roles, scopes, groups, claims).
    Insufficient,
    /// An identity could not be written as headers.
    IdentityTooLarge,
    /// The peer is no listed proxy, so nothing that it says about a request is believed.
    UntrustedPeer,
    /// The application did not answer.
    UpstreamUnavailable,
    /// The application took too long.
    UpstreamTimeout,
    /// Something broke here.
    Failed,
}

/// Why a request has no single meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ambiguity {
    /// The target is not a path, is too long, or has bytes that no target may have.
    Target,
    /// `%2e`, `%2f`, `%5c`, `%00` and the like: an encoded character that means something of its own.
    EncodedDelimiter,
    /// `%` without two digits, or something that is not UTF-8 when decoded.
    Encoding,
    /// `.` or `..` as a segment.
    DotSegment,
    /// `//`.
    EmptySegment,
    /// `;`, `\`, `#`.
    Delimiter,
    /// No host, two, or something that is no host.
    Host,
    /// A method that is not upper case, or one that is never passed on.
    Method,
    /// Headers that must be there once are there twice.
    DuplicateHeader,
    /// An identity header in another spelling, which an application may take for ours.
    IdentityHeader,
    /// A header describes another request than the one that it came with: the caller's, or a proxy's that is configured otherwise.
    Description,
    /// The lengths in the head contradict each other.
    Framing,
    /// What the front proxy says about the request is incomplete.
    Incomplete,
}

/// The `error` of RFC 6750 §3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerErrorCode {
    /// None: the request had no credential.
    None,
    /// `invalid_request`.
    InvalidRequest,
    /// `invalid_token`.
    InvalidToken,
    /// `insufficient_scope`.
    InsufficientScope,
}

impl Reason {
    /// The word in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous(ambiguity) => ambiguity.as_str(),
            Self::UnknownHost => "unknown_host",
            Self::NoRule => "no_rule",
            Self::NoCredential => "no_credential",
            Self::MalformedCredential => "malformed_credential",
            Self::TokenInQuery => "token_in_query",
            Self::MalformedToken => "malformed_token",
            Self::MalformedClaims => "malformed_claims",
            Self::BadSignature => "bad_signature",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownKey => "unknown_key",
            Self::KeysUnavailable => "keys_unavailable",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::WrongAudience => "wrong_audience",
            Self::WrongParty => "wrong_party",
            Self::WrongKind => "wrong_kind",
            Self::SenderConstrained => "sender_constrained",
            Self::MissingClaim => "missing_claim",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::Insufficient => "insufficient",
            Self::IdentityTooLarge => "identity_too_large",
            Self::UntrustedPeer => "untrusted_peer",
            Self::UpstreamUnavailable => "upstream_unavailable",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Failed => "failed",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Ambiguous(_) | Self::MalformedCredential | Self::TokenInQuery => StatusCode::BAD_REQUEST,
            Self::UnknownHost | Self::NoRule | Self::Insufficient | Self::UntrustedPeer | Self::IdentityTooLarge => StatusCode::FORBIDDEN,
            Self::KeysUnavailable | Self::RevocationUnknown => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamUnavailable => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// What RFC 6750 §3.1 calls it. A refusal that has nothing to do with the token has no challenge.
    #[must_use]
    pub const fn bearer_error(self) -> Option<BearerErrorCode> {
        match self {
            Self::NoCredential => Some(BearerErrorCode::None),
            Self::MalformedCredential | Self::TokenInQuery => Some(BearerErrorCode::InvalidRequest),
            Self::Insufficient => Some(BearerErrorCode::InsufficientScope),
            _ if matches!(self.status(), StatusCode::UNAUTHORIZED) => Some(BearerErrorCode::InvalidToken),
            _ => None,
        }
    }
}

impl Ambiguity {
    /// The word in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "ambiguous_target",
            Self::EncodedDelimiter => "ambiguous_encoded_delimiter",
            Self::Encoding => "ambiguous_encoding",
            Self::DotSegment => "ambiguous_dot_segment",
            Self::EmptySegment => "ambiguous_empty_segment",
            Self::Delimiter => "ambiguous_delimiter",
            Self::Host => "ambiguous_host",
            Self::Method => "ambiguous_method",
            Self::DuplicateHeader => "ambiguous_duplicate_header",
            Self::IdentityHeader => "ambiguous_identity_header",
            Self::Description => "ambiguous_description",
            Self::Framing => "ambiguous_framing",
            Self::Incomplete => "ambiguous_incomplete",
        }
    }
}

impl From<Ambiguity> for Reason {
    fn from(ambiguity: Ambiguity) -> Self {
        Self::Ambiguous(ambiguity)
    }
}
