//! A provider, an application, and a gateway between them.

mod application;
mod authority;
mod http2;
mod provider;

pub(crate) use application::Application;
pub(crate) use authority::{Authority, tls_before};
pub(crate) use http2::Http2;
pub(crate) use provider::{Provider, claims, key_set};

use freshkey_gateway::clock::FixedClock;
use freshkey_gateway::config::load;
use freshkey_gateway::service::{Service, Watched};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The second at which every test begins.
pub(crate) const START_S: i64 = 1_800_000_000;

/// A gateway with its files.
pub(crate) struct Gateway {
    pub(crate) service: Service,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) directory: TempDir,
}

/// An answer, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Gateway {
    /// A gateway that has its provider's keys.
    pub(crate) async fn start(configuration: &str, provider: &Provider, application: &Application) -> Self {
        let gateway = Self::start_unready(configuration, provider, application).await;
        gateway.until_ready().await;
        gateway
    }

    /// A gateway with this configuration; `{provider}` and `{application}` in it are their addresses.
    pub(crate) async fn start_unready(configuration: &str, provider: &Provider, application: &Application) -> Self {
        let directory = TempDir::new().expect("a directory");
        let text =
            configuration.replace("{provider}", &provider.address.to_string()).replace("{application}", &application.address.to_string());
        let path = directory.path().join("gateway.toml");
        std::fs::write(&path, text).expect("written");
        let loaded = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        let watched = Watched::new(&path, &loaded);
        let clock = Arc::new(FixedClock::at_s(START_S));
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let mut service = Service::start(loaded, Arc::clone(&clock) as _, metrics).await.expect("started");
        service.follow_files(watched);
        Self { service, clock, directory }
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.directory.path().join("gateway.toml")
    }

    /// Changes the configuration, and waits until it is in force.
    pub(crate) async fn change(&self, change: impl FnOnce(&str) -> String) {
        let before = self.service.gate.snapshot().policy.generation;
        let text = std::fs::read_to_string(self.configuration()).expect("readable");
        std::fs::write(self.configuration(), change(&text)).expect("written");
        for _ in 0..2000 {
            if self.service.gate.snapshot().policy.generation != before {
                return;
            }
            pause().await;
        }
        panic!("the new configuration did not come into force");
    }

    /// What looks after the configuration, as if it had read this text before.
    pub(crate) fn watched_as(&self, text: &str) -> Watched {
        let path = self.directory.path().join("before.toml");
        std::fs::write(&path, text).expect("written");
        let mut loaded = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        loaded.files = vec![path];
        let watched = Watched::new(&self.configuration(), &loaded);
        std::fs::remove_file(self.directory.path().join("before.toml")).expect("removed");
        watched
    }

    pub(crate) async fn until_ready(&self) {
        for _ in 0..2000 {
            if self.service.gate.snapshot().is_ready() {
                return;
            }
            pause().await;
        }
        panic!("the provider's keys did not come");
    }

    pub(crate) fn proxy(&self) -> SocketAddr {
        self.service.addresses.proxy.expect("a proxy")
    }

    /// Asks the proxy.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        ask(self.proxy(), "GET", path, "api.test", headers).await
    }

    /// Asks the proxy with a token.
    pub(crate) async fn get_with(&self, path: &str, token: &str) -> Answer {
        self.get(path, &[("Authorization", &format!("Bearer {token}"))]).await
    }
}

/// A moment, for who waits for another task. What it waits for is looked at again and again, so that the length of it decides nothing.
pub(crate) async fn pause() {
    let _ = tokio::time::timeout(std::time::Duration::from_millis(10), std::future::pending::<()>()).await;
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &str| line.split_once(':').is_some_and(|(own, _)| own.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| of(line)).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    /// What the application said it got.
    pub(crate) fn seen(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no answer of the application: {self:?}"))
    }
}

/// One request on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str, host: &str, headers: &[(&str, &str)]) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    raw(address, text.as_bytes()).await
}

/// Bytes on a connection of their own, and everything that comes back.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(bytes).await.expect("sent");
    let mut received = Vec::new();
    // A peer that closes before it has read everything resets; what came before that counts.
    let _ = stream.read_to_end(&mut received).await;
    let text = String::from_utf8_lossy(&received).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
    Answer { status, head: head.to_owned(), body }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
