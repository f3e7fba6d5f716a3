//! What a person is asked for: attributes, properties, name, address, groups.

use super::MapperInputs;
use super::kind::{AddressAttributes, GroupAttributes, GroupForm, UserProperty};
use super::value::ValueShape;
use crate::group::GroupNode;
use crate::user::User;
use serde_json::Value;

/// The values of the user's own attribute. Four properties are attributes under their own names, as in Keycloak.
fn own_attribute<'a>(user: &'a User, name: &str) -> &'a [String] {
    match name {
        "username" => std::slice::from_ref(&user.username),
        "email" => user.email.as_slice(),
        "firstName" => user.first_name.as_slice(),
        "lastName" => user.last_name.as_slice(),
        _ => user.attributes.get(name).map_or(&[], Vec::as_slice),
    }
}

/// The groups that the user is a direct member of.
pub(super) fn groups_of<'a>(inputs: &MapperInputs<'a>) -> Vec<&'a GroupNode> {
    let (realm, user) = (inputs.realm, inputs.user);
    user.groups.iter().filter_map(|key| realm.groups.get(*key)).collect()
}

/// The claim of an attribute mapper (Keycloak's `resolveAttribute`); `None` when neither the user nor one of these groups has it.
pub(super) fn attribute(user: &User, groups: &[&GroupNode], name: &str, which: GroupAttributes, shape: ValueShape) -> Option<Value> {
    let own = own_attribute(user, name);
    match which {
        GroupAttributes::Fallback if !own.is_empty() => shape.build(own.iter().map(String::as_str)),
        GroupAttributes::Fallback => {
            let inherited = groups.iter().flat_map(|group| group.attribute(name)).next()?;
            shape.build(inherited.iter().map(String::as_str))
        }
        GroupAttributes::Aggregate => {
            let inherited = groups.iter().flat_map(|group| group.attribute(name));
            let mut values: Vec<&str> = Vec::new();
            for value in own.iter().chain(inherited.flatten()) {
                if !values.contains(&value.as_str()) {
                    values.push(value);
                }
            }
            shape.build(values.into_iter())
        }
    }
}

/// The claim of a property mapper. A property is a text first, and typed like any other.
pub(super) fn property(user: &User, property: UserProperty, shape: ValueShape) -> Option<Value> {
    let created;
    let text = match property {
        UserProperty::Id => user.id.as_str(),
        UserProperty::Username => &user.username,
        UserProperty::Email => user.email.as_deref()?,
        UserProperty::FirstName => user.first_name.as_deref()?,
        UserProperty::LastName => user.last_name.as_deref()?,
        UserProperty::EmailVerified => flag(user.email_verified),
        UserProperty::Enabled => flag(user.enabled),
        UserProperty::CreatedTimestamp => {
            created = user.created_at_ms.to_string();
            &created
        }
    };
    shape.json_type.read(text)
}

/// Given and family name, as far as they are there.
pub(super) fn full_name(user: &User) -> Option<String> {
    let part = |name: &'_ Option<String>| name.clone().filter(|name| !name.is_empty());
    match (part(&user.first_name), part(&user.last_name)) {
        (Some(given), Some(family)) => Some(given + " " + &family),
        (given, family) => given.or(family),
    }
}

/// The members of `address` that the user has.
pub(super) fn address<'a>(user: &'a User, attributes: &'a AddressAttributes) -> impl Iterator<Item = (&'static str, &'a str)> {
    [
        ("street_address", &attributes.street),
        ("locality", &attributes.locality),
        ("region", &attributes.region),
        ("postal_code", &attributes.postal_code),
        ("country", &attributes.country),
        ("formatted", &attributes.formatted),
    ]
    .into_iter()
    .filter_map(|(member, attribute)| own_attribute(user, attribute).first().map(|value| (member, value.as_str())))
}

/// The names of groups, each one element whatever characters it has (T-071); `None` for a user without groups.
pub(super) fn groups(groups: &[&GroupNode], form: GroupForm) -> Option<Value> {
    let names: Vec<Value> = groups
        .iter()
        .map(|node| match form {
            GroupForm::Path => Value::from(node.path.as_str()),
            GroupForm::Name => Value::from(node.group.name.as_str()),
        })
        .collect();
    (!names.is_empty()).then_some(Value::Array(names))
}

fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
