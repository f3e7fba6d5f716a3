//! `admin role`: roles of the realm and of clients, and composites.

use super::change::{Draft, change_realm};
use super::values::parse_name;
use super::{Deed, Desk, OpenRealm, RealmOption, not_found};
use crate::cli::Failure;
use crate::cli::output::Listed;
use freshkey_core::event::EventKind;
use freshkey_core::ids::RoleKey;
use freshkey_core::keycloak::edit::{MappedTo, Membership, RoleName, add_role, remove_role, set_composite, set_scope_mapping};
use freshkey_core::realm::Realm;
use freshkey_core::role::{Role, RoleContainer};
use serde::Serialize;
use serde_json::json;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, after_help = "A role of a client is written CLIENT_ID/ROLE.")]
pub(super) struct Arguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List roles with what they are composed of.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR role list --realm UA
  freshkey-server admin --data DIR role list --realm UA --client account --json")]
    List {
        /// Roles of this client only.
        #[arg(long, value_name = "CLIENT_ID")]
        client: Option<String>,
    },
    /// Add a role.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR role add auditor --realm UA --description 'May read everything'
  freshkey-server admin --data DIR role add shop/buyer --realm UA")]
    Add {
        /// The role.
        #[arg(value_parser = parse_name)]
        role: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Remove a role. Whoever has it loses it.
    Remove {
        /// The role.
        role: String,
    },
    /// Let a role bring others along.
    #[command(after_help = "Examples:\n  freshkey-server admin --data DIR role add-composite admin member offline_access --realm UA")]
    AddComposite(Composite),
    /// Let a role bring others along no more.
    RemoveComposite(Composite),
    /// Put roles in reach of the tokens of a client or client scope that doesn't have full scope.
    AddScopeMapping(Mapping),
    /// Take roles out of reach.
    RemoveScopeMapping(Mapping),
}

#[derive(Debug, clap::Args)]
struct Composite {
    /// The role that brings others along.
    composite: String,
    /// The others.
    #[arg(required = true)]
    roles: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Mapping {
    /// The roles.
    #[arg(required = true)]
    roles: Vec<String>,
    /// For this client.
    #[arg(long, value_name = "CLIENT_ID", required_unless_present = "client_scope", conflicts_with = "client_scope")]
    client: Option<String>,
    /// For this client scope.
    #[arg(long, value_name = "NAME")]
    client_scope: Option<String>,
}

/// A role as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    role: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    composites: Vec<String>,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let realm = &arguments.realm;
    match &arguments.verb {
        Verb::List { client } => list(desk, &desk.realm(realm).await?, client.as_deref()),
        Verb::Add { role, description } => {
            let deed = Deed::new("role.add", role);
            edit(desk, realm, &deed, &format!("role {role:?} is added"), |draft| {
                let name = RoleName::parse(role, draft.documents());
                draft.edit(|documents| add_role(documents, &name, description.as_deref(), &desk.entropy))
            })
            .await
        }
        Verb::Remove { role } => {
            let deed = Deed::new("role.remove", role);
            edit(desk, realm, &deed, &format!("role {role:?} is removed"), |draft| {
                let name = RoleName::parse(role, draft.documents());
                draft.edit(|documents| remove_role(documents, &name))
            })
            .await
        }
        Verb::AddComposite(composite) => compose(desk, realm, composite, Membership::In).await,
        Verb::RemoveComposite(composite) => compose(desk, realm, composite, Membership::Out).await,
        Verb::AddScopeMapping(mapping) => map(desk, realm, mapping, Membership::In).await,
        Verb::RemoveScopeMapping(mapping) => map(desk, realm, mapping, Membership::Out).await,
    }
}

