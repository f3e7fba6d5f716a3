//! The `scope` parameter and claim: names separated by spaces (RFC 6749 §3.3). What a name means is not known here.

use std::collections::HashSet;
use std::fmt;

use crate::limits::{SCOPE_BYTES_MAX, SCOPE_NAME_BYTES_MAX, SCOPE_NAMES_MAX};

/// Above this count a set answers "seen before?" faster than a walk over the text.
const LINEAR_SEARCH_NAMES_MAX: usize = 16;

/// Why a text isn't a list of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeError {
    /// A character other than `%x21 / %x23-5B / %x5D-7E` and the separating space: quotes, backslashes, tabs, line
    /// ends and everything beyond ASCII. Keycloak refuses such names when a client scope is made, so no honest request loses.
    BadCharacter,
    /// More than [`SCOPE_BYTES_MAX`] bytes in all.
    TooLong,
    /// A name above [`SCOPE_NAME_BYTES_MAX`] bytes.
    NameTooLong,
    /// More than [`SCOPE_NAMES_MAX`] different names.
    TooManyNames,
    /// [`ScopeList::from_names`] was given a name that is empty or contains a space.
    NotOneName,
}

/// Scope names in the order of their first mention, each once.
///
/// Several spaces count as one, and leading and trailing ones are dropped; RFC 6749 allows neither, Keycloak takes both.
/// Equality looks at the order; use [`ScopeList::is_subset_of`] to compare as sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeList {
    // Canonical: exactly one space between two names. One allocation, however many names.
    text: String,
    len: usize,
}

impl ScopeList {
    /// Reads the value of a `scope` parameter or claim. The empty text is the empty list.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > SCOPE_BYTES_MAX {
            return Err(ScopeError::TooLong);
        }
        if !text.bytes().all(|byte| byte == b' ' || is_scope_byte(byte)) {
            return Err(ScopeError::BadCharacter);
        }
        Self::collect(text.split(' ').filter(|name| !name.is_empty()), text.len())
    }

    /// Makes a list of names that are already apart.
    pub fn from_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, ScopeError> {
        let mut checked = Vec::new();
        let mut bytes = 0;
        for name in names {
            if name.is_empty() || name.contains(' ') {
                return Err(ScopeError::NotOneName);
            }
            if !name.bytes().all(is_scope_byte) {
                return Err(ScopeError::BadCharacter);
            }
            bytes += name.len() + 1;
            checked.push(name);
        }
        let list = Self::collect(checked.into_iter(), bytes)?;
        if list.text.len() > SCOPE_BYTES_MAX { Err(ScopeError::TooLong) } else { Ok(list) }
    }

    /// Whether a name is in the list. Names are compared byte by byte: scopes are case sensitive.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|candidate| candidate == name)
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split(' ').filter(|name| !name.is_empty())
    }

    /// Whether every name of this list is in the other one.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|name| other.contains(name))
    }

    /// Number of different names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no name at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names with one space between them, as they go into claims and responses.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn collect<'n>(names: impl Iterator<Item = &'n str>, bytes: usize) -> Result<Self, ScopeError> {
        let mut list = Self { text: String::with_capacity(bytes), len: 0 };
        let mut seen: HashSet<&str> = HashSet::new();
        let mut first_names: Vec<&str> = Vec::with_capacity(LINEAR_SEARCH_NAMES_MAX);
        for name in names {
            if name.len() > SCOPE_NAME_BYTES_MAX {
                return Err(ScopeError::NameTooLong);
            }
            let is_new = if first_names.len() < LINEAR_SEARCH_NAMES_MAX {
                !first_names.contains(&name)
            } else {
                !first_names.contains(&name) && seen.insert(name)
            };
            if !is_new {
                continue;
            }
            if list.len == SCOPE_NAMES_MAX {
                return Err(ScopeError::TooManyNames);
            }
            if first_names.len() < LINEAR_SEARCH_NAMES_MAX {
                first_names.push(name);
            }
            if list.len > 0 {
                list.text.push(' ');
            }
            list.text.push_str(name);
            list.len += 1;
        }
        Ok(list)
    }
}

impl fmt::Display for ScopeList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests;
