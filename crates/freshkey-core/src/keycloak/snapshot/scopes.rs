//! Client scopes, and the scope mappings that say which roles are in reach of a client or of a client scope.

use super::roles::Roles;
use super::{StoredClient, attribute, read_document};
use crate::client::ClientScope;
use crate::documents::ConfigItem;
use crate::ids::RoleKey;
use crate::keycloak::given::{Given, Object};
use crate::keycloak::mappers::{explain, read_mapper};
use crate::keycloak::problems::{ItemProblems, Problems, WarningReason, named};
use crate::keycloak::representation::{
    ClientScopeRepresentation, ProtocolMapperRepresentation, RealmRepresentation, ScopeMappingRepresentation,
};
use crate::mappers::{Mapper, Silence};
use crate::role::RoleContainer;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The protocol of clients, scopes and mappers that mean something here.
pub(super) const OPENID_CONNECT: &str = "openid-connect";

/// Which roles are mapped to which client and client scope.
#[derive(Default)]
pub(super) struct ScopeMappings {
    /// By `client_id`.
    clients: HashMap<String, Vec<RoleKey>>,
    /// By name.
    scopes: HashMap<String, Vec<RoleKey>>,
}

impl ScopeMappings {
    pub(super) fn read(realm: &RealmRepresentation, roles: &Roles, clients: &[StoredClient], problems: &mut Problems) -> Self {
        let known: HashSet<&str> = clients.iter().map(|client| client.client_id.as_str()).collect();
        let mut mappings = Self::default();
        let mut of_realm = problems.of("scopeMappings".to_owned());
        for mapping in of_realm.list("scopeMappings", &realm.scope_mappings) {
            mappings.add(&RoleContainer::Realm, &mapping.0, roles, &known, &mut of_realm);
        }
        let mut of_clients = problems.of("clientScopeMappings".to_owned());
        for (client_id, list) in of_clients.read("clientScopeMappings", &realm.client_scope_mappings).into_iter().flatten() {
            let container = RoleContainer::Client(client_id.clone());
            for mapping in list {
                mappings.add(&container, &mapping.0, roles, &known, &mut of_clients);
            }
        }
        mappings
    }

    /// The roles mapped to a client, not expanded.
    pub(super) fn of_client(&self, client_id: &str) -> &[RoleKey] {
        self.clients.get(client_id).map_or(&[], Vec::as_slice)
    }

    fn add(
        &mut self,
        container: &RoleContainer,
        mapping: &ScopeMappingRepresentation,
        roles: &Roles,
        clients: &HashSet<&str>,
        problems: &mut ItemProblems<'_>,
    ) {
        let mut keys = Vec::new();
        for name in problems.list("roles", &mapping.roles) {
            match roles.key(container, name) {
                Some(key) => keys.push(key),
                None => problems.warn(WarningReason::UnknownRole(super::roles::shown(container, name))),
            }
        }
        if let Some(client_id) = problems.text("client", &mapping.client) {
            if clients.contains(client_id) {
                self.clients.entry(client_id.to_owned()).or_default().extend(&keys);
            } else {
                problems.warn(WarningReason::UnknownClient(client_id.to_owned()));
            }
        }
        if let Some(scope) = problems.text("clientScope", &mapping.client_scope) {
            self.scopes.entry(scope.to_owned()).or_default().extend(keys);
        }
    }
}

/// The client scopes.
pub(super) struct ClientScopes {
    /// Those of OpenID Connect.
    pub(super) by_name: HashMap<String, ClientScope>,
    /// Names of those of other protocols; a client that has one is not warned of.
    pub(super) foreign: HashSet<String>,
}

pub(super) fn read<'a>(
    items: impl Iterator<Item = &'a ConfigItem>,
    mappings: &ScopeMappings,
    roles: &Roles,
    problems: &mut Problems,
) -> ClientScopes {
    let mut scopes = ClientScopes { by_name: HashMap::new(), foreign: HashSet::new() };
    for item in items {
        let scope: ClientScopeRepresentation = read_document(&item.document, &named("client scope", &item.name), problems);
        let mut of_scope = problems.of(named("client scope", &item.name));
        let Some(name) = of_scope.text("name", &scope.name).map(str::to_owned) else {
            of_scope.broken("name", "absent".to_owned(), "a text");
            continue;
        };
        if of_scope.text("protocol", &scope.protocol).is_some_and(|protocol| protocol != OPENID_CONNECT) {
            scopes.foreign.insert(name);
            continue;
        }
        of_scope.read("attributes", &scope.attributes);
        let scope_mappings = mappings.scopes.get(&name).cloned().unwrap_or_default();
        let read = ClientScope {
            id: item.id.clone(),
            in_token_scope: attribute(&scope.attributes, "include.in.token.scope").is_none_or(is_true),
            mappers: read_mappers(&scope.protocol_mappers, &mut of_scope),
            role_scope: (!scope_mappings.is_empty()).then(|| roles.expanded(&scope_mappings)),
            scope_mappings,
            name: name.clone(),
        };
        scopes.by_name.insert(name, read);
    }
    scopes
}

/// Reads mappers; those that will never emit anything are warned of, and left out.
pub(super) fn read_mappers(given: &Given<Vec<Object<ProtocolMapperRepresentation>>>, problems: &mut ItemProblems<'_>) -> Vec<Mapper> {
    let mut mappers = Vec::new();
    for Object(mapper) in problems.list("protocolMappers", given) {
        let name = problems.text("protocolMappers.name", &mapper.name).unwrap_or_default();
        let protocol = problems.text("protocolMappers.protocol", &mapper.protocol);
        let mapper_id = problems.text("protocolMappers.protocolMapper", &mapper.protocol_mapper).unwrap_or_default();
        let none = BTreeMap::new();
        let config = problems.read("protocolMappers.config", &mapper.config).unwrap_or(&none);
        let read = read_mapper(name, protocol, mapper_id, config);
        match read.silence() {
            None => mappers.push(read),
            // Every realm has the first, and an administrator chose the second.
            Some(Silence::NeedsOrganizations | Silence::NoTarget) => {}
            Some(silence) => problems.warn(WarningReason::UnknownMapper { mapper: name.to_owned(), detail: explain(silence) }),
        }
    }
    mappers
}

/// Java's `Boolean.parseBoolean`: whatever isn't "true" is false.
pub(super) fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}
