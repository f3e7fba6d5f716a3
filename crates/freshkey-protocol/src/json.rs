//! JSON as the rest of the crate needs it: reading that refuses what lenient readers guess about (names sent twice, depth without
//! end, more members than anyone needs), and writing strings without looking at each byte twice.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::Write as _;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits::{JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

/// Appends `text` as a JSON string. Tokens need no escapes, and that is seen in one fast pass.
pub(crate) fn append_string(text: &str, out: &mut Vec<u8>) {
    // Written without an early exit so that the compiler can look at many bytes at once.
    let needs_escape = text.as_bytes().iter().fold(false, |found, &byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\'));
    if needs_escape {
        out.extend_from_slice(Value::from(text).to_string().as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Appends a number.
pub(crate) fn append_integer(number: i64, out: &mut Vec<u8>) {
    // Writing into a Vec can't fail.
    let _ = write!(out, "{number}");
}

/// A member's name, borrowed where it has no escapes.
pub(crate) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Why strict reading refuses what lenient readers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonRefusal {
    NotJson,
    DuplicateName,
    TooDeep,
    TooManyMembers,
}

/// Reads any JSON value; refuses names sent twice and more than `depth` levels of objects and arrays.
///
/// Errors of serde carry text only, so the reason that is meant travels beside them, in `refusal`.
#[derive(Clone, Copy)]
pub(crate) struct StrictValue<'r> {
    pub(crate) depth: usize,
    pub(crate) refusal: &'r Cell<Option<JsonRefusal>>,
}

impl StrictValue<'_> {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.refuse(JsonRefusal::TooDeep)),
        }
    }

    fn refuse<E: de::Error>(self, reason: JsonRefusal) -> E {
        self.refusal.set(Some(reason));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| self.refuse(JsonRefusal::NotJson))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(self.refuse(JsonRefusal::DuplicateName));
            }
            if object.len() > JSON_MEMBERS_MAX {
                return Err(self.refuse(JsonRefusal::TooManyMembers));
            }
        }
        Ok(Value::Object(object))
    }
}

/// Reads one JSON text strictly.
pub(crate) fn parse_value(bytes: &[u8]) -> Result<Value, JsonRefusal> {
    let refusal = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    StrictValue { depth: JSON_DEPTH_MAX, refusal: &refusal }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|_| refusal.get().unwrap_or(JsonRefusal::NotJson))
}

#[cfg(test)]
mod tests {
    use super::{JsonRefusal, append_string, parse_value};
    use crate::limits::JSON_DEPTH_MAX;

    #[test]
    fn strings_are_written_as_serde_json_writes_them() {
        for text in ["", "plain", "a.b-c_d", "quo\"te", "back\\slash", "line\nfeed", "\u{1}", "ümläut", "\u{7f}", "😀"] {
            let mut out = Vec::new();
            append_string(text, &mut out);
            assert_eq!(String::from_utf8(out).ok(), serde_json::to_string(text).ok());
        }
    }

    #[test]
    fn name_sent_twice_is_refused_at_every_level() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":{"a":1,"a":2}}"#, r#"[{"a":1,"\u0061":2}]"#] {
            assert_eq!(parse_value(text.as_bytes()), Err(JsonRefusal::DuplicateName), "{text}");
        }
        assert!(parse_value(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_value(nested(JSON_DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(parse_value(nested(JSON_DEPTH_MAX + 1).as_bytes()), Err(JsonRefusal::TooDeep));
        assert_eq!(parse_value(nested(100_000).as_bytes()), Err(JsonRefusal::TooDeep));
    }
}
