//! `freshkey-gateway config`: what there is to configure.

use super::{Failure, output};
use crate::config::{DEFAULT_TOML, reference_page};
use clap::Subcommand;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a configuration with every key, its meaning and its default.
    #[command(after_help = "Example:\n  freshkey-gateway config default > gateway.toml")]
    Default,
    /// Print the same as a page in Markdown.
    Reference,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.action {
        Action::Default => output::print(DEFAULT_TOML.as_bytes()),
        Action::Reference => output::print(reference_page().as_bytes()),
    }
}
