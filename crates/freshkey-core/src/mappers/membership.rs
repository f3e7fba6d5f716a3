//! The roles of one token while its mappers work on them: renamed, added to, then written.

use super::MapperInputs;
use super::kind::RoleName;
use crate::role::RoleContainer;

/// A role as this token shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShownRole<'a> {
    /// The client; `None` for the realm.
    pub(super) client_id: Option<&'a str>,
    pub(super) name: &'a str,
}

/// Roles of the realm first, then client by client: those of one container stand together.
#[derive(Debug)]
pub(super) struct ShownRoles<'a> {
    roles: Vec<ShownRole<'a>>,
}

impl<'a> ShownRoles<'a> {
    /// The roles that the token may carry, before any mapper touched them.
    pub(super) fn of(inputs: &MapperInputs<'a>) -> Self {
        let graph = &inputs.realm.roles;
        let roles = inputs
            .roles
            .iter()
            .map(|index| {
                let role = graph.role(index);
                let client_id = match &role.container {
                    RoleContainer::Realm => None,
                    RoleContainer::Client(client_id) => Some(client_id.as_str()),
                };
                ShownRole { client_id, name: &role.name }
            })
            .collect();
        Self { roles }
    }

    /// Adds a role that every token has.
    pub(super) fn add(&mut self, role: &'a RoleName) {
        let role = shown(role);
        if self.roles.contains(&role) {
            return;
        }
        let position = match self.roles.iter().rposition(|other| other.client_id == role.client_id) {
            Some(last) => last + 1,
            None if role.client_id.is_none() => 0,
            None => self.roles.len(),
        };
        self.roles.insert(position, role);
    }

    /// Gives a role another name, if the token has it.
    pub(super) fn rename(&mut self, from: &'a RoleName, to: &'a RoleName) {
        if let Some(position) = self.roles.iter().position(|role| *role == shown(from)) {
            self.roles.remove(position);
            self.add(to);
        }
    }

    /// The roles of one client, or of the realm.
    pub(super) fn names(&self, client_id: Option<&str>) -> impl Iterator<Item = &'a str> {
        self.roles.iter().filter(move |role| role.client_id == client_id).map(|role| role.name)
    }

    /// The clients of which there is a role, each once.
    pub(super) fn clients(&self) -> impl Iterator<Item = &'a str> {
        self.roles.chunk_by(|a, b| a.client_id == b.client_id).filter_map(|group| group.first().and_then(|role| role.client_id))
    }
}

fn shown(role: &RoleName) -> ShownRole<'_> {
    ShownRole { client_id: role.client_id.as_deref(), name: &role.name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_added_role_joins_those_of_its_container() {
        let (api, app, realm) = (RoleName::parse("api.reader"), RoleName::parse("app.editor"), RoleName::parse("user"));
        let (more_api, more_realm) = (RoleName::parse("api.writer"), RoleName::parse("guest"));
        let mut roles = ShownRoles { roles: Vec::new() };
        for role in [&api, &app, &realm, &more_api, &more_realm, &app] {
            roles.add(role);
        }
        assert_eq!(roles.clients().collect::<Vec<_>>(), ["api", "app"], "each client once");
        assert_eq!(roles.names(Some("api")).collect::<Vec<_>>(), ["reader", "writer"]);
        assert_eq!(roles.names(Some("app")).collect::<Vec<_>>(), ["editor"]);
        assert_eq!(roles.names(None).collect::<Vec<_>>(), ["user", "guest"]);
    }
}
