//! What shells and `man` want to know.

use super::{ExitStatus, Failure, output};
use clap_complete::Shell;
use clap_mangen::Man as Page;
use std::io;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  freshkey-gateway completions bash > /etc/bash_completion.d/freshkey-gateway")]
pub(super) struct Completions {
    /// The shell that is to complete.
    shell: Shell,
}

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  freshkey-gateway man | man -l -")]
pub(super) struct Man {}

pub(super) fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "freshkey-gateway", &mut script);
    output::print(&script)
}

pub(super) fn man(_arguments: &Man) -> Result<(), Failure> {
    let page = page().map_err(|error| Failure::new(ExitStatus::Failed, format!("the manual page cannot be written: {error}")))?;
    output::print(&page)
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = super::command();
    command.build();
    let mut page = Vec::new();
    Page::new(command.clone()).manual("Freshkey").render(&mut page)?;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let man = Page::new(inner.clone());
        let mut part = Vec::new();
        man.render_description_section(&mut part)?;
        man.render_synopsis_section(&mut part)?;
        man.render_options_section(&mut part)?;
        let name = inner.get_bin_name().unwrap_or_else(|| inner.get_name()).to_uppercase();
        page.extend_from_slice(format!(".SH \"{name}\"\n").as_bytes());
        page.extend_from_slice(String::from_utf8_lossy(&part).replace(".SH ", ".SS ").as_bytes());
    }
    Ok(page)
}
