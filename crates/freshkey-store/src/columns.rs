//! Small translations between columns and the ids and texts of the core. No SQL here.

use crate::db::{Column, Row, StoreError, Value};
use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keys of 16 bytes, written one after the other in hexadecimal of either case; in ascending order.
pub(crate) fn keys<T>(row: &Row, column: usize, key: impl Fn([u8; 16]) -> T) -> Result<Vec<T>, StoreError> {
    let Some(text) = row.optional_text(column)? else { return Ok(Vec::new()) };
    let (chunks, rest) = text.as_bytes().as_chunks::<33>();
    let mut keys: Vec<[u8; 16]> = chunks.iter().filter_map(key_bytes).collect();
    if keys.len() != chunks.len() || !rest.is_empty() {
        return Err(StoreError::inconsistent("a list of keys is not one of commas and hexadecimal digits"));
    }
    keys.sort_unstable();
    Ok(keys.into_iter().map(key).collect())
}

fn key_bytes(chunk: &[u8; 33]) -> Option<[u8; 16]> {
    let digits = chunk.strip_prefix(b",")?;
    let mut bytes = [0; 16];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (hex_digit(*high)? << 4) | hex_digit(*low)?;
    }
    Some(bytes)
}

/// What [`keys`] reads, each key once.
pub(crate) fn keys_text<'a>(keys: impl Iterator<Item = &'a [u8; 16]>) -> Value {
    let keys: BTreeSet<&[u8; 16]> = keys.collect();
    let mut text = String::with_capacity(33 * keys.len());
    for key in keys {
        text.push(',');
        for byte in key {
            for digit in [byte >> 4, byte & 0xf] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
        }
    }
    if text.is_empty() { Value::Null } else { Value::from(text) }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// A JSON text, or the empty value for null.
pub(crate) fn json_or_default<T: DeserializeOwned + Default>(row: &Row, column: impl Column) -> Result<T, StoreError> {
    match row.optional_text(column)? {
        None => Ok(T::default()),
        Some(text) => parse_json(text),
    }
}

/// A JSON text.
pub(crate) fn json<T: DeserializeOwned>(row: &Row, column: impl Column) -> Result<T, StoreError> {
    parse_json(row.text(column)?)
}

fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    // The message could repeat what is stored, so it is left out.
    serde_json::from_str(text).map_err(|_| StoreError::inconsistent("a JSON column cannot be read"))
}

/// A JSON text as a parameter.
pub(crate) fn json_value(value: &impl Serialize) -> Result<Value, StoreError> {
    let text = serde_json::to_string(value).map_err(|_| StoreError::inconsistent("a value cannot be written as JSON"))?;
    // JSON writes NUL as an escape, which PostgreSQL's TEXT holds as well as any.
    Ok(Value::from(text))
}

/// A JSON text as a parameter, null for an empty value.
pub(crate) fn json_unless<T: Serialize>(value: &T, is_empty: bool) -> Result<Value, StoreError> {
    if is_empty { Ok(Value::Null) } else { json_value(value) }
}

/// The first half of the SHA-256: what texts from outside are remembered by.
pub(crate) fn short_hash(text: &str) -> Value {
    Value::from(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}

/// A count as a parameter; what no column can hold is as good as the largest that it can.
pub(crate) fn count(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshkey_core::ids::RoleKey;

    fn row(value: Value) -> Row {
        Row::new(["keys"].map(Box::from).into(), vec![value])
    }

    #[test]
    fn keys_of_either_case_are_read_and_sorted() {
        let text = format!(",{},{}", "FF".repeat(16), "0a".repeat(16));
        let found = keys(&row(Value::from(text)), 0, RoleKey).expect("keys");
        assert_eq!(found, [RoleKey([0x0a; 16]), RoleKey([0xff; 16])]);
        assert_eq!(keys(&row(Value::Null), 0, RoleKey), Ok(Vec::new()));
    }

    #[test]
    fn a_broken_list_of_keys_is_inconsistent() {
        for text in ["0".repeat(32), "0".repeat(33), format!(",{}", "g".repeat(32)), format!(",{}", "0".repeat(33))] {
            assert!(keys(&row(Value::from(text)), 0, RoleKey).is_err());
        }
    }

    #[test]
    fn keys_are_written_as_they_are_read() {
        let given = [[0x0a; 16], [0xff; 16]];
        let text = keys_text([&given[1], &given[0], &given[1]].into_iter());
        assert_eq!(text, Value::from(format!(",{},{}", "0a".repeat(16), "ff".repeat(16))));
        assert_eq!(keys(&row(text), 0, RoleKey), Ok(given.map(RoleKey).to_vec()));
        assert_eq!(keys_text([].iter()), Value::Null);
    }
}
