//! A helper on loopback for containers, which can't reach the agent's socket: `GET /token`, for who shows the secret in a file of the user's.

use super::{Act, Change, Context, Plan, Supplied, shell_word, supplied};
use freshkey_client::agent::sinks::{HTTP, secret_file};
use freshkey_client::profile::Delivery;
use freshkey_client::{Failure, FailureKind};
use std::net::{Ipv4Addr, TcpListener};

/// As it is recorded.
pub(crate) const TOOL: &str = HTTP;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The port of 127.0.0.1. By default one that is free, which it then keeps.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup http --port 8912
  freshkey unset http";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    supplied::check_agent(context.environment)?;
    let known = context.profile.deliveries.iter().find(|delivery| delivery.tool == TOOL).and_then(|delivery| delivery.url.clone());
    let wished = arguments.port.map(url);
    let (url, changes) = match (known, wished) {
        (Some(known), Some(wished)) if known != wished => {
            return Err(Failure::new(FailureKind::Usage, format!("the profile {} has a helper already: {known}", context.name))
                .with_hint(format!("run `freshkey unset http --profile {}` first", context.name)));
        }
        (Some(known), _) => (known, Vec::new()),
        (None, wished) => {
            let url = wished.map_or_else(|| free_port().map(url), Ok)?;
            let told = format!("answer {url} with a token, for who shows the secret");
            (url, vec![Change::new(told, Act::Supply)])
        }
    };
    let secret = secret_file(&context.environment.directories, &context.name);
    let next = format!("callers send the header `Authorization: Bearer` with the secret in {}", shell_word(&secret));
    Ok(Plan {
        changes,
        delivery: Delivery { tool: TOOL.to_owned(), url: Some(url), ..Delivery::default() },
        supplied: Supplied::ByAgent,
        next,
    })
}

pub(crate) fn undo(_context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    let url = delivery.url.as_deref().unwrap_or_default();
    Ok(vec![Change::new(format!("answer {url} no more, and forget the secret"), Act::Supply)])
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/token")
}

fn free_port() -> Result<u16, Failure> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.map(|address| address.port()).map_err(|error| Failure::new(FailureKind::Failed, format!("no port of 127.0.0.1 is free: {error}")))
}
