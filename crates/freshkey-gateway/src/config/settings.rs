//! What is set once, at the start: listeners and logs. A change of these needs a restart; everything else is taken over while running.

use super::file::{GatewayFile, ListenTable, LogTable, ProxyTable};
use super::load::Purpose;
use super::problems::Complaints;
use freshkey_service::logging::{Colour, LogFormat, LogSettings};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The settings of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The reverse proxy.
    pub proxy: Option<ProxySettings>,
    /// The endpoint for other proxies.
    pub forward_auth: Option<ForwardAuthSettings>,
    /// The endpoint for Envoy.
    pub ext_authz: Option<SocketAddr>,
    /// Health, metrics, and the key of assertions.
    pub management: Option<SocketAddr>,
    /// Logs.
    pub log: LogSettings,
    /// How many verified tokens are remembered.
    pub cached_tokens: usize,
}

/// The reverse proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its certificate; in clear without.
    pub tls: Option<TlsFiles>,
    /// Connections held at the same time.
    pub connections_max: usize,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, with its chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// The endpoint for other proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardAuthSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How the proxy describes a request.
    pub headers: ForwardAuthHeaders,
}

/// How a proxy describes a request. It must be said, because a proxy passes on the headers of the other kind as its callers wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardAuthHeaders {
    /// `X-Original-Method`, `X-Original-Host`, `X-Original-URI`: nginx and HAProxy, as the guide configures them.
    Original,
    /// `X-Forwarded-Method`, `X-Forwarded-Host`, `X-Forwarded-Uri`: Traefik and Caddy.
    Forwarded,
}

impl Settings {
    pub(super) fn read(file: &GatewayFile, directory: &Path, purpose: Purpose, complaints: &mut Complaints<'_>) -> Self {
        let settings = Self {
            proxy: file.proxy.as_ref().and_then(|table| proxy(table, directory, complaints)),
            forward_auth: file.forward_auth.as_ref().and_then(|table| {
                let listen = address("forward_auth.listen", table.listen.as_deref(), complaints);
                let headers = match table.headers.as_deref() {
                    Some("x-original") => Some(ForwardAuthHeaders::Original),
                    Some("x-forwarded") => Some(ForwardAuthHeaders::Forwarded),
                    _ => {
                        complaints.add(
                            "forward_auth.headers",
                            "is required: write headers = \"x-original\" for nginx and HAProxy, or \"x-forwarded\" for Traefik and Caddy",
                        );
                        None
                    }
                };
                Some(ForwardAuthSettings { listen: listen?, headers: headers? })
            }),
            ext_authz: listen("ext_authz.listen", file.ext_authz.as_ref(), complaints),
            management: listen("management.listen", file.management.as_ref(), complaints),
            log: log(file.log.as_ref(), complaints),
            cached_tokens: usize::try_from(file.cached_tokens.unwrap_or(100_000)).unwrap_or(usize::MAX),
        };
        if purpose == Purpose::Gateway && file.proxy.is_none() && file.forward_auth.is_none() && file.ext_authz.is_none() {
            complaints.add("proxy", "there is no front: write [proxy], [forward_auth] or [ext_authz] with listen = \"127.0.0.1:8444\"");
        }
        settings
    }
}

fn listen(key: &str, table: Option<&ListenTable>, complaints: &mut Complaints<'_>) -> Option<SocketAddr> {
    table.and_then(|table| address(key, table.listen.as_deref(), complaints))
}

fn address(key: &str, text: Option<&str>, complaints: &mut Complaints<'_>) -> Option<SocketAddr> {
    match text {
        Some(text) => complaints.parsed(key, text, "an address and a port, such as 127.0.0.1:8444", |text| text.parse().ok()),
        None => {
            complaints.add(key, "is required: write listen = \"127.0.0.1:8444\"");
            None
        }
    }
}

fn proxy(table: &ProxyTable, directory: &Path, complaints: &mut Complaints<'_>) -> Option<ProxySettings> {
    let listen = address("proxy.listen", table.listen.as_deref(), complaints);
    let files = table.certificate.as_ref().zip(table.key.as_ref());
    let tls = match (table.tls.as_deref(), files) {
        (Some("off"), None) => None,
        (None | Some("files"), Some((certificate, key))) => {
            Some(TlsFiles { certificate: directory.join(certificate), key: directory.join(key) })
        }
        _ => {
            complaints.add(
                "proxy.tls",
                "write certificate = \"FILE\" and key = \"FILE\", or tls = \"off\" where another proxy in front does the encryption",
            );
            return None;
        }
    };
    let connections_max = usize::try_from(table.connections_max.unwrap_or(16_384).max(1)).unwrap_or(usize::MAX);
    Some(ProxySettings { listen: listen?, tls, connections_max })
}

fn log(table: Option<&LogTable>, complaints: &mut Complaints<'_>) -> LogSettings {
    let level = table.and_then(|table| table.level.clone()).unwrap_or_else(|| "info".to_owned());
    let format = match table.and_then(|table| table.format.as_deref()) {
        None | Some("human") => LogFormat::Human,
        Some("json") => LogFormat::Json,
        Some(other) => {
            complaints.add("log.format", format!("{other:?} is not \"human\" or \"json\""));
            LogFormat::Human
        }
    };
    LogSettings { level, format, colour: Colour::Auto }
}
