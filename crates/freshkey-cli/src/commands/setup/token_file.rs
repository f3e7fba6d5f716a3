//! A file with a token in it, kept fresh by the agent, for any tool that can read one.

use super::{Change, Context, Plan, Supplied, shell_word, supplied};
use freshkey_client::profile::Delivery;
use freshkey_client::{Failure, directories};
use std::path::PathBuf;

/// As it is recorded.
pub(crate) const TOOL: &str = "token-file";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The file. By default one in the runtime directory, which is in memory.
    path: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup token-file
  freshkey setup token-file /run/user/1000/app/token --profile ua
  freshkey unset token-file";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    let path = match &arguments.path {
        Some(path) => std::path::absolute(path).map_err(|error| Failure::file(path, "found", &error))?,
        None => {
            let runtime = &context.environment.directories.runtime;
            directories::private(runtime)?;
            runtime.join(format!("{}.token", context.name))
        }
    };
    plan_at(context, TOOL, path)
}

/// The same for the tools that want their file in a place of their own.
pub(super) fn plan_at(context: &Context<'_>, tool: &str, path: PathBuf) -> Result<Plan, Failure> {
    let changes = supplied::file_change(context, &path)?.into_iter().collect();
    let next = format!("the token is in {}, and stays fresh while the agent runs", shell_word(&path));
    Ok(Plan {
        changes,
        delivery: Delivery { tool: tool.to_owned(), token_file: Some(path), ..Delivery::default() },
        supplied: Supplied::ByAgent,
        next,
    })
}

pub(crate) fn undo(_context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    Ok(supplied::file_removal(delivery))
}
