//! The binary `freshkey`. A token that the agent has in memory is printed before anything else of the program is looked at.

use std::process::ExitCode;

fn main() -> ExitCode {
    match freshkey_cli::fast::token(std::env::args_os().skip(1)) {
        Some(code) => code,
        None => freshkey_cli::run(),
    }
}
