use super::*;
use crate::client_auth::AssertionMethod;
use crate::refusal::RefreshTokenFault;
use std::fmt::Write as _;

/// One of each, in the order of the enum.
fn examples() -> Vec<Refusal> {
    vec![
        Refusal::UnknownRealm,
        Refusal::RealmDisabled,
        Refusal::HttpsRequired,
        Refusal::UnsupportedMediaType,
        Refusal::MethodNotAllowed,
        Refusal::BodyTooLarge,
        Refusal::MalformedForm,
        Refusal::RepeatedAuthorization,
        Refusal::MissingGrantType,
        Refusal::UnsupportedGrantType,
        Refusal::DuplicatedParameter,
        Refusal::NoClient,
        Refusal::UnknownClient,
        Refusal::ClientDisabled,
        Refusal::BearerOnlyClient,
        Refusal::WrongClientProtocol,
        Refusal::ClientSecretMissing,
        Refusal::WrongClientSecret,
        Refusal::ClientLocked,
        Refusal::ClientAuthenticationUnavailable,
        Refusal::ClientAssertion(AssertionFault::TypeMissing),
        Refusal::InvalidScope { requested: "openid nonsense".into() },
        Refusal::DirectAccessNotAllowed,
        Refusal::ConsentRequired,
        Refusal::MissingUsername,
        Refusal::UnknownUser,
        Refusal::UserLocked,
        Refusal::AccountDisabled,
        Refusal::WrongPassword,
        Refusal::SecondFactorRequired,
        Refusal::AccountNotSetUp,
        Refusal::MissingRefreshToken,
        Refusal::InvalidRefreshToken(RefreshTokenFault::Signature),
        Refusal::WrongIssuer { expected: "https://id.example/realms/UA".into() },
        Refusal::StaleNotBefore,
        Refusal::RefreshTokenExpired,
        Refusal::WrongClient,
        Refusal::OfflineSessionNotFound,
        Refusal::OfflineSessionExpired,
        Refusal::SessionNotActive,
        Refusal::RefreshUserUnknown,
        Refusal::UserDisabled,
        Refusal::IssuedBeforeSession,
        Refusal::ClientNotInSession,
        Refusal::ClientSessionExpired,
        Refusal::IssuedBeforeClientSession,
        Refusal::ReusedAfterSuccessor,
        Refusal::ReusedTooOften,
        Refusal::ConsentWithdrawn,
        Refusal::OfflineNotAllowed,
        Refusal::DatabaseRegressed,
        Refusal::PublicClientServiceAccount,
        Refusal::ServiceAccountNotEnabled,
        Refusal::ServiceAccountMissing,
        Refusal::ServiceAccountDisabled { username: "service-account-job".into() },
        Refusal::MissingToken,
        Refusal::MissingTokenToIntrospect,
        Refusal::UnsupportedTokenTypeHint { hint: "x".into() },
        Refusal::IntrospectionByPublicClient,
        Refusal::IntrospectionAuthentication,
        Refusal::RevocationByOtherClient,
        Refusal::RevocationOfOtherType,
        Refusal::RevocationOfInvalidToken,
        Refusal::NoBearerToken,
        Refusal::TwoBearerTokens,
        Refusal::InvalidAccessToken(AccessTokenFault::NotActive),
        Refusal::MissingOpenidScope,
        Refusal::StoreUnavailable,
        Refusal::TooContended,
        Refusal::Overloaded,
        Refusal::Internal,
        Refusal::OriginNotAllowed,
        Refusal::OfflineNoLongerAllowed,
        Refusal::WrongOneTimeCode,
        Refusal::UsedOneTimeCode,
    ]
}

