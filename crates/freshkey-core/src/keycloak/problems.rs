//! What is wrong with configuration, by name: what can't be read at all, and what is read but can't be followed.

use super::given::{Given, shortened};
use std::fmt;

/// A value that can't be read. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenValue {
    /// Which thing, `client "app"` for instance.
    pub item: String,
    /// Which field, in the words of the representation.
    pub field: String,
    /// What it is.
    pub found: String,
    /// What it ought to be.
    pub expected: String,
}

impl fmt::Display for BrokenValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} is {}, expected {}", self.item, self.field, self.found, self.expected)
    }
}

/// Configuration that can't be acted upon. Nothing of it is used: a half-read realm could allow what the whole one forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Every broken value, as far as [`crate::limits::CONFIG_PROBLEMS_MAX`].
    pub broken: Vec<BrokenValue>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, broken) in self.broken.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{broken}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Configuration that is read but can't be followed in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigWarning {
    /// Which thing, `client "app"` for instance.
    pub item: String,
    /// Why.
    pub reason: WarningReason,
}

/// Why configuration can't be followed in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarningReason {
    /// A role is named that doesn't exist; it is ignored.
    UnknownRole(String),
    /// A client scope is named that doesn't exist; it is ignored.
    UnknownClientScope(String),
    /// A client is named that doesn't exist; what is said about it is ignored.
    UnknownClient(String),
    /// An algorithm that this server doesn't have; the realm's own is used instead.
    UnknownAlgorithm {
        /// Where it is named.
        field: &'static str,
        /// Its name.
        name: String,
    },
    /// The client's keys are said to be at a URL, which is missing or none: nobody can authenticate as this client.
    UnusableKeyUrl,
    /// A way of client authentication that this server doesn't have: nobody can authenticate as this client.
    UnknownClientAuthenticator(String),
    /// The client authenticates by signed assertions, but no usable public key is registered for it.
    NoClientKey,
    /// A kind of mapper that this server doesn't have; it adds nothing.
    UnknownMapper {
        /// Name of the mapper.
        mapper: String,
        /// Its kind, or what is wrong with it.
        detail: String,
    },
    /// A rule of the password policy that isn't enforced.
    UnenforcedPasswordRule(String),
    /// `otpPolicyLookAheadWindow` is beyond the limit.
    OneTimeCodeWindowTooWide {
        /// What the realm says.
        given: i64,
        /// What holds instead.
        used: i64,
    },
    /// A key that can't be used; the realm goes on without it (T-030).
    UnusableKey(String),
    /// A kind of key provider that this server doesn't have.
    UnknownKeyProvider(String),
    /// The realm has no active key for an algorithm that it needs.
    NoActiveKey(String),
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.item)?;
        match &self.reason {
            WarningReason::UnknownRole(name) => write!(formatter, "there is no role {}", shortened(name)),
            WarningReason::UnknownClientScope(name) => write!(formatter, "there is no client scope {}", shortened(name)),
            WarningReason::UnknownClient(name) => write!(formatter, "there is no client {}", shortened(name)),
            WarningReason::UnknownAlgorithm { field, name } => {
                write!(formatter, "{field} is {}, which this server doesn't have; the realm's algorithm is used", shortened(name))
            }
            WarningReason::UnusableKeyUrl => {
                formatter.write_str("use.jwks.url is on, and jwks.url is no absolute https URL; nobody can authenticate as this client")
            }
            WarningReason::UnknownClientAuthenticator(name) => {
                write!(formatter, "this server can't authenticate a client by {}", shortened(name))
            }
            WarningReason::NoClientKey => formatter.write_str("no usable public key is registered; nobody can authenticate as this client"),
            WarningReason::UnknownMapper { mapper, detail } => write!(formatter, "mapper {} is left out: {detail}", shortened(mapper)),
            WarningReason::UnenforcedPasswordRule(rule) => write!(formatter, "password rule {} isn't enforced", shortened(rule)),
            WarningReason::OneTimeCodeWindowTooWide { given, used } => {
                write!(formatter, "otpPolicyLookAheadWindow is {given}; {used} is the most that is looked ahead")
            }
            WarningReason::UnusableKey(detail) => write!(formatter, "the key can't be used: {detail}"),
            WarningReason::UnknownKeyProvider(kind) => write!(formatter, "this server has no key provider {}", shortened(kind)),
            WarningReason::NoActiveKey(algorithm) => write!(formatter, "there is no active key for {algorithm}"),
        }
    }
}

