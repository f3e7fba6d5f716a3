//! A claim that the policy asks about: where it is in a token, and what is there.

use freshkey_protocol::Claims;
use serde_json::Value;
use std::fmt;

/// Where a claim is: names from the outside in. Written with dots between them; a dot in a name is written `\.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimPath(Vec<String>);

/// What a token says at a path. Only texts, numbers and truth values count; what is nested deeper is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClaimValue {
    /// Nothing, null, or an object.
    #[default]
    Absent,
    /// One value.
    One(Box<str>),
    /// A list. Empty and absent are the same to a rule, and different to nobody.
    Many(Box<[Box<str>]>),
}

impl ClaimPath {
    /// Reads a path. `None` for an empty one, or one with an empty name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut names = vec![String::new()];
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '.' => names.push(String::new()),
                '\\' => names.last_mut()?.push(characters.next()?),
                other => names.last_mut()?.push(other),
            }
        }
        names.iter().all(|name| !name.is_empty()).then_some(Self(names))
    }

    /// What these claims say there.
    #[must_use]
    pub fn read(&self, claims: &Claims) -> ClaimValue {
        let (first, rest) = match self.0.split_first() {
            Some((first, rest)) => (first.as_str(), rest),
            None => return ClaimValue::Absent,
        };
        let text = |value: &Option<String>| value.as_deref().filter(|_| rest.is_empty()).map_or(ClaimValue::Absent, ClaimValue::one);
        let time =
            |value: Option<i64>| value.filter(|_| rest.is_empty()).map_or(ClaimValue::Absent, |time| ClaimValue::one(&time.to_string()));
        match first {
            "iss" => text(&claims.iss),
            "sub" => text(&claims.sub),
            "jti" => text(&claims.jti),
            "typ" => text(&claims.typ),
            "azp" => text(&claims.azp),
            "sid" => text(&claims.sid),
            "scope" => text(&claims.scope),
            "nonce" => text(&claims.nonce),
            "session_state" => text(&claims.session_state),
            "aud" if rest.is_empty() => claims.aud.as_ref().map_or(ClaimValue::Absent, |audience| ClaimValue::many(audience.iter())),
            "exp" => time(claims.exp),
            "nbf" => time(claims.nbf),
            "iat" => time(claims.iat),
            "auth_time" => time(claims.auth_time),
            other => {
                let value = rest.iter().try_fold(claims.other.get(other), |value, name| Some(value?.as_object()?.get(name)));
                value.flatten().map_or(ClaimValue::Absent, ClaimValue::of_json)
            }
        }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(".")?;
            }
            f.write_str(&name.replace('\\', "\\\\").replace('.', "\\."))?;
        }
        Ok(())
    }
}

impl ClaimValue {
    fn one(text: &str) -> Self {
        Self::One(text.into())
    }

    fn many<'v>(values: impl Iterator<Item = &'v str>) -> Self {
        Self::Many(values.map(Box::from).collect())
    }

    fn of_json(value: &Value) -> Self {
        match value {
            Value::Array(elements) => Self::Many(elements.iter().filter_map(scalar).collect()),
            other => scalar(other).map_or(Self::Absent, Self::One),
        }
    }

    /// The values, however many.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::Absent => (None, None),
            Self::One(value) => (Some(&**value), None),
            Self::Many(values) => (None, Some(values.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten().map(|value| &**value))
    }

    /// Whether a value is there.
    #[must_use]
    pub fn contains(&self, wanted: &str) -> bool {
        self.iter().any(|value| value == wanted)
    }

    /// The words of a text, as in `scope` (RFC 6749 §3.3); a list is taken as it is.
    #[must_use]
    pub fn into_words(self) -> Self {
        match self {
            Self::One(text) => Self::many(text.split(' ').filter(|word| !word.is_empty())),
            other => other,
        }
    }
}

fn scalar(value: &Value) -> Option<Box<str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(truth) => Some(truth.to_string().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Vec<String> {
        let claims = Claims::parse(
            br#"{"sub":"u1","aud":["a","b"],"exp":7,"scope":"x  y","realm_access":{"roles":["r1","a,admin",3,null,{}]},
                "resource_access":{"my.app":{"roles":["w"]}},"admin":true,"n":null}"#,
        )
        .expect("claims");
        ClaimPath::parse(path).expect("a path").read(&claims).iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_path_reaches_registered_nested_and_dotted_claims() {
        assert_eq!(read("sub"), ["u1"]);
        assert_eq!(read("aud"), ["a", "b"]);
        assert_eq!(read("exp"), ["7"]);
        assert_eq!(read("realm_access.roles"), ["r1", "a,admin", "3"]);
        assert_eq!(read("resource_access.my\\.app.roles"), ["w"]);
        assert_eq!(read("admin"), ["true"]);
        for nothing in ["n", "sub.x", "realm_access", "realm_access.roles.x", "nobody", "aud.x"] {
            assert!(read(nothing).is_empty(), "{nothing}");
        }
        assert_eq!(ClaimPath::parse("resource_access.my\\.app.roles").expect("a path").to_string(), "resource_access.my\\.app.roles");
        for wrong in ["", ".", "a.", ".a", "a..b", "a\\"] {
            assert_eq!(ClaimPath::parse(wrong), None, "{wrong}");
        }
    }
}