/// A new refusal does not compile here until it has a number, and then fails until it has an example.
fn number(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::UnknownRealm => 0,
        Refusal::RealmDisabled => 1,
        Refusal::HttpsRequired => 2,
        Refusal::UnsupportedMediaType => 3,
        Refusal::MethodNotAllowed => 4,
        Refusal::BodyTooLarge => 5,
        Refusal::MalformedForm => 6,
        Refusal::RepeatedAuthorization => 7,
        Refusal::MissingGrantType => 8,
        Refusal::UnsupportedGrantType => 9,
        Refusal::DuplicatedParameter => 10,
        Refusal::NoClient => 11,
        Refusal::UnknownClient => 12,
        Refusal::ClientDisabled => 13,
        Refusal::BearerOnlyClient => 14,
        Refusal::WrongClientProtocol => 15,
        Refusal::ClientSecretMissing => 16,
        Refusal::WrongClientSecret => 17,
        Refusal::ClientLocked => 18,
        Refusal::ClientAuthenticationUnavailable => 19,
        Refusal::ClientAssertion(_) => 20,
        Refusal::InvalidScope { .. } => 21,
        Refusal::DirectAccessNotAllowed => 22,
        Refusal::ConsentRequired => 23,
        Refusal::MissingUsername => 24,
        Refusal::UnknownUser => 25,
        Refusal::UserLocked => 26,
        Refusal::AccountDisabled => 27,
        Refusal::WrongPassword => 28,
        Refusal::SecondFactorRequired => 29,
        Refusal::AccountNotSetUp => 30,
        Refusal::MissingRefreshToken => 31,
        Refusal::InvalidRefreshToken(_) => 32,
        Refusal::WrongIssuer { .. } => 33,
        Refusal::StaleNotBefore => 34,
        Refusal::RefreshTokenExpired => 35,
        Refusal::WrongClient => 36,
        Refusal::OfflineSessionNotFound => 37,
        Refusal::OfflineSessionExpired => 38,
        Refusal::SessionNotActive => 39,
        Refusal::RefreshUserUnknown => 40,
        Refusal::UserDisabled => 41,
        Refusal::IssuedBeforeSession => 42,
        Refusal::ClientNotInSession => 43,
        Refusal::ClientSessionExpired => 44,
        Refusal::IssuedBeforeClientSession => 45,
        Refusal::ReusedAfterSuccessor => 46,
        Refusal::ReusedTooOften => 47,
        Refusal::ConsentWithdrawn => 48,
        Refusal::OfflineNotAllowed => 49,
        Refusal::DatabaseRegressed => 50,
        Refusal::PublicClientServiceAccount => 51,
        Refusal::ServiceAccountNotEnabled => 52,
        Refusal::ServiceAccountMissing => 53,
        Refusal::ServiceAccountDisabled { .. } => 54,
        Refusal::MissingToken => 55,
        Refusal::MissingTokenToIntrospect => 56,
        Refusal::UnsupportedTokenTypeHint { .. } => 57,
        Refusal::IntrospectionByPublicClient => 58,
        Refusal::IntrospectionAuthentication => 59,
        Refusal::RevocationByOtherClient => 60,
        Refusal::RevocationOfOtherType => 61,
        Refusal::RevocationOfInvalidToken => 62,
        Refusal::NoBearerToken => 63,
        Refusal::TwoBearerTokens => 64,
        Refusal::InvalidAccessToken(_) => 65,
        Refusal::MissingOpenidScope => 66,
        Refusal::StoreUnavailable => 67,
        Refusal::TooContended => 68,
        Refusal::Overloaded => 69,
        Refusal::Internal => 70,
        Refusal::OriginNotAllowed => 71,
        Refusal::OfflineNoLongerAllowed => 72,
        Refusal::WrongOneTimeCode => 73,
        Refusal::UsedOneTimeCode => 74,
    }
}

fn line(refusal: &Refusal) -> String {
    let Wording { status, error, description } = wording(refusal);
    format!("{:<44} {status} {} | {}", refusal.name(), error.as_str(), description.as_deref().unwrap_or("-"))
}

#[test]
fn every_refusal_has_an_example() {
    let numbers: Vec<usize> = examples().iter().map(number).collect();
    assert_eq!(numbers, (0..75).collect::<Vec<_>>());
}

#[test]
fn every_refusal_in_its_words() {
    let mut table = String::new();
    for refusal in examples() {
        writeln!(table, "{}", line(&refusal)).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_fault_of_an_assertion_in_its_words() {
    let of = |method| {
        [
            AssertionFault::SubjectMissing(method),
            AssertionFault::IssuerMismatch(method),
            AssertionFault::ClientMismatch(method),
            AssertionFault::Signature(method),
            AssertionFault::Audience(method),
            AssertionFault::NotActive(method),
            AssertionFault::IssuedInFuture(method),
            AssertionFault::ExpirationMissing(method),
            AssertionFault::IdMissing(method),
            AssertionFault::Reused(method),
        ]
    };
    let plain = [
        AssertionFault::TypeMissing,
        AssertionFault::TypeUnknown { sent: "x".into() },
        AssertionFault::Missing,
        AssertionFault::Algorithm,
        AssertionFault::KeysUnavailable,
    ];
    let mut table = String::new();
    for fault in plain.into_iter().chain(of(AssertionMethod::PrivateKey)).chain(of(AssertionMethod::Secret)) {
        writeln!(table, "{}", line(&Refusal::ClientAssertion(fault))).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_fault_of_an_access_token_in_its_words() {
    use AccessTokenFault as F;
    let faults = [
        F::Verification,
        F::Type,
        F::Issuer,
        F::NotActive,
        F::Revoked,
        F::ClientNotFound,
        F::ClientDisabled,
        F::SessionNotFound,
        F::SessionExpired,
        F::Stale,
        F::UserNotFound,
        F::UserDisabled,
        F::Lightweight,
        F::OtherAudience,
    ];
    let table: String = faults.into_iter().map(|fault| line(&Refusal::InvalidAccessToken(fault)) + "\n").collect();
    insta::assert_snapshot!(table);
}