fn list(desk: &Desk, open: &OpenRealm, client: Option<&str>) -> Result<(), Failure> {
    if let Some(client_id) = client
        && !open.realm.clients.contains_key(client_id)
    {
        return Err(not_found(&format!("client {client_id:?} in realm {:?}", open.documents.name)));
    }
    let graph = &open.realm.roles;
    let is_listed = |role: &&Role| match (&role.container, client) {
        (_, None) => true,
        (RoleContainer::Client(client_id), Some(wanted)) => client_id == wanted,
        (RoleContainer::Realm, Some(_)) => false,
    };
    let rows: Vec<Row> = graph
        .iter()
        .filter(is_listed)
        .map(|role| Row {
            role: role_text(role),
            name: role.name.clone(),
            client_id: match &role.container {
                RoleContainer::Realm => None,
                RoleContainer::Client(client_id) => Some(client_id.clone()),
            },
            composites: role_names(&open.realm, &role.composites),
        })
        .collect();
    desk.output.list(&rows, "no roles")
}

async fn compose(desk: &Desk, realm: &RealmOption, arguments: &Composite, membership: Membership) -> Result<(), Failure> {
    let (action, sentence) = match membership {
        Membership::In => ("role.add-composite", "brings along"),
        Membership::Out => ("role.remove-composite", "no longer brings along"),
    };
    let others = arguments.roles.join(" ");
    let deed = Deed::new(action, &arguments.composite).with("roles", &others);
    edit(desk, realm, &deed, &format!("role {:?} {sentence} {others}", arguments.composite), |draft| {
        let composite = RoleName::parse(&arguments.composite, draft.documents());
        arguments.roles.iter().try_for_each(|role| {
            let role = RoleName::parse(role, draft.documents());
            draft.edit(|documents| set_composite(documents, &composite, &role, membership))
        })
    })
    .await
}

async fn map(desk: &Desk, realm: &RealmOption, arguments: &Mapping, membership: Membership) -> Result<(), Failure> {
    let (action, sentence) = match membership {
        Membership::In => ("role.add-scope-mapping", "in reach of"),
        Membership::Out => ("role.remove-scope-mapping", "out of reach of"),
    };
    let (target, shown) = match (&arguments.client, &arguments.client_scope) {
        (Some(client_id), _) => (MappedTo::Client(client_id), format!("client {client_id:?}")),
        (None, Some(scope)) => (MappedTo::ClientScope(scope), format!("client scope {scope:?}")),
        (None, None) => return Err(not_found("client or client scope that was named")),
    };
    let roles = arguments.roles.join(" ");
    let deed = Deed::new(action, &shown).with("roles", &roles);
    edit(desk, realm, &deed, &format!("{roles} now {sentence} {shown}"), |draft| {
        arguments.roles.iter().try_for_each(|role| {
            let role = RoleName::parse(role, draft.documents());
            draft.edit(|documents| set_scope_mapping(documents, target, &role, membership))
        })
    })
    .await
}

/// Makes edits of the realm that answer nothing, and says that they are made.
pub(super) async fn edit(
    desk: &Desk,
    realm: &RealmOption,
    deed: &Deed,
    sentence: &str,
    mut make: impl FnMut(&mut Draft) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (open, ()) = change_realm(desk, realm, EventKind::AdminChange, |_, draft| {
        make(draft)?;
        Ok(((), deed.clone()))
    })
    .await?;
    desk.output.done(sentence, &json!({ "action": deed.action(), "realm": open.documents.name, "target": deed.target() }))
}

/// `name`, or `client_id/name`.
pub(super) fn role_text(role: &Role) -> String {
    match &role.container {
        RoleContainer::Realm => role.name.clone(),
        RoleContainer::Client(client_id) => format!("{client_id}/{}", role.name),
    }
}

/// The names of roles, in the order of the alphabet. Roles that have been deleted are left out.
pub(super) fn role_names(realm: &Realm, keys: &[RoleKey]) -> Vec<String> {
    let mut names: Vec<String> =
        keys.iter().filter_map(|key| realm.roles.index(*key)).map(|index| role_text(realm.roles.role(index))).collect();
    names.sort_unstable();
    names
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["role", "brings along"];

    fn cells(&self) -> Vec<String> {
        vec![self.role.clone(), self.composites.join(" ")]
    }
}
