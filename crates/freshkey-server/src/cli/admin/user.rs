//! `admin user`: users, what they are and what they may.

mod devices;
mod edit;
mod list;
mod set_password;
mod show;

use super::values::{Assignment, parse_assignment, parse_name, parse_page_rows};
use super::{Deed, Desk, OpenRealm, RealmOption, password, people};
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::change::Applied;
use freshkey_core::event::EventKind;
use serde_json::json;

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
    /// List users by name.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR user list --realm UA
  freshkey-server admin --data DIR user list --realm UA --search smith --disabled
  freshkey-server admin --data DIR user list --realm UA --role admin --json")]
    List(ListArguments),
    /// Show a user: attributes, roles with where they come from, groups, devices for one-time codes, locks.
    Show {
        /// Name, id or e-mail address.
        user: String,
    },
    /// Add a user, with the realm's default role and groups.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR user add ada --realm UA --email ada@example.org --add-role member --generate
  printf %s \"$PASSWORD\" | freshkey-server admin --data DIR user add ada --realm UA --password-stdin")]
    Add(AddArguments),
    /// Change a user. The next refreshed token says what is true then.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR user set demo --realm UA --add-role admin --attribute department=blue --email demo@example.org
  freshkey-server admin --data DIR user set demo --realm UA --remove-role admin --remove-attribute department
  freshkey-server admin --data DIR user set demo --realm UA --disabled --log-out
  freshkey-server admin --data DIR user set demo --realm UA --add-role account/view-profile
  freshkey-server admin --data DIR user set demo --realm UA --remove-otp 'old phone' --log-out

A role of a client is written CLIENT_ID/ROLE. Several --attribute with one name make a list.")]
    Set(SetArguments),
    /// Remove a user with everything that belongs to it, sessions included.
    Remove {
        /// Name, id or e-mail address.
        user: String,
    },
    /// Set a user's password: asked for on the terminal, or from standard input, or made here.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR user set-password demo --realm UA
  freshkey-server admin --data DIR user set-password demo --realm UA --generate --log-out
  printf %s \"$PASSWORD\" | freshkey-server admin --data DIR user set-password demo --realm UA --password-stdin")]
    SetPassword(SetPasswordArguments),
}

#[derive(Debug, clap::Args)]
struct ListArguments {
    /// With this text in name, e-mail address, given or family name.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// With this role directly.
    #[arg(long, value_name = "ROLE", conflicts_with_all = ["search", "enabled", "disabled", "service_accounts"])]
    role: Option<String>,
    /// In this group directly.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["role", "search", "enabled", "disabled", "service_accounts"])]
    group: Option<String>,
    /// Enabled ones only.
    #[arg(long, conflicts_with = "disabled")]
    enabled: bool,
    /// Disabled ones only.
    #[arg(long)]
    disabled: bool,
    /// Service accounts of clients too.
    #[arg(long)]
    service_accounts: bool,
    /// At most so many.
    #[arg(long, value_name = "ROWS", default_value = "100", value_parser = parse_page_rows)]
    limit: usize,
    /// The name after which the page begins: the last one of the page before.
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
}

/// What can be said about a user.
#[derive(Debug, clap::Args)]
struct Properties {
    /// E-mail address; an empty one removes it.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The address is proven.
    #[arg(long, conflicts_with = "email_unverified")]
    email_verified: bool,
    /// The address is not proven.
    #[arg(long)]
    email_unverified: bool,
    /// Given name; an empty one removes it.
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Family name; an empty one removes it.
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// Set an attribute. May be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = parse_assignment)]
    attributes: Vec<Assignment>,
    /// Give a role: ROLE, or CLIENT_ID/ROLE. May be repeated.
    #[arg(long = "add-role", value_name = "ROLE", value_parser = parse_name)]
    add_roles: Vec<String>,
    /// Make the user a member of a group. May be repeated.
    #[arg(long = "add-group", value_name = "PATH", value_parser = parse_name)]
    add_groups: Vec<String>,
    /// The user may sign in.
    #[arg(long, conflicts_with = "disabled")]
    enabled: bool,
    /// The user gets no token of any kind.
    #[arg(long)]
    disabled: bool,
}

#[derive(Debug, clap::Args)]
struct AddArguments {
    /// The user's name.
    #[arg(value_parser = parse_name)]
    username: String,
    #[command(flatten)]
    properties: Properties,
    #[command(flatten)]
    password: password::Source,
    /// The password must be changed at the first sign-in.
    #[arg(long)]
    temporary: bool,
}

#[derive(Debug, clap::Args)]
struct SetArguments {
    /// Name, id or e-mail address.
    user: String,
    #[command(flatten)]
    properties: Properties,
    /// Remove an attribute. May be repeated.
    #[arg(long = "remove-attribute", value_name = "NAME", value_parser = parse_name)]
    remove_attributes: Vec<String>,
    /// Take a direct role away: ROLE, or CLIENT_ID/ROLE. May be repeated.
    #[arg(long = "remove-role", value_name = "ROLE", value_parser = parse_name)]
    remove_roles: Vec<String>,
    /// End the membership in a group. May be repeated.
    #[arg(long = "remove-group", value_name = "PATH", value_parser = parse_name)]
    remove_groups: Vec<String>,
    /// Something the user must do before signing in, UPDATE_PASSWORD for instance. May be repeated.
    #[arg(long = "add-required-action", value_name = "ACTION", value_parser = parse_name)]
    add_required_actions: Vec<String>,
    /// Something the user need not do any more. May be repeated.
    #[arg(long = "remove-required-action", value_name = "ACTION", value_parser = parse_name)]
    remove_required_actions: Vec<String>,
    /// Take away a device for one-time codes, by its label or id. May be repeated.
    #[arg(long = "remove-otp", value_name = "LABEL", value_parser = parse_name)]
    remove_otps: Vec<String>,
    /// Forget wrong passwords, and so lift a lock.
    #[arg(long)]
    unlock: bool,
    /// End all sessions, offline ones included.
    #[arg(long)]
    log_out: bool,
}

#[derive(Debug, clap::Args)]
struct SetPasswordArguments {
    /// Name, id or e-mail address.
    user: String,
    #[command(flatten)]
    source: password::Source,
    /// The password must be changed at the next sign-in.
    #[arg(long)]
    temporary: bool,
    /// End all sessions, offline ones included.
    #[arg(long)]
    log_out: bool,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let open = desk.realm(&arguments.realm).await?;
    match &arguments.verb {
        Verb::List(list) => list::run(desk, &open, list).await,
        Verb::Show { user } => show::run(desk, &open, user).await,
        Verb::Add(add) => edit::add(desk, &open, add).await,
        Verb::Set(set) => edit::set(desk, &open, set).await,
        Verb::Remove { user } => remove(desk, &open, user).await,
        Verb::SetPassword(password) => set_password::run(desk, &open, password).await,
    }
}

async fn remove(desk: &Desk, open: &OpenRealm, name: &str) -> Result<(), Failure> {
    let user = people::user(desk, &open.realm, name).await?;
    let record = desk.record(open.realm.key, EventKind::AdminChange, &Deed::to_user("user.remove", &user));
    match desk.store.delete_user(open.realm.key, user.key, &record).await.map_err(|error| store_failure(&error))? {
        Applied::Yes => desk.output.done(
            &format!("user {:?} is removed", user.username),
            &json!({ "action": "user.remove", "realm": open.documents.name, "user": user.username, "id": user.id }),
        ),
        Applied::Raced => Err(Failure::new(ExitStatus::NotFound, format!("user {:?} was removed by somebody else", user.username))),
    }
}
