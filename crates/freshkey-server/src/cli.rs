//! The command line: what can be typed, and which file does it. Data goes to standard output, talk to standard error.

pub mod admin;
pub mod completions;
pub mod config;
pub mod explain;
pub mod failure;
pub mod man;
pub mod migrate;
pub mod open;
pub mod output;
mod process;
pub mod quickstart;
pub mod serve;
mod shell;
pub mod terminal;

use clap::{CommandFactory, Parser, Subcommand};
pub use failure::{ExitStatus, Failure, store_failure};
use std::process::ExitCode;

/// The token service: obtain, refresh and revoke tokens, wire-compatible with Keycloak.
#[derive(Debug, Parser)]
#[command(name = "freshkey-server", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or stopped by SIGTERM or SIGINT with every open request finished
  1  failed while running
  2  the command line is wrong
  3  the configuration is wrong
  4  the database is unreachable, or its schema is not the one this release needs
  5  a key, a certificate or a file beside the database cannot be used
  6  an address cannot be listened on
  7  there is no such realm, user, client, …
  8  it exists already, or was changed by somebody else at the same moment";

#[allow(clippy::large_enum_variant, reason = "made once, at the start")]
/// Everything that the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve tokens, as a configuration file says.
    Serve(serve::Arguments),
    /// Create what is missing in a directory (database, keys, certificate, realm UA, users) and serve it.
    Quickstart(quickstart::Arguments),
    /// Look at and change realms, users, clients, sessions and keys, while the server runs.
    Admin(admin::Arguments),
    /// Say what became of a token, a session or a user, and why.
    Explain(explain::Arguments),
    /// Bring the schema of the database to what this release needs.
    Migrate(migrate::Arguments),
    /// Check, show or print the configuration.
    Config(config::Arguments),
    /// Print the completion script of a shell.
    Completions(completions::Arguments),
    /// Print the manual page.
    Man(man::Arguments),
}

/// The whole command line as a description, for completions and the manual page.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Reads the command line, does what it says, and tells how it ended.
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Quickstart(arguments) => quickstart::run(&arguments),
        Command::Admin(arguments) => admin::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::complain(&failure);
            failure.status.into()
        }
    }
}
