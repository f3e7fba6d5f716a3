//! The five things that both engines can hold, as parameters and as column values.
//! Times are `Int`; JSON is `Text`; ids are `Bytes`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// One parameter or column value.
///
/// `Debug` shows kind and length only, because parameters include sealed secrets and people's data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// `BIGINT`.
    Int(i64),
    /// `BOOLEAN`; SQLite keeps 0 and 1.
    Bool(bool),
    /// `TEXT`, without the character NUL, which PostgreSQL cannot hold.
    Text(Cow<'static, str>),
    /// `BYTEA`, named `BLOB` in SQLite.
    Bytes(ShortBytes),
}

impl Value {
    /// A text that lives as long as the program, without a copy.
    pub const fn from_static(text: &'static str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Int(_) => "integer",
            Value::Bool(_) => "boolean",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "text({} bytes)", text.len()),
            Value::Bytes(bytes) => write!(f, "bytes({})", bytes.len()),
            other => f.write_str(other.kind()),
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Value::Int(i64::from(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Value::Int(i64::from(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(Cow::Owned(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(Cow::Owned(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Value::Bytes(ShortBytes::from(value))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Value::Bytes(ShortBytes::from(value))
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Value::from(&value[..])
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        Value::from(&value[..])
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// How many bytes are kept without an allocation: a 16-byte id always fits.
const INLINE_BYTES_MAX: usize = 22;

/// Bytes that need no allocation up to 22 of them.
#[derive(Clone)]
pub struct ShortBytes(Representation);

#[derive(Clone)]
enum Representation {
    Inline { length: u8, bytes: [u8; INLINE_BYTES_MAX] },
    Heap(Box<[u8]>),
}

impl From<&[u8]> for ShortBytes {
    fn from(value: &[u8]) -> Self {
        let mut bytes = [0; INLINE_BYTES_MAX];
        match (bytes.get_mut(..value.len()), u8::try_from(value.len())) {
            (Some(inline), Ok(length)) => {
                inline.copy_from_slice(value);
                ShortBytes(Representation::Inline { length, bytes })
            }
            _ => ShortBytes(Representation::Heap(value.into())),
        }
    }
}

impl From<Vec<u8>> for ShortBytes {
    fn from(value: Vec<u8>) -> Self {
        if value.len() <= INLINE_BYTES_MAX {
            ShortBytes::from(value.as_slice())
        } else {
            ShortBytes(Representation::Heap(value.into_boxed_slice()))
        }
    }
}

impl Deref for ShortBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Representation::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Representation::Heap(bytes) => bytes,
        }
    }
}

impl PartialEq for ShortBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for ShortBytes {}

impl PartialOrd for ShortBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ShortBytes {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for ShortBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_bytes_read_back_unchanged() {
        for length in [0, 1, 16, 22, 23, 24, 4096] {
            let bytes: Vec<u8> = (0_u8..=255).cycle().take(length).collect();
            assert_eq!(*ShortBytes::from(bytes.as_slice()), bytes[..]);
            assert_eq!(*ShortBytes::from(bytes.clone()), bytes[..]);
        }
    }

    #[test]
    fn debug_never_shows_a_value() {
        let shown = format!("{:?} {:?}", Value::from("hunter2"), Value::from(&b"hunter2"[..]));
        assert_eq!(shown, "text(7 bytes) bytes(7)");
    }

    #[test]
    fn a_value_stays_small() {
        assert!(size_of::<Value>() <= 32);
    }
}
