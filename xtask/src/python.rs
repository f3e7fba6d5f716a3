//! The Python package: its wheel, built by maturin, and its tests with the real libraries. Both have a folder of their own with what they need; nothing
//! of the machine's Python is changed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::labextension;
use crate::provision;
use crate::steps::execute;
use crate::workspace;

/// By exact version: the same sources are the same wheel.
const MATURIN: &str = "maturin==1.16.0";
/// What the tests need.
const REQUIREMENTS: &str = "python/requirements-tests.txt";

/// Build the Python package `freshkey` as a wheel for Python 3.10 and later, into `target/wheels`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask wheel
  python3 -m pip install target/wheels/freshkey-*.whl")]
pub(crate) struct Arguments {
    /// Build it quickly instead of well, as the tests do, into `target/wheels/debug`.
    #[arg(long)]
    debug: bool,
}

/// Builds it and says where it is.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match wheel(if arguments.debug { Profile::Debug } else { Profile::Release }) {
        Ok(place) => {
            println!("{}", place.display());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("wheel: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// How it is built.
#[derive(Clone, Copy)]
enum Profile {
    Debug,
    Release,
}

/// The wheel, built anew.
fn wheel(profile: Profile) -> Result<PathBuf, String> {
    let builder = provision::virtual_environment("python-build", &[MATURIN.to_owned()])?;
    let (folder, argument) = match profile {
        Profile::Debug => (workspace::target_directory()?.join("wheels/debug"), "--profile=dev"),
        Profile::Release => (workspace::target_directory()?.join("wheels"), "--release"),
    };
    labextension::ensure()?;
    // Another version's would be found beside it.
    for old in wheels_in(&folder) {
        fs::remove_file(&old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    let mut maturin = Command::new(builder.join("bin/maturin"));
    maturin.current_dir(workspace::root()).args(["build", argument, "--manifest-path", "python/Cargo.toml", "--out"]).arg(&folder);
    execute(maturin.arg("--interpreter").arg(builder.join("bin/python3")))?;
    wheels_in(&folder).pop().ok_or_else(|| format!("maturin left no wheel in {}", folder.display()))
}

fn wheels_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "whl")).collect()
}

/// What the tests need, installed. Touches nothing when everything is there.
pub(crate) fn ensure() -> Result<(), String> {
    environment().map(drop)
}

fn environment() -> Result<PathBuf, String> {
    let path = workspace::root().join(REQUIREMENTS);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    provision::virtual_environment("python-tests", &requirements(&text))
}

/// The lines of a file of requirements that name one.
fn requirements(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Builds the wheel, installs it beside what the tests need, and runs everything that looks at it. `path` has the programs of the other tests.
pub(crate) fn test(filter: &[String], path: Option<&OsString>) -> Result<(), String> {
    if !filter.is_empty() && !has_test(filter) {
        println!("no test of the Python package has such a name");
        return Ok(());
    }
    let wheel = wheel(Profile::Debug)?;
    let place = environment()?;
    let program = |name: &str| {
        let mut command = Command::new(place.join("bin").join(name));
        command.current_dir(workspace::root().join("python"));
        command
    };
    execute(program("pip").args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--force-reinstall"]).arg(&wheel))?;
    if filter.is_empty() {
        execute(program("ruff").args(["check", "--no-cache", "."]))?;
        execute(program("ruff").args(["format", "--no-cache", "--check", "."]))?;
        execute(program("mypy").arg("--no-incremental"))?;
    }
    let mut pytest = program("pytest");
    pytest.arg("--quiet").env("FRESHKEY_TEST_PROGRAMS", workspace::target_directory()?.join("debug"));
    pytest.env("FRESHKEY_TEST_WHEEL", &wheel).env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(path) = path {
        pytest.env("PATH", path);
    }
    if !filter.is_empty() {
        pytest.args(["-k", &filter.join(" or ")]);
    }
    execute(&mut pytest)
}

/// Whether the tests can run without anything being installed.
pub(crate) fn is_ready() -> bool {
    let is_there = |name: &str, program: &str| provision::tools_folder().join(name).join("bin").join(program).is_file();
    is_there("python-build", "maturin") && is_there("python-tests", "pytest")
}

/// Whether some test of the package has one of these in its name.
fn has_test(filter: &[String]) -> bool {
    let files = fs::read_dir(workspace::root().join("python/tests")).into_iter().flatten().filter_map(Result::ok);
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    let is_wanted = |line: &str| {
        line.trim_start().trim_start_matches("async ").starts_with("def test_") && filter.iter().any(|name| line.contains(name))
    };
    texts.into_iter().any(|text| text.lines().any(is_wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_requirements_and_each_is_pinned() {
        assert_eq!(requirements("# a\n\nb==1 # why\n  c==2\n"), ["b==1", "c==2"]);
        let text = fs::read_to_string(workspace::root().join(REQUIREMENTS)).expect("readable");
        for line in requirements(&text) {
            assert!(line.split_once("==").is_some_and(|(_, version)| !version.is_empty()), "{line}");
        }
    }
}
