//! The two servers, each started as an operator would start it: on a PostgreSQL database, plain HTTP on loopback, on the server's core.

use super::{Order, realm};
use crate::http::{self, Connection};
use crate::process::{self, Running};
use crate::seed::{SystemEntropy, told};
use crate::server::HOST;
use crate::statistics::Spread;
use freshkey_store::SealingKey;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tokio_postgres::NoTls;

const START_PATIENCE: Duration = Duration::from_secs(300);
const STOP_PATIENCE: Duration = Duration::from_secs(40);
/// Between two attempts to get the first token of a server that has just been started.
const START_PAUSE: Duration = Duration::from_millis(5);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Keycloak,
    Freshkey,
}

impl Peer {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Keycloak => "Keycloak",
            Self::Freshkey => "Freshkey",
        }
    }
}

/// A server with its database. It runs unless it was stopped.
pub(super) struct Subject {
    peer: Peer,
    pub(super) address: SocketAddr,
    /// The `Host` of requests.
    pub(super) host: String,
    database: String,
    directory: PathBuf,
    running: Option<Running>,
    started: Instant,
}

impl Subject {
    /// A running server with the realm and its users in it.
    pub(super) async fn filled(order: &Order, peer: Peer, database: &str) -> Result<Self, String> {
        let directory = order.directory.join(peer.as_str().to_lowercase());
        prepare_directory(&directory)?;
        let address = match peer {
            Peer::Keycloak => SocketAddr::from(([127, 0, 0, 1], order.keycloak.port)),
            Peer::Freshkey => free_address()?,
        };
        let host = if peer == Peer::Keycloak { address.to_string() } else { HOST.to_owned() };
        let file = directory.join("realm.json");
        fs::write(&file, realm::realm(order.users).to_string()).map_err(|error| error.to_string())?;
        let mut subject = Self { peer, address, host, database: database.to_owned(), directory, running: None, started: Instant::now() };
        match peer {
            Peer::Keycloak => {
                subject.start(order)?;
                subject.create_in_keycloak(order, &file).await?;
            }
            Peer::Freshkey => {
                subject.configure()?;
                subject.command(order, &["migrate", "--config"], &[])?;
                subject.command(order, &["admin", "--config"], &[Path::new("realm"), Path::new("import"), &file])?;
                subject.start(order)?;
            }
        }
        subject.first_token().await?;
        Ok(subject)
    }

    pub(super) fn pid(&self) -> u32 {
        self.running.as_ref().map_or(0, Running::pid)
    }

    fn start(&mut self, order: &Order) -> Result<(), String> {
        let log = File::create(self.directory.join("server.log")).map_err(|error| error.to_string())?;
        let copy = log.try_clone().map_err(|error| error.to_string())?;
        let core = order.cores.map(|cores| cores.server);
        let mut command = match self.peer {
            Peer::Keycloak => self.keycloak(order, core)?,
            Peer::Freshkey => {
                let mut command = process::on_core(core, &order.server);
                command.args(["serve", "--config"]).arg(self.configuration());
                without_own_settings(&mut command);
                command
            }
        };
        self.started = Instant::now();
        self.running = Some(Running::start(command.stdin(Stdio::null()).stdout(log).stderr(copy))?);
        Ok(())
    }

    /// Its script is tied to us, and the virtual machine to its script.
    fn keycloak(&self, order: &Order, core: Option<usize>) -> Result<Command, String> {
        let java = self.directory.join("java");
        let text = format!("#!/bin/sh\nexec setpriv --pdeathsig KILL -- '{}' \"$@\"\n", order.keycloak.java_program.display());
        let written = fs::write(&java, text).and_then(|()| fs::set_permissions(&java, fs::Permissions::from_mode(0o700)));
        written.map_err(|error| format!("{}: {error}", java.display()))?;
        let mut command = process::on_core(core, &order.keycloak.program);
        for name in &order.keycloak.forgotten {
            command.env_remove(name);
        }
        let database = Database::parse(&self.database).ok_or("the address of the database is not understood")?;
        let url = format!("jdbc:postgresql://{}", database.place);
        command.args(&order.keycloak.arguments).envs(&order.keycloak.environment).env("JAVA", java);
        command.env("KC_DB_URL", url).env("KC_DB_USERNAME", database.role).env("KC_DB_PASSWORD", database.password);
        Ok(command)
    }

