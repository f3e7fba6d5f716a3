//! From the stored documents of a realm to the snapshot that requests are judged by. Absent fields mean what they mean to Keycloak.

mod client_credentials;
mod clients;
mod groups;
mod keys;
mod roles;
mod scopes;
mod settings;

pub(crate) use keys::KEY_PROVIDER;

use super::given::Given;
use super::problems::{ConfigError, ConfigWarning, Problems, WarningReason, named};
use super::representation::{ClientRepresentation, RealmRepresentation};
use super::secrets;
use crate::documents::{ConfigItem, ItemKind, RealmDocuments};
use crate::keys::KeyStatus;
use crate::realm::Realm;
use crate::role::RoleContainer;
use freshkey_protocol::jose::Algorithm;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads a realm.
///
/// What can't be followed in full is a warning, and the realm is the stricter for it. What can't be read is an error that names every
/// such value; then there is no realm, since half of one could allow what the whole forbids.
pub fn build_realm(documents: &RealmDocuments) -> Result<(Realm, Vec<ConfigWarning>), ConfigError> {
    let mut problems = Problems::default();
    let realm_name = named("realm", &documents.name);
    let representation: RealmRepresentation = read_document(&documents.document, &realm_name, &mut problems);
    let settings = settings::read(&documents.name, &representation, &mut problems.of(realm_name.clone()));

    let clients = read_clients(documents, &mut problems);
    let roles = roles::Roles::read(items(documents, ItemKind::Role), &clients, &mut problems);
    let groups = groups::read(items(documents, ItemKind::Group), &roles, &mut problems);
    let mappings = scopes::ScopeMappings::read(&representation, &roles, &clients, &mut problems);
    let scopes = scopes::read(items(documents, ItemKind::ClientScope), &mappings, &roles, &mut problems);
    let keys = keys::read(items(documents, ItemKind::Component), &mut problems);
    warn_of_missing_keys(&keys, settings.default_signature_algorithm, &mut problems.of(realm_name));

    let context = clients::Context { roles: &roles, mappings: &mappings, scopes: &scopes, defaults: &representation };
    let clients: HashMap<_, _> = clients
        .iter()
        .map(|stored| {
            let client = clients::read(stored, &context, &mut problems.of(named("client", &stored.client_id)));
            (stored.client_id.clone(), Arc::new(client))
        })
        .collect();
    let realm = Realm {
        key: documents.key,
        version: documents.version,
        settings,
        client_ids: clients.values().map(|client| (client.key, client.client_id.clone())).collect(),
        clients,
        scopes: scopes.by_name,
        offline_access_role: roles.graph.find(&RoleContainer::Realm, crate::scopes::OFFLINE_ACCESS),
        roles: roles.graph,
        groups,
        keys,
    };
    problems.finish(realm)
}

/// A client with what its item says.
struct StoredClient {
    id: String,
    client_id: String,
    representation: ClientRepresentation,
}

fn read_clients(documents: &RealmDocuments, problems: &mut Problems) -> Vec<StoredClient> {
    items(documents, ItemKind::Client)
        .filter_map(|item| {
            let whole = secrets::whole(item);
            let representation: ClientRepresentation = read_document(&whole, &named("client", &item.name), problems);
            let mut of_client = problems.of(named("client", &item.name));
            let Some(client_id) = of_client.text("clientId", &representation.client_id).map(str::to_owned) else {
                of_client.broken("clientId", "absent".to_owned(), "a text");
                return None;
            };
            Some(StoredClient { id: item.id.clone(), client_id, representation })
        })
        .collect()
}

fn items(documents: &RealmDocuments, kind: ItemKind) -> impl Iterator<Item = &ConfigItem> {
    documents.items.iter().filter(move |item| item.kind == kind)
}

/// Reads a representation. A document that isn't an object is broken; its fields are judged one by one by whoever uses them.
fn read_document<'v, T: Deserialize<'v> + Default>(document: &'v Value, item: &str, problems: &mut Problems) -> T {
    if document.is_object()
        && let Ok(representation) = T::deserialize(document)
    {
        return representation;
    }
    problems.of(item.to_owned()).broken("document", "something else".to_owned(), "an object");
    T::default()
}

fn warn_of_missing_keys(keys: &crate::keys::RealmKeys, default: Algorithm, of_realm: &mut super::problems::ItemProblems<'_>) {
    for algorithm in [default, Algorithm::Hs512] {
        let active = keys.iter().any(|entry| entry.status == KeyStatus::Active && entry.signing.algorithm() == algorithm);
        if !active {
            of_realm.warn(WarningReason::NoActiveKey(algorithm.as_str().to_owned()));
        }
    }
}

/// A value of `attributes`; an empty one counts as absent, since Keycloak's console writes those for "not set".
fn attribute<'a>(attributes: &'a Given<super::representation::Texts>, name: &str) -> Option<&'a str> {
    attributes.get().and_then(|attributes| attributes.get(name)).map(String::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
