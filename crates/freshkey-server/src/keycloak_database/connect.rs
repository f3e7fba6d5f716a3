//! The way into Keycloak's database: address, password from elsewhere, TLS, and one transaction that can't write.

use super::{Source, SourceError, sql};
use freshkey_protocol::Secret;
use freshkey_store::postgres_tls::{self, Tls};
use std::error::Error as _;
use std::path::Path;
use std::time::Duration;
use tokio_postgres::{Client, Config, IsolationLevel, NoTls};

/// How long the server may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the database is, as it was given.
pub struct Address {
    config: Config,
    tls: Option<Tls>,
}

impl Address {
    /// Reads `postgres://USER@HOST:PORT/DATABASE`.
    ///
    /// `password` is taken when the address has none. A server on another machine needs `sslmode=require` and a root CA file, or an explicit
    /// `sslmode=disable`, as the store's own database does.
    pub fn parse(url: &str, password: Option<&Secret<String>>, root_ca_file: Option<&Path>) -> Result<Self, SourceError> {
        const EXPECTED: &str = "expected postgres://USER@HOST:PORT/DATABASE";
        let unusable = |what: &str| SourceError::Address(what.to_owned());
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(unusable(EXPECTED));
        }
        // The parser's own message could repeat parts of the address, and with them a password.
        let mut config = postgres_tls::read_address(url).map_err(|_| unusable(EXPECTED))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(unusable("it names no host"));
        }
        if let (None, Some(password)) = (config.get_password(), password) {
            config.password(password.expose());
        }
        let tls = postgres_tls::settle(&mut config, root_ca_file).map_err(SourceError::Address)?;
        config.connect_timeout(CONNECT_TIMEOUT).application_name("freshkey import");
        Ok(Self { config, tls })
    }

    /// Whether an address has a password in it.
    pub fn has_password(url: &str) -> bool {
        // What can't be read is taken to have one, if it could.
        url.parse::<Config>().map_or(url.contains('@'), |config| config.get_password().is_some())
    }

    /// Connects.
    pub async fn connect(&self) -> Result<Connected, SourceError> {
        let unreachable = |error: &tokio_postgres::Error| SourceError::Unreachable(reason(error));
        let client = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(|error| unreachable(&error))?;
                // Whoever uses the connection hears of its end.
                tokio::spawn(async move { drop(connection.await) });
                client
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(|error| unreachable(&error))?;
                tokio::spawn(async move { drop(connection.await) });
                client
            }
        };
        Ok(Connected { client })
    }
}

/// A connection to a database that may be a Keycloak's.
pub struct Connected {
    client: Client,
}

impl Connected {
    /// Makes sure that it is one, and holds on to this moment of it. Nothing can be written through what comes back.
    pub async fn source(&mut self) -> Result<Source<'_>, SourceError> {
        let begin = self.client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let transaction = begin.start().await?;
        transaction.batch_execute(sql::NO_TIME_LIMITS).await?;
        let has_tables: bool = transaction.query_one(sql::HAS_TABLES, &[]).await?.try_get(0)?;
        let version = match has_tables {
            true => transaction.query_opt(sql::VERSION, &[]).await?,
            false => return Err(SourceError::NotKeycloak),
        };
        let version: String = version.ok_or(SourceError::NotKeycloak)?.try_get(0)?;
        if version.split('.').next() != Some("26") {
            return Err(SourceError::Version(version));
        }
        Ok(Source { transaction, version })
    }
}

/// What PostgreSQL says, or the network, in one line.
pub(super) fn reason(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(refusal), _) => refusal.message().to_owned(),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_or_refused_without_repeating_them() {
        let cases = [
            ("postgres://keycloak@127.0.0.1/keycloak", true),
            ("postgres://keycloak@localhost:5433/keycloak?options=-csearch_path%3Dkc", true),
            ("postgresql://a:hunter2@db.example/kc?sslmode=disable", true),
            ("postgres://a:hunter2@db.example/kc", false),
            ("postgres://a:hunter2@db.example/kc?sslmode=require", false),
            ("postgres://a:hunter2@db:port/kc", false),
            ("postgres:///kc", false),
            ("jdbc:postgresql://127.0.0.1/kc", false),
            ("", false),
        ];
        for (url, usable) in cases {
            let address = Address::parse(url, None, None);
            assert_eq!(address.is_ok(), usable, "{url}");
            assert!(address.err().is_none_or(|error| !error.to_string().contains("hunter2")), "{url}");
        }
    }

    #[tokio::test]
    async fn nothing_can_be_written_through_a_source() {
        let database = freshkey_testkit::databases::TestPostgres::shared().await.database().await;
        let mut connected = Address::parse(&database.url, None, None).unwrap().connect().await.unwrap();
        let tables = "CREATE TABLE migration_model (version TEXT, update_time BIGINT); INSERT INTO migration_model VALUES ('26.7.3', 1);
            CREATE TABLE realm (); CREATE TABLE user_entity (); CREATE TABLE client ()";
        connected.client.batch_execute(tables).await.unwrap();
        let source = connected.source().await.unwrap();
        assert_eq!(source.version(), "26.7.3");
        let refused = source.transaction.batch_execute("DELETE FROM migration_model").await.unwrap_err();
        assert_eq!(reason(&refused), "cannot execute DELETE in a read-only transaction");
    }

    #[test]
    fn the_password_from_elsewhere_is_taken_where_the_address_has_none() {
        let secret = Secret::new("from-a-file".to_owned());
        let password = |url: &str| Address::parse(url, Some(&secret), None).unwrap().config.get_password().map(<[u8]>::to_vec);
        assert_eq!(password("postgres://a@127.0.0.1/kc").as_deref(), Some(&b"from-a-file"[..]));
        assert_eq!(password("postgres://a:own@127.0.0.1/kc").as_deref(), Some(&b"own"[..]));
    }
}
