//! The way into Keycloak's database: address, password from elsewhere, TLS, and one transaction that can't write.

use super::{Source, SourceError, sql};
use freshkey_protocol::Secret;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, IsolationLevel, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long the server may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the database is, as it was given.
pub struct Address {
    config: Config,
    root_ca_file: Option<PathBuf>,
}

impl Address {
    /// Reads `postgres://USER@HOST:PORT/DATABASE`.
    ///
    /// `password` is taken when the address has none. A server on another machine needs `sslmode=require` and a root CA file, or an explicit
    /// `sslmode=disable`, as the store's own database does.
    pub fn parse(url: &str, password: Option<&Secret<String>>, root_ca_file: Option<PathBuf>) -> Result<Self, SourceError> {
        const EXPECTED: &str = "expected postgres://USER@HOST:PORT/DATABASE";
        let unusable = |what: &str| SourceError::Address(what.to_owned());
        let url = url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(unusable(EXPECTED));
        }
        // The parser's own message could repeat parts of the address, and with them a password.
        let mut config = url.parse::<Config>().map_err(|_| unusable(EXPECTED))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(unusable("it names no host"));
        }
        if let (None, Some(password)) = (config.get_password(), password) {
            config.password(password.expose());
        }
        if root_ca_file.is_none() {
            if !may_go_without_tls(&config) {
                return Err(unusable(
                    "a database on another machine needs sslmode=require and a root CA file, or an explicit sslmode=disable",
                ));
            }
            config.ssl_mode(SslMode::Disable);
        }
        config.connect_timeout(CONNECT_TIMEOUT).application_name("freshkey import");
        Ok(Self { config, root_ca_file })
    }

    /// Whether an address has a password in it.
    pub fn has_password(url: &str) -> bool {
        // What can't be read is taken to have one, if it could.
        url.parse::<Config>().map_or(url.contains('@'), |config| config.get_password().is_some())
    }

    /// Connects.
    pub async fn connect(&self) -> Result<Connected, SourceError> {
        let unreachable = |error: &tokio_postgres::Error| SourceError::Unreachable(reason(error));
        let client = match &self.root_ca_file {
            Some(path) => {
                let tls = MakeRustlsConnect::new(tls_config(path)?);
                let (client, connection) = self.config.connect(tls).await.map_err(|error| unreachable(&error))?;
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

fn may_go_without_tls(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback()),
    };
    let all_local = config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
    match config.get_ssl_mode() {
        SslMode::Disable => true,
        SslMode::Prefer => all_local,
        _ => false,
    }
}

fn tls_config(root_ca_file: &Path) -> Result<rustls::ClientConfig, SourceError> {
    let unusable = |why: String| SourceError::Address(format!("the root CA file {}: {why}", root_ca_file.display()));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(root_ca_file).map_err(|error| unusable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
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