    async fn create_in_keycloak(&mut self, order: &Order, file: &Path) -> Result<(), String> {
        let pairs = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", order.keycloak.administrator.as_str()),
            ("password", order.keycloak.password.as_str()),
        ];
        let sign_in = http::form(&self.host, "/realms/master/protocol/openid-connect/token", &pairs);
        let answer = self.until_answered(&sign_in).await?;
        let token = answer.get("access_token").and_then(serde_json::Value::as_str).ok_or("the administrator gets no token")?;
        let realm = fs::read_to_string(file).map_err(|error| error.to_string())?;
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.send(&http::document(&self.host, "/admin/realms", token, &realm)).await?;
        if answer.status == 201 { Ok(()) } else { Err(format!("Keycloak does not take the realm: {}", answer.shown())) }
    }

    fn configure(&self) -> Result<(), String> {
        let key = self.directory.join("sealing.key");
        SealingKey::from_file_or_new(&key, &SystemEntropy).map_err(told("the sealing key"))?;
        let text = format!(
            "[server]\nlisten = \"{}\"\npublic_url = \"https://{HOST}\"\n[server.tls]\nmode = \"off\"\n[store]\nurl = {:?}\n[sealing]\nkey_file = {:?}\n",
            self.address,
            self.database,
            key.display().to_string()
        );
        let path = self.configuration();
        // The address of the database holds a password.
        let written = fs::write(&path, text).and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)));
        written.map_err(|error| format!("{}: {error}", path.display()))
    }

    fn configuration(&self) -> PathBuf {
        self.directory.join("freshkey.toml")
    }

    /// Runs a command of our server to its end.
    fn command(&self, order: &Order, before: &[&str], after: &[&Path]) -> Result<(), String> {
        let mut command = Command::new(&order.server);
        without_own_settings(command.args(before).arg(self.configuration()).args(after));
        let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(format!("freshkey-server {} failed: {said}", before.join(" "))) }
    }

    /// From the start of the process to the first token for a client.
    async fn first_token(&mut self) -> Result<Duration, String> {
        let pairs = [("grant_type", "client_credentials"), ("client_id", realm::API), ("client_secret", realm::SECRET)];
        let request = http::form(&self.host, &realm::endpoint("token"), &pairs);
        self.until_answered(&request).await?;
        Ok(self.started.elapsed())
    }

    /// Asks again until there is an answer of 200.
    async fn until_answered(&mut self, request: &[u8]) -> Result<serde_json::Value, String> {
        let until = Instant::now() + START_PATIENCE;
        let log = self.directory.join("server.log");
        loop {
            let failure = match Connection::open(self.address).await {
                Ok(mut connection) => match connection.send(request).await {
                    Ok(answer) if answer.status == 200 => return answer.json(),
                    Ok(answer) => answer.shown(),
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            if Instant::now() >= until {
                return Err(format!("{} does not answer as expected: {failure}", self.peer.as_str()));
            }
            sleep(START_PAUSE).await;
            let ended = match &mut self.running {
                Some(running) => running.ended(Duration::ZERO).await?,
                None => None,
            };
            if let Some(status) = ended {
                return Err(format!("{} ended with {status}; its log is {}", self.peer.as_str(), log.display()));
            }
        }
    }

    /// Stops it in order.
    pub(super) async fn stop(&mut self) -> Result<(), String> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        let killed = Command::new("kill").args(["-TERM", &running.pid().to_string()]).status();
        killed.map_err(|error| format!("the server cannot be told to stop: {error}"))?;
        let ended = running.ended(STOP_PATIENCE).await?;
        ended.map(drop).ok_or_else(|| format!("{} does not stop", self.peer.as_str()))
    }

    /// Starts and stops it a few times on its filled database.
    pub(super) async fn first_tokens(&mut self, order: &Order) -> Result<Spread, String> {
        let mut times_ms = Vec::new();
        for _ in 0..order.starts {
            self.start(order)?;
            times_ms.push(self.first_token().await?.as_secs_f64() * 1e3);
            self.stop().await?;
        }
        let times = Spread::of(times_ms);
        eprintln!("  start to first token: {:.0} ms ({:.0} to {:.0})", times.median, times.least, times.most);
        Ok(times)
    }
}

/// An empty directory that nobody else looks into.
pub(super) fn prepare_directory(path: &Path) -> Result<(), String> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    fs::DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// What autovacuum would do within the first minutes.
pub(super) async fn vacuum(url: &str) -> Result<(), String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    client.batch_execute("VACUUM ANALYZE").await.map_err(|error| error.to_string())?;
    drop(client);
    // It ends with the client; how does not matter.
    let _ = driver.await;
    Ok(())
}

fn without_own_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FRESHKEY_")) {
        command.env_remove(name);
    }
}

/// Somebody may take the port before the server does; it then says so and the run ends.
fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(|error| error.to_string())
}

/// The parts of `postgres://role:password@place`, as the test kit makes it: nothing in it is escaped.
struct Database<'a> {
    role: &'a str,
    password: &'a str,
    place: &'a str,
}

impl<'a> Database<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (credentials, place) = url.strip_prefix("postgres://")?.split_once('@')?;
        let (role, password) = credentials.split_once(':')?;
        Some(Self { role, password, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_database_is_taken_apart() {
        let database = Database::parse("postgres://role:secret@127.0.0.1:5432/name").unwrap();
        assert_eq!([database.role, database.password, database.place], ["role", "secret", "127.0.0.1:5432/name"]);
        assert!(Database::parse("sqlite:x").is_none());
    }
}
