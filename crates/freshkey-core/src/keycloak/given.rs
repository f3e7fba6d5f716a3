//! A field of a JSON representation: absent, there, or broken. Reading one never fails; whoever uses the field names what is broken.
//!
//! Texts for numbers and flags (`"300"`, `"true"`) are taken, as Keycloak's own parser takes them; `null` is absent.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A field of type `T`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Given<T> {
    /// Not there, or `null`. Never the same as `false` or 0 (T-041).
    #[default]
    Absent,
    /// There.
    Here(T),
    /// There, but of another type.
    Broken {
        /// What was found, short enough for a message; never the content of a list or object.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
}

impl<T> Given<T> {
    /// The value, if it is there and sound.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Here(value) => Some(value),
            Self::Absent | Self::Broken { .. } => None,
        }
    }
}

/// A type that a field can have. Each function says what becomes of one JSON type; `None` is "not this one".
pub trait Shape: Sized {
    /// In words, for messages.
    const EXPECTED: &'static str;

    /// From `true` or `false`.
    fn from_flag(_flag: bool) -> Option<Self> {
        None
    }

    /// From a whole number.
    fn from_whole(_number: i64) -> Option<Self> {
        None
    }

    /// From a text.
    fn from_text(_text: &str) -> Option<Self> {
        None
    }

    /// From a list; it has to be read to its end.
    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// From an object; it has to be read to its end.
    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl Shape for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Shape for i64 {
    const EXPECTED: &'static str = "a whole number";

    fn from_whole(number: i64) -> Option<Self> {
        Some(number)
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Shape for String {
    const EXPECTED: &'static str = "a text";

    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag.to_string())
    }

    fn from_whole(number: i64) -> Option<Self> {
        Some(number.to_string())
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl<T: Shape> Shape for Vec<T> {
    const EXPECTED: &'static str = "a list with elements of one type";

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut elements = Some(Self::new());
        while let Some(element) = list.next_element::<Given<T>>()? {
            match (element, &mut elements) {
                (Given::Here(element), Some(elements)) => elements.push(element),
                (Given::Broken { .. }, _) => elements = None,
                (Given::Here(_) | Given::Absent, _) => {}
            }
        }
        Ok(elements)
    }
}

impl<T: Shape> Shape for BTreeMap<String, T> {
    const EXPECTED: &'static str = "an object with values of one type";

    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut entries = Some(Self::new());
        while let Some((name, value)) = object.next_entry::<String, Given<T>>()? {
            match (value, &mut entries) {
                (Given::Here(value), Some(entries)) => drop(entries.insert(name, value)),
                (Given::Broken { .. }, _) => entries = None,
                (Given::Here(_) | Given::Absent, _) => {}
            }
        }
        Ok(entries)
    }
}

/// An object with named fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<T: for<'de> Deserialize<'de>> Shape for Object<T> {
    const EXPECTED: &'static str = "an object";

    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|inner| Some(Self(inner)))
    }
}

impl<'de, T: Shape> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GivenVisitor(PhantomData))
    }
}

struct GivenVisitor<T>(PhantomData<T>);

impl<T: Shape> GivenVisitor<T> {
    fn decide<E>(value: Option<T>, found: impl FnOnce() -> String) -> Result<Given<T>, E> {
        Ok(value.map_or_else(|| Given::Broken { found: found(), expected: T::EXPECTED }, Given::Here))
    }
}

impl<'de, T: Shape> Visitor<'de> for GivenVisitor<T> {
    type Value = Given<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Given::Absent)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Given::Absent)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Self::decide(T::from_flag(flag), || flag.to_string())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Self::decide(T::from_whole(number), || number.to_string())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Self::decide(i64::try_from(number).ok().and_then(T::from_whole), || number.to_string())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Self::decide(None, || number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Self::decide(T::from_text(text), || shortened(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        T::from_list(list).and_then(|value| Self::decide(value, || "a list".to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::from_object(object).and_then(|value| Self::decide(value, || "an object".to_owned()))
    }
}

/// A text in quotation marks, cut to what a message can bear; control characters are written as escapes.
pub(crate) fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let mut shown: String = text.chars().take(CHARACTERS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests;
