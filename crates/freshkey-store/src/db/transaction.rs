//! Writes as values: a transaction is a list of statements, each with what it must have found; and the two shapes of
//! statement that are run in batches. Nothing here touches a database.

use super::{Row, Value};

/// Statements that happen together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub(crate) statements: Vec<Guarded>,
    pub(crate) kind: TransactionKind,
}

/// Whether statements are worth preparing and keeping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TransactionKind {
    /// Every statement could be prepared before the first one runs.
    #[default]
    Prepared,
    /// Later statements may need what earlier ones create, and none runs again: migrations.
    Script,
}

/// One statement and what it must find.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// Portable text.
    pub sql: &'static str,
    /// `$1 … $n`.
    pub params: Vec<Value>,
    /// What it must find, or the whole transaction is undone.
    pub expect: Expect,
}

/// How many rows a statement must have changed (or, with `RETURNING` or `SELECT`, answered).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Any number, none included.
    Any,
    /// Exactly this many.
    Rows(u64),
    /// One or more.
    AtLeastOne,
}

/// What became of a transaction.
#[derive(Clone, Debug)]
#[must_use]
pub enum Outcome {
    /// It is durable; one result per statement, in order.
    Committed(Vec<StatementResult>),
    /// The statement at this position did not find what it must; nothing was changed.
    GuardFailed {
        /// Counted from 0.
        index: usize,
    },
}

/// What one statement did.
#[derive(Clone, Debug, Default)]
pub struct StatementResult {
    /// Rows changed, or answered. Meaningless for statements that change the schema.
    pub rows_affected: u64,
    /// What `RETURNING` or `SELECT` answered.
    pub rows: Vec<Row>,
}

impl Transaction {
    /// An empty transaction.
    pub fn new() -> Self {
        Transaction::default()
    }

    /// A migration: not prepared ahead, not kept prepared.
    pub(crate) fn script() -> Self {
        Transaction { statements: Vec::new(), kind: TransactionKind::Script }
    }

    /// Adds a statement at the end.
    #[must_use]
    pub fn then(mut self, sql: &'static str, params: Vec<Value>, expect: Expect) -> Self {
        self.push(sql, params, expect);
        self
    }

    /// Adds a statement at the end.
    pub fn push(&mut self, sql: &'static str, params: Vec<Value>, expect: Expect) {
        self.statements.push(Guarded { sql, params, expect });
    }

    /// Whether one autocommitted statement does the same: there is one, and a guard that fails means that nothing changed.
    pub(crate) fn as_single_statement(&self) -> Option<&Guarded> {
        match (self.statements.as_slice(), self.kind) {
            ([single], TransactionKind::Prepared) if !matches!(single.expect, Expect::Rows(_)) => Some(single),
            _ => None,
        }
    }
}

impl Expect {
    pub(crate) fn is_met_by(self, rows: u64) -> bool {
        match self {
            Expect::Any => true,
            Expect::Rows(expected) => rows == expected,
            Expect::AtLeastOne => rows > 0,
        }
    }
}

impl Outcome {
    /// Whether it is durable.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        matches!(self, Outcome::Committed(_))
    }
}

/// A statement that so many callers run at once that each engine gets the form it does best.
/// Both forms must do the same to each item, and take the same parameters in the same order.
#[derive(Debug)]
pub struct Coalesced {
    /// For one item, with `$1 … $n`. SQLite runs the items of a batch one after the other in one commit.
    pub sqlite: &'static str,
    /// For a batch: `$1 … $n` are arrays, zipped by `UNNEST(…) WITH ORDINALITY`. It returns the `BIGINT` ordinal (from 1) of each item that matched.
    pub postgres: &'static str,
    /// How many of the first parameters name the row. Two items with the same key never share a batch.
    pub key_params: usize,
}

/// A statement that inserts one row (SQLite) or a batch of them (PostgreSQL, arrays zipped by `UNNEST`).
/// It must tolerate being repeated (`ON CONFLICT DO NOTHING`): a row whose fate is unknown is sent again.
#[derive(Debug)]
pub struct Append {
    /// For one row, with `$1 … $n`.
    pub sqlite: &'static str,
    /// For many: `$1 … $n` are arrays.
    pub postgres: &'static str,
}

/// The buffer of appended rows is full, or the database is closed.
#[derive(Debug)]
pub struct AppendRefused {
    /// The row, given back.
    pub params: Vec<Value>,
    /// How many rows were refused since the database was opened, this one included.
    pub refused_total: u64,
}
