//! The server as an operator starts it: the release binary, a configuration file, plain HTTP on loopback.

use crate::database::Database;
use crate::http::Connection;
use crate::plan::Plan;
use crate::process::{self, Running};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// The name that tokens carry.
pub(crate) const HOST: &str = "id.example.org";
pub(crate) const TOKEN_PATH: &str = "/realms/UA/protocol/openid-connect/token";

const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// Between two attempts to connect to a server that has just been started.
const CONNECT_PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Server {
    running: Running,
    pub(crate) address: SocketAddr,
    /// When the process was started.
    pub(crate) started: Instant,
}

impl Server {
    /// Starts it on the plan's core. It may not listen yet.
    pub(crate) fn start(plan: &Plan, database: &Database) -> Result<Self, String> {
        Self::start_trusting(plan, database, "")
    }

    /// The same, believing what callers on this machine say of where they come from.
    pub(crate) fn start_behind_proxy(plan: &Plan, database: &Database) -> Result<Self, String> {
        Self::start_trusting(plan, database, "\"127.0.0.1\"")
    }

    fn start_trusting(plan: &Plan, database: &Database, proxies: &str) -> Result<Self, String> {
        let address = free_address()?;
        let configuration = database.directory.join("freshkey.toml");
        fs::write(&configuration, configured(database, address, proxies)).map_err(|error| error.to_string())?;
        // The address of the database may hold a password.
        fs::set_permissions(&configuration, fs::Permissions::from_mode(0o600)).map_err(|error| error.to_string())?;
        let log = File::create(database.directory.join("server.log")).map_err(|error| error.to_string())?;
        let mut command = process::on_core(plan.server_core(), &plan.server);
        command
            .args(["serve", "--config"])
            .arg(&configuration)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(log);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FRESHKEY_")) {
            command.env_remove(name);
        }
        let started = Instant::now();
        Ok(Self { running: Running::start(&mut command)?, address, started })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// A connection, as soon as the server accepts one.
    pub(crate) async fn connect(&mut self) -> Result<Connection, String> {
        let until = Instant::now() + START_PATIENCE;
        loop {
            match Connection::open(self.address).await {
                Ok(connection) => return Ok(connection),
                Err(error) if Instant::now() >= until => return Err(format!("the server does not listen: {error}")),
                Err(_) => tokio::time::sleep(CONNECT_PAUSE).await,
            }
            if let Some(status) = self.running.ended(Duration::ZERO).await? {
                return Err(format!("the server ended with {status}; its log is server.log beside its database"));
            }
        }
    }

    /// Stops it in order.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        let killed = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        killed.map_err(|error| format!("the server cannot be told to stop: {error}"))?;
        match self.running.ended(STOP_PATIENCE).await? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the server ended with {status} when it was told to stop")),
            None => Err("the server does not stop".to_owned()),
        }
    }
}

fn configured(database: &Database, address: SocketAddr, proxies: &str) -> String {
    format!(
        "[server]\nlisten = \"{address}\"\npublic_url = \"https://{HOST}\"\ntrusted_proxies = [{proxies}]\n[server.tls]\nmode = \"off\"\n\
         [store]\nurl = {:?}\n[sealing]\nkey_file = {:?}\n",
        database.url,
        database.sealing_key().display().to_string()
    )
}

/// Somebody may take the port before the server does; it then says so and the run ends.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(|error| error.to_string())
}
