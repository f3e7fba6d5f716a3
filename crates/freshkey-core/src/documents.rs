//! Configuration as it is stored: documents, whose inside only [`crate::keycloak`] reads, and their secrets, which are sealed at rest.
//!
//! A document keeps every field it was imported with, so that an export gives back what an import took.

use crate::ids::RealmKey;
use freshkey_protocol::Secret;
use serde_json::Value;
use std::fmt;

/// All configuration of one realm.
#[derive(Debug)]
pub struct RealmDocuments {
    /// The key that rows refer to.
    pub key: RealmKey,
    /// Raised by every change.
    pub version: i64,
    /// The name in every URL.
    pub name: String,
    /// The realm's own fields, without what the items hold.
    pub document: Value,
    /// Everything that the realm consists of.
    pub items: Vec<ConfigItem>,
}

/// One thing that a realm consists of.
#[derive(Clone)]
pub struct ConfigItem {
    /// What it is.
    pub kind: ItemKind,
    /// Public id, unique among the items of its kind in the realm.
    pub id: String,
    /// Unique among the items of its kind in the realm: `client_id` of a client, `client_id` + `/` + name of a client role, path of a group, ….
    pub name: String,
    /// Everything but the secrets.
    pub document: Value,
    /// A JSON object with the fields that are secret (`secret` of a client, `privateKey` of a key), if there are any.
    pub secrets: Option<Secret<String>>,
}

impl fmt::Debug for ConfigItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigItem({} {:?})", self.kind.as_str(), self.name)
    }
}

/// Kinds of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// A client, with its protocol mappers.
    Client,
    /// A client scope, with its protocol mappers.
    ClientScope,
    /// A realm role or client role.
    Role,
    /// A group, flat: it names its parent.
    Group,
    /// A component: a key provider, a user federation, ….
    Component,
}

impl ItemKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Client, Self::ClientScope, Self::Role, Self::Group, Self::Component];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::ClientScope => "client-scope",
            Self::Role => "role",
            Self::Group => "group",
            Self::Component => "component",
        }
    }

    /// Reads the word in the database.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A user with everything that is stored of one, for import, export and administration.
#[derive(Debug, Clone)]
pub struct UserRecord {
    /// What tokens are made from.
    pub user: crate::user::User,
    /// How the user can prove to be the one.
    pub credentials: Vec<CredentialRecord>,
    /// Fields of the representation that nothing here reads, kept for export.
    pub other: Value,
}

/// A credential as stored.
#[derive(Clone)]
pub struct CredentialRecord {
    /// Public id.
    pub id: String,
    /// `password`, `otp`, ….
    pub kind: String,
    /// The public part (`credentialData` and further fields), a JSON object.
    pub document: Value,
    /// The secret part (`secretData`), sealed at rest.
    pub secret: Secret<String>,
}

impl fmt::Debug for CredentialRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialRecord({} {})", self.kind, self.id)
    }
}
