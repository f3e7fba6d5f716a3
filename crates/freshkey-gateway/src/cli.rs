//! The command line of `freshkey-gateway`.

mod check;
mod config;
mod explain;
mod output;
mod sample_api;
mod serve;
mod shell;

pub use freshkey_service::failure::{ExitStatus, Failure};

use clap::{CommandFactory as _, Parser, Subcommand};
use std::process::ExitCode;

/// Checks bearer tokens where they are used: before an application, or beside another proxy.
#[derive(Debug, Parser)]
#[command(
    name = "freshkey-gateway",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  freshkey-gateway config default > gateway.toml
  freshkey-gateway check gateway.toml
  freshkey-gateway serve --config gateway.toml
  freshkey token ua | freshkey-gateway explain --config gateway.toml --token-file - GET https://api.example.org/api/whoami

Exit codes: 0 done; 1 failed; 2 wrong command line; 3 configuration; 5 key, certificate or file; 6 address; 9 refused (explain)."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT.
    Serve(serve::Arguments),
    /// Say everything that is wrong with a configuration.
    Check(check::Arguments),
    /// Say which rule a request meets, and why it would pass or be refused.
    Explain(explain::Arguments),
    /// What there is to configure.
    Config(config::Arguments),
    /// Serve a small API that says who called it, to try a gateway with.
    SampleApi(sample_api::Arguments),
    /// Print the completion script of a shell.
    Completions(shell::Completions),
    /// Print the manual page.
    Man(shell::Man),
}

/// The whole command line as a description, for completions and the manual page.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Reads the command line, does what it says, and tells how it ended.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::SampleApi(arguments) => sample_api::run(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            failure.status.into()
        }
    }
}
