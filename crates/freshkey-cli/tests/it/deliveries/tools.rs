//! The real tools: the machine's, or those that `cargo xtask test` has brought.

use freshkey_testkit::home::Home;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A command of a tool, as the owner of the home runs it. A tool that isn't there fails the test.
pub(super) fn tool(home: &Home, name: &str) -> Command {
    let path = path(home);
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    let program = found.unwrap_or_else(|| panic!("{name} is not there: run `cargo xtask test`, which brings it"));
    let mut command = home.command(program);
    command.env("PATH", path);
    command
}

/// `freshkey`, which runs the tools too.
pub(super) fn freshkey(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.freshkey(arguments);
    command.env("PATH", path(home));
    command
}

/// The path: a directory of the home, our programs, what `cargo xtask test` has brought, and the machine's.
pub(super) fn path(home: &Home) -> OsString {
    let command = home.command("any");
    let of_home = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).unwrap_or_default();
    let brought = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin");
    let all = [home.path(".local/bin"), brought].into_iter().chain(std::env::split_paths(of_home));
    std::env::join_paths(all.collect::<Vec<PathBuf>>()).expect("paths")
}

/// Runs it, which must succeed, and gives back what it printed.
pub(super) fn prints(command: &mut Command) -> String {
    let output = run(command);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

/// Runs it, which must fail, and gives back what it said.
pub(super) fn complains(command: &mut Command) -> String {
    let output = run(command);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(!output.status.success(), "{command:?}\n{text}");
    text
}

fn run(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("it starts")
}
