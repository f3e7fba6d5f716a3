//! What a realm asks of a new password, and how it is to be hashed. The text form is Keycloak's and is read elsewhere.

use super::hash::{Argon2Parameters, HashAlgorithm, PasswordHash, Pbkdf2Prf};
use super::hashing::{HashFailure, HashWorkspace, PlainPassword, Verdict, verify};
use crate::limits::ARGON2_ITERATIONS_MAX;
use crate::time::{EpochMillis, Now};

/// The rules of a realm, together with the text they were read from, which is what an export writes back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PasswordPolicy {
    rules: Vec<PolicyRule>,
    source: String,
}

/// One rule. Lengths are counted in UTF-16 units, as Keycloak counts them; the rest in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyRule {
    /// At least this long.
    LengthMin(u32),
    /// At most this long.
    LengthMax(u32),
    /// At least so many digits.
    Digits(u32),
    /// At least so many small letters.
    LowerCase(u32),
    /// At least so many capital letters.
    UpperCase(u32),
    /// At least so many characters that are neither letter nor digit.
    SpecialCharacters(u32),
    /// Not the user name, whatever the case.
    NotUsername,
    /// The user name is no part of it, whatever the case.
    NotContainsUsername,
    /// Not the e-mail address, whatever the case.
    NotEmail,
    /// None of the last so many passwords, the present one included.
    History(u32),
    /// To be changed after so many days.
    ExpiresAfterDays(u32),
    /// How to hash.
    Hash(HashFamily),
    /// At what cost.
    HashIterations(u32),
    /// Named in the policy, but not enforced here.
    Unsupported(String),
}

/// Algorithms that a policy can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashFamily {
    /// Argon2id, version 1.3.
    Argon2,
    /// PBKDF2 over this hash.
    Pbkdf2(Pbkdf2Prf),
}

/// Whose password it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicySubject<'a> {
    /// The user name.
    pub username: &'a str,
    /// The e-mail address, if there is one.
    pub email: Option<&'a str>,
}

/// The rule that a password breaks, with the rule's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyViolation {
    /// Shorter than this.
    TooShort(u32),
    /// Longer than this.
    TooLong(u32),
    /// Fewer digits than this.
    TooFewDigits(u32),
    /// Fewer small letters than this.
    TooFewLowerCase(u32),
    /// Fewer capital letters than this.
    TooFewUpperCase(u32),
    /// Fewer special characters than this.
    TooFewSpecialCharacters(u32),
    /// Equals the user name.
    IsUsername,
    /// Has the user name in it.
    ContainsUsername,
    /// Equals the e-mail address.
    IsEmail,
    /// One of the last so many.
    UsedBefore(u32),
}

/// Why a new password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyRefusal {
    /// It breaks a rule.
    Violation(PolicyViolation),
    /// The history could not be compared.
    Failure(HashFailure),
}

impl PasswordPolicy {
    /// Rules with the text they came from.
    pub(crate) fn new(rules: Vec<PolicyRule>, source: String) -> Self {
        Self { rules, source }
    }

    /// The rules in the order in which they were written.
    pub fn rules(&self) -> &[PolicyRule] {
        &self.rules
    }

