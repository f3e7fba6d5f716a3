//! Roles: names to keys, composites, and sets of them.

use super::{StoredClient, read_document};
use crate::documents::ConfigItem;
use crate::ids::RoleKey;
use crate::keycloak::problems::{ItemProblems, Problems, WarningReason, named};
use crate::keycloak::representation::{RoleRepresentation, TextLists};
use crate::role::{Role, RoleContainer, RoleGraph, RoleSet};
use std::collections::HashMap;

/// All roles, found by name and by client.
pub(super) struct Roles {
    pub(super) graph: RoleGraph,
    /// By `client_id`.
    of_clients: HashMap<String, Vec<RoleKey>>,
}

impl Roles {
    pub(super) fn read<'a>(items: impl Iterator<Item = &'a ConfigItem>, clients: &[StoredClient], problems: &mut Problems) -> Self {
        let client_ids: HashMap<&str, &str> = clients.iter().map(|client| (client.id.as_str(), client.client_id.as_str())).collect();
        let mut read = Vec::new();
        for item in items {
            let representation: RoleRepresentation = read_document(&item.document, &named("role", &item.name), problems);
            if let Some((container, name)) = name_of(&representation, &client_ids, &mut problems.of(named("role", &item.name))) {
                read.push((item, representation, container, name));
            }
        }
        let bare = |(item, _, container, name): &(&ConfigItem, RoleRepresentation, RoleContainer, String)| Role {
            key: RoleKey::of(&item.id),
            name: name.clone(),
            container: container.clone(),
            composites: Vec::new(),
        };
        // Composites are written by name, so a graph without them finds the keys for the one that has them.
        let by_name = Self { graph: RoleGraph::new(read.iter().map(bare).collect()), of_clients: HashMap::new() };
        let roles = read
            .iter()
            .map(|role| {
                let mut of_role = problems.of(named("role", &role.0.name));
                let composites = of_role.read("composites", &role.1.composites).map(|composites| {
                    let realm = of_role.list("composites.realm", &composites.0.realm);
                    let client = of_role.read("composites.client", &composites.0.client);
                    by_name.keys(realm, client, &mut of_role)
                });
                Role { composites: composites.unwrap_or_default(), ..bare(role) }
            })
            .collect();
        let mut of_clients: HashMap<String, Vec<RoleKey>> = HashMap::new();
        for (item, _, container, _) in &read {
            if let RoleContainer::Client(client_id) = container {
                of_clients.entry(client_id.clone()).or_default().push(RoleKey::of(&item.id));
            }
        }
        Self { graph: RoleGraph::new(roles), of_clients }
    }

    /// The roles of a client's own.
    pub(super) fn of_client(&self, client_id: &str) -> &[RoleKey] {
        self.of_clients.get(client_id).map_or(&[], Vec::as_slice)
    }

    /// The key of a role by name.
    pub(super) fn key(&self, container: &RoleContainer, name: &str) -> Option<RoleKey> {
        self.graph.find(container, name).map(|index| self.graph.role(index).key)
    }

    /// The keys of roles by name; unknown ones are warned of and left out.
    pub(super) fn keys(&self, realm: &[String], client: Option<&TextLists>, problems: &mut ItemProblems<'_>) -> Vec<RoleKey> {
        let of_realm = realm.iter().map(|name| (RoleContainer::Realm, name));
        let of_clients = client
            .into_iter()
            .flatten()
            .flat_map(|(client_id, names)| names.iter().map(|name| (RoleContainer::Client(client_id.clone()), name)));
        let mut keys = Vec::new();
        for (container, name) in of_realm.chain(of_clients) {
            match self.key(&container, name) {
                Some(key) => keys.push(key),
                None => problems.warn(WarningReason::UnknownRole(shown(&container, name))),
            }
        }
        keys
    }

    /// The roles and all that they bring along.
    pub(super) fn expanded<'a>(&self, keys: impl IntoIterator<Item = &'a RoleKey>) -> RoleSet {
        let mut set = self.graph.empty_set();
        for index in keys.into_iter().filter_map(|key| self.graph.index(*key)) {
            self.graph.insert_expanded(&mut set, index);
        }
        set
    }
}

/// A role for messages: its name, after the client's if it has one.
pub(super) fn shown(container: &RoleContainer, name: &str) -> String {
    match container {
        RoleContainer::Realm => name.to_owned(),
        RoleContainer::Client(client_id) => format!("{client_id}/{name}"),
    }
}

fn name_of(
    role: &RoleRepresentation,
    client_ids: &HashMap<&str, &str>,
    problems: &mut ItemProblems<'_>,
) -> Option<(RoleContainer, String)> {
    let Some(name) = problems.text("name", &role.name).map(str::to_owned) else {
        problems.broken("name", "absent".to_owned(), "a text");
        return None;
    };
    if !problems.flag("clientRole", &role.client_role, false) {
        return Some((RoleContainer::Realm, name));
    }
    let container = problems.text("containerId", &role.container_id).unwrap_or_default();
    match client_ids.get(container) {
        Some(client_id) => Some((RoleContainer::Client((*client_id).to_owned()), name)),
        None => {
            problems.warn(WarningReason::UnknownClient(container.to_owned()));
            None
        }
    }
}
