//! `field=text`, typed by what is known of the field.

use super::EditError;
use crate::keycloak::fields::{Field, FieldType, field_type, nearest};
use serde_json::{Map, Value};

/// Sets fields from texts. `attributes.NAME` and other `FIELD.NAME` set one entry of an object.
pub(super) fn assign(document: &mut Value, assignments: &[(&str, &str)], known: &'static [Field], fixed: &[&str]) -> Result<(), EditError> {
    let Some(fields) = document.as_object_mut() else { return Err(EditError::NotApplicable("the document isn't an object")) };
    for (path, text) in assignments {
        let (field, entry) = path.split_once('.').map_or((*path, None), |(field, entry)| (field, Some(entry)));
        if fixed.contains(&field) {
            return Err(EditError::FixedField(field.to_owned()));
        }
        let Some(kind) = field_type(known, field) else {
            return Err(EditError::UnknownField {
                field: (*path).to_owned(),
                nearest: nearest(known.iter().map(|(name, _)| *name), field),
            });
        };
        match entry {
            None => set(fields, field, typed(path, kind, text)?),
            Some(entry) if kind == FieldType::Json && !entry.is_empty() => {
                let object = fields.entry(field).or_insert_with(|| Value::Object(Map::new()));
                let Some(object) = object.as_object_mut() else {
                    return Err(EditError::BadValue { field: (*path).to_owned(), expected: "an object to set an entry of" });
                };
                set(object, entry, (!text.is_empty()).then(|| Value::String((*text).to_owned())));
            }
            Some(_) => {
                return Err(EditError::UnknownField {
                    field: (*path).to_owned(),
                    nearest: nearest(known.iter().map(|(name, _)| *name), field),
                });
            }
        }
    }
    Ok(())
}

fn set(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(fields.insert(name.to_owned(), value)),
        None => drop(fields.shift_remove(name)),
    }
}

/// The value that a text stands for; `None` for an empty one, which removes the field.
fn typed(field: &str, kind: FieldType, text: &str) -> Result<Option<Value>, EditError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = |expected| EditError::BadValue { field: field.to_owned(), expected };
    let value = match kind {
        FieldType::Flag => Value::Bool(text.parse().map_err(|_| bad("true or false"))?),
        FieldType::Whole => Value::from(text.parse::<i64>().map_err(|_| bad("a whole number"))?),
        FieldType::Text => Value::String(text.to_owned()),
        FieldType::Texts if text.starts_with('[') => {
            let list: Vec<String> =
                serde_json::from_str(text).map_err(|_| bad("texts with commas between them, or a JSON array of texts"))?;
            Value::from(list)
        }
        FieldType::Texts => text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect(),
        FieldType::Json => serde_json::from_str(text).map_err(|_| bad("JSON"))?,
    };
    Ok(Some(value))
}
