//! `admin realm`: realms as a whole, and their own fields.

mod create;
mod export;
mod import;
mod show;

use super::change::{change_realm, refused};
use super::values::{Assignment, parse_assignment, parse_name};
use super::{Deed, Desk, RealmOption};
use crate::cli::output::Listed;
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::event::EventKind;
use freshkey_core::keycloak::edit::set_realm;
use freshkey_store::{RealmChanged, ServiceAccounts, UserFilter};
use serde::Serialize;
use serde_json::json;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the realms.
    List,
    /// Show a realm's settings; with --json its own fields as an export would have them, without secrets.
    Show {
        /// The realm.
        #[arg(value_parser = parse_name)]
        name: String,
    },
    /// Make a realm with Keycloak's defaults and new keys. `UA` gets the settings, roles and clients of the analytics platform.
    #[command(after_help = "Examples:\n  freshkey-server admin --data DIR realm create shop --set accessTokenLifespan=600")]
    Create(create::Arguments),
    /// Take over a realm that Keycloak or Freshkey has exported, users and keys included.
    #[command(after_help = import::EXAMPLES)]
    Import(import::Arguments),
    /// Write a realm as JSON, with its keys and secrets.
    #[command(after_help = export::EXAMPLES)]
    Export(export::Arguments),
    /// Change fields of a realm: any of the top level of an export, and attributes.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR realm set UA --set revokeRefreshToken=true
  freshkey-server admin --data DIR realm set UA --set accessTokenLifespan=900 --set attributes.freshkey.refresh.grace.seconds=0
  freshkey-server admin --data DIR realm set UA --set 'passwordPolicy=length(12) and notUsername(undefined)'
  freshkey-server admin --data DIR realm set UA --unset passwordPolicy")]
    Set {
        /// The realm.
        #[arg(value_parser = parse_name)]
        name: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Remove a realm with everything in it. All its tokens are dead at once.
    #[command(
        after_help = "Examples:\n  freshkey-server admin --data DIR realm export shop --with-users --file shop.json\n  freshkey-server admin --data DIR realm remove shop --yes"
    )]
    Remove {
        /// The realm.
        #[arg(value_parser = parse_name)]
        name: String,
        /// Yes, really.
        #[arg(long)]
        yes: bool,
    },
}

/// Fields to set and to remove.
#[derive(Debug, clap::Args)]
pub(super) struct Fields {
    /// A field and its value; lists with commas, objects as JSON. May be repeated.
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = parse_assignment)]
    assignments: Vec<Assignment>,
    /// A field that is to have its default again. May be repeated.
    #[arg(long = "unset", value_name = "FIELD", value_parser = parse_name)]
    removals: Vec<String>,
}

impl Fields {
    /// Whether nothing was asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.assignments.is_empty() && self.removals.is_empty()
    }

    /// Names and texts, as the rules take them; an empty text removes.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        let set = self.assignments.iter().map(|assignment| (assignment.name.as_str(), assignment.value.as_str()));
        set.chain(self.removals.iter().map(|field| (field.as_str(), ""))).collect()
    }

    /// The names alone: what an audit event says.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.pairs().into_iter().map(|(name, _)| name).collect();
        names.join(" ")
    }
}

/// A realm as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    realm: String,
    users: i64,
    version: i64,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::List => list(desk).await,
        Verb::Show { name } => show::run(desk, name).await,
        Verb::Create(create) => create::run(desk, create).await,
        Verb::Import(import) => import::run(desk, import).await,
        Verb::Export(export) => export::run(desk, export).await,
        Verb::Set { name, fields } => set(desk, name, fields).await,
        Verb::Remove { name, yes: true } => remove(desk, name).await,
        Verb::Remove { name, yes: false } => {
            Err(Failure::new(ExitStatus::Usage, format!("realm {name:?} would be gone with all its users, clients and keys"))
                .with_hint("add --yes if that is what you want"))
        }
    }
}

async fn list(desk: &Desk) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for entry in desk.store.realm_list().await.map_err(|error| store_failure(&error))? {
        let filter = UserFilter { service_accounts: ServiceAccounts::Left, ..UserFilter::default() };
        let users = desk.store.count_users(entry.key, &filter).await.map_err(|error| store_failure(&error))?;
        rows.push(Row { realm: entry.name, users, version: entry.version });
    }
    desk.output.list(&rows, "there is no realm yet")
}

async fn set(desk: &Desk, name: &str, fields: &Fields) -> Result<(), Failure> {
    if fields.is_empty() {
        return Err(Failure::new(ExitStatus::Usage, "nothing is to be changed").with_hint("add --set FIELD=VALUE or --unset FIELD"));
    }
    let deed = Deed::new("realm.set", name).with("changed", fields.names());
    change_realm(desk, &RealmOption::named(name), EventKind::AdminChange, |_, draft| {
        draft.edit(|documents| set_realm(documents, &fields.pairs()))?;
        Ok(((), deed.clone()))
    })
    .await?;
    desk.output.done(
        &format!("realm {name:?} changed: {}", fields.names()),
        &json!({ "action": "realm.set", "realm": name, "changed": fields.pairs().iter().map(|(name, _)| name).collect::<Vec<_>>() }),
    )
}

async fn remove(desk: &Desk, name: &str) -> Result<(), Failure> {
    let open = desk.realm_named(name).await?;
    let record = desk.record(open.realm.key, EventKind::AdminChange, &Deed::new("realm.remove", name));
    match desk.store.delete_realm(open.documents.key, open.documents.version, &record).await.map_err(|error| store_failure(&error))? {
        RealmChanged::Yes => desk.output.done(&format!("realm {name:?} is removed"), &json!({ "action": "realm.remove", "realm": name })),
        RealmChanged::Raced | RealmChanged::NameTaken => {
            Err(Failure::new(ExitStatus::Conflict, format!("realm {name:?} was changed by somebody else at the same moment"))
                .with_hint("nothing was removed; run the command again"))
        }
    }
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["realm", "users", "version"];

    fn cells(&self) -> Vec<String> {
        vec![self.realm.clone(), self.users.to_string(), self.version.to_string()]
    }
}
