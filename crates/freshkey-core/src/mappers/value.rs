//! The type that a mapper gives to a text: Keycloak's `jsonType.label` and `multivalued`.

use serde_json::Value;

/// The JSON type of a claim (`jsonType.label`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JsonType {
    /// `String`, and whatever else the label says.
    #[default]
    Text,
    /// `long`: 64 bits, signed.
    Long,
    /// `int`: 32 bits, signed.
    Int,
    /// `boolean`: true for `true` in any case, false for everything else.
    Boolean,
    /// `JSON`: any JSON text.
    Json,
}

/// What becomes of several values (`multivalued`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Arity {
    /// The first one alone, replacing what the claim held.
    #[default]
    First,
    /// An array, even of one; joined with what the claim held, without repetition.
    All,
}

/// Type and arity of a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ValueShape {
    /// The type of each value.
    pub json_type: JsonType,
    /// One value or all.
    pub arity: Arity,
}

impl JsonType {
    /// The value of a text; `None` when it cannot be read as this type, or is `null`.
    ///
    /// Keycloak fails the whole request for an unreadable number or JSON text; here the claim is left out, so that one bad attribute
    /// locks nobody out.
    pub fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::from(text)),
            Self::Long => text.parse::<i64>().ok().map(Value::from),
            Self::Int => text.parse::<i32>().ok().map(Value::from),
            Self::Boolean => Some(Value::from(text.eq_ignore_ascii_case("true"))),
            Self::Json => serde_json::from_str(text).ok().filter(|value: &Value| !value.is_null()),
        }
    }
}

impl ValueShape {
    /// The claim made of these values; `None` when there is nothing to say.
    pub(super) fn build<'a>(self, mut texts: impl Iterator<Item = &'a str>) -> Option<Value> {
        match self.arity {
            Arity::First => texts.next().and_then(|text| self.json_type.read(text)),
            Arity::All => {
                let values: Vec<Value> = texts.filter_map(|text| self.json_type.read(text)).collect();
                (!values.is_empty()).then_some(Value::Array(values))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_become_values_of_the_type_or_nothing() {
        let cases = [
            (JsonType::Text, "7", Some(json!("7"))),
            (JsonType::Text, "", Some(json!(""))),
            (JsonType::Long, "9223372036854775807", Some(json!(9_223_372_036_854_775_807_i64))),
            (JsonType::Long, "9223372036854775808", None),
            (JsonType::Long, " 7", None),
            (JsonType::Long, "1e3", None),
            (JsonType::Int, "-2147483648", Some(json!(-2_147_483_648_i64))),
            (JsonType::Int, "2147483648", None),
            (JsonType::Boolean, "TRUE", Some(json!(true))),
            (JsonType::Boolean, "yes", Some(json!(false))),
            (JsonType::Json, r#"{"a":[1,null]}"#, Some(json!({"a": [1, null]}))),
            (JsonType::Json, "null", None),
            (JsonType::Json, "{", None),
            (JsonType::Json, "1e400", None),
        ];
        for (json_type, text, expected) in cases {
            assert_eq!(json_type.read(text), expected, "{json_type:?} {text}");
        }
    }

    #[test]
    fn a_single_claim_takes_the_first_value_and_a_multivalued_one_all_that_can_be_read() {
        let texts = || ["x", "1", "2"].into_iter();
        let shape = |arity| ValueShape { json_type: JsonType::Int, arity };
        assert_eq!(shape(Arity::First).build(texts()), None, "the first cannot be read, and the second is not asked");
        assert_eq!(shape(Arity::All).build(texts()), Some(json!([1, 2])));
        assert_eq!(shape(Arity::All).build(["x"].into_iter()), None);
    }
}
