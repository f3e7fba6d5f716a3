//! Groups with their roles.

use super::read_document;
use super::roles::Roles;
use crate::documents::ConfigItem;
use crate::group::{Group, GroupTree};
use crate::ids::GroupKey;
use crate::keycloak::problems::{Problems, named};
use crate::keycloak::representation::GroupRepresentation;

pub(super) fn read<'a>(items: impl Iterator<Item = &'a ConfigItem>, roles: &Roles, problems: &mut Problems) -> GroupTree {
    let mut groups = Vec::new();
    for item in items {
        let group: GroupRepresentation = read_document(&item.document, &named("group", &item.name), problems);
        let mut of_group = problems.of(named("group", &item.name));
        let Some(name) = of_group.text("name", &group.name).map(str::to_owned) else {
            of_group.broken("name", "absent".to_owned(), "a text");
            continue;
        };
        let realm_roles = of_group.list("realmRoles", &group.realm_roles);
        let client_roles = of_group.read("clientRoles", &group.client_roles);
        groups.push(Group {
            key: GroupKey::of(&item.id),
            id: item.id.clone(),
            name,
            parent: of_group.text("parentId", &group.parent_id).map(GroupKey::of),
            roles: roles.keys(realm_roles, client_roles, &mut of_group),
            attributes: of_group.read("attributes", &group.attributes).cloned().unwrap_or_default(),
        });
    }
    GroupTree::new(&groups, &roles.graph)
}
