//! One change of somebody else's settings: told before it is made, and made whole.

use freshkey_client::{Failure, FailureKind, files};
use std::ffi::OsString;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes of a file of settings that is changed.
const SETTINGS_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A change, and how it is told.
#[derive(Debug)]
pub(crate) struct Change {
    /// As a line: what, and where. Nothing of the rest of a file, which may hold secrets of others.
    pub(crate) told: String,
    act: Act,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum Act {
    /// Writes a file whole. Where a link leads to it, the link stays.
    Write { path: PathBuf, content: String, mode: u32 },
    /// Removes a file or a link.
    Remove { path: PathBuf },
    /// Makes a link, in place of one that was there.
    Link { path: PathBuf, target: PathBuf },
    /// What the agent does, or another command, once it is recorded.
    Supply,
    /// Lets the tool change its settings itself.
    Run { program: &'static str, arguments: Vec<OsString>, variables: Vec<(String, String)> },
}

impl Change {
    pub(crate) fn new(told: impl Into<String>, act: Act) -> Self {
        Self { told: told.into(), act }
    }

    /// Writes a file of settings, with the mode that it has; a new one is for its owner alone.
    pub(crate) fn write(told: impl Into<String>, path: &Path, content: String) -> Self {
        // Settings are often links into a directory that is kept elsewhere.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mode = std::fs::metadata(&path).map_or(0o600, |found| found.permissions().mode() & 0o777);
        Self::new(told, Act::Write { path, content, mode })
    }

    /// Makes the change.
    pub(crate) fn apply(&self) -> Result<(), Failure> {
        match &self.act {
            Act::Write { path, content, mode } => {
                make_parent(path)?;
                files::replace(path, content.as_bytes(), *mode)
            }
            Act::Remove { path } => files::remove(path),
            Act::Supply => Ok(()),
            Act::Link { path, target } => {
                make_parent(path)?;
                files::remove(path)?;
                std::os::unix::fs::symlink(target, path).map_err(|error| Failure::file(path, "made", &error))
            }
            Act::Run { program, arguments, variables } => {
                let mut command = Command::new(program);
                command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
                output_of(program, &mut command).map(drop)
            }
        }
    }
}

fn make_parent(path: &Path) -> Result<(), Failure> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent);
    made.map_err(|error| Failure::file(parent, "made", &error))
}

/// What a file of settings holds; nothing when there is none.
pub(crate) fn settings(path: &Path) -> Result<String, Failure> {
    files::read_text(path, SETTINGS_BYTES_MAX).map(Option::unwrap_or_default)
}

/// What a tool answers; `None` when it answers no.
pub(crate) fn answer_of(program: &'static str, arguments: &[&str], variables: &[(String, String)]) -> Result<Option<Vec<u8>>, Failure> {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    let output = command.output().map_err(|error| unstartable(program, &error))?;
    Ok(output.status.success().then_some(output.stdout))
}

fn output_of(program: &str, command: &mut Command) -> Result<Vec<u8>, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| unstartable(program, &error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(FailureKind::Failed, format!("{program} refuses the change: {}", said.trim())))
}

fn unstartable(program: &str, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Failure::new(FailureKind::Usage, format!("{program} is not on the path")).with_hint(format!("install {program}"));
    }
    Failure::new(FailureKind::Failed, format!("{program} cannot be run: {error}"))
}
