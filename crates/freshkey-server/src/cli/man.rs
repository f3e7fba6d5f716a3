//! The manual page in roff, made from the same description as the command line itself: one page with every command in it.

use super::output::{Colour, Format, Output};
use super::{ExitStatus, Failure};
use clap::Command;
use clap_mangen::Man;
use std::io::{self, Write};

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  freshkey-server man | man -l -
  freshkey-server man > /usr/local/share/man/man1/freshkey-server.1")]
pub struct Arguments {}

/// Prints the page.
pub fn run(_arguments: &Arguments) -> Result<(), Failure> {
    let page =
        page(super::command()).map_err(|error| Failure::new(ExitStatus::Failed, format!("the manual page cannot be written: {error}")))?;
    Output::new(Format::Human, Colour::Never).raw(&page)
}

/// One page: the program, then each command under a heading of its own.
fn page(mut command: Command) -> io::Result<Vec<u8>> {
    // Gives every command its full name, `freshkey-server admin user set`, and the options of the commands above it.
    command.build();
    let mut page = Vec::new();
    let top = Man::new(command.clone()).manual("Freshkey");
    top.render_title(&mut page)?;
    top.render_name_section(&mut page)?;
    top.render_synopsis_section(&mut page)?;
    top.render_description_section(&mut page)?;
    top.render_options_section(&mut page)?;
    describe_commands(&command, &mut page)?;
    notes(&command, ".SH", &mut page)?;
    top.render_version_section(&mut page)?;
    Ok(page)
}

fn describe_commands(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        if inner.has_subcommands() {
            describe_commands(inner, page)?;
        } else {
            describe(inner, page)?;
        }
    }
    Ok(())
}

fn describe(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
    let man = Man::new(command.clone());
    let mut parts = Vec::new();
    man.render_description_section(&mut parts)?;
    man.render_synopsis_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    // The sections of a command are subsections of the one page.
    let text = String::from_utf8_lossy(&parts);
    for line in text.lines() {
        match line.strip_prefix(".SH ") {
            Some(heading) => writeln!(page, ".SS {heading}")?,
            None => writeln!(page, "{line}")?,
        }
    }
    notes(command, ".SS", page)
}

/// Examples and notes, line for line as the help shows them.
fn notes(command: &Command, heading: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let Some(text) = command.get_after_long_help().or_else(|| command.get_after_help()) else { return Ok(()) };
    writeln!(page, "{heading} NOTES\n.nf")?;
    for line in text.to_string().lines() {
        // A backslash is roff's escape, and a dot or an apostrophe at the beginning of a line is a request.
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        writeln!(page, "{guard}{line}")?;
    }
    writeln!(page, ".fi")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_part_of_the_page() {
        let mut command = super::super::command();
        let page = String::from_utf8(page(command.clone()).expect("written")).expect("UTF-8");
        command.build();
        let mut open = vec![command];
        let mut leaves = 0;
        while let Some(next) = open.pop() {
            let inner: Vec<_> = next.get_subcommands().filter(|inner| inner.get_name() != "help").cloned().collect();
            if inner.is_empty() {
                leaves += 1;
                let name = next.get_bin_name().expect("built").to_uppercase();
                assert!(page.contains(&format!(".SH \"{name}\"")), "{name} is missing");
            }
            open.extend(inner);
        }
        assert!(leaves > 30, "only {leaves} commands");
    }
}
