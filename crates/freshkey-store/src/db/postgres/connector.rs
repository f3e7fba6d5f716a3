//! Opens connections: to every host of the address at once, keeping the first that leads. One host after the other would wait for the first that accepts
//! and says nothing, as a frozen one does. Nothing is retried here.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};

use super::connection::{Connection, Purpose, drive, session_settings};
use super::failure::Failure;
use super::leader::{Leaders, Timeline};
use crate::db::{DbOptions, StoreError};
use crate::limits::SILENT_HOST_PATIENCE;
use crate::postgres_tls::{self, Tls};

/// Opens connections.
pub(super) struct Connector {
    /// One for each host.
    hosts: Vec<Config>,
    tls: Option<Tls>,
    deadline: Duration,
    leaders: Arc<Leaders>,
}

impl Connector {
    pub(super) fn new(config: &Config, options: &DbOptions) -> Result<Self, StoreError> {
        let mut config = config.clone();
        config
            .connect_timeout(options.deadline.min(Duration::from_secs(3)))
            .tcp_user_timeout(options.deadline)
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .application_name("freshkey");
        let tls = postgres_tls::settle(&mut config, options.root_ca_file.as_deref()).map_err(|what| StoreError::Misconfigured { what })?;
        let hosts = each_host(&config).map_err(|what| StoreError::Misconfigured { what: what.to_owned() })?;
        Ok(Connector { hosts, tls, deadline: options.deadline, leaders: Arc::default() })
    }

    pub(super) async fn connect(&self, purpose: Purpose) -> Result<Connection, Failure> {
        let mut attempts = JoinSet::new();
        for config in &self.hosts {
            attempts.spawn(open(config.clone(), self.tls.clone(), self.leaders.clone()));
        }
        let connection = first_of(&mut attempts).await?;
        for (sql, params) in session_settings(purpose, self.deadline) {
            connection.run(sql, &params).await?;
        }
        Ok(connection)
    }
}

/// The first success. What is worth another attempt tells more than what is not: the leader may be the one that is away.
async fn first_of(attempts: &mut JoinSet<Result<Connection, Failure>>) -> Result<Connection, Failure> {
    let mut told = None;
    loop {
        let next = match &told {
            None => attempts.join_next().await,
            Some(_) => timeout(SILENT_HOST_PATIENCE, attempts.join_next()).await.unwrap_or_default(),
        };
        let failure = match next {
            Some(Ok(Ok(connection))) => return Ok(connection),
            Some(Ok(Err(failure))) => failure,
            Some(Err(stopped)) => Failure::NotConnected(stopped.to_string()),
            None => return Err(told.unwrap_or(Failure::NoAnswer)),
        };
        let is_better = |known: &Failure| failure.is_retryable() && !known.is_retryable();
        if told.as_ref().is_none_or(is_better) {
            told = Some(failure);
        }
    }
}

async fn open(config: Config, tls: Option<Tls>, leaders: Arc<Leaders>) -> Result<Connection, Failure> {
    let client = match tls {
        Some(tls) => {
            let (client, driver) = config.connect(tls).await.map_err(refused)?;
            tokio::spawn(drive(driver));
            client
        }
        None => {
            let (client, driver) = config.connect(NoTls).await.map_err(refused)?;
            tokio::spawn(drive(driver));
            client
        }
    };
    let timeline = timeline_of(&client).await?;
    let Some(era) = leaders.admit(timeline) else {
        tracing::warn!(?timeline, "a former leader of the database says that it takes writes; it is left alone");
        return Err(Failure::NotConnected("a former leader".to_owned()));
    };
    Ok(Connection::new(client, leaders, era))
}

const TIMELINE: &str = "SELECT system_identifier, ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint \
                        FROM pg_control_system()";

