//! `cargo xtask up`: the main job of the product from a fresh clone, in the foreground.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::{steps, workspace};

/// Build the server and run its quickstart in the foreground.
///
/// The data lives in `target/quickstart` and survives until that folder is removed. The values that the documented
/// commands need are written to `target/quickstart/env`, to be read with `. target/quickstart/env`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Use the unoptimised build, which compiles sooner.
    #[arg(long)]
    pub(crate) debug: bool,

    /// Further arguments of `freshkey-server quickstart`, after `--`: for instance `-- --listen 127.0.0.1:9443`.
    #[arg(last = true)]
    pub(crate) server: Vec<String>,
}

/// Builds, and then becomes the server. Comes back only when something went wrong.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let failure = match start(arguments) {
        Ok(code) => return code,
        Err(failure) => failure,
    };
    eprintln!("up: {failure}");
    ExitCode::FAILURE
}

fn start(arguments: &Arguments) -> Result<ExitCode, String> {
    let profile = if arguments.debug { "debug" } else { "release" };
    let mut build = workspace::cargo();
    build.args(["build", "--package", "freshkey-server", "--bin"]);
    build.arg("freshkey-server");
    if !arguments.debug {
        build.arg("--release");
    }
    steps::execute(&mut build)?;

    let binary = workspace::target_directory()?.join(profile).join("freshkey-server");
    let mut server = quickstart(&binary, &arguments.server);
    println!("$ {}", steps::describe(&server));
    become_program(&mut server)
}

fn quickstart(binary: &Path, further: &[String]) -> Command {
    let mut server = Command::new(binary);
    server
        .current_dir(workspace::root())
        .args(["quickstart", "--data", "target/quickstart"])
        .args(["--env-file", "target/quickstart/env"])
        .args(further);
    server
}

// On Unix the server takes the place of this process, so that signals from the terminal and from supervisors reach it.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<ExitCode, String> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(format!("the server did not start: {error}"))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<ExitCode, String> {
    let status = command.status().map_err(|error| format!("the server did not start: {error}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quickstart_keeps_its_data_under_target() {
        let server = quickstart(Path::new("freshkey-server"), &["--listen=[::1]:1".into()]);
        assert_eq!(
            steps::describe(&server),
            "freshkey-server quickstart --data target/quickstart --env-file target/quickstart/env --listen=[::1]:1"
        );
    }
}
