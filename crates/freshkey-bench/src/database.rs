//! The two databases: a file, and a PostgreSQL server of our own on the driver's core, with `fsync` on.

use crate::plan::{Engine, Plan};
use crate::process;
use crate::seed::{self, Stage, told};
use freshkey_store::db::{Db, DbOptions};
use freshkey_testkit::databases::TestPostgres;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use tokio_postgres::NoTls;

const TABLE_BYTES: &str = "SELECT pg_total_relation_size('client_grant')";
const FILE_BYTES: &str = "SELECT c.page_count * s.page_size FROM pragma_page_count() AS c, pragma_page_size() AS s";

/// A database with one number of sessions.
pub(crate) struct Database {
    pub(crate) engine: Engine,
    pub(crate) sessions: usize,
    pub(crate) directory: PathBuf,
    pub(crate) url: String,
    /// The `iat` of every refresh token that is presented.
    pub(crate) seeded_at: i64,
    pub(crate) bytes_per_session: f64,
}

impl Database {
    /// Makes and fills it. `postgres` is there if the plan asks for that engine.
    pub(crate) async fn seeded(plan: &Plan, engine: Engine, sessions: usize, postgres: Option<&TestPostgres>) -> Result<Self, String> {
        let name = format!("{}-{sessions}", engine.as_str().to_lowercase());
        let directory = plan.directory.join(name);
        let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(&directory);
        made.map_err(|error| format!("{}: {error}", directory.display()))?;
        let url = match (engine, postgres) {
            (Engine::Postgres, Some(server)) => server.database().await.url,
            _ => format!("sqlite:{}", directory.join("freshkey.db").display()),
        };
        let mut database = Self { engine, sessions, directory, url, seeded_at: 0, bytes_per_session: 0.0 };
        database.fill(plan, Stage::Users).await?;
        let before = database.bytes().await?;
        database.fill(plan, Stage::Sessions).await?;
        database.seeded_at = seed::now().seconds();
        database.bytes_per_session = database.bytes().await?.saturating_sub(before) as f64 / sessions as f64;
        if let Some(server) = postgres.filter(|_| engine == Engine::Postgres) {
            database.vacuum().await?;
            server.execute("CHECKPOINT").await;
        }
        Ok(database)
    }

    pub(crate) fn sealing_key(&self) -> PathBuf {
        self.directory.join("sealing.key")
    }

    pub(crate) fn sessions_file(&self) -> PathBuf {
        self.directory.join(seed::SESSIONS_FILE)
    }

    async fn fill(&self, plan: &Plan, stage: Stage) -> Result<(), String> {
        let order = seed::Order {
            url: self.url.clone(),
            sealing_key: self.sealing_key(),
            directory: self.directory.clone(),
            users: plan.users,
            sessions: self.sessions,
            stage,
        };
        let cores = plan.cores.map(|cores| format!("{},{}", cores.server, cores.driver));
        process::job("seed", cores, &order).await.map(drop)
    }

    /// Of the whole file as if its log were in it already; of the table with its indexes.
    async fn bytes(&self) -> Result<u64, String> {
        let sql = match self.engine {
            Engine::Sqlite => FILE_BYTES,
            Engine::Postgres => TABLE_BYTES,
        };
        let options = DbOptions::from_url(&self.url).map_err(told("the address of the database"))?;
        let db = Db::open(&options).await.map_err(told("the database cannot be opened"))?;
        let row = db.read_one(sql, &[]).await.map_err(told("the size of the database"))?;
        let bytes = row.and_then(|row| row.int(0).ok()).and_then(|bytes| u64::try_from(bytes).ok());
        db.close().await.map_err(told("the database cannot be closed"))?;
        bytes.ok_or_else(|| "the size of the database is missing".to_owned())
    }

    /// What autovacuum would do within the first minutes.
    async fn vacuum(&self) -> Result<(), String> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(connection);
        client.batch_execute("VACUUM ANALYZE").await.map_err(|error| error.to_string())?;
        drop(client);
        // It ends with the client; how does not matter.
        let _ = driver.await;
        Ok(())
    }
}
