//! `admin group`: groups by their paths, their roles and attributes.

use super::role::{edit, role_names};
use super::values::{Assignment, grouped, parse_assignment, parse_name, parse_page_rows};
use super::{Deed, Desk, OpenRealm, RealmOption, not_found, people};
use crate::cli::output::Listed;
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::group::GroupNode;
use freshkey_core::ids::UserKey;
use freshkey_core::keycloak::edit::{GroupRoles, Membership, RoleName, add_group, remove_group, set_group_attribute, set_group_roles};
use freshkey_store::Page;
use serde::Serialize;
use std::collections::BTreeMap;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List groups.
    List,
    /// List the direct members of a group.
    Members {
        /// The group: /parent/child.
        #[arg(value_parser = parse_path)]
        path: String,
        /// At most so many.
        #[arg(long, value_name = "ROWS", default_value = "100", value_parser = parse_page_rows)]
        limit: usize,
        /// The name after which the page begins: the last one of the page before.
        #[arg(long, value_name = "NAME")]
        after: Option<String>,
    },
    /// Add a group; the one above has to exist.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR group add /staff --realm UA
  freshkey-server admin --data DIR group add /staff/physics --realm UA --add-role member --attribute floor=3")]
    Add(Properties),
    /// Change a group's roles and attributes. Its members' next tokens say so.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR group set /staff --realm UA --add-role member --remove-role admin
  freshkey-server admin --data DIR group set /staff --realm UA --attribute floor=3 --remove-attribute room")]
    Set {
        #[command(flatten)]
        properties: Properties,
        /// Take a role away: ROLE, or CLIENT_ID/ROLE. May be repeated.
        #[arg(long = "remove-role", value_name = "ROLE", value_parser = parse_name)]
        remove_roles: Vec<String>,
        /// Remove an attribute. May be repeated.
        #[arg(long = "remove-attribute", value_name = "NAME", value_parser = parse_name)]
        remove_attributes: Vec<String>,
    },
    /// Remove a group and all groups below. The members lose what it gave them.
    Remove {
        /// The group: /parent/child.
        #[arg(value_parser = parse_path)]
        path: String,
    },
}

#[derive(Debug, clap::Args)]
struct Properties {
    /// The group: /parent/child.
    #[arg(value_parser = parse_path)]
    path: String,
    /// Give a role: ROLE, or CLIENT_ID/ROLE. May be repeated.
    #[arg(long = "add-role", value_name = "ROLE", value_parser = parse_name)]
    add_roles: Vec<String>,
    /// Set an attribute. May be repeated; several of one name make a list.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = parse_assignment)]
    attributes: Vec<Assignment>,
}

/// A group as it is listed.
#[derive(Debug, Serialize)]
struct Row {
    path: String,
    id: String,
    roles: Vec<String>,
    attributes: BTreeMap<String, Vec<String>>,
}

/// A member as it is listed.
#[derive(Debug, Serialize)]
struct Member {
    username: String,
    id: String,
    enabled: bool,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let realm = &arguments.realm;
    match &arguments.verb {
        Verb::List => list(desk, &desk.realm(realm).await?),
        Verb::Members { path, limit, after } => {
            let open = desk.realm(realm).await?;
            let page = people::page_after(desk, &open.realm, after.as_deref(), *limit).await?;
            members(desk, &open, path, &page).await
        }
        Verb::Add(properties) => put(desk, realm, properties, &[], &[], Verbs::Add).await,
        Verb::Set { properties, remove_roles, remove_attributes } => {
            put(desk, realm, properties, remove_roles, remove_attributes, Verbs::Set).await
        }
        Verb::Remove { path } => {
            let sentence = format!("group {path:?} is removed");
            edit(desk, realm, &Deed::new("group.remove", path), &sentence, |draft| draft.edit(|documents| remove_group(documents, path)))
                .await
        }
    }
}

/// Whether a group is made or changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verbs {
    Add,
    Set,
}

