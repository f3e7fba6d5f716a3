//! Real databases for tests: a file of SQLite that goes away with its test, and a private PostgreSQL server per test process.
//! A test that finds no PostgreSQL fails; it never passes silently.

mod postgres;

use tempfile::TempDir;

pub use postgres::{TestPostgres, TestPostgresDatabase};

/// A directory for one file of SQLite, removed at the end of the test.
pub struct TestSqlite {
    directory: TempDir,
}

impl TestSqlite {
    /// An empty directory; the file is created by whoever opens it.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("freshkey-sqlite-").tempdir();
        TestSqlite { directory: directory.expect("the temporary directory is writable") }
    }

    /// Where the file is or will be.
    pub fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("freshkey.db")
    }

    /// The same as the address that the store understands.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }
}

impl Default for TestSqlite {
    fn default() -> Self {
        TestSqlite::new()
    }
}
