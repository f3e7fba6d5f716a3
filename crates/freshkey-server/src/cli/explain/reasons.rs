//! What the stable names of refusals mean, and what can be done: for operators, never for callers of the token endpoint.

/// A refusal in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Explained {
    /// What was wrong.
    pub(super) words: &'static str,
    /// What helps, if anything does.
    pub(super) advice: Option<&'static str>,
}

const SIGN_IN_AGAIN: Option<&str> = Some("the person has to sign in again");
const STORE_NEW_TOKEN: Option<&str> =
    Some("the application has to store the refresh token of every answer in place of the one before; sign in again");

/// The meaning of a name; a name of another release stands for itself.
pub(super) fn explained(name: &str) -> Explained {
    of_a_sign_in(name).unwrap_or_else(|| of_the_rest(name))
}

/// Names of what can be wrong with a sign-in by password.
fn of_a_sign_in(name: &str) -> Option<Explained> {
    let (words, advice) = match name {
        "missing_username" => ("the request had no user name", None),
        "unknown_user" => ("there is no such user", None),
        "user_locked" => {
            ("too many wrong passwords; even the right one is refused for a while", Some("`admin unlock USER` lifts the lock"))
        }
        "account_disabled" | "user_disabled" => ("the user is switched off", Some("`admin user set USER --enabled`")),
        "wrong_password" => ("the password was wrong", Some("`admin user set-password USER` sets a new one")),
        "second_factor_required" => {
            ("the account has a device for one-time codes, and no code was sent", Some("send the device's code in the parameter otp"))
        }
        "wrong_one_time_code" => (
            "the one-time code was none of the next ones of the account's devices",
            Some(
                "check the device's clock; `admin user show USER` names the devices, `admin user set USER --remove-otp LABEL` takes one away",
            ),
        ),
        "used_one_time_code" => ("the one-time code was used before", Some("wait for the device's next code")),
        "account_not_set_up" => (
            "something must be done in person first",
            Some("`admin user show USER` says what; `admin user set USER --remove-required-action ACTION` waives it"),
        ),
        _ => return None,
    };
    Some(Explained { words, advice })
}

fn of_the_rest(name: &str) -> Explained {
    let (words, advice) = match name {
        "unknown_realm" => ("there is no such realm", None),
        "realm_disabled" => ("the realm is switched off", Some("`admin realm set NAME --set enabled=true`")),
        "https_required" => {
            ("the realm wants HTTPS and the request came without", Some("call by https, or trust the proxy that speaks it"))
        }
        "unsupported_media_type"
        | "method_not_allowed"
        | "body_too_large"
        | "malformed_form"
        | "repeated_authorization"
        | "missing_grant_type"
        | "duplicated_parameter" => ("the request itself was malformed", Some("correct the application's request")),
        "unsupported_grant_type" => ("the server doesn't have this grant type", None),
        "no_client" => ("the request named no client", Some("send client_id")),
        "unknown_client" => ("there is no such client", Some("`admin client list` shows those that there are")),
        "client_disabled" => ("the client is switched off", Some("`admin client set CLIENT --set enabled=true`")),
        "bearer_only_client" => ("the client is bearer-only and may not ask for tokens", None),
        "wrong_client_protocol" => ("the client speaks another protocol", None),
        "client_secret_missing" => {
            ("a confidential client sent no secret", Some("send client_secret; `admin client secret show CLIENT` prints it"))
        }
        "wrong_client_secret" => {
            ("the client's secret is wrong, or past its overlap", Some("`admin client secret show CLIENT` prints the present one"))
        }
        "client_locked" => ("too many wrong secrets for this client", Some("correct the secret, and wait a little")),
        "client_authentication_unavailable" => ("the client authenticates in a way that this server doesn't have", None),
        "invalid_scope" => {
            ("the client asked for a scope that it doesn't have", Some("`admin client set CLIENT --optional-scope NAME` adds one"))
        }
        "direct_access_not_allowed" => {
            ("the client may not use the password grant", Some("`admin client set CLIENT --set directAccessGrantsEnabled=true`"))
        }
        "consent_required" => {
            ("the client needs a consent that nobody can give here", Some("`admin client set CLIENT --set consentRequired=false`"))
        }
        "missing_refresh_token" => ("the request had no refresh_token", Some("the variable that should hold it may be empty")),
        "wrong_issuer" => (
            "the token names another issuer than this realm",
            Some("ask the server that issued it, or set the public host name to what it was"),
        ),
        "stale_not_before" => ("the token was issued before a not-before time", SIGN_IN_AGAIN),
        "refresh_token_expired" => ("the token's own time was over", SIGN_IN_AGAIN),
        "wrong_client" => {
            ("the token belongs to another client than the one that sent it", Some("send it with the client_id it was issued to"))
        }
        "offline_session_not_found" | "session_not_active" => ("the session has ended, or has died of age or disuse", SIGN_IN_AGAIN),
        "offline_session_expired" => ("the offline session has died of age or disuse", SIGN_IN_AGAIN),
        "refresh_user_unknown" => ("the user is gone, or is not the one of the session", None),
        "issued_before_session" | "issued_before_client_session" => ("the token is older than the session", SIGN_IN_AGAIN),
        "client_not_in_session" => ("the session has ended for this client", SIGN_IN_AGAIN),
        "client_session_expired" => ("the session has died of age or disuse for this client", SIGN_IN_AGAIN),
        "reused_after_successor" => {
            ("an older token of the chain was used after a newer one: a theft, or an application that kept the old one", STORE_NEW_TOKEN)
        }
        "reused_too_often" => {
            ("the token was used again after it had a successor: a theft, or an application that kept the old one", STORE_NEW_TOKEN)
        }
        "offline_not_allowed" | "offline_no_longer_allowed" => (
            "the user or the client has no right to offline tokens (any more)",
            Some("the user needs the role offline_access, the client the scope of that name"),
        ),
        "database_regressed" => (
            "the token is newer than its row: the database has forgotten commits",
            Some("`admin recover list` shows every such grant, and how to decide"),
        ),
        "public_client_service_account" | "service_account_not_enabled" => (
            "the client may not use client credentials",
            Some("`admin client set CLIENT --confidential --set serviceAccountsEnabled=true`"),
        ),
        "service_account_missing" | "service_account_disabled" => ("the client's service account is missing or switched off", None),
        "missing_token" => ("the request had no token", None),
        "unsupported_token_type_hint" => ("the token_type_hint is unknown", None),
        "introspection_by_public_client" => ("a public client may not introspect", None),
        "introspection_authentication" => ("client authentication failed at introspection", None),
        "revocation_by_other_client" => ("the token to be revoked belongs to another client", None),
        "revocation_of_other_type" | "revocation_of_invalid_token" => ("what was to be revoked is no token that can be", None),
        "no_bearer_token" | "two_bearer_tokens" => ("the request had no bearer token, or two", None),
        "missing_openid_scope" => ("the access token lacks the scope openid", None),
        "store_unavailable" => ("the database could not be reached", Some("the application may try again")),
        "too_contended" | "overloaded" => ("the server had too much of this work at once", Some("the application may try again")),
        "internal" => ("the server failed; its log has more under the correlation id", None),
        _ => return explained_with_detail(name),
    };
    Explained { words, advice }
}

