//! `cargo xtask man`: the manual page as a file, as packages want it. The text is the server's own.

use std::fs;
use std::process::ExitCode;

use crate::{steps, workspace};

/// Write the server's manual page to `target/man/freshkey-server.1`.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Asks the server for its page and stores it.
pub(crate) fn run(_arguments: &Arguments) -> ExitCode {
    match write_page() {
        Ok(path) => {
            println!("{path}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("man: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn write_page() -> Result<String, String> {
    let mut server = workspace::cargo();
    server.args(["run", "--quiet", "--package", "freshkey-server", "--"]);
    server.arg("man");
    let line = steps::describe(&server);
    let output = server.output().map_err(|error| format!("`{line}` did not start: {error}"))?;
    if !output.status.success() {
        let talk = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{line}` failed: {}", talk.trim()));
    }
    if !output.stdout.starts_with(b".") {
        return Err(format!("`{line}` printed no manual page"));
    }
    let folder = workspace::target_directory()?.join("man");
    let page = folder.join("freshkey-server.1");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&page, &output.stdout))
        .map_err(|error| format!("cannot write {}: {error}", page.display()))?;
    Ok(page.display().to_string())
}
