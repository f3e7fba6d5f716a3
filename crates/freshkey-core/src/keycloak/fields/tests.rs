use super::*;
use crate::keycloak::representation::{
    ClientRepresentation, ClientScopeRepresentation, ComponentRepresentation, GroupRepresentation, ProtocolMapperRepresentation,
    RealmRepresentation, RoleRepresentation, ScopeMappingRepresentation, UserRepresentation,
};
use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};

/// Learns the names of a struct's fields from what it asks for.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, fields: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("no value"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

fn names_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    assert!(T::deserialize(FieldNames(&mut names)).is_err());
    names
}

#[test]
fn every_field_that_is_acted_upon_is_a_known_one() {
    let cases = [
        (REALM, names_of::<RealmRepresentation>()),
        (CLIENT, names_of::<ClientRepresentation>()),
        (CLIENT_SCOPE, names_of::<ClientScopeRepresentation>()),
        (PROTOCOL_MAPPER, names_of::<ProtocolMapperRepresentation>()),
        (ROLE, names_of::<RoleRepresentation>()),
        (GROUP, names_of::<GroupRepresentation>()),
        (COMPONENT, names_of::<ComponentRepresentation>()),
        (SCOPE_MAPPING, names_of::<ScopeMappingRepresentation>()),
        (USER, names_of::<UserRepresentation>()),
    ];
    for (known, read) in cases {
        assert!(!read.is_empty());
        for name in read.iter().filter(|name| !name.starts_with("freshkey.")) {
            assert!(field_type(known, name).is_some(), "{name}");
        }
    }
}

#[test]
fn lists_are_sorted_and_without_repetition() {
    for list in [REALM, CLIENT, CLIENT_SCOPE, PROTOCOL_MAPPER, ROLE, GROUP, COMPONENT, SCOPE_MAPPING, USER] {
        assert!(list.is_sorted_by(|a, b| a.0 < b.0), "{list:?}");
    }
}

#[test]
fn the_nearest_name_is_near() {
    let names = || REALM.iter().map(|(name, _)| *name);
    assert_eq!(nearest(names(), "ssoSessionIdleTimeOut"), Some("ssoSessionIdleTimeout"));
    assert_eq!(nearest(names(), "refreshTokenMaxReuses"), Some("refreshTokenMaxReuse"));
    assert_eq!(nearest(names(), "zzzzzzzzzzzz"), None);
    assert_eq!(nearest(names(), "q"), None);
}
