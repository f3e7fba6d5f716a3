//! Every reason to say no, with ids and without text. The words that go out are Keycloak's and live in [`crate::keycloak::wording`].

use crate::client_auth::AssertionFault;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    // The request itself.
    /// The realm does not exist.
    UnknownRealm,
    /// The realm is switched off.
    RealmDisabled,
    /// The realm wants HTTPS and this was not.
    HttpsRequired,
    /// The body is not a form.
    UnsupportedMediaType,
    /// Wrong HTTP method for the path.
    MethodNotAllowed,
    /// A page of an origin that is none of the client's.
    OriginNotAllowed,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The form cannot be read, or exceeds a limit.
    MalformedForm,
    /// More than one `Authorization` header.
    RepeatedAuthorization,
    /// No `grant_type`.
    MissingGrantType,
    /// A `grant_type` that this server does not have.
    UnsupportedGrantType,
    /// A parameter was sent more than once (RFC 6749 §3.2).
    DuplicatedParameter,

    // Client authentication.
    /// No client named anywhere.
    NoClient,
    /// No such client.
    UnknownClient,
    /// The client is switched off.
    ClientDisabled,
    /// Bearer-only clients get no tokens.
    BearerOnlyClient,
    /// The client speaks another protocol.
    WrongClientProtocol,
    /// A confidential client sent no secret.
    ClientSecretMissing,
    /// Wrong, or past its overlap.
    WrongClientSecret,
    /// Too many wrong secrets; even the right one is refused for a while (T-024).
    ClientLocked,
    /// The client has an authentication method that this server lacks.
    ClientAuthenticationUnavailable,
    /// Something is wrong with the client assertion.
    ClientAssertion(AssertionFault),

    // Scope.
    /// A scope that the client does not have.
    InvalidScope {
        /// As it was asked for.
        requested: String,
    },

    // grant_type=password.
    /// The client may not use the password grant.
    DirectAccessNotAllowed,
    /// The client needs the user's consent, which no form can be shown for here.
    ConsentRequired,
    /// No `username`.
    MissingUsername,
    /// No such user.
    UnknownUser,
    /// Too many wrong passwords; even the right one is refused for a while.
    UserLocked,
    /// The account is switched off (said before the password is looked at: KC-012).
    AccountDisabled,
    /// Wrong, missing or over-long password.
    WrongPassword,
    /// The account has a device for one-time codes, and the request had no code.
    SecondFactorRequired,
    /// The one-time code is none of the next ones of any device.
    WrongOneTimeCode,
    /// The one-time code was right, and was used before.
    UsedOneTimeCode,
    /// Something must be done in person first.
    AccountNotSetUp,

    // grant_type=refresh_token.
    /// No `refresh_token`.
    MissingRefreshToken,
    /// Not one of our refresh tokens: form, signature, key, type.
    InvalidRefreshToken(RefreshTokenFault),
    /// Another issuer than this realm's.
    WrongIssuer {
        /// The issuer of this realm.
        expected: String,
    },
    /// Issued before a not-before.
    StaleNotBefore,
    /// Past its `exp`.
    RefreshTokenExpired,
    /// Belongs to another client.
    WrongClient,
    /// No such offline session.
    OfflineSessionNotFound,
    /// The offline session has died of age or disuse.
    OfflineSessionExpired,
    /// No such session, or it has died of age or disuse.
    SessionNotActive,
    /// The user has been deleted, or is not the one of the session.
    RefreshUserUnknown,
    /// The user is switched off.
    UserDisabled,
    /// Older than the user session.
    IssuedBeforeSession,
    /// The session has nothing for this client.
    ClientNotInSession,
    /// The client session has died of age or disuse.
    ClientSessionExpired,
    /// Older than the client session.
    IssuedBeforeClientSession,
    /// An older token of a chain was used after a newer one.
    ReusedAfterSuccessor,
    /// A token was used more often than allowed.
    ReusedTooOften,
    /// The user's consent is missing or was withdrawn.
    ConsentWithdrawn,
    /// No right to offline tokens.
    OfflineNotAllowed,
    /// The right to the offline token is gone.
    OfflineNoLongerAllowed,
    /// The token is newer than its row: the database has forgotten acknowledged commits.
    DatabaseRegressed,

    // grant_type=client_credentials.
    /// Public clients have no service account.
    PublicClientServiceAccount,
    /// The client has no service account.
    ServiceAccountNotEnabled,
    /// The client's service account is missing.
    ServiceAccountMissing,
    /// The client's service account is switched off.
    ServiceAccountDisabled {
        /// Its user name.
        username: String,
    },

    // Introspection, revocation, userinfo, logout.
    /// No token given to revoke.
    MissingToken,
    /// No token given to introspect.
    MissingTokenToIntrospect,
    /// A token type hint that this server does not have.
    UnsupportedTokenTypeHint {
        /// As sent.
        hint: String,
    },
    /// Public clients may not introspect.
    IntrospectionByPublicClient,
    /// Client authentication failed at introspection.
    IntrospectionAuthentication,
    /// The token to revoke belongs to another client.
    RevocationByOtherClient,
    /// The token to revoke is of a kind that cannot be revoked.
    RevocationOfOtherType,
    /// The token to revoke is not, or no longer, one of ours. Answered 200: KC-005.
    RevocationOfInvalidToken,
    /// Userinfo without a token.
    NoBearerToken,
    /// Userinfo with two tokens.
    TwoBearerTokens,
    /// The access token does not verify, is expired or revoked.
    InvalidAccessToken(AccessTokenFault),
    /// The access token lacks the scope `openid`.
    MissingOpenidScope,

    // This server.
    /// The store cannot be reached, or the snapshot of the configuration is too old to act on.
    StoreUnavailable,
    /// Lost the race too often.
    TooContended,
    /// Too much work of this kind under way.
    Overloaded,
    /// We broke; the log has more under the correlation id.
    Internal,
}

