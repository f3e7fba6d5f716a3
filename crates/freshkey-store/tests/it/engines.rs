//! How a test gets a database: on either engine, empty or with the tables of this suite.

use freshkey_store::db::{Db, DbOptions};
use freshkey_testkit::databases::TestSqlite;

use crate::tables;

/// A database of one test.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    url: String,
    _file: Option<TestSqlite>,
}

impl TestDb {
    async fn open(url: String, file: Option<TestSqlite>) -> Self {
        let db = open(&url).await;
        TestDb { db, url, _file: file }
    }

    async fn with_tables(self) -> Self {
        tables::MIGRATIONS.run(&self.db, 0).await.expect("the tables are created");
        self
    }

    /// A second node of a cluster, or a second process at the same file.
    pub(crate) async fn another_node(&self) -> Db {
        open(&self.url).await
    }
}

pub(crate) async fn open(url: &str) -> Db {
    let options = DbOptions::from_url(url).expect("the address is right");
    Db::open(&options).await.expect("the database opens")
}

pub(crate) mod sqlite {
    use super::{TestDb, TestSqlite};

    pub(crate) async fn open_empty() -> TestDb {
        let file = TestSqlite::new();
        TestDb::open(file.url(), Some(file)).await
    }

    pub(crate) async fn open() -> TestDb {
        open_empty().await.with_tables().await
    }
}

pub(crate) mod postgres {
    use freshkey_testkit::databases::TestPostgres;

    use super::TestDb;

    pub(crate) async fn open_empty() -> TestDb {
        let database = TestPostgres::shared().await.database().await;
        TestDb::open(database.url, None).await
    }

    pub(crate) async fn open() -> TestDb {
        open_empty().await.with_tables().await
    }
}
