//! Key ids. Opaque: they are compared and never interpreted as a path, a URL or a query (T-027).

use std::fmt;

use super::KeyError;
use crate::limits::KEY_ID_BYTES_MAX;

/// A `kid`: 1 to 256 bytes of printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// Checks length and characters.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let is_printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
        if text.is_empty() || text.len() > KEY_ID_BYTES_MAX || !is_printable {
            return Err(KeyError::BadKeyId);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
