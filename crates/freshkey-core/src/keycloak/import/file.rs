//! The file as such: one realm or several, with the users left unread so that a hundred thousand of them take no memory twice.

use super::ImportError;
use crate::limits::{REALM_FILE_BYTES_MAX, REALMS_IN_FILE_MAX};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;

/// One realm of a file.
pub(super) struct RealmText<'f> {
    /// All fields but `users`.
    pub(super) fields: Map<String, Value>,
    /// Each user's own text.
    pub(super) users: Vec<&'f RawValue>,
}

/// Reads the outer form of a file: a realm, or a list of realms as older versions exported them.
pub(super) fn read(file: &[u8]) -> Result<Vec<RealmText<'_>>, ImportError> {
    if file.len() > REALM_FILE_BYTES_MAX {
        return Err(ImportError::TooLarge);
    }
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let first = file.iter().find(|byte| !byte.is_ascii_whitespace());
    let realms = if first == Some(&b'[') { serde_json::from_slice(file) } else { serde_json::from_slice(file).map(|realm| vec![realm]) };
    let realms: Vec<RealmText<'_>> = realms.map_err(|error| ImportError::NotJson {
        line: error.line(),
        column: error.column(),
        // The parser names what it expected, or a field; it never repeats a value here, since everything is taken as any value.
        reason: error.to_string(),
    })?;
    if realms.len() > REALMS_IN_FILE_MAX { Err(ImportError::TooManyRealms) } else { Ok(realms) }
}

impl<'de: 'f, 'f> Deserialize<'de> for RealmText<'f> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RealmVisitor).map(|realm| Self { fields: realm.fields, users: realm.users })
    }
}

struct RealmVisitor;

impl<'de> Visitor<'de> for RealmVisitor {
    type Value = RealmText<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a realm as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut realm = RealmText { fields: Map::new(), users: Vec::new() };
        let mut has_users = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == "users" && !has_users {
                has_users = true;
                realm.users = map.next_value::<Option<Vec<&'de RawValue>>>()?.unwrap_or_default();
            } else if name == "users" || realm.fields.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the field {} is there twice", super::shortened(&name))));
            } else {
                let value = map.next_value()?;
                realm.fields.insert(name, value);
            }
        }
        Ok(realm)
    }
}
