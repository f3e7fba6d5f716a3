use super::*;
use crate::passwords::Pbkdf2Prf;

#[test]
fn every_supported_rule_is_read() {
    let text = "length(12) and upperCase(1) and digits(2) and specialChars(3) and lowerCase(4) and notUsername(undefined) and notEmail \
                and notContainsUsername and passwordHistory(5) and maxLength(64) and hashIterations(210000) and hashAlgorithm(pbkdf2-sha512) \
                and forceExpiredPasswordChange(90)";
    let policy = parse_password_policy(text).expect("reads");
    assert_eq!(
        policy.rules(),
        [
            PolicyRule::LengthMin(12),
            PolicyRule::UpperCase(1),
            PolicyRule::Digits(2),
            PolicyRule::SpecialCharacters(3),
            PolicyRule::LowerCase(4),
            PolicyRule::NotUsername,
            PolicyRule::NotEmail,
            PolicyRule::NotContainsUsername,
            PolicyRule::History(5),
            PolicyRule::LengthMax(64),
            PolicyRule::HashIterations(210_000),
            PolicyRule::Hash(HashFamily::Pbkdf2(Pbkdf2Prf::Sha512)),
            PolicyRule::ExpiresAfterDays(90),
        ]
    );
    assert_eq!(policy.unsupported().count(), 0);
    assert_eq!(policy.source(), text);
}

#[test]
fn rules_without_a_value_have_keycloaks_defaults() {
    for (text, expected) in [
        ("length", PolicyRule::LengthMin(8)),
        ("maxLength", PolicyRule::LengthMax(64)),
        ("digits()", PolicyRule::Digits(1)),
        ("lowerCase", PolicyRule::LowerCase(1)),
        ("upperCase", PolicyRule::UpperCase(1)),
        ("specialChars", PolicyRule::SpecialCharacters(1)),
        ("passwordHistory", PolicyRule::History(3)),
        ("forceExpiredPasswordChange", PolicyRule::ExpiresAfterDays(365)),
        ("hashAlgorithm", PolicyRule::Hash(HashFamily::Argon2)),
        ("hashAlgorithm(argon2)", PolicyRule::Hash(HashFamily::Argon2)),
        ("hashAlgorithm(pbkdf2)", PolicyRule::Hash(HashFamily::Pbkdf2(Pbkdf2Prf::Sha1))),
        ("hashAlgorithm(pbkdf2-sha256)", PolicyRule::Hash(HashFamily::Pbkdf2(Pbkdf2Prf::Sha256))),
    ] {
        assert_eq!(parse_password_policy(text).expect("reads").rules(), [expected], "{text}");
    }
    for empty in ["", "   "] {
        assert!(parse_password_policy(empty).expect("reads").rules().is_empty());
    }
}

#[test]
fn rules_not_enforced_here_are_reported_and_written_back() {
    let text =
        "regexPattern(^(?=.*[a-z])(x|y)$) and length(8) and passwordBlacklist(words.txt) and maxAuthAge(300) and hashAlgorithm(bcrypt)";
    let policy = parse_password_policy(text).expect("reads");
    let unsupported: Vec<_> = policy.unsupported().collect();
    assert_eq!(unsupported, ["regexPattern", "passwordBlacklist", "maxAuthAge", "hashAlgorithm(bcrypt)"]);
    assert!(policy.rules().contains(&PolicyRule::LengthMin(8)));
    assert_eq!(policy.source(), text);
}

#[test]
fn t_049_policies_out_of_bounds_are_refused() {
    let bad = |name: &str| PolicyError::BadNumber(name.to_owned());
    for (text, expected) in [
        ("hashIterations(1000000000)", bad("hashIterations")),
        ("hashIterations(10000001)", bad("hashIterations")),
        ("passwordHistory(51)", bad("passwordHistory")),
        ("length(eight)", bad("length")),
        ("length(-1)", bad("length")),
        ("forceExpiredPasswordChange(99999999999)", bad("forceExpiredPasswordChange")),
        ("length(8 and digits(1)", PolicyError::Unclosed("length".to_owned())),
    ] {
        assert_eq!(parse_password_policy(text), Err(expected), "{text}");
    }
    assert_eq!(parse_password_policy(&"x".repeat(8193)), Err(PolicyError::TooLong));
}

#[test]
fn every_violation_has_keycloaks_message_key() {
    use PolicyViolation as Broken;
    let listed = [
        Broken::TooShort(1),
        Broken::TooLong(2),
        Broken::TooFewDigits(3),
        Broken::TooFewLowerCase(4),
        Broken::TooFewUpperCase(5),
        Broken::TooFewSpecialCharacters(6),
        Broken::IsUsername,
        Broken::ContainsUsername,
        Broken::IsEmail,
        Broken::UsedBefore(7),
    ];
    let lines: Vec<_> = listed.iter().map(|violation| format!("{:?}", violation_message(violation))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ("invalidPasswordMinLengthMessage", Some(1))
    ("invalidPasswordMaxLengthMessage", Some(2))
    ("invalidPasswordMinDigitsMessage", Some(3))
    ("invalidPasswordMinLowerCaseCharsMessage", Some(4))
    ("invalidPasswordMinUpperCaseCharsMessage", Some(5))
    ("invalidPasswordMinSpecialCharsMessage", Some(6))
    ("invalidPasswordNotUsernameMessage", None)
    ("invalidPasswordNotContainsUsernameMessage", None)
    ("invalidPasswordNotEmailMessage", None)
    ("invalidPasswordHistoryMessage", Some(7))
    "#);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused_and_kept_as_it_was(text in "[a-zA-Z() ,.0-9é]{0,60}( and [a-zA-Z]{0,12}\\([0-9a-z]{0,12}\\)?){0,4}") {
        if let Ok(policy) = parse_password_policy(&text) {
            proptest::prop_assert_eq!(policy.source(), text.as_str());
        }
    }
}
