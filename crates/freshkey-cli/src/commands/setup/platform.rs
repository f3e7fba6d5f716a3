//! The token file of the analytics platform's notebooks, for programs that expect one: where the platform keeps it, and as fresh as the platform does.
//! On the platform itself the file is there, and is not taken over.

use super::token_file::plan_at;
use super::{Context, Plan};
use freshkey_client::Failure;
use std::path::PathBuf;

/// As it is recorded.
pub(crate) const TOOL: &str = "platform";
/// Where the platform's own programs look.
const PATH: &str = "/etc/secrets/ezua/.auth_token";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The file.
    #[arg(long, value_name = "PATH", default_value = PATH)]
    path: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup platform
  freshkey setup platform --path ~/secrets/.auth_token
  freshkey unset platform";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    let path = std::path::absolute(&arguments.path).map_err(|error| Failure::file(&arguments.path, "found", &error))?;
    plan_at(context, TOOL, path)
}
