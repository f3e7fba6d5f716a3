//! What PostgreSQL's errors mean to us: which say that nothing happened, which say nothing, and which connection is of no use any more.

use tokio_postgres::error::SqlState;

use crate::db::{Detail, StoreError};

/// An error before it is known what it means to the caller.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server refused; it has undone the statement.
    Server { code: SqlState, message: String },
    /// The connection is gone; whatever was sent has an unknown fate.
    ConnectionLost(String),
    /// No connection came about, so nothing was sent.
    NotConnected(String),
    /// Nothing came within the deadline, and no commit had been sent.
    NoAnswer,
    /// `close` was called.
    Closed,
    /// The server answered something that the code doesn't expect, or the parameters don't fit the statement.
    Unexpected(String),
}

impl Failure {
    /// The server did nothing, and may do it the next time: lost races, a primary that has become a standby,
    /// a server that is starting or stopping, a prepared statement that it no longer knows.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Failure::Server { code, .. } => RETRYABLE.contains(code) || is_going_down(code) || is_stale(code),
            Failure::NotConnected(_) => true,
            _ => false,
        }
    }

    pub(super) fn is_connection_lost(&self) -> bool {
        matches!(self, Failure::ConnectionLost(_))
    }

    /// Whether this answer to a commit can be trusted to mean "no".
    pub(super) fn proves_nothing_was_kept(&self) -> bool {
        match self {
            Failure::Server { code, .. } => {
                !is_going_down(code) && *code != SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN && *code != SqlState::QUERY_CANCELED
            }
            Failure::NotConnected(_) | Failure::Unexpected(_) => true,
            Failure::ConnectionLost(_) | Failure::NoAnswer | Failure::Closed => false,
        }
    }

    pub(super) fn spoils_connection(&self) -> bool {
        match self {
            Failure::Server { code, .. } => is_going_down(code) || is_stale(code) || *code == SqlState::READ_ONLY_SQL_TRANSACTION,
            Failure::ConnectionLost(_) => true,
            _ => false,
        }
    }

    /// Whether one item of a batch may be to blame, and the others would succeed without it.
    pub(super) fn may_be_of_one_item(&self) -> bool {
        match self {
            Failure::Server { .. } => !self.is_retryable() && !self.is_unavailable(),
            Failure::Unexpected(_) => true,
            _ => false,
        }
    }

    /// Class 53 is out of disk, memory or connections; 58 is the server's own IO; 55P03 and 57014 are waiting in vain.
    fn is_unavailable(&self) -> bool {
        match self {
            Failure::Server { code, .. } => {
                ["53", "58", "XX"].iter().any(|class| code.code().starts_with(class))
                    || *code == SqlState::LOCK_NOT_AVAILABLE
                    || *code == SqlState::QUERY_CANCELED
                    || self.is_retryable()
            }
            _ => false,
        }
    }
}

const RETRYABLE: [SqlState; 3] =
    [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::READ_ONLY_SQL_TRANSACTION];

/// 57P0x and class 08.
fn is_going_down(code: &SqlState) -> bool {
    code.code().starts_with("57P") || code.code().starts_with("08")
}

/// The schema has changed under a prepared statement, or a pooler has given us another server process.
fn is_stale(code: &SqlState) -> bool {
    *code == SqlState::FEATURE_NOT_SUPPORTED || *code == SqlState::INVALID_SQL_STATEMENT_NAME
}

/// Two nodes have created the same table at the same moment. The loser hears one of these, or a broken unique rule of the catalogue (23505).
fn exists_already(code: &SqlState) -> bool {
    *code == SqlState::DUPLICATE_OBJECT || *code == SqlState::DUPLICATE_TABLE
}

impl From<tokio_postgres::Error> for Failure {
    /// Only code and message are kept: the server's `DETAIL` repeats values.
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            let message = refusal.message().to_owned();
            return Failure::Server { code: refusal.code().clone(), message };
        }
        let source = std::error::Error::source(&error);
        let is_io = source.is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        let text = match source {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        match error.is_closed() || is_io {
            true => Failure::ConnectionLost(text),
            false => Failure::Unexpected(text),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let is_unavailable = failure.is_unavailable();
        match failure {
            Failure::Server { code, message } => {
                let text = format!("{} {message}", code.code());
                match code.code().get(..2) {
                    _ if is_unavailable => StoreError::unavailable(text),
                    Some("23") => StoreError::Constraint(Detail::new(text)),
                    _ if exists_already(&code) => StoreError::Constraint(Detail::new(text)),
                    _ => StoreError::inconsistent(text),
                }
            }
            Failure::ConnectionLost(text) | Failure::NotConnected(text) => StoreError::unavailable(text),
            Failure::NoAnswer => StoreError::unavailable("no answer within the deadline"),
            Failure::Closed => StoreError::unavailable("the database is closed"),
            Failure::Unexpected(text) => StoreError::inconsistent(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Failure {
        Failure::Server { code: SqlState::from_code(code), message: "m".to_owned() }
    }

    #[test]
    fn each_code_is_retried_only_where_nothing_happened() {
        // Code, retried before the commit, proof that a commit was not kept, shown as unavailable.
        let table = [
            ("40001", true, true, true),
            ("40P01", true, true, true),
            ("25006", true, true, true),
            ("57P01", true, false, true),
            ("57P03", true, false, true),
            ("08006", true, false, true),
            ("40003", false, false, false),
            ("57014", false, false, true),
            ("55P03", false, true, true),
            ("53100", false, true, true),
            ("26000", true, true, true),
            ("23505", false, true, false),
            ("42703", false, true, false),
        ];
        for (code, retryable, nothing_kept, unavailable) in table {
            let failure = refused(code);
            assert_eq!(failure.is_retryable(), retryable, "{code}");
            assert_eq!(failure.proves_nothing_was_kept(), nothing_kept, "{code}");
            let is_unavailable = matches!(StoreError::from(failure), StoreError::Unavailable(_));
            assert_eq!(is_unavailable, unavailable, "{code}");
        }
    }

    #[test]
    fn whatever_says_that_a_table_is_there_already_is_a_broken_rule() {
        for (code, is_constraint) in [("23505", true), ("42710", true), ("42P07", true), ("42P01", false), ("42501", false)] {
            assert_eq!(matches!(StoreError::from(refused(code)), StoreError::Constraint(_)), is_constraint, "{code}");
        }
    }

    #[test]
    fn t_088_a_connection_lost_during_commit_proves_nothing() {
        assert!(!Failure::ConnectionLost(String::new()).proves_nothing_was_kept());
        assert!(!Failure::NoAnswer.proves_nothing_was_kept());
    }
}
