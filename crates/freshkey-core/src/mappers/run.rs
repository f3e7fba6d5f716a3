//! One run of the mappers for one target: what has been written so far, and how a mapper adds to it.

use super::claim_path::{ClaimPath, Source};
use super::kind::{AddressAttributes, MapperKind, SessionNote};
use super::membership::ShownRoles;
use super::value::{Arity, ValueShape};
use super::{MappedClaims, MapperInputs, Target, pairwise, person};
use crate::client::WebOrigins;
use crate::group::GroupNode;
use crate::inherited::sid_noted;
use serde_json::map::Entry;
use serde_json::{Map, Value};

pub(super) struct Run<'a> {
    target: Target,
    inputs: &'a MapperInputs<'a>,
    mapped: MappedClaims,
    /// Looked up by the first mapper that asks for roles.
    roles: Option<ShownRoles<'a>>,
    /// The groups that the user is a direct member of.
    groups: Vec<&'a GroupNode>,
}

impl<'a> Run<'a> {
    pub(super) fn new(target: Target, inputs: &'a MapperInputs<'a>, mappers: usize) -> Self {
        let mapped = MappedClaims { claims: Map::with_capacity(mappers), ..MappedClaims::default() };
        Self { target, inputs, mapped, roles: None, groups: person::groups_of(inputs) }
    }

    pub(super) fn finish(self) -> MappedClaims {
        self.mapped
    }

    /// Runs one mapper, if its kind can write for this target at all.
    pub(super) fn step(&mut self, kind: &'a MapperKind) {
        if !kind.possible_targets().has(self.target) {
            return;
        }
        let inputs = self.inputs;
        match kind {
            MapperKind::UserAttribute { attribute, groups, claim, shape } => {
                self.write(claim, Source::User, person::attribute(inputs.user, &self.groups, attribute, *groups, *shape), shape.arity);
            }
            MapperKind::UserProperty { property, claim, shape } => {
                self.write(claim, Source::User, person::property(inputs.user, *property, *shape), shape.arity);
            }
            MapperKind::FullName => self.set("name", person::full_name(inputs.user)),
            MapperKind::RealmRoles { prefix, claim, shape } => self.write_roles(None, None, prefix, claim, *shape),
            MapperKind::ClientRoles { client_id, prefix, claim, shape } => {
                self.write_client_roles(client_id.as_deref(), prefix, claim, *shape);
            }
            MapperKind::GroupMembership { form, claim } => self.write(claim, Source::User, person::groups(&self.groups, *form), Arity::All),
            MapperKind::HardcodedClaim { claim, value, arity } => self.write_hardcoded(claim, value, *arity),
            MapperKind::HardcodedRole { role } => self.roles().add(role),
            MapperKind::RoleRename { from, to } => self.roles().rename(from, to),
            MapperKind::Audience { audience } => self.add_audience(audience),
            MapperKind::AudienceResolve => self.resolve_audience(),
            MapperKind::AllowedOrigins => self.set("allowed-origins", allowed_origins(&inputs.client.web_origins)),
            MapperKind::Subject => self.mapped.subject = Some(inputs.user.id.clone()),
            MapperKind::PairwiseSubject { sector, salt } => {
                let sector = sector.as_deref().unwrap_or_else(|| pairwise::sector_of(inputs.client));
                self.mapped.subject = Some(pairwise::subject(sector, &inputs.user.id, salt));
            }
            MapperKind::AuthenticationContext => self.set("acr", Some(inputs.acr)),
            MapperKind::AuthenticationMethods => self.set("amr", Some(Value::Array(Vec::new()))),
            MapperKind::SessionNote { note, claim, shape } => {
                self.write(claim, note.source(), session_note(inputs, note, claim, *shape), shape.arity);
            }
            MapperKind::Address(attributes) => self.write_address(attributes),
            MapperKind::Nonce => self.set("nonce", inputs.nonce),
            MapperKind::SessionState => {
                self.set("session_state", inputs.sid.map(|sid| sid_noted(inputs.notes).map_or_else(|| sid.to_string(), str::to_owned)));
            }
            MapperKind::ClaimsParameter | MapperKind::OrganizationMembership | MapperKind::Unusable(_) | MapperKind::Unknown(_) => {}
        }
    }