/// Collects problems while a realm is read.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) broken: Vec<BrokenValue>,
    pub(crate) warnings: Vec<ConfigWarning>,
}

impl Problems {
    /// Whatever was read, unless something was broken.
    pub(crate) fn finish<T>(self, value: T) -> Result<(T, Vec<ConfigWarning>), ConfigError> {
        if self.broken.is_empty() { Ok((value, self.warnings)) } else { Err(ConfigError { broken: self.broken }) }
    }

    /// Problems of one thing, which the closure names when there is one.
    pub(crate) fn of(&mut self, item: String) -> ItemProblems<'_> {
        ItemProblems { problems: self, item }
    }
}

/// Collects problems of one thing.
pub(crate) struct ItemProblems<'a> {
    problems: &'a mut Problems,
    item: String,
}

impl ItemProblems<'_> {
    /// Notes a value that can't be read.
    pub(crate) fn broken(&mut self, field: &str, found: String, expected: &str) {
        if self.problems.broken.len() < crate::limits::CONFIG_PROBLEMS_MAX {
            let broken = BrokenValue { item: self.item.clone(), field: field.to_owned(), found, expected: expected.to_owned() };
            self.problems.broken.push(broken);
        }
    }

    /// Notes something that can't be followed.
    pub(crate) fn warn(&mut self, reason: WarningReason) {
        if self.problems.warnings.len() < crate::limits::CONFIG_PROBLEMS_MAX {
            self.problems.warnings.push(ConfigWarning { item: self.item.clone(), reason });
        }
    }

    /// The value of a field that may be absent.
    pub(crate) fn read<'g, T>(&mut self, field: &str, given: &'g Given<T>) -> Option<&'g T> {
        if let Given::Broken { found, expected } = given {
            self.broken(field, found.clone(), expected);
        }
        given.get()
    }

    /// The value of a flag, or what its absence means.
    pub(crate) fn flag(&mut self, field: &str, given: &Given<bool>, absent: bool) -> bool {
        self.read(field, given).copied().unwrap_or(absent)
    }

    /// The value of a number, or what its absence means.
    pub(crate) fn whole(&mut self, field: &str, given: &Given<i64>, absent: i64) -> i64 {
        self.read(field, given).copied().unwrap_or(absent)
    }

    /// The value of a number that is at least 0.
    pub(crate) fn natural(&mut self, field: &str, given: &Given<i64>, absent: i64) -> i64 {
        let number = self.whole(field, given, absent);
        if number < 0 {
            self.broken(field, number.to_string(), "a number from 0");
        }
        number.max(0)
    }

    /// A list; absent is empty.
    pub(crate) fn list<'g, T>(&mut self, field: &str, given: &'g Given<Vec<T>>) -> &'g [T] {
        self.read(field, given).map_or(&[], Vec::as_slice)
    }

    /// A text; an empty one counts as absent, since Keycloak's console writes those for "not set".
    pub(crate) fn text<'g>(&mut self, field: &str, given: &'g Given<String>) -> Option<&'g str> {
        self.read(field, given).map(String::as_str).filter(|text| !text.is_empty())
    }
}

/// `client "app"`, for messages.
pub(crate) fn named(kind: &str, name: &str) -> String {
    format!("{kind} {}", shortened(name))
}