/// What exactly is wrong with a refresh token: for the audit event, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshTokenFault {
    /// Not a compact JWS.
    Malformed,
    /// No key with that id, or of another algorithm.
    UnknownKey,
    /// The signature is wrong.
    Signature,
    /// The claims cannot be read.
    Claims,
    /// An access or ID token, or something else of ours.
    Type,
    /// Its ids are not ids of ours.
    Ids,
}

/// What exactly is wrong with an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessTokenFault {
    /// Form, key, signature or claims.
    Verification,
    /// Of another kind.
    Type,
    /// Of another issuer.
    Issuer,
    /// Past its `exp`, or not yet valid.
    NotActive,
    /// Revoked by its `jti`.
    Revoked,
    /// Its client is gone.
    ClientNotFound,
    /// Its client is switched off.
    ClientDisabled,
    /// Its session is gone, or has nothing for the client.
    SessionNotFound,
    /// Its session has died of age or disuse.
    SessionExpired,
    /// Issued before a not-before.
    Stale,
    /// Its user is gone.
    UserNotFound,
    /// Its user is switched off.
    UserDisabled,
    /// It carries too little for this endpoint.
    Lightweight,
    /// The client that asks is not among those it is for.
    OtherAudience,
}

impl Refusal {
    /// The stable name of the reason in events, metrics and logs: `invalid_refresh_token:signature`.
    pub fn name(&self) -> String {
        let debug = match self {
            // Free text from outside never becomes part of a name.
            Self::ClientAssertion(fault) => format!("ClientAssertion:{}", first_word(&format!("{fault:?}"))),
            Self::InvalidRefreshToken(fault) => format!("InvalidRefreshToken:{fault:?}"),
            Self::InvalidAccessToken(fault) => format!("InvalidAccessToken:{fault:?}"),
            other => first_word(&format!("{other:?}")).to_owned(),
        };
        let mut name = String::with_capacity(debug.len() + 8);
        let mut at_start = true;
        for letter in debug.chars() {
            if letter.is_ascii_uppercase() && !at_start {
                name.push('_');
            }
            at_start = letter == ':';
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_words_without_outside_text() {
        assert_eq!(Refusal::InvalidScope { requested: "x y".into() }.name(), "invalid_scope");
        assert_eq!(Refusal::InvalidRefreshToken(RefreshTokenFault::UnknownKey).name(), "invalid_refresh_token:unknown_key");
        assert_eq!(
            Refusal::ClientAssertion(AssertionFault::TypeUnknown { sent: "Evil Text".into() }).name(),
            "client_assertion:type_unknown"
        );
        assert_eq!(Refusal::ReusedTooOften.name(), "reused_too_often");
    }
}
