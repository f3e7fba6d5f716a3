//! Reads the database of a Keycloak (26.0 and later, on PostgreSQL) and moves its realms here. It speaks to PostgreSQL itself and not through the
//! store, since the schema is somebody else's: the store's statements run on two engines and on tables of ours, these on neither.
//!
//! Everything is read in one read-only transaction of one moment. What is read takes the shape of Keycloak's export and goes through the importer of
//! files: there is one reader of realms.

mod connect;
mod pages;
mod realm;
mod sql;
mod survey;
mod transfer;

pub use connect::{Address, Connected};
pub use survey::{Finding, Survey};
pub use transfer::{Audit, MoveError, Moved, Movement, Plan, Progress, Sessions, Step};

use std::fmt;
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

/// Why Keycloak's database can't be read. It never repeats a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceError {
    /// The address can't be used.
    Address(String),
    /// Nobody answers there, or lets us in.
    Unreachable(String),
    /// Keycloak's tables are not there.
    NotKeycloak,
    /// Its tables are of a version that can't be read.
    Version(String),
    /// There is no such realm; those that there are.
    NoRealm(String, Vec<String>),
    /// A statement failed.
    Failed(String),
}

impl fmt::Display for SourceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(what) => write!(formatter, "the address of Keycloak's database can't be used: {what}"),
            Self::Unreachable(why) => write!(formatter, "Keycloak's database can't be reached: {why}"),
            Self::NotKeycloak => formatter.write_str("this is not the database of a Keycloak: its tables are not there"),
            Self::Version(version) => {
                write!(formatter, "the database is of Keycloak {version:.40}; those of 26.0 to 26.x can be read")
            }
            Self::NoRealm(name, there) => write!(formatter, "Keycloak has no realm {name:?}; there are: {}", there.join(", ")),
            Self::Failed(why) => write!(formatter, "Keycloak's database can't be read: {why}"),
        }
    }
}

impl std::error::Error for SourceError {}

impl From<tokio_postgres::Error> for SourceError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failed(connect::reason(&error))
    }
}

/// One moment of a Keycloak's database.
pub struct Source<'c> {
    transaction: Transaction<'c>,
    version: String,
}

/// A realm of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRealm {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Source<'_> {
    /// The version of the Keycloak that made the tables what they are.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The realm of this name.
    pub async fn realm(&self, name: &str) -> Result<SourceRealm, SourceError> {
        let rows = self.transaction.query(sql::REALM_NAMES, &[]).await?;
        let mut there = Vec::new();
        for row in rows {
            let realm = SourceRealm { id: row.try_get(0)?, name: row.try_get(1)? };
            if realm.name == name {
                return Ok(realm);
            }
            there.push(realm.name);
        }
        Err(SourceError::NoRealm(name.to_owned(), there))
    }

    /// How many users a realm has.
    pub async fn user_count(&self, realm: &SourceRealm) -> Result<u64, SourceError> {
        self.count(sql::USER_COUNT, realm).await
    }

    /// How many sessions a realm has, each with one client or more.
    pub async fn session_count(&self, realm: &SourceRealm) -> Result<u64, SourceError> {
        self.count(sql::SESSION_COUNT, realm).await
    }

    /// A text that changes whenever a user or a session of the realm does.
    async fn state_of_rows(&self, realm: &SourceRealm) -> Result<String, SourceError> {
        Ok(self.transaction.query_one(sql::STATE_OF_ROWS, &[&realm.id]).await?.try_get(0)?)
    }

    async fn count(&self, statement: &str, realm: &SourceRealm) -> Result<u64, SourceError> {
        let count: i64 = self.transaction.query_one(statement, &[&realm.id]).await?.try_get(0)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn rows(&self, statement: &str, realm: &SourceRealm) -> Result<Vec<tokio_postgres::Row>, SourceError> {
        let parameters: [&(dyn ToSql + Sync); 1] = [&realm.id];
        Ok(self.transaction.query(statement, &parameters).await?)
    }
}
