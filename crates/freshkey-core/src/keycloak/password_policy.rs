//! Keycloak's `passwordPolicy` string, read into rules, and the message keys of broken rules.
//!
//! `regexPattern` and `passwordBlacklist` are kept but not enforced: this crate has neither Java's regular expressions nor files.

use super::credential::pbkdf2_prf;
use crate::limits::{PASSWORD_POLICY_BYTES_MAX, PASSWORD_POLICY_NUMBER_MAX, PBKDF2_ITERATIONS_MAX};
use crate::passwords::{HashFamily, PasswordPolicy, PolicyRule, PolicyViolation};

/// Why a policy string can't be taken. Unknown rules are no error: they are [`PolicyRule::Unsupported`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// The string is longer than a policy may be.
    TooLong,
    /// A rule of this name has an opening but no closing parenthesis.
    Unclosed(String),
    /// A rule of this name needs a number, and has none that is allowed (T-049).
    BadNumber(String),
}

/// Rules joined by ` and `, each a name with an optional value in parentheses. An empty text is an empty policy.
pub fn parse_password_policy(text: &str) -> Result<PasswordPolicy, PolicyError> {
    if text.len() > PASSWORD_POLICY_BYTES_MAX {
        return Err(PolicyError::TooLong);
    }
    let clauses = text.split(" and ").map(str::trim).filter(|clause| !clause.is_empty());
    let rules = clauses.map(parse_rule).collect::<Result<Vec<_>, _>>()?;
    Ok(PasswordPolicy::new(rules, text.to_owned()))
}

/// Keycloak's message key of a broken rule, with the parameter that its text shows.
pub fn violation_message(violation: &PolicyViolation) -> (&'static str, Option<u32>) {
    match *violation {
        PolicyViolation::TooShort(least) => ("invalidPasswordMinLengthMessage", Some(least)),
        PolicyViolation::TooLong(most) => ("invalidPasswordMaxLengthMessage", Some(most)),
        PolicyViolation::TooFewDigits(least) => ("invalidPasswordMinDigitsMessage", Some(least)),
        PolicyViolation::TooFewLowerCase(least) => ("invalidPasswordMinLowerCaseCharsMessage", Some(least)),
        PolicyViolation::TooFewUpperCase(least) => ("invalidPasswordMinUpperCaseCharsMessage", Some(least)),
        PolicyViolation::TooFewSpecialCharacters(least) => ("invalidPasswordMinSpecialCharsMessage", Some(least)),
        PolicyViolation::IsUsername => ("invalidPasswordNotUsernameMessage", None),
        PolicyViolation::ContainsUsername => ("invalidPasswordNotContainsUsernameMessage", None),
        PolicyViolation::IsEmail => ("invalidPasswordNotEmailMessage", None),
        PolicyViolation::UsedBefore(count) => ("invalidPasswordHistoryMessage", Some(count)),
    }
}

fn parse_rule(clause: &str) -> Result<PolicyRule, PolicyError> {
    let (name, value) = match clause.split_once('(') {
        None => (clause, None),
        Some((name, rest)) => {
            let name = name.trim();
            let value = rest.strip_suffix(')').ok_or_else(|| PolicyError::Unclosed(name.to_owned()))?;
            (name, Some(value.trim()))
        }
    };
    let number = |default: u32, most: u32| match value {
        None | Some("") => Ok(default),
        Some(digits) => digits.parse::<u32>().ok().filter(|number| *number <= most).ok_or_else(|| PolicyError::BadNumber(name.to_owned())),
    };
    let length = |default| number(default, PASSWORD_POLICY_NUMBER_MAX);
    // The defaults of rules without a value are those of Keycloak's providers.
    Ok(match name {
        "length" => PolicyRule::LengthMin(length(8)?),
        "maxLength" => PolicyRule::LengthMax(length(64)?),
        "digits" => PolicyRule::Digits(length(1)?),
        "lowerCase" => PolicyRule::LowerCase(length(1)?),
        "upperCase" => PolicyRule::UpperCase(length(1)?),
        "specialChars" => PolicyRule::SpecialCharacters(length(1)?),
        "notUsername" => PolicyRule::NotUsername,
        "notContainsUsername" => PolicyRule::NotContainsUsername,
        "notEmail" => PolicyRule::NotEmail,
        "passwordHistory" => PolicyRule::History(number(3, crate::limits::PASSWORD_HISTORY_MAX)?),
        "forceExpiredPasswordChange" => PolicyRule::ExpiresAfterDays(length(365)?),
        "hashIterations" => match value {
            // Without a value the algorithm's own default holds.
            None | Some("") => PolicyRule::HashIterations(0),
            Some(_) => PolicyRule::HashIterations(number(0, PBKDF2_ITERATIONS_MAX)?),
        },
        "hashAlgorithm" => match value {
            None | Some("") => PolicyRule::Hash(HashFamily::Argon2),
            Some("argon2") => PolicyRule::Hash(HashFamily::Argon2),
            Some(named) => match pbkdf2_prf(named) {
                Some(prf) => PolicyRule::Hash(HashFamily::Pbkdf2(prf)),
                None => PolicyRule::Unsupported(clause.to_owned()),
            },
        },
        unknown => PolicyRule::Unsupported(unknown.to_owned()),
    })
}

#[cfg(test)]
mod tests;
