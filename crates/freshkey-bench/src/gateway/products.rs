//! The gateway and what it is compared with, each set up as its operators would, on the core of servers; and the provider and the application around them.

use super::Order;
use super::tokens::{AUDIENCE, ISSUER, Tokens};
use crate::http::{self, Connection};
use crate::process::{self, Running};
use crate::server::free_address;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Keys at one address, an application at another, both in this process.
pub(super) struct Provider {
    pub(super) keys: SocketAddr,
    pub(super) upstream: SocketAddr,
}

impl Provider {
    pub(super) async fn start(tokens: &Tokens) -> Result<Self, String> {
        let keys = answering("application/json", tokens.key_set.clone()).await?;
        Ok(Self { keys, upstream: answering("text/plain", "hello".to_owned()).await? })
    }
}

/// Answers every request alike. It looks for the end of heads only: those who ask send no bodies.
async fn answering(content_type: &str, body: String) -> Result<SocketAddr, String> {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let mut read = Vec::with_capacity(16 * 1024);
                while stream.read_buf(&mut read).await.is_ok_and(|bytes| bytes > 0) {
                    while let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
                        read.drain(..end + 4);
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    Ok(address)
}

/// `freshkey-gateway`.
pub(super) struct Gateway {
    running: Running,
    pub(super) proxy: SocketAddr,
    pub(super) decisions: SocketAddr,
    pub(super) management: SocketAddr,
}

impl Gateway {
    pub(super) async fn start(order: &Order, name: &str, remembered: usize, tokens: &Tokens, upstream: SocketAddr) -> Result<Self, String> {
        let directory = order.directory.join(name);
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let (proxy, decisions, management) = (free_address()?, free_address()?, free_address()?);
        fs::write(directory.join("keys.json"), &tokens.key_set).map_err(|error| error.to_string())?;
        let configuration = directory.join("gateway.toml");
        let text = format!(
            r#"
default = "deny"
trusted_proxies = ["127.0.0.1"]
cached_tokens = {remembered}
[proxy]
listen = "{proxy}"
tls = "off"
[forward_auth]
listen = "{decisions}"
headers = "x-original"
[management]
listen = "{management}"
[log]
level = "warn"
[[issuers]]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
algorithms = ["RS256"]
jwks_file = "keys.json"
[[applications]]
name = "api"
hosts = ["api.test"]
upstream = {{ url = "http://{upstream}" }}
[[applications.rules]]
paths = ["/api/**"]
roles = {{ any = ["reader", "writer"] }}
"#
        );
        fs::write(&configuration, text).map_err(|error| error.to_string())?;
        let mut command = process::on_core(order.cores.map(|cores| cores.server), &order.gateway);
        command.args(["serve", "--config"]).arg(&configuration);
        let running = started(&mut command, &directory)?;
        let mut gateway = Self { running, proxy, decisions, management };
        until_answered(&mut gateway.running, management, &http::get("gateway", "/health/ready"), 200).await?;
        Ok(gateway)
    }

    pub(super) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// How many tokens it says it remembers.
    pub(super) async fn remembered(&self) -> Result<usize, String> {
        let mut connection = Connection::open(self.management).await?;
        let answer = connection.send(&http::get("gateway", "/metrics")).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("freshkey_gateway_cached_tokens "));
        line.and_then(|number| number.trim().parse().ok()).ok_or_else(|| "the metrics do not say how many tokens are remembered".to_owned())
    }

    /// Stops it in order.
    pub(super) async fn stop(mut self) -> Result<(), String> {
        let told = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        told.map_err(|error| format!("the gateway cannot be told to stop: {error}"))?;
        match self.running.ended(STOP_PATIENCE).await? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the gateway ended with {status} when it was told to stop")),
            None => Err("the gateway does not stop".to_owned()),
        }
    }
}

/// `oauth2-proxy`, which checks bearer tokens of one issuer.
pub(super) struct Oauth2Proxy {
    running: Running,
    pub(super) address: SocketAddr,
}

impl Oauth2Proxy {
    pub(super) async fn start(order: &Order, program: &Path, provider: &Provider) -> Result<Self, String> {
        let directory = order.directory.join("oauth2-proxy");
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let address = free_address()?;
        let mut command = process::on_core(order.cores.map(|cores| cores.server), program);
        let keys = provider.keys;
        command.args(["--provider=oidc", "--skip-oidc-discovery=true", "--skip-jwt-bearer-tokens=true", "--email-domain=*"]);
        command.args(["--client-secret=unused", "--cookie-secret=0123456789abcdef0123456789abcdef", "--reverse-proxy=true"]);
        command.args(["--request-logging=false", "--auth-logging=false", "--standard-logging=false"]);
        command.arg(format!("--http-address={address}")).arg(format!("--oidc-issuer-url={ISSUER}")).arg(format!("--client-id={AUDIENCE}"));
        command.arg(format!("--oidc-jwks-url=http://{keys}/certs")).arg(format!("--login-url=http://{keys}/login"));
        command.arg(format!("--redeem-url=http://{keys}/token")).arg(format!("--upstream=http://{}", provider.upstream));
        // One thread for the one core, as it would find by itself on such a machine.
        command.env("GOMAXPROCS", "1");
        let mut running = started(&mut command, &directory)?;
        until_answered(&mut running, address, &http::get("api.test", "/ping"), 200).await?;
        Ok(Self { running, address })
    }

    pub(super) fn pid(&self) -> u32 {
        self.running.pid()
    }
}

/// Starts a server with its log in this directory.
fn started(command: &mut Command, directory: &Path) -> Result<Running, String> {
    let log = File::create(directory.join("server.log")).map_err(|error| error.to_string())?;
    let output = log.try_clone().map_err(|error| error.to_string())?;
    Running::start(command.stdin(Stdio::null()).stdout(output).stderr(log))
}

async fn until_answered(running: &mut Running, address: SocketAddr, request: &[u8], status: u16) -> Result<(), String> {
    let until = Instant::now() + START_PATIENCE;
    loop {
        if let Ok(mut connection) = Connection::open(address).await
            && connection.send(request).await.is_ok_and(|answer| answer.status == status)
        {
            return Ok(());
        }
        if let Some(status) = running.ended(PAUSE).await? {
            return Err(format!("a server ended with {status}; its log is server.log in its directory under target/bench/gateway"));
        }
        if Instant::now() >= until {
            return Err("a server is not ready; its log is server.log in its directory under target/bench/gateway".to_owned());
        }
    }
}
