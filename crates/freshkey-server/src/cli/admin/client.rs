//! `admin client`: clients, what they may, and their secrets.

mod edit;
mod secret;
mod show;

use super::realm::Fields;
use super::values::parse_name;
use super::{Desk, RealmOption};
use crate::cli::Failure;

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
    /// List clients.
    List,
    /// Show a client; with --json its representation, without secrets.
    Show {
        /// The OAuth client_id.
        client_id: String,
    },
    /// Add a client. A confidential one gets a secret, which is printed alone on standard output.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR client add nightly --realm UA --confidential --set serviceAccountsEnabled=true --set standardFlowEnabled=false
  freshkey-server admin --data DIR client add shop --realm UA --public --set 'redirectUris=https://shop.example.org/*' --optional-scope offline_access")]
    Add(Properties),
    /// Change a client.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR client set ua-grant --realm UA --confidential
  freshkey-server admin --data DIR client set ua-grant --realm UA --set attributes.access.token.lifespan=600
  freshkey-server admin --data DIR client set ua-grant --realm UA --set attributes.freshkey.offline.upgrade.on.refresh=false
  freshkey-server admin --data DIR client set shop --realm UA --default-scope groups --remove-scope address

With --confidential the new secret is printed alone on standard output, once.")]
    Set(Properties),
    /// Remove a client with its roles. Its tokens are dead at once.
    Remove {
        /// The OAuth client_id.
        client_id: String,
    },
    /// A confidential client's secret.
    #[command(subcommand)]
    Secret(secret::Verb),
}

#[derive(Debug, clap::Args)]
struct Properties {
    /// The OAuth client_id.
    #[arg(value_parser = parse_name)]
    client_id: String,
    /// The client keeps a secret; a new one is made.
    #[arg(long, conflicts_with = "public")]
    confidential: bool,
    /// The client has no secret; the present one is forgotten.
    #[arg(long)]
    public: bool,
    #[command(flatten)]
    fields: Fields,
    /// A client scope that every token has. May be repeated.
    #[arg(long = "default-scope", value_name = "NAME", value_parser = parse_name)]
    default_scopes: Vec<String>,
    /// A client scope that can be asked for. May be repeated.
    #[arg(long = "optional-scope", value_name = "NAME", value_parser = parse_name)]
    optional_scopes: Vec<String>,
    /// A client scope that the client is to have no more. May be repeated.
    #[arg(long = "remove-scope", value_name = "NAME", value_parser = parse_name)]
    remove_scopes: Vec<String>,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let realm = &arguments.realm;
    match &arguments.verb {
        Verb::List => show::list(desk, &desk.realm(realm).await?),
        Verb::Show { client_id } => show::show(desk, &desk.realm(realm).await?, client_id),
        Verb::Add(properties) => edit::add(desk, realm, properties).await,
        Verb::Set(properties) => edit::set(desk, realm, properties).await,
        Verb::Remove { client_id } => edit::remove(desk, realm, client_id).await,
        Verb::Secret(verb) => secret::run(desk, realm, verb).await,
    }
}