    /// Sets a claim whose name is the mapper's own.
    fn set(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.mapped.claims.insert(name.to_owned(), value.into());
        }
    }

    /// Writes to a claim that an administrator chose.
    fn write(&mut self, claim: &ClaimPath, source: Source, value: Option<Value>, arity: Arity) {
        self.write_for(None, claim, source, value, arity);
    }

    fn write_for(&mut self, client_id: Option<&str>, claim: &ClaimPath, source: Source, value: Option<Value>, arity: Arity) {
        if let Some(value) = value
            && claim.admits(source, self.target, client_id)
        {
            write_nested(&mut self.mapped.claims, claim, client_id, value, arity);
        }
    }

    fn write_hardcoded(&mut self, claim: &ClaimPath, value: &Value, arity: Arity) {
        if !claim.is_audience() {
            self.write(claim, Source::Configuration, Some(value.clone()), arity);
            return;
        }
        match value {
            Value::Array(several) => several.iter().filter_map(Value::as_str).for_each(|one| self.add_audience(one)),
            Value::String(one) => self.add_audience(one),
            _ => {}
        }
    }

    fn write_client_roles(&mut self, client_id: Option<&str>, prefix: &str, claim: &ClaimPath, shape: ValueShape) {
        if let Some(client_id) = client_id {
            self.write_roles(Some(client_id), Some(client_id), prefix, claim, shape);
            return;
        }
        let clients: Vec<&str> = self.roles().clients().collect();
        for client_id in clients {
            self.write_roles(Some(client_id), Some(client_id), prefix, claim, shape);
        }
    }

    fn write_roles(&mut self, container: Option<&str>, client_id: Option<&str>, prefix: &str, claim: &ClaimPath, shape: ValueShape) {
        let names = self.roles().names(container);
        let value = if prefix.is_empty() {
            shape.build(names)
        } else {
            let prefixed: Vec<String> = names.map(|name| prefix.to_owned() + name).collect();
            shape.build(prefixed.iter().map(String::as_str))
        };
        self.write_for(client_id, claim, Source::User, value, shape.arity);
    }

    fn write_address(&mut self, attributes: &AddressAttributes) {
        let user = self.inputs.user;
        let address = self.mapped.claims.entry("address").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(members) = address {
            members.extend(person::address(user, attributes).map(|(member, value)| (member.to_owned(), Value::from(value))));
        }
    }

    fn resolve_audience(&mut self) {
        let own: &str = &self.inputs.client.client_id;
        let others: Vec<&str> = self.roles().clients().filter(|client_id| *client_id != own).collect();
        for client_id in others {
            self.add_audience(client_id);
        }
    }

    fn add_audience(&mut self, audience: &str) {
        if !self.mapped.audience.iter().any(|there| there == audience) {
            self.mapped.audience.push(audience.to_owned());
        }
    }

    fn roles(&mut self) -> &mut ShownRoles<'a> {
        let inputs = self.inputs;
        self.roles.get_or_insert_with(|| ShownRoles::of(inputs))
    }
}

fn session_note(inputs: &MapperInputs<'_>, note: &SessionNote, claim: &ClaimPath, shape: ValueShape) -> Option<Value> {
    match note {
        // The claim `auth_time` is a number (OpenID Connect Core §2), whatever type the mapper was given.
        SessionNote::AuthTime if claim.is_auth_time() => inputs.auth_time.map(Value::from),
        SessionNote::AuthTime => inputs.auth_time.and_then(|seconds| shape.json_type.read(&seconds.to_string())),
        SessionNote::Named(name) => inputs.notes.get(name).and_then(|text| shape.json_type.read(text)),
    }
}

fn allowed_origins(origins: &WebOrigins) -> Option<Vec<String>> {
    match origins {
        WebOrigins::Any => Some(vec!["*".to_owned()]),
        WebOrigins::These(origins) => (!origins.is_empty()).then(|| origins.clone()),
    }
}

/// Writes at a path, making objects on the way. Where something else than an object is in the way, that stays and the value is dropped;
/// Keycloak fails the request.
fn write_nested(claims: &mut Map<String, Value>, claim: &ClaimPath, client_id: Option<&str>, value: Value, arity: Arity) {
    let mut object = claims;
    // No path is empty: `ClaimPath::parse` refuses the empty text, and every other has a component.
    let last = claim.depth() - 1;
    for position in 0..last {
        let name = claim.component(position, client_id);
        let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(inner) = inner else { return };
        object = inner;
    }
    match (object.entry(claim.component(last, client_id)), arity) {
        (Entry::Occupied(mut there), Arity::All) => join(there.get_mut(), value),
        (Entry::Occupied(mut there), Arity::First) => drop(there.insert(value)),
        (Entry::Vacant(empty), _) => drop(empty.insert(value)),
    }
}

/// Makes one array of what was there and what comes, without repetition.
fn join(there: &mut Value, value: Value) {
    if !there.is_array() {
        *there = Value::Array(vec![there.take()]);
    }
    let Value::Array(values) = there else { return };
    let more = match value {
        Value::Array(several) => several,
        one => vec![one],
    };
    for one in more {
        if !values.contains(&one) {
            values.push(one);
        }
    }
}