async fn put(
    desk: &Desk,
    realm: &RealmOption,
    properties: &Properties,
    remove_roles: &[String],
    remove_attributes: &[String],
    verb: Verbs,
) -> Result<(), Failure> {
    let path = &properties.path;
    let attributes = grouped(&properties.attributes);
    let mut changed: Vec<String> = remove_roles.iter().map(|role| format!("-role:{role}")).collect();
    changed.extend(remove_attributes.iter().map(|name| format!("-attribute:{name}")));
    changed.extend(properties.add_roles.iter().map(|role| format!("+role:{role}")));
    changed.extend(attributes.keys().map(|name| format!("attribute:{name}")));
    if verb == Verbs::Set && changed.is_empty() {
        return Err(Failure::new(ExitStatus::Usage, "nothing is to be changed").with_hint("`group set --help` lists what can be"));
    }
    let (action, sentence) = match verb {
        Verbs::Add => ("group.add", format!("group {path:?} is added")),
        Verbs::Set => ("group.set", format!("group {path:?} changed: {}", changed.join(", "))),
    };
    edit(desk, realm, &Deed::new(action, path).with("changed", changed.join(" ")), &sentence, |draft| {
        if verb == Verbs::Add {
            draft.edit(|documents| add_group(documents, path, &desk.entropy))?;
        }
        for (names, membership) in [(remove_roles, Membership::Out), (properties.add_roles.as_slice(), Membership::In)] {
            let roles: Vec<RoleName> = names.iter().map(|name| RoleName::parse(name, draft.documents())).collect();
            if !roles.is_empty() {
                draft.edit(|documents| set_group_roles(documents, path, GroupRoles { roles: &roles, membership }))?;
            }
        }
        for name in remove_attributes {
            draft.edit(|documents| set_group_attribute(documents, path, name, &[]))?;
        }
        for (name, values) in &attributes {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            draft.edit(|documents| set_group_attribute(documents, path, name, &values))?;
        }
        Ok(())
    })
    .await
}

fn list(desk: &Desk, open: &OpenRealm) -> Result<(), Failure> {
    let mut nodes: Vec<&GroupNode> = open.realm.groups.iter().collect();
    nodes.sort_by(|a, b| a.path.cmp(&b.path));
    let rows: Vec<Row> = nodes
        .into_iter()
        .map(|node| Row {
            path: node.path.clone(),
            id: node.group.id.clone(),
            roles: role_names(&open.realm, &node.group.roles),
            attributes: node.group.attributes.clone(),
        })
        .collect();
    desk.output.list(&rows, "there is no group yet")
}

async fn members(desk: &Desk, open: &OpenRealm, path: &str, page: &Page<UserKey>) -> Result<(), Failure> {
    let node = open.realm.groups.find(path).ok_or_else(|| not_found(&format!("group {path:?} in realm {:?}", open.documents.name)))?;
    let users = desk.store.members_of_group(open.realm.key, node.group.key, page).await.map_err(|error| store_failure(&error))?;
    let rows: Vec<Member> = users.into_iter().map(|user| Member { username: user.username, id: user.id, enabled: user.enabled }).collect();
    desk.output.list(&rows, "nobody is in it")?;
    if let Some(last) = rows.last().filter(|_| rows.len() == page.rows) {
        desk.output.hint(&format!("there may be more; the next page begins with --after {:?}", last.username));
    }
    Ok(())
}

/// Reads `/parent/child`; the first slash may be left out. For clap.
fn parse_path(text: &str) -> Result<String, String> {
    let name = parse_name(text)?;
    Ok(if name.starts_with('/') { name } else { format!("/{name}") })
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["group", "roles", "attributes"];

    fn cells(&self) -> Vec<String> {
        let attributes: Vec<String> = self.attributes.iter().map(|(name, values)| format!("{name}={}", values.join(", "))).collect();
        vec![self.path.clone(), self.roles.join(" "), attributes.join("; ")]
    }
}

impl Listed for Member {
    const COLUMNS: &'static [&'static str] = &["name", "enabled", "id"];

    fn cells(&self) -> Vec<String> {
        vec![self.username.clone(), if self.enabled { "yes" } else { "no" }.to_owned(), self.id.clone()]
    }
}
