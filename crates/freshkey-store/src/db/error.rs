//! What a store can answer instead of data. "Not found" is not here: absence is an `Option` of the caller.
//! The private detail is for the log; nothing that a user sees is made from it.

use std::fmt;

/// Why the store could not answer.
///
/// `Display` is safe to show to anyone: it holds no SQL, no value and no address. [`StoreError::detail`] is for the log.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreError {
    /// Nothing was changed, and trying again later may work: database away, disk full, lock held too long, too much queued (T-088, T-090).
    Unavailable(Detail),
    /// The commit was sent and its fate is not known. Reload before deciding anything (T-088).
    OutcomeUnknown(Detail),
    /// A uniqueness, foreign key, or check rule of the schema refused the change; nothing was changed.
    /// Where a conflict is expected use `ON CONFLICT` and a guard instead.
    Constraint(Detail),
    /// What is stored, or a statement, isn't what the code expects. An error of ours or of whoever edited the tables.
    Inconsistent {
        /// Names the column, table or statement parameter.
        what: String,
    },
    /// A newer release has migrated this database; this one must not touch it.
    SchemaTooNew {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration this program knows.
        known: i64,
    },
    /// The database has not been migrated to what this program needs.
    SchemaTooOld {
        /// The newest migration in the database, 0 if there is none.
        found: i64,
        /// The newest migration this program knows.
        known: i64,
    },
    /// The address or an option of the database is wrong; the text names it and says what is expected.
    Misconfigured {
        /// Complete sentence for the operator, without passwords.
        what: String,
    },
}

/// Text for the log and for nobody else. It never holds parameter values.
#[derive(Clone, PartialEq, Eq)]
pub struct Detail(Box<str>);

impl Detail {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Detail(text.into().into_boxed_str())
    }
}

impl StoreError {
    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        StoreError::Unavailable(Detail::new(text))
    }

    pub(crate) fn outcome_unknown(text: impl Into<String>) -> Self {
        StoreError::OutcomeUnknown(Detail::new(text))
    }

    /// An [`StoreError::Inconsistent`] for the modules that read rows.
    pub fn inconsistent(what: impl Into<String>) -> Self {
        StoreError::Inconsistent { what: what.into() }
    }

    /// The private part, for the log.
    pub fn detail(&self) -> &str {
        match self {
            StoreError::Unavailable(detail) | StoreError::OutcomeUnknown(detail) | StoreError::Constraint(detail) => &detail.0,
            StoreError::Inconsistent { what } | StoreError::Misconfigured { what } => what,
            StoreError::SchemaTooNew { .. } | StoreError::SchemaTooOld { .. } => "",
        }
    }

    /// Whether the same request may succeed a moment later without anyone doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Unavailable(_) => f.write_str("the database is unavailable"),
            StoreError::OutcomeUnknown(_) => f.write_str("it is not known whether the database kept the change"),
            StoreError::Constraint(_) => f.write_str("a rule of the schema refused the change"),
            StoreError::Inconsistent { .. } => f.write_str("the stored data is inconsistent"),
            StoreError::SchemaTooNew { found, known } => {
                write!(f, "the database has schema {found}, newer than {known}, the newest that this release knows")
            }
            StoreError::SchemaTooOld { found, known } => {
                write!(f, "the database has schema {found}, this release needs {known}: migrate it first")
            }
            StoreError::Misconfigured { what } => f.write_str(what),
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            "" => write!(f, "{self}"),
            detail => write!(f, "{self} [{detail}]"),
        }
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}
