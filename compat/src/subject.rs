//! A server that scenarios run against. Requests are the same for both; what an administrator does is done in each one's own way.

mod freshkey;
mod keycloak;

pub use freshkey::{Engine, Freshkey};
pub use keycloak::Keycloak;

use crate::script::Change;
use serde_json::Value;

/// Either of the two.
pub enum Subject {
    /// A running Keycloak.
    Keycloak(Box<Keycloak>),
    /// Ours, in this process, with a clock that stands still.
    Freshkey(Freshkey),
}

impl Subject {
    /// Scheme and authority, without a slash at the end.
    pub fn base_url(&self) -> &str {
        match self {
            Self::Keycloak(server) => server.base_url(),
            Self::Freshkey(server) => server.base_url(),
        }
    }

    /// Puts a realm in place of the one that was there.
    pub async fn load(&mut self, realm: &Value) -> Result<(), String> {
        match self {
            Self::Keycloak(server) => server.load(realm).await,
            Self::Freshkey(server) => server.load(realm).await,
        }
    }

    /// Makes a change. The answer is a new secret, where one was made.
    pub async fn arrange(&mut self, change: &Change) -> Result<Option<String>, String> {
        match self {
            Self::Keycloak(server) => server.arrange(change).await,
            Self::Freshkey(server) => server.arrange(change).await,
        }
    }

    /// Lets time go by: really, or on our clock.
    pub async fn wait(&mut self, seconds: u32) -> Result<(), String> {
        match self {
            Self::Keycloak(server) => {
                server.wait(seconds).await;
                Ok(())
            }
            Self::Freshkey(server) => server.wait(seconds).await,
        }
    }

    /// The server's time, in seconds since 1970.
    pub fn now(&self) -> i64 {
        match self {
            Self::Keycloak(server) => server.now(),
            Self::Freshkey(server) => server.now(),
        }
    }
}

/// The client scopes that the realm's file has beside the default ones, taken out of it.
fn take_added_scopes(realm: &mut Value) -> Vec<Value> {
    let taken = realm.as_object_mut().and_then(|realm| realm.remove("addedClientScopes"));
    match taken {
        Some(Value::Array(scopes)) => scopes,
        _ => Vec::new(),
    }
}

/// The algorithms for which the realm needs another key than the default one, taken out of its file.
fn take_added_keys(realm: &mut Value) -> Vec<String> {
    let keys = texts(realm, "addedKeys");
    if let Some(realm) = realm.as_object_mut() {
        realm.remove("addedKeys");
    }
    keys
}

/// The texts of a list in a document.
fn texts(document: &Value, field: &str) -> Vec<String> {
    let list = document[field].as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}
