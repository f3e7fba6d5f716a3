//! The command line of `freshkey`. Data goes to standard output, talk to standard error; what is decided is decided in `freshkey-client`.

pub mod fast;

mod arguments;
mod commands;
mod environment;
mod terminal;

use clap::{CommandFactory as _, Parser as _};
use std::process::ExitCode;

/// The whole command line as a description, for completions and the manual page.
#[must_use]
pub fn command() -> clap::Command {
    arguments::Arguments::command()
}

/// Reads the command line, does what it says, and tells how it ended.
#[must_use]
pub fn run() -> ExitCode {
    if let Some(code) = commands::credential::run_as_helper(std::env::args_os()) {
        return code;
    }
    let arguments = arguments::Arguments::parse();
    match commands::run(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            terminal::complain(&failure, arguments.output());
            ExitCode::from(failure.kind.exit_code())
        }
    }
}
