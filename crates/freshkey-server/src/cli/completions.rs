//! The completion script of a shell, made from the same description as the command line itself.

use super::Failure;
use super::output::{Colour, Format, Output};
use clap_complete::Shell;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  freshkey-server completions bash > /etc/bash_completion.d/freshkey-server
  freshkey-server completions zsh > ~/.zfunc/_freshkey-server
  freshkey-server completions fish > ~/.config/fish/completions/freshkey-server.fish")]
pub struct Arguments {
    /// The shell that is to complete.
    shell: Shell,
}

/// Prints the script.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "freshkey-server", &mut script);
    Output::new(Format::Human, Colour::Never).raw(&script)
}
