//! `freshkey-server admin`: looks at and changes what is in the database, beside a running server, which follows within a second.
//!
//! Here is only the typing, the asking and the printing. What a change means is decided by `freshkey_core::keycloak::edit`, and how it is
//! kept is the store's business. Every change leaves one audit event that names the account at the keyboard (T-045).

mod actor;
mod change;
mod client;
mod deadline;
mod desk;
mod events;
mod group;
mod keys;
mod password;
mod people;
mod place;
mod realm;
mod recover;
mod role;
mod session;
mod unlock;
mod user;
mod values;

pub(crate) use deadline::{deadline, kind_word};
pub(crate) use desk::{Deed, Desk, OpenRealm, RealmOption, block_on, not_found};
pub(crate) use people::find_user;
pub(crate) use place::Place;

use super::Failure;
use super::output::{Colour, Format, Output};
use clap::Subcommand;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, subcommand_required = true, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    printing: Printing,
    #[command(subcommand)]
    noun: Noun,
}

const EXAMPLES: &str = "\
Examples:
  freshkey-server admin --data DIR user list --realm UA
  freshkey-server admin --data DIR user set demo --realm UA --add-role admin --attribute department=blue --email demo@example.org
  freshkey-server admin --data DIR client set ua-grant --realm UA --confidential
  freshkey-server admin --data DIR session end --user demo --realm UA --offline
  freshkey-server admin --config /etc/freshkey.toml realm import realm-export.json --dry-run

Data goes to standard output, everything else to standard error. With --json every command prints one JSON document.
--realm may be left out where the database has exactly one realm. Exit codes are those of freshkey-server --help;
7 means that there is no such thing, 8 that it exists already or was changed by somebody else at the same moment.";

/// How answers are printed.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Printing {
    /// Print JSON for programs: field names never change their meaning.
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// When to use colours; by itself on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    color: Colour,
}

impl Printing {
    /// The way to print that was asked for.
    pub(crate) fn output(self) -> Output {
        Output::new(if self.json { Format::Json } else { Format::Human }, self.color)
    }
}

/// The things that can be administered.
#[derive(Debug, Subcommand)]
enum Noun {
    /// Realms: list, show, create, import, export, set, remove.
    Realm(realm::Arguments),
    /// Users: list, show, add, set, remove, set-password.
    User(user::Arguments),
    /// Roles of the realm and of clients, and what they are composed of.
    Role(role::Arguments),
    /// Groups, their roles and attributes.
    Group(group::Arguments),
    /// Clients and their secrets.
    Client(client::Arguments),
    /// Sessions: every grant that can refresh, whose it is, and when it dies.
    Session(session::Arguments),
    /// Signing keys: list, rotate, disable.
    Keys(keys::Arguments),
    /// The audit log, newest first.
    Events(events::Arguments),
    /// Grants of which a newer token was seen than the database remembers.
    Recover(recover::Arguments),
    /// Forget wrong passwords, and so lift the lock of one user or of all.
    Unlock(unlock::Arguments),
}

/// Opens the database and does what was asked.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let output = arguments.printing.output();
    block_on(async {
        let desk = Desk::open(&arguments.place, output).await?;
        let done = answer(&desk, &arguments.noun).await;
        // What was changed is durable by now; closing only tidies up.
        desk.close().await;
        done
    })
}

async fn answer(desk: &Desk, noun: &Noun) -> Result<(), Failure> {
    match noun {
        Noun::Realm(arguments) => realm::run(desk, arguments).await,
        Noun::User(arguments) => user::run(desk, arguments).await,
        Noun::Role(arguments) => role::run(desk, arguments).await,
        Noun::Group(arguments) => group::run(desk, arguments).await,
        Noun::Client(arguments) => client::run(desk, arguments).await,
        Noun::Session(arguments) => session::run(desk, arguments).await,
        Noun::Keys(arguments) => keys::run(desk, arguments).await,
        Noun::Events(arguments) => events::run(desk, arguments).await,
        Noun::Recover(arguments) => recover::run(desk, arguments).await,
        Noun::Unlock(arguments) => unlock::run(desk, arguments).await,
    }
}
