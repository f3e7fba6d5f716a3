//! The chores of this repository, one file each: this one is the table of contents.
//! Nothing here is part of the product; it may read the clock, print, and start programs.
#![allow(clippy::print_stdout, reason = "a developer's tool that talks on its standard output")]

mod bench;
mod dist;
mod docs;
mod labextension;
mod provision;
mod python;
mod reference;
mod registers;
mod steps;
mod test;
mod tidy;
mod up;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of this repository.
///
/// From a fresh clone: `cargo xtask up` builds and starts the server, `cargo xtask test` runs every check.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    Up(up::Arguments),
    Test(test::Arguments),
    /// What the continuous integration runs: the same as `cargo xtask test`.
    Ci,
    Tidy(tidy::Arguments),
    Bench(bench::Arguments),
    Dist(dist::Arguments),
    Wheel(python::Arguments),
    Reference(reference::Arguments),
    Docs(docs::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().chore {
        Chore::Up(arguments) => up::run(&arguments),
        Chore::Test(arguments) => test::run(&arguments),
        Chore::Ci => test::run(&test::Arguments::default()),
        Chore::Tidy(arguments) => tidy::run(&arguments),
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::Dist(arguments) => dist::run(&arguments),
        Chore::Wheel(arguments) => python::run(&arguments),
        Chore::Reference(arguments) => reference::run(&arguments),
        Chore::Docs(arguments) => docs::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn arguments_after_two_dashes_reach_the_server() {
        use clap::Parser;
        let typed = ["cargo xtask", "up", "--debug", "--", "--listen", "127.0.0.1:9443"];
        match super::Arguments::try_parse_from(typed).map(|parsed| parsed.chore) {
            Ok(super::Chore::Up(arguments)) => {
                assert_eq!(arguments.server, ["--listen", "127.0.0.1:9443"]);
            }
            _ => panic!("`up` with further arguments must be understood"),
        }
    }
}