/// Names with a detail after the colon.
fn explained_with_detail(name: &str) -> Explained {
    let (family, detail) = name.split_once(':').unwrap_or((name, ""));
    let (words, advice) = match (family, detail) {
        ("invalid_refresh_token", "unknown_key") => {
            ("no key of the realm can have signed the token: it is another server's, or its key was disabled", SIGN_IN_AGAIN)
        }
        ("invalid_refresh_token", "signature") => ("the token's signature is wrong: it was changed or made up", None),
        ("invalid_refresh_token", "type") => {
            ("it is not a refresh token, but an access or ID token", Some("send refresh_token, not access_token"))
        }
        ("invalid_refresh_token", _) => (
            "it is not a refresh token of this server, or only a part of one",
            Some("the token may have been cut off or have line breaks in it"),
        ),
        ("invalid_access_token", "not_active") => ("the access token's time is over, or has not begun", Some("refresh it")),
        ("invalid_access_token", "revoked") => ("the access token was revoked", None),
        ("invalid_access_token", "session_not_found" | "session_expired") => ("the session of the access token has ended", SIGN_IN_AGAIN),
        ("invalid_access_token", "user_not_found" | "user_disabled") => ("the user of the access token is gone or switched off", None),
        ("invalid_access_token", "client_not_found" | "client_disabled") => {
            ("the client of the access token is gone or switched off", None)
        }
        ("invalid_access_token", "stale") => ("the access token was issued before a not-before time", Some("refresh it")),
        ("invalid_access_token", _) => ("it is not an access token of this realm", None),
        ("client_assertion", "keys_unavailable") => (
            "the client publishes its keys, and they could not be fetched",
            Some("the log says why; a host inside the network has to be listed in outgoing.allowed_hosts"),
        ),
        ("client_assertion", _) => ("the client's signed assertion was not accepted", Some("the detail after the colon says why")),
        _ => ("refused for a reason that this release has no words for", None),
    };
    Explained { words, advice }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshkey_core::Refusal;
    use freshkey_core::refusal::{AccessTokenFault, RefreshTokenFault};

    #[test]
    fn refusals_of_a_refresh_all_have_words() {
        use Refusal as R;
        let unknown = explained("no such reason");
        let reasons = [
            R::MissingRefreshToken,
            R::InvalidRefreshToken(RefreshTokenFault::Malformed),
            R::InvalidRefreshToken(RefreshTokenFault::UnknownKey),
            R::InvalidRefreshToken(RefreshTokenFault::Signature),
            R::InvalidRefreshToken(RefreshTokenFault::Claims),
            R::InvalidRefreshToken(RefreshTokenFault::Type),
            R::InvalidRefreshToken(RefreshTokenFault::Ids),
            R::InvalidAccessToken(AccessTokenFault::NotActive),
            R::InvalidAccessToken(AccessTokenFault::Verification),
            R::WrongIssuer { expected: String::new() },
            R::StaleNotBefore,
            R::RefreshTokenExpired,
            R::WrongClient,
            R::OfflineSessionNotFound,
            R::OfflineSessionExpired,
            R::SessionNotActive,
            R::RefreshUserUnknown,
            R::UserDisabled,
            R::UserLocked,
            R::WrongPassword,
            R::SecondFactorRequired,
            R::WrongOneTimeCode,
            R::UsedOneTimeCode,
            R::IssuedBeforeSession,
            R::ClientNotInSession,
            R::ClientSessionExpired,
            R::IssuedBeforeClientSession,
            R::ReusedAfterSuccessor,
            R::ReusedTooOften,
            R::OfflineNotAllowed,
            R::OfflineNoLongerAllowed,
            R::DatabaseRegressed,
            R::ConsentRequired,
            R::InvalidScope { requested: String::new() },
            R::WrongClientSecret,
            R::ClientSecretMissing,
            R::UnknownClient,
            R::ClientDisabled,
            R::StoreUnavailable,
            R::TooContended,
            R::Overloaded,
            R::Internal,
        ];
        for reason in reasons {
            assert_ne!(explained(&reason.name()), unknown, "{}", reason.name());
        }
    }
}