/// `None` where there is no such thing, or no right to ask: engines that speak the protocol of PostgreSQL and replicate in their own way.
async fn timeline_of(client: &tokio_postgres::Client) -> Result<Option<Timeline>, Failure> {
    match client.query_one(TIMELINE, &[]).await {
        Ok(row) => {
            let unexpected = |error: tokio_postgres::Error| Failure::Unexpected(error.to_string());
            let (cluster, number) = (row.try_get(0).map_err(unexpected)?, row.try_get(1).map_err(unexpected)?);
            Ok(Some(Timeline { cluster, number }))
        }
        Err(error) => match refused(error) {
            Failure::Server { code, .. } if ["42", "0A"].iter().any(|class| code.code().starts_with(class)) => Ok(None),
            failure => Err(failure),
        },
    }
}

/// A server that refuses during the handshake has done nothing, nor has one that cannot be reached.
fn refused(error: tokio_postgres::Error) -> Failure {
    match Failure::from(error) {
        Failure::ConnectionLost(text) | Failure::Unexpected(text) => Failure::NotConnected(text),
        other => other,
    }
}

/// The same with one host each. A list may have one port for all of them, or one for each, as libpq has it.
fn each_host(config: &Config) -> Result<Vec<Config>, &'static str> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err("as many hosts as host addresses must be listed");
    }
    if ports.len() > 1 && ports.len() != count {
        return Err("one port for all hosts or one for each must be listed");
    }
    let single = |number: usize| {
        let mut single = without_hosts(config);
        match hosts.get(number) {
            Some(Host::Tcp(name)) => drop(single.host(name)),
            Some(Host::Unix(path)) => drop(single.host_path(path)),
            None => {}
        }
        if let Some(address) = addresses.get(number) {
            single.hostaddr(*address);
        }
        if let Some(port) = ports.get(number).or(ports.first()) {
            single.port(*port);
        }
        single
    };
    Ok((0..count).map(single).collect())
}

/// Everything else of a configuration, whose hosts can't be taken out again.
fn without_hosts(config: &Config) -> Config {
    let mut copy = Config::new();
    if let Some(user) = config.get_user() {
        copy.user(user);
    }
    if let Some(password) = config.get_password() {
        copy.password(password);
    }
    if let Some(name) = config.get_dbname() {
        copy.dbname(name);
    }
    if let Some(options) = config.get_options() {
        copy.options(options);
    }
    if let Some(name) = config.get_application_name() {
        copy.application_name(name);
    }
    if let Some(timeout) = config.get_connect_timeout() {
        copy.connect_timeout(*timeout);
    }
    if let Some(timeout) = config.get_tcp_user_timeout() {
        copy.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        copy.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        copy.keepalives_retries(retries);
    }
    copy.keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts())
        .target_session_attrs(config.get_target_session_attrs());
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Config {
        url.parse().expect("well-formed")
    }

    #[test]
    fn a_list_is_taken_apart_and_nothing_else_is_lost() {
        let whole = "user=a password=b dbname=c options=d application_name=e sslmode=require connect_timeout=2 tcp_user_timeout=3 keepalives=0 \
                     keepalives_idle=4 keepalives_interval=5 keepalives_retries=6 target_session_attrs=read-write channel_binding=require \
                     load_balance_hosts=random sslnegotiation=direct";
        let single = |host: &str| read(&format!("{whole} {host}"));
        let list = read(&format!("{whole} host=one,two hostaddr=127.0.0.1,127.0.0.2 port=1,2"));
        let expected = vec![single("host=one hostaddr=127.0.0.1 port=1"), single("host=two hostaddr=127.0.0.2 port=2")];
        assert!(each_host(&list).is_ok_and(|hosts| hosts == expected));
    }

    #[test]
    fn one_port_is_for_all_hosts_and_none_is_the_usual_one() {
        assert!(each_host(&read("host=one,/run port=7")).is_ok_and(|hosts| hosts == [read("host=one port=7"), read("host=/run port=7")]));
        assert!(each_host(&read("host=one")).is_ok_and(|hosts| hosts == [read("host=one")]));
        assert!(each_host(&read("host=one,two,three port=1,2")).is_err());
        assert!(each_host(&read("host=one,two hostaddr=127.0.0.1")).is_err());
    }
}
