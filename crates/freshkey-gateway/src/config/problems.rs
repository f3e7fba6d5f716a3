//! What is wrong with a configuration: where, which key, and what it should say.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The file.
    pub file: String,
    /// The dotted key; empty when the file as a whole can't be read.
    pub key: String,
    /// What is expected.
    pub expectation: String,
}

/// Everything that is wrong, so that one look is enough.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigProblems(pub Vec<ConfigProblem>);

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.file, self.expectation),
            key => write!(f, "{}: {key}: {}", self.file, self.expectation),
        }
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n  ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}

/// Collects what is wrong in one file.
#[derive(Debug)]
pub(super) struct Complaints<'c> {
    pub(super) file: &'c str,
    pub(super) problems: &'c mut ConfigProblems,
}

impl Complaints<'_> {
    pub(super) fn add(&mut self, key: impl Into<String>, expectation: impl Into<String>) {
        self.problems.0.push(ConfigProblem { file: self.file.to_owned(), key: key.into(), expectation: expectation.into() });
    }

    /// A value that is read by `parse`, which says what it expected.
    pub(super) fn parsed<T>(&mut self, key: &str, text: &str, expectation: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let parsed = parse(text);
        if parsed.is_none() {
            self.add(key, format!("{text:?} is not {expectation}"));
        }
        parsed
    }
}
