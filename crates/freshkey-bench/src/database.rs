//! The two databases: a file, and a PostgreSQL server of our own on the driver's core, with `fsync` on.

use crate::plan::{Engine, Plan};
use crate::process;
use crate::seed::{self, Stage};
use freshkey_testkit::databases::TestPostgres;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use tokio_postgres::{NoTls, SimpleQueryMessage};

const TABLE_BYTES: &str = "SELECT pg_total_relation_size('client_grant')";

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
            // What autovacuum and the checkpointer would do in the first minutes, not during the measurement.
            database.query("VACUUM ANALYZE").await?;
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

    /// Of the file once its log is in it; of the table with its indexes.
    async fn bytes(&self) -> Result<u64, String> {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => fs::metadata(path).map(|file| file.len()).map_err(|error| error.to_string()),
            None => {
                self.query(TABLE_BYTES).await?.and_then(|text| text.parse().ok()).ok_or_else(|| "the size of a table is missing".to_owned())
            }
        }
    }

    /// The first field that the statement answers.
    async fn query(&self, sql: &str) -> Result<Option<String>, String> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(connection);
        let messages = client.simple_query(sql).await.map_err(|error| format!("{sql}: {error}"))?;
        drop(client);
        let _ = driver.await;
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }
}
