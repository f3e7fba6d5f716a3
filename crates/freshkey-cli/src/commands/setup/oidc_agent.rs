//! A socket in the form of oidc-agent, for programs that were written for its client libraries.

use super::{Act, Change, Context, Plan, Supplied, shell_word, supplied};
use freshkey_client::Failure;
use freshkey_client::agent::sinks::{OIDC_AGENT, oidc_agent_socket};
use freshkey_client::profile::Delivery;

/// As it is recorded.
pub(crate) const TOOL: &str = OIDC_AGENT;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

const EXAMPLES: &str = "\
Examples:
  freshkey setup oidc-agent --profile ua
  freshkey unset oidc-agent";

pub(crate) fn plan(context: &Context<'_>, _arguments: &Arguments) -> Result<Plan, Failure> {
    supplied::check_agent(context.environment)?;
    let socket = shell_word(&oidc_agent_socket(&context.environment.directories));
    let is_known = context.profile.deliveries.iter().any(|delivery| delivery.tool == TOOL);
    let told = format!("answer for the account {} at {socket}", context.name);
    let changes = if is_known { Vec::new() } else { vec![Change::new(told, Act::Supply)] };
    let settings = Some(format!("the account {}", context.name));
    let next = format!("programs find it by `export OIDC_SOCK={socket}`");
    Ok(Plan { changes, delivery: Delivery { tool: TOOL.to_owned(), settings, ..Delivery::default() }, supplied: Supplied::ByAgent, next })
}

pub(crate) fn undo(context: &Context<'_>, _delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    Ok(vec![Change::new(format!("answer for the account {} no more", context.name), Act::Supply)])
}
