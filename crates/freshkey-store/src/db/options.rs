//! Where the database is and how much of the machine it may use. Reading configuration files is not done here.

use std::path::PathBuf;
use std::time::Duration;

use super::StoreError;

/// Where the database is and how it is used. Start from [`DbOptions::from_url`] and change fields.
#[derive(Clone)]
pub struct DbOptions {
    /// Engine and place.
    pub location: Location,
    /// How long one request may take, retries included. Default 5 s. SQLite uses it for waiting on another process only.
    pub deadline: Duration,
    /// PostgreSQL: connections for transactions, beside [`DbOptions::read_connections`] and one per coalesced statement. Default 4.
    /// SQLite has one writer whatever this says.
    pub write_connections: usize,
    /// Connections for reads. Default 2 on PostgreSQL, where each serves many requests at once (pipelining), and the
    /// number of processors up to 4 on SQLite.
    pub read_connections: usize,
    /// PostgreSQL: PEM file with the certificates of the authorities that may have signed the server's certificate.
    pub root_ca_file: Option<PathBuf>,
    /// SQLite: how much of the file readers map into memory, in bytes. Default 0: a map saves less than 1 µs a read and counts as memory of the process.
    pub mmap_bytes: u64,
    /// SQLite: page cache of the writer, in bytes. Default 8 MiB; more gained nothing (ADR 2).
    pub writer_cache_bytes: u64,
    /// SQLite: page cache of each reader, in bytes. Default 2 MiB; more gained nothing (ADR 2).
    pub reader_cache_bytes: u64,
}

/// Engine and place. No `Debug`, since an address may hold a password.
#[derive(Clone)]
pub enum Location {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A server of PostgreSQL.
    Postgres(Box<tokio_postgres::Config>),
}

impl DbOptions {
    /// Reads `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…` (libpq's form; several hosts may be listed).
    ///
    /// `sslmode=verify-full` and `verify-ca` mean `require`: a certificate is always verified in full.
    /// A server on another machine needs `sslmode=require` and a root CA file, or an explicit `sslmode=disable`.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let location = match url.split_once(':') {
            Some(("sqlite", path)) => sqlite_location(path)?,
            Some(("postgres" | "postgresql", _)) => postgres_location(url)?,
            _ => return Err(misconfigured("it must begin with sqlite: or postgres://")),
        };
        let read_connections = match &location {
            Location::Sqlite(_) => std::thread::available_parallelism().map_or(2, |n| n.get().min(4)),
            Location::Postgres(_) => 2,
        };
        Ok(DbOptions {
            location,
            deadline: Duration::from_secs(5),
            write_connections: 4,
            read_connections,
            root_ca_file: None,
            mmap_bytes: 0,
            writer_cache_bytes: 8 << 20,
            reader_cache_bytes: 2 << 20,
        })
    }
}

fn sqlite_location(path: &str) -> Result<Location, StoreError> {
    // SQLite gives these names a meaning of their own: a database that is gone after a restart, or one with URI parameters.
    if path.is_empty() || path.starts_with(':') || path.starts_with("file:") {
        return Err(misconfigured("sqlite: must be followed by the path of a file"));
    }
    Ok(Location::Sqlite(PathBuf::from(path)))
}

fn postgres_location(url: &str) -> Result<Location, StoreError> {
    // The parser's own message could repeat parts of the address, and with them a password.
    let config = crate::postgres_tls::read_address(url)
        .map_err(|_| misconfigured("expected postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require"))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(misconfigured("postgres:// must name a host"));
    }
    Ok(Location::Postgres(Box::new(config)))
}

fn misconfigured(expectation: &str) -> StoreError {
    StoreError::Misconfigured { what: format!("the database address is not usable: {expectation}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_or_refused() {
        let cases = [
            ("sqlite:/var/lib/freshkey.db", true),
            ("sqlite:freshkey.db", true),
            ("postgres://freshkey@db.example/freshkey", true),
            ("postgresql://a:b@one:5432,two:5433/c?sslmode=verify-full", true),
            ("sqlite:", false),
            ("sqlite::memory:", false),
            ("sqlite:file:x?mode=memory", false),
            ("postgres:///only-a-database", false),
            ("postgres://a@b/c?sslmode=maybe", false),
            ("mysql://a@b/c", false),
            ("", false),
        ];
        for (url, usable) in cases {
            assert_eq!(DbOptions::from_url(url).is_ok(), usable, "{url}");
        }
    }

    #[test]
    fn a_refused_address_does_not_repeat_the_password() {
        let refused = DbOptions::from_url("postgres://a:hunter2@b:port/c").err();
        assert!(refused.is_some_and(|error| !format!("{error:?}").contains("hunter2")));
    }
}
