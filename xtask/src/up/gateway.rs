//! The gateway of `cargo xtask up`: its addresses, its configuration, and what is told of it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::workspace;

/// For whom the sample API's assertions are.
const AUDIENCE: &str = "sample-api";

/// How long to wait for an answer of a program on this machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Where everything is.
pub(super) struct Gateway {
    /// The server's host and port, as clients say them.
    server: String,
    /// The gateway's.
    address: String,
    listen: SocketAddr,
    management: SocketAddr,
}

impl Gateway {
    /// The gateway before a server with this env-file. Its name is the server's: the certificate and its authority are.
    pub(super) fn plan(listen: SocketAddr, env: &str) -> Result<Self, String> {
        let server = value(env, "KC_ADDR").ok_or("the server's env-file has no KC_ADDR")?.to_owned();
        let listen = with_port(listen)?;
        let management = with_port(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let host = match server.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &server,
        };
        let address = if listen.port() == 443 { host.to_owned() } else { format!("{host}:{}", listen.port()) };
        Ok(Self { address, server, listen, management })
    }

    /// The command that starts the API.
    pub(super) fn sample_api(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(workspace::root()).args(["sample-api", "--issuer", &self.issuer(), "--audience", AUDIENCE]);
        command.args(["--keys-url", &format!("http://{}/jwks", self.management)]);
        command
    }

    /// Writes the configuration. `said` is what the API printed: its address.
    pub(super) fn configure(&self, data: &Path, said: &str) -> Result<PathBuf, String> {
        let upstream = said.trim().strip_prefix("ready: ").and_then(|url| url.strip_suffix("/api/whoami"));
        let upstream = upstream.ok_or_else(|| format!("the sample API did not say where it is: {said}"))?;
        let path = data.join("gateway.toml");
        std::fs::write(&path, self.configuration(upstream)).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }

    fn configuration(&self, upstream: &str) -> String {
        let Self { server, listen, management, .. } = self;
        let issuer = self.issuer();
        format!(
            r#"# Written anew at every start of `cargo xtask up`; while it runs, a change counts within a second. `freshkey-gateway config default` explains every key.
default = "deny"
trusted_proxies = []

[proxy]
listen = "{listen}"
# The server's certificate: it is for the names of this machine, and clients trust its authority already.
certificate = "server.pem"
key = "server.key"

[management]
listen = "{management}"

[assertion]
issuer = "{issuer}"

[[issuers]]
issuer = "https://{server}/realms/UA"
# What `aud` is in tokens of a realm whose clients have no audience mapper. An API of your own has an audience of its own.
audiences = ["account"]
algorithms = ["RS256"]
authorized_parties = ["ua-grant", "ua"]
ca_file = "ca.pem"

[[applications]]
name = "{AUDIENCE}"
hosts = ["*"]
upstream = {{ url = "{upstream}" }}
assertion_audience = "{AUDIENCE}"

[[applications.rules]]
name = "api"
paths = ["/api/**"]
allow = "authenticated"
"#
        )
    }

    /// Who signs the assertions.
    fn issuer(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Whether it can judge tokens, and is listening.
    pub(super) fn answers(&self) -> bool {
        is_ready(self.management).unwrap_or(false) && TcpStream::connect_timeout(&reachable(self.listen), ANSWER_TIMEOUT).is_ok()
    }

    /// The line that the env-file gets.
    pub(super) fn assignment(&self) -> String {
        format!("GATEWAY_ADDR='{}'\n", self.address)
    }

    /// What the page gets.
    pub(super) fn last_step(&self) -> String {
        format!(
            r#"
# Use the access token at an API. The gateway checks it, and the API is told who calls
{}curl --cacert "$KC_CACERT" --header "Authorization: Bearer $ACCESS_TOKEN" "https://$GATEWAY_ADDR/api/whoami"
"#,
            self.assignment()
        )
    }
}

/// The command that starts the gateway.
pub(super) fn command(program: &Path, configuration: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).args(["serve", "--config"]).arg(configuration);
    command
}

/// Writes the env-file, for its owner alone: there are passwords in it.
pub(super) fn write_env(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = std::fs::remove_file(&new);
    options.open(&new).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)
}

/// A value of an env-file. None that is asked for here has a quote in it.
fn value<'e>(env: &'e str, name: &str) -> Option<&'e str> {
    let line = env.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(line.trim_matches('\''))
}

/// The address with a port that is free, if any will do.
fn with_port(address: SocketAddr) -> Result<SocketAddr, String> {
    if address.port() != 0 {
        return Ok(address);
    }
    let listener = TcpListener::bind(address).map_err(|error| format!("{address} cannot be listened on: {error}"))?;
    listener.local_addr().map_err(|error| format!("{address} cannot be listened on: {error}"))
}

/// An address that is listened on everywhere is reached at home.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let home = if listening.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
    SocketAddr::new(if listening.ip().is_unspecified() { home } else { listening.ip() }, listening.port())
}

fn is_ready(management: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&management, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(format!("GET /health/ready HTTP/1.1\r\nHost: {management}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning)?;
    Ok(&beginning == b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(server: &str, listen: &str) -> Gateway {
        Gateway::plan(listen.parse().expect("an address"), &format!("KC_ADDR='{server}'\nKC_CACERT='/x'\n")).expect("planned")
    }

    #[test]
    fn the_gateway_has_the_servers_name_and_a_port_of_its_own() {
        assert_eq!(plan("localhost:8443", "127.0.0.1:8444").assignment(), "GATEWAY_ADDR='localhost:8444'\n");
        assert_eq!(plan("keys.example.org", "0.0.0.0:443").address, "keys.example.org");
        assert_eq!(plan("[::1]:8443", "[::1]:8444").address, "[::1]:8444");
    }

    #[test]
    fn a_port_that_is_left_open_is_chosen() {
        let gateway = plan("localhost:8443", "127.0.0.1:0");
        assert_ne!(gateway.listen.port(), 0);
        assert!(gateway.configuration("http://127.0.0.1:1").contains(&format!("listen = \"{}\"", gateway.listen)));
    }
}
