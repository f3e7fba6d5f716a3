//! What an import found that its reader ought to know.

use crate::keycloak::fields::{self, Field};
use crate::keycloak::given::shortened;
use crate::keycloak::problems::ConfigWarning;
use crate::keycloak::users::UserNote;
use crate::limits::CONFIG_PROBLEMS_MAX;
use serde::Deserialize;
use serde_ignored::Path;
use std::collections::BTreeMap;
use std::fmt;

/// The report of an import. Nothing in it stops the import.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// Fields that nobody here knows, by path (`clients[].foo`): kept, and exported again.
    pub unknown: BTreeMap<String, Sightings>,
    /// Fields of Keycloak's that nothing here acts upon: kept, and exported again.
    pub kept: BTreeMap<String, Sightings>,
    /// What the configuration asks for and this server can't do.
    pub warnings: Vec<ConfigWarning>,
    /// What was changed, made or left out.
    pub notes: Vec<ImportNote>,
    /// How many notes there were beyond those listed.
    pub notes_omitted: usize,
}

/// Where a field was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sightings {
    /// How often.
    pub count: usize,
    /// In which thing first, `client "app"` for instance.
    pub first: String,
}

/// Something that an import changed, made or left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportNote {
    /// The client's secret was missing or masked; a new one was made.
    NewClientSecret(String),
    /// The realm doesn't say that it is enabled; it is disabled, as in Keycloak.
    RealmDisabled,
    /// Something that every realm has was missing and was made: a built-in client, role, client scope or key.
    Added(String),
    /// A form of older versions was translated; the name of the field.
    Legacy(&'static str),
    /// The user for a client's service account was made.
    NewServiceAccount(String),
    /// A user of that name exists already, so the client goes without its service account.
    NoServiceAccount(String),
    /// What of a user could not be followed.
    User {
        /// The user's name.
        username: String,
        /// What.
        note: UserNote,
    },
}

impl fmt::Display for ImportNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewClientSecret(client_id) => {
                write!(formatter, "client {}: the file has no secret (or a masked one); a new one was made", shortened(client_id))
            }
            Self::RealmDisabled => formatter.write_str("the realm doesn't say that it is enabled, so it is disabled"),
            Self::Added(what) => write!(formatter, "{what} was missing and was added"),
            Self::Legacy(field) => write!(formatter, "{field} is of an older version and was translated"),
            Self::NewServiceAccount(client_id) => write!(formatter, "client {}: its service account was added", shortened(client_id)),
            Self::NoServiceAccount(client_id) => {
                write!(formatter, "client {}: no service account, since a user of that name belongs to nobody", shortened(client_id))
            }
            Self::User { username, note } => {
                write!(formatter, "user {}: ", shortened(username))?;
                match note {
                    UserNote::UnknownRole(name) => write!(formatter, "there is no role {}", shortened(name)),
                    UserNote::UnknownGroup(path) => write!(formatter, "there is no group {}", shortened(path)),
                    UserNote::UnknownClient(client_id) => write!(formatter, "there is no client {}", shortened(client_id)),
                    UserNote::UnknownHash(algorithm) => {
                        write!(formatter, "the password is hashed with {}, which this server doesn't know", shortened(algorithm))
                    }
                    UserNote::NoDefaultRole => formatter.write_str("the realm has no default role"),
                }
            }
        }
    }
}

impl ImportReport {
    pub(super) fn note(&mut self, note: ImportNote) {
        if self.notes.len() < CONFIG_PROBLEMS_MAX {
            self.notes.push(note);
        } else {
            self.notes_omitted += 1;
        }
    }

    /// Notes the fields of a document that nothing here reads. `place` is where such documents stand, `clients[]` for instance.
    pub(super) fn sight<'de, T: Deserialize<'de>>(&mut self, document: &'de serde_json::Value, place: &str, known: &[Field], item: &str) {
        // A document that can't be read is reported by whoever reads it.
        let _ = serde_ignored::deserialize::<_, _, T>(document, |path| {
            let Path::Map { parent, key } = &path else { return };
            let table = table_of(parent).unwrap_or(known);
            let list = if fields::field_type(table, key).is_some() { &mut self.kept } else { &mut self.unknown };
            let mut shown = place.to_owned();
            append(&path, &mut shown);
            // A file with a million different unknown fields is still read; the list of them has an end.
            let is_full = list.len() >= CONFIG_PROBLEMS_MAX;
            match list.get_mut(&shown) {
                Some(sightings) => sightings.count += 1,
                None if is_full => {}
                None => drop(list.insert(shown, Sightings { count: 1, first: item.to_owned() })),
            }
        });
    }
}

/// The known fields of an object inside a document; `None` for the document itself.
fn table_of(place: &Path<'_>) -> Option<&'static [Field]> {
    match place {
        Path::Map { parent, key } => match key.as_str() {
            "protocolMappers" => Some(fields::PROTOCOL_MAPPER),
            "scopeMappings" | "clientScopeMappings" => Some(fields::SCOPE_MAPPING),
            "defaultRole" => Some(fields::ROLE),
            "composites" => Some(&[]),
            _ => table_of(parent),
        },
        Path::Seq { parent, .. } | Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            table_of(parent)
        }
        Path::Root => None,
    }
}

/// Writes a path with every position in a list as `[]`.
fn append(path: &Path<'_>, shown: &mut String) {
    match path {
        Path::Root => {}
        Path::Seq { parent, .. } => {
            append(parent, shown);
            shown.push_str("[]");
        }
        Path::Map { parent, key } => {
            append(parent, shown);
            if !shown.is_empty() {
                shown.push('.');
            }
            shown.extend(key.chars().take(100).map(|letter| if letter.is_control() { '?' } else { letter }));
        }
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => append(parent, shown),
    }
}
