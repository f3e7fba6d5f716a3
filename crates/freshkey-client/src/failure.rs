//! Why something could not be done: the kind decides the exit code, the message names the cause, the hint the cure. Travels from the agent to its
//! callers as it is. Holds no secret.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What sort of failure it is. The numbers are exit codes; they are documented in `--help` and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Something on this machine failed: a file, a socket, the disk.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Nobody is signed in to this profile, or the sign-in has ended.
    SignIn = 3,
    /// The provider can't be reached, or can't answer now. Trying again later helps.
    Unavailable = 4,
    /// The provider said no, and will say so again until somebody changes something.
    Refused = 5,
    /// There is no key for what is kept at rest, or it is another one.
    Key = 6,
    /// There is no such profile, or its settings are wrong.
    Profile = 7,
    /// The agent does not answer, or is of another release.
    Agent = 8,
    /// The provider can't be trusted: its certificate, its address, or who it says it is.
    Untrusted = 9,
    /// The provider answered something that is no answer.
    Strange = 10,
}

impl FailureKind {
    /// All of them, in the order of their exit codes.
    pub const ALL: [Self; 10] = [
        Self::Failed,
        Self::Usage,
        Self::SignIn,
        Self::Unavailable,
        Self::Refused,
        Self::Key,
        Self::Profile,
        Self::Agent,
        Self::Untrusted,
        Self::Strange,
    ];

    /// The exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        self as u8
    }

    /// The kind with this exit code.
    #[must_use]
    pub fn of_exit_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.exit_code() == code)
    }
}

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort of failure it is.
    pub kind: FailureKind,
    /// What is wrong, as a sentence without a full stop at its end.
    pub message: String,
    /// What to do about it, if that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// With no advice to give.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same with a piece of advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file that can't be used.
    pub fn file(path: &std::path::Path, what: &str, error: &std::io::Error) -> Self {
        Self::new(FailureKind::Failed, format!("{} cannot be {what}: {error}", path.display()))
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn not_signed_in(profile: &str) -> Self {
        Self::new(FailureKind::SignIn, format!("nobody is signed in to the profile {profile}"))
            .with_hint(format!("run `freshkey login {profile}`"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A provider's text as a terminal may show it: control characters escaped, so that it can't move the cursor, ring or forge a line (T-065).
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_one_kind() {
        for (kind, code) in FailureKind::ALL.into_iter().zip(1..) {
            assert_eq!((kind.exit_code(), FailureKind::of_exit_code(code)), (code, Some(kind)));
        }
        assert_eq!(FailureKind::of_exit_code(0), None);
    }

    #[test]
    fn t_065_control_characters_of_a_provider_are_escaped() {
        assert_eq!(shown("ok\u{1b}[2J\r\nerror: \u{9b}1m\u{7f}é"), "ok\\u{1b}[2J\\r\\nerror: \\u{9b}1m\\u{7f}é");
    }
}
