//! The way to a provider: its name, a connection, and the proxy that the environment puts between. The proxy is found exactly as the transport finds it.

use super::{Check, Cure, Patient, Report, shell_word};
use crate::failure::{Failure, FailureKind, shown};
use crate::profile::is_loopback;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Url;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::time::Duration;

/// How long a name server, a connection, or one read may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a proxy's answer to a request for a tunnel.
const TUNNEL_ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What is in the way.
#[derive(Debug, Clone)]
pub struct Obstacle {
    /// Where it was met.
    pub check: Check,
    kind: FailureKind,
    says: String,
    cure: Cure,
}

impl Obstacle {
    /// As a failure.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure::new(self.kind, self.says.clone()).with_hint(self.cure.told())
    }

    fn new(check: Check, says: String, cure: Cure) -> Self {
        Self { check, kind: FailureKind::Unavailable, says, cure }
    }
}

/// A connection to a provider, and how it was made.
pub struct Reached {
    /// To the provider, through the proxy if there is one.
    pub stream: TcpStream,
    /// The provider's address as it was written.
    pub url: Url,
    via: Option<String>,
}

/// Connects to the host of an address, as the transport would.
pub fn reach(url: &Url) -> Result<Reached, Obstacle> {
    let (host, port) = host_and_port(url);
    match proxy_for(url) {
        Some(proxy) if ["http", ""].contains(&proxy.uri().scheme_str().unwrap_or_default()) => tunnel(url, &proxy),
        Some(proxy) => {
            let says = format!("the proxy for {host} is {}, of a kind that is not used", shown(&proxy.uri().to_string()));
            Err(Obstacle::new(Check::Proxy, says, bypass(&host)))
        }
        None => connect(&host, port, || misspelt(url)).map(|stream| Reached { stream, url: url.clone(), via: None }),
    }
}

pub(super) fn examine(report: &mut Report<'_>, patient: &Patient<'_>) -> Option<Reached> {
    let url = match crate::profile::secure_url(patient.place()) {
        Ok(url) => url,
        Err(why) => {
            let says = format!("{} cannot be a provider: {why}", shown(patient.place()));
            report.problem(Check::Address, FailureKind::Untrusted, says, Cure::advice(patient.signs_in_at("URL")));
            return None;
        }
    };
    match reach(&url) {
        Ok(reached) => {
            let (host, port) = host_and_port(&url);
            let way = reached.via.as_ref().map(|via| format!(" through the proxy {via}")).unwrap_or_default();
            report.ok(Check::Connection, format!("{host} answers at port {port}{way}"));
            Some(reached)
        }
        Err(obstacle) => {
            let cure = match obstacle.cure {
                // Where the profile is known, the right command has its name in it.
                Cure { advice: Some(advice), command: None } => {
                    Cure::advice(format!("{advice}; if the issuer is another one, `{}`", patient.signs_in_at("URL")))
                }
                cure => cure,
            };
            report.problem(obstacle.check, obstacle.kind, obstacle.says, cure);
            None
        }
    }
}

/// The host without the brackets of an IPv6 address, and the port.
#[must_use]
pub fn host_and_port(url: &Url) -> (String, u16) {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    (host, url.port_or_known_default().unwrap_or(443))
}

fn proxy_for(url: &Url) -> Option<Intercept> {
    if is_loopback(url) {
        return None;
    }
    Matcher::from_env().intercept(&url.as_str().parse().ok()?)
}

fn connect(host: &str, port: u16, cure: impl Fn() -> Cure) -> Result<TcpStream, Obstacle> {
    let addresses = addresses(host, port)
        .map_err(|why| Obstacle::new(Check::Address, format!("the name {} has no address: {}", shown(host), shown(&why)), cure()))?;
    let mut last = (None, io::Error::from(ErrorKind::AddrNotAvailable));
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                // A stream without a patience could hang; one whose patience can't be set does not exist.
                let _ = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                return Ok(stream);
            }
            Err(error) => last = (Some(address.ip()), error),
        }
    }
    let (address, error) = last;
    let at = address.filter(|ip| host.parse::<IpAddr>().ok() != Some(*ip)).map(|ip| format!(" ({ip})")).unwrap_or_default();
    let says = match error.kind() {
        ErrorKind::ConnectionRefused => format!("nobody listens on port {port} of {host}{at}"),
        ErrorKind::TimedOut => format!("port {port} of {host}{at} does not answer: a firewall may block it, or the machine is off"),
        _ => format!("there is no way to port {port} of {host}{at}: {error}"),
    };
    Err(Obstacle::new(Check::Connection, says, cure()))
}

/// In a thread of its own, since a name server that is silent holds its callers for longer than anybody waits.
fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let (sender, receiver) = mpsc::channel();
    let wanted = (host.to_owned(), port);
    std::thread::spawn(move || drop(sender.send(wanted.to_socket_addrs().map(Iterator::collect::<Vec<_>>))));
    match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(found)) if found.is_empty() => Err("the name servers know none".to_owned()),
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no name server answered within {} s", PATIENCE.as_secs())),
    }
}

/// A tunnel through a proxy (RFC 9110 §9.3.6).
fn tunnel(url: &Url, proxy: &Intercept) -> Result<Reached, Obstacle> {
    let (host, port) = host_and_port(url);
    let uri = proxy.uri();
    let (proxy_host, proxy_port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let via = format!("{proxy_host}:{proxy_port}");
    let through = |obstacle: Obstacle| Obstacle {
        check: Check::Proxy,
        says: format!("the proxy {via} cannot be reached: {}", obstacle.says),
        cure: bypass(&host),
        ..obstacle
    };
    let mut stream = connect(proxy_host, proxy_port, || bypass(&host)).map_err(through)?;
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let credentials = proxy.basic_auth().and_then(|header| header.to_str().ok());
    let credentials = credentials.map(|header| format!("Proxy-Authorization: {header}\r\n")).unwrap_or_default();
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{credentials}\r\n");
    let refused = |what: String| Obstacle::new(Check::Proxy, format!("the proxy {via} {what}"), bypass(&host));
    match stream.write_all(request.as_bytes()).and_then(|()| tunnel_status(&mut stream)) {
        Ok(200..=299) => Ok(Reached { stream, url: url.clone(), via: Some(via) }),
        Ok(407) => Err(refused(format!("wants a name and a password before it lets anybody through to {host} (407)"))),
        Ok(status) => Err(refused(format!("does not let us through to {authority} ({status})"))),
        Err(error) => Err(refused(format!("does not answer as a proxy: {error}"))),
    }
}

/// Byte by byte, so that nothing of the provider's is taken along.
fn tunnel_status(stream: &mut TcpStream) -> io::Result<u16> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < TUNNEL_ANSWER_BYTES_MAX {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let text = String::from_utf8_lossy(&head);
    let status = text.split(' ').nth(1).filter(|_| text.starts_with("HTTP/1.")).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "it speaks no HTTP"))
}

/// An agent that runs has the environment of its start.
fn bypass(host: &str) -> Cure {
    let host = shell_word(host);
    let advice = format!("if {host} can be reached without the proxy");
    Cure::both(advice, format!("export NO_PROXY=\"${{NO_PROXY:+$NO_PROXY,}}\"{host}; freshkey agent stop"))
}

fn misspelt(url: &Url) -> Cure {
    Cure::advice(format!("check how {} is spelled, whether a VPN is needed, and whether the provider is up", shown(url.as_str())))
}
