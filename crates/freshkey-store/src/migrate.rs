//! Brings the schema to what this release needs: numbered SQL, one text for both engines, each number in one transaction.
//! Several nodes may start at once. There is no way back: a migration must be harmless to the release before it (expand, later contract).

use crate::db::{Db, Expect, Outcome, StoreError, Transaction, Value, split_script};

/// The migrations of this release.
pub const MIGRATIONS: Migrations = Migrations(&[
    Migration { version: 1, name: "cluster", text: include_str!("migrations/0001_cluster.sql") },
    Migration { version: 2, name: "configuration", text: include_str!("migrations/0002_configuration.sql") },
    Migration { version: 3, name: "users", text: include_str!("migrations/0003_users.sql") },
    Migration { version: 4, name: "grants", text: include_str!("migrations/0004_grants.sql") },
    Migration { version: 5, name: "events", text: include_str!("migrations/0005_events.sql") },
    Migration { version: 6, name: "one_time_codes", text: include_str!("migrations/0006_one_time_codes.sql") },
]);

/// Migrations in ascending order of version.
#[derive(Clone, Copy, Debug)]
pub struct Migrations(pub &'static [Migration]);

/// One step of the schema.
#[derive(Debug)]
pub struct Migration {
    /// Counted from 1, without gaps.
    pub version: i64,
    /// The name of its file, without number and ending.
    pub name: &'static str,
    /// Statements of the portable subset, separated by semicolons.
    pub text: &'static str,
}

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at BIGINT NOT NULL
) /*sqlite:WITHOUT ROWID*/";
const NEWEST: &str = "SELECT version FROM schema_migration ORDER BY version DESC LIMIT 1";
const CLAIM: &str = "INSERT INTO schema_migration (version, name, applied_at) VALUES ($1, $2, $3) \
                     ON CONFLICT (version) DO NOTHING";

/// Statements of this module, for [`crate::statements::ALL`].
pub(crate) const STATEMENTS: &[&str] = &[NEWEST, CLAIM];

impl Migrations {
    /// What [`Migrations::run`] would do, in order. Changes nothing. Fails with `SchemaTooNew` if the database is ahead of this program.
    pub async fn plan(self, db: &Db) -> Result<Vec<&'static Migration>, StoreError> {
        let found = newest_in(db).await?;
        let known = self.newest();
        if found > known {
            return Err(StoreError::SchemaTooNew { found, known });
        }
        Ok(self.0.iter().filter(|migration| migration.version > found).collect())
    }

    /// Refuses a schema that isn't exactly what this program knows: for a start without the right to migrate.
    pub async fn check(self, db: &Db) -> Result<(), StoreError> {
        let plan = self.plan(db).await?;
        match plan.first() {
            None => Ok(()),
            Some(next) => {
                let found = next.version - 1;
                Err(StoreError::SchemaTooOld { found, known: self.newest() })
            }
        }
    }

    /// Applies what is missing and answers what this call has applied; another node may have applied the rest.
    /// `now_ms` is written beside each one, for people to read.
    pub async fn run(self, db: &Db, now_ms: i64) -> Result<Vec<&'static Migration>, StoreError> {
        if self.plan(db).await?.is_empty() {
            return Ok(Vec::new());
        }
        create_table(db).await?;
        let mut applied = Vec::new();
        for migration in self.plan(db).await? {
            if apply(db, migration, now_ms).await? {
                applied.push(migration);
            }
        }
        Ok(applied)
    }

    fn newest(self) -> i64 {
        self.0.last().map_or(0, |migration| migration.version)
    }
}

async fn newest_in(db: &Db) -> Result<i64, StoreError> {
    if !db.has_table("schema_migration").await? {
        return Ok(0);
    }
    match db.read_one(NEWEST, &[]).await? {
        Some(row) => row.int(0),
        None => Ok(0),
    }
}

/// PostgreSQL refuses the second of two nodes that create the same table at the same moment, in spite of `IF NOT EXISTS`, and with one of three codes. The table is there then.
async fn create_table(db: &Db) -> Result<(), StoreError> {
    let mut transaction = Transaction::script();
    transaction.push(CREATE_TABLE, Vec::new(), Expect::Any);
    match db.write(transaction).await {
        Err(StoreError::Constraint(_)) if db.has_table("schema_migration").await? => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

/// The first statement claims the number: another node that is at it makes us wait there, and then find it taken.
async fn apply(db: &Db, migration: &Migration, now_ms: i64) -> Result<bool, StoreError> {
    let mut transaction = Transaction::script();
    let claim = vec![Value::Int(migration.version), Value::from_static(migration.name), Value::Int(now_ms)];
    transaction.push(CLAIM, claim, Expect::Rows(1));
    for statement in split_script(migration.text) {
        transaction.push(statement, Vec::new(), Expect::Any);
    }
    match db.write(transaction).await? {
        Outcome::Committed(_) => Ok(true),
        Outcome::GuardFailed { .. } => Ok(false),
    }
}
