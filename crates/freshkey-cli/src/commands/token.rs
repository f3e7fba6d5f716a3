//! `freshkey token`: the ordinary way, for whatever the fast one leaves.

use crate::environment::{Environment, block_on};
use crate::terminal::{self, Output};
use freshkey_client::agent::frame::{Request, TokenForm, TokenWish};
use freshkey_client::keeper::Need;
use freshkey_client::{Failure, handout};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The profile.
    #[arg(env = "FRESHKEY_PROFILE")]
    pub(crate) profile: Option<String>,
    /// Seconds that the token must live. By default 120, or a fifth of its life where that is less.
    #[arg(long, value_name = "SECONDS")]
    min_ttl: Option<u32>,
    /// Print it as a header of HTTP.
    #[arg(long, conflicts_with_all = ["json", "field"])]
    header: bool,
    /// Print one field: expires_in, expires_at, scope, id_token, …, or a claim of the token.
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    field: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey token --header | curl --header @- https://api.example.org/
  freshkey token ua --min-ttl 600
  freshkey token --field expires_in";

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let form = match &arguments.field {
        Some(field) => TokenForm::Field(field.clone()),
        None if arguments.header => TokenForm::Header,
        None if output.json => TokenForm::Json,
        None => TokenForm::Plain,
    };
    let profile = arguments.profile.clone().filter(|name| !name.is_empty());
    let (data, warning) = token(environment, TokenWish { profile, min_ttl_s: arguments.min_ttl, form })?;
    if let Some(warning) = warning {
        terminal::say(&format!("warning: {}", freshkey_client::failure::shown(&warning)));
    }
    terminal::print(&data)
}

/// A token by the agent, or without it.
pub(crate) fn token(environment: &Environment, wish: TokenWish) -> Result<(Vec<u8>, Option<String>), Failure> {
    // A mistyped profile, or nobody signed in, is told before an agent is started for it.
    let (name, _) = environment.profile(wish.profile.as_deref())?;
    if environment.has_agent() {
        return environment.ask(&Request::Token(TokenWish { profile: Some(name), ..wish }));
    }
    let keeper = environment.keeper()?;
    let (record, warning) = match block_on(keeper.fresh(&name, Need::Ttl(wish.min_ttl_s))) {
        Ok(kept) => (kept.record, None),
        Err(failure) => {
            let stored = keeper.vault().read(&name)?.ok_or_else(|| Failure::not_signed_in(&name))?;
            match handout::warning_instead(&stored, keeper.clock().now(), wish.min_ttl_s, &failure) {
                Some(warning) => (stored, Some(warning)),
                None => return Err(failure),
            }
        }
    };
    Ok((handout::written(&name, &record, keeper.clock().now(), &wish.form)?, warning))
}
