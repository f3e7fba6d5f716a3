//! The load: so many connections, each sending its next request when the last one is answered. Every status is looked at.

use crate::http::{self, Connection};
use crate::load::spin;
use crate::process::CpuTime;
use crate::statistics::{Waits, microseconds};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Requests as they go over the wire, sent in turn.
pub(super) type Requests = Arc<Vec<Vec<u8>>>;

/// What came of a round, or of some of them.
#[derive(Default)]
pub(super) struct Round {
    pub(super) waits: Waits,
    requests: usize,
    cpu_ns: u64,
}

impl Round {
    /// Adds the requests of another, and what they cost. Waits of several rounds have no use yet, and are not joined.
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.cpu_ns += other.cpu_ns;
    }

    /// CPU time of the process that was loaded, for one request.
    pub(super) fn cpu_us(&self) -> f64 {
        self.cpu_ns as f64 / 1e3 / self.requests.max(1) as f64
    }
}

/// What a proxy asks about requests with these tokens.
pub(super) fn described(tokens: &[String], path: &str) -> Requests {
    let headers = "X-Original-Method: GET\r\nX-Original-Host: api.test\r\nX-Original-URI: /api/things?x=1\r\nX-Real-IP: 192.0.2.1\r\n";
    Arc::new(tokens.iter().map(|token| http::get_with("api.test", path, &format!("{headers}Authorization: Bearer {token}\r\n"))).collect())
}

/// The requests themselves.
pub(super) fn plain(tokens: &[String], host: &str, path: &str) -> Requests {
    Arc::new(tokens.iter().map(|token| http::get_with(host, path, &format!("Authorization: Bearer {token}\r\n"))).collect())
}

/// Whoever lets everybody in would be fast.
pub(super) async fn refuses(address: SocketAddr, path: &str, token: &str) -> Result<(), String> {
    let (signed, _) = token.rsplit_once('.').ok_or("a token has three parts")?;
    let requests = described(&[format!("{signed}.{}", "A".repeat(342))], path);
    let mut connection = Connection::open(address).await?;
    let answer = connection.send(&requests[0]).await?;
    if answer.status == 401 { Ok(()) } else { Err(format!("a token with another signature was not refused: {}", answer.shown())) }
}

/// Loads an address for so many seconds; each answer must have this status.
pub(super) async fn round(
    address: SocketAddr,
    requests: Requests,
    status: u16,
    connections: usize,
    seconds: f64,
    pid: Option<u32>,
) -> Result<Round, String> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    // Ended when this function is left, whichever way.
    let mut spinners = JoinSet::new();
    spinners.spawn(spin());
    let before = pid.map(CpuTime::of).transpose()?;
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut tasks = JoinSet::new();
    for mut connection in opened {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while Instant::now() < until {
                let request = &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()];
                let begun = Instant::now();
                let answer = connection.send(request).await?;
                waits.push(microseconds(begun.elapsed()));
                if answer.status != status {
                    return Err(format!("not the expected {status}: {}", answer.shown()));
                }
            }
            Ok(waits)
        });
    }
    let mut waits = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        waits.append(&mut ended.map_err(|error| error.to_string())??);
    }
    let cpu_ns = match (pid, before) {
        (Some(pid), Some(before)) => CpuTime::of(pid)?.since(&before),
        _ => 0,
    };
    Ok(Round { requests: waits.len(), cpu_ns, waits: Waits::of(waits) })
}

/// Shows each token once.
pub(super) async fn all_once(address: SocketAddr, tokens: impl Iterator<Item = Result<String, String>>) -> Result<(), String> {
    let mut connection = Connection::open(address).await?;
    for token in tokens {
        let requests = described(&[token?], "/");
        let answer = connection.send(&requests[0]).await?;
        if answer.status != 200 {
            return Err(format!("a token was refused: {}", answer.shown()));
        }
    }
    Ok(())
}
