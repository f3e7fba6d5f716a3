//! How a command ends when it cannot do its work: what is wrong, what to do about it, and the exit code.

use std::fmt;
use std::process::ExitCode;

/// A command could not do its work. Holds no secrets.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong, as a sentence without a full stop at its end.
    pub message: String,
    /// What to do about it, if that can be said.
    pub hint: Option<String>,
    /// How the process ends.
    pub status: ExitStatus,
}

/// Exit codes. They are documented in `--help`, never change their meaning, and mean the same in every program of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Failed while running.
    Failed = 1,
    /// The command line is wrong; clap uses the same number.
    Usage = 2,
    /// The configuration is wrong.
    Configuration = 3,
    /// The database is unreachable, or its schema isn't the one that is needed.
    Database = 4,
    /// A key, a certificate or a file cannot be used.
    Material = 5,
    /// An address cannot be listened on.
    Listen = 6,
    /// There is no such thing.
    NotFound = 7,
    /// It exists already, or somebody else changed it at the same moment.
    Conflict = 8,
    /// The answer is no.
    Refused = 9,
}

impl Failure {
    /// Something failed, with no advice to give.
    pub fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status }
    }

    /// The same with a piece of advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        // The numbers of the enum are single bytes.
        ExitCode::from(status as u8)
    }
}