    /// The text as it was configured, byte for byte, unsupported rules included.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Rules that are kept but not enforced, for import reports.
    pub fn unsupported(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| match rule {
            PolicyRule::Unsupported(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// How passwords of this realm are hashed.
    ///
    /// A stated count below OWASP's minimum is raised to it, so that an imported realm doesn't stay at the cost of years ago;
    /// for Argon2 a count above its limit was meant for PBKDF2 and is ignored, as Keycloak does.
    pub fn hash_algorithm(&self) -> HashAlgorithm {
        let mut family = HashFamily::Argon2;
        let mut iterations = None;
        for rule in &self.rules {
            match rule {
                PolicyRule::Hash(named) => family = *named,
                PolicyRule::HashIterations(stated) => iterations = Some(*stated),
                _ => {}
            }
        }
        match family {
            HashFamily::Argon2 => {
                let least = Argon2Parameters::RECOMMENDED;
                let stated = iterations.filter(|stated| *stated <= ARGON2_ITERATIONS_MAX).unwrap_or(least.iterations);
                HashAlgorithm::Argon2(Argon2Parameters { iterations: stated.max(least.iterations), ..least })
            }
            HashFamily::Pbkdf2(prf) => {
                let least = prf.recommended_iterations();
                HashAlgorithm::pbkdf2(prf, iterations.unwrap_or(least).max(least))
            }
        }
    }

    /// How many former passwords have to be kept, besides the present one.
    pub fn former_passwords_kept(&self) -> u32 {
        let longest = self.rules.iter().filter_map(|rule| match rule {
            PolicyRule::History(count) => Some(count.saturating_sub(1)),
            _ => None,
        });
        longest.max().unwrap_or(0)
    }

    /// Whether a password of that age must be changed at the next sign-in.
    pub fn is_expired(&self, created_at_ms: EpochMillis, now: Now) -> bool {
        let age_ms = now.milliseconds().saturating_sub(created_at_ms);
        self.rules.iter().any(|rule| match rule {
            PolicyRule::ExpiresAfterDays(days) => age_ms > i64::from(*days) * 86_400_000,
            _ => false,
        })
    }

    /// Whether a new password meets the rules; the first broken one in written order is named, the history comes last as it costs a
    /// hash for each entry. `history` is the present password and then the former ones, newest first.
    pub fn check(
        &self,
        password: PlainPassword<'_>,
        subject: PolicySubject<'_>,
        history: &[PasswordHash],
        workspace: &mut HashWorkspace,
    ) -> Result<(), PolicyRefusal> {
        for rule in &self.rules {
            rule.check_text(password.as_str(), subject).map_err(PolicyRefusal::Violation)?;
        }
        let Some(count) = self.history_length() else {
            return Ok(());
        };
        // Keycloak compares with the present password even when the count is 0.
        let entries = usize::try_from(count.max(1)).unwrap_or(usize::MAX);
        for former in history.iter().take(entries) {
            if verify(former, password, workspace).map_err(PolicyRefusal::Failure)? == Verdict::Match {
                return Err(PolicyRefusal::Violation(PolicyViolation::UsedBefore(count)));
            }
        }
        Ok(())
    }

    fn history_length(&self) -> Option<u32> {
        let stated = self.rules.iter().filter_map(|rule| match rule {
            PolicyRule::History(count) => Some(*count),
            _ => None,
        });
        stated.max()
    }
}

impl PolicyRule {
    fn check_text(&self, password: &str, subject: PolicySubject<'_>) -> Result<(), PolicyViolation> {
        let count = |wanted: fn(char) -> bool| password.chars().filter(|character| wanted(*character)).count();
        let length = || password.encode_utf16().count();
        let (kept, violation) = match self {
            Self::LengthMin(least) => (reaches(length(), *least), PolicyViolation::TooShort(*least)),
            Self::LengthMax(most) => (!exceeds(length(), *most), PolicyViolation::TooLong(*most)),
            Self::Digits(least) => (reaches(count(char::is_numeric), *least), PolicyViolation::TooFewDigits(*least)),
            Self::LowerCase(least) => (reaches(count(char::is_lowercase), *least), PolicyViolation::TooFewLowerCase(*least)),
            Self::UpperCase(least) => (reaches(count(char::is_uppercase), *least), PolicyViolation::TooFewUpperCase(*least)),
            Self::SpecialCharacters(least) => {
                (reaches(count(|character| !character.is_alphanumeric()), *least), PolicyViolation::TooFewSpecialCharacters(*least))
            }
            Self::NotUsername => (!same_text(password, subject.username), PolicyViolation::IsUsername),
            Self::NotContainsUsername => (!contains_text(password, subject.username), PolicyViolation::ContainsUsername),
            Self::NotEmail => (!subject.email.is_some_and(|email| same_text(password, email)), PolicyViolation::IsEmail),
            Self::History(_) | Self::ExpiresAfterDays(_) | Self::Hash(_) | Self::HashIterations(_) | Self::Unsupported(_) => {
                return Ok(());
            }
        };
        if kept { Ok(()) } else { Err(violation) }
    }
}

fn reaches(count: usize, least: u32) -> bool {
    u64::try_from(count).unwrap_or(u64::MAX) >= u64::from(least)
}

fn exceeds(count: usize, most: u32) -> bool {
    u64::try_from(count).unwrap_or(u64::MAX) > u64::from(most)
}

fn same_text(password: &str, other: &str) -> bool {
    password.to_lowercase() == other.to_lowercase()
}

fn contains_text(password: &str, part: &str) -> bool {
    !part.is_empty() && password.to_lowercase().contains(&part.to_lowercase())
}
