//! The five loads, and the rounds of each: first as fast as the server answers, then at a fixed rate. Every answer is looked at.

use super::realm::{API, APP, REALM, SECRET, endpoint};
use super::sign_in::Signed;
use super::subject::Subject;
use super::{Order, SHARE_OF_SATURATION, open_loop, usage};
use crate::http::{self, Answer, Connection};
use crate::load::Random;
use crate::statistics::{Spread, Waits, microseconds};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What a server does after its answer, such as writing events, still belongs to the round.
const SETTLE: Duration = Duration::from_millis(300);

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    OfflineRefresh,
    OnlineRefresh,
    ClientCredentials,
    Introspection,
    Discovery,
}

/// The requests of a load, ready to be sent, and what has to be in every answer.
#[derive(Clone)]
pub(super) struct Requests {
    pub(super) all: Arc<Vec<Vec<u8>>>,
    marks: &'static [&'static [u8]],
}

/// What one load came to on one server.
pub(super) struct Loaded {
    pub(super) load: Load,
    pub(super) per_cpu_second: Spread,
    /// Last rounds over first rounds of that: clearly above 1 while a virtual machine still compiles.
    pub(super) drift: f64,
    pub(super) per_second: Spread,
    pub(super) closed: Percentiles,
    /// Requests per second of the open loop.
    pub(super) rate: f64,
    pub(super) open: Percentiles,
}

/// Of the rounds of one loop, in milliseconds.
pub(super) struct Percentiles {
    pub(super) p50_ms: Spread,
    pub(super) p99_ms: Spread,
}

/// Connections that are free again, and the waits of a round in microseconds.
pub(super) struct Driven {
    pub(super) connections: Vec<Connection>,
    pub(super) waits: Vec<u32>,
}

impl Load {
    pub(super) const ALL: [Self; 5] =
        [Self::OfflineRefresh, Self::OnlineRefresh, Self::ClientCredentials, Self::Introspection, Self::Discovery];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::OfflineRefresh => "offline refresh",
            Self::OnlineRefresh => "online refresh",
            Self::ClientCredentials => "client credentials",
            Self::Introspection => "introspection",
            Self::Discovery => "discovery",
        }
    }

    pub(super) fn requests(self, subject: &Subject, signed: &Signed) -> Requests {
        let host = &subject.host;
        let refresh = |token: &String| {
            http::form(host, &endpoint("token"), &[("grant_type", "refresh_token"), ("client_id", APP), ("refresh_token", token)])
        };
        let introspect = |token: &String| {
            http::form(host, &endpoint("token/introspect"), &[("client_id", API), ("client_secret", SECRET), ("token", token)])
        };
        let client = [("grant_type", "client_credentials"), ("client_id", API), ("client_secret", SECRET)];
        let all: Vec<Vec<u8>> = match self {
            Self::OfflineRefresh => signed.offline.iter().map(refresh).collect(),
            Self::OnlineRefresh => signed.online.iter().map(refresh).collect(),
            Self::ClientCredentials => vec![http::form(host, &endpoint("token"), &client)],
            Self::Introspection => signed.access.iter().map(introspect).collect(),
            Self::Discovery => vec![http::get(host, &format!("/realms/{REALM}/.well-known/openid-configuration"))],
        };
        Requests { all: Arc::new(all), marks: self.marks() }
    }

    fn marks(self) -> &'static [&'static [u8]] {
        match self {
            Self::OfflineRefresh | Self::OnlineRefresh => &[br#""access_token":"ey"#, br#""refresh_token":"ey"#, br#""id_token":"ey"#],
            Self::ClientCredentials => &[br#""access_token":"ey"#],
            Self::Introspection => &[br#""active":true"#],
            Self::Discovery => &[br#""issuer":"http"#, br#""token_endpoint":"http"#],
        }
    }
}

impl Requests {
    pub(super) fn check(&self, answer: &Answer<'_>) -> Result<(), String> {
        let is_marked = self.marks.iter().all(|mark| memchr::memmem::find(&answer.body, mark).is_some());
        if answer.status == 200 && is_marked { Ok(()) } else { Err(format!("not the expected answer: {}", answer.shown())) }
    }

    /// Any of those that belong to this connection, so that no two use one session at once.
    pub(super) fn one_of(&self, random: &mut Random, connection: usize, connections: usize) -> &[u8] {
        let share = self.all.len() / connections;
        let at = if share == 0 { 0 } else { random.below(share) * connections + connection };
        &self.all[at]
    }
}

impl Percentiles {
    fn of(rounds: Vec<Vec<u32>>) -> Self {
        let rounds: Vec<Waits> = rounds.into_iter().map(Waits::of).collect();
        let spread = |percent: f64| Spread::of(rounds.iter().map(|waits| waits.percentile_ms(percent)));
        Self { p50_ms: spread(50.0), p99_ms: spread(99.0) }
    }
}

pub(super) async fn connections(subject: &Subject, count: usize) -> Result<Vec<Connection>, String> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(Connection::open(subject.address).await?);
    }
    Ok(all)
}

/// All rounds of one load. Without a rate the open loop gets a share of what the closed one has reached.
pub(super) async fn measure(
    subject: &Subject,
    order: &Order,
    load: Load,
    requests: &Requests,
    mut connections: Vec<Connection>,
    rate: Option<f64>,
) -> Result<(Loaded, Vec<Connection>), String> {
    let (mut per_cpu_second, mut per_second, mut closed_waits, mut open_waits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..order.rounds {
        let (begun, before) = (Instant::now(), usage::cpu_ns(subject.pid())?);
        let driven = closed(connections, requests, order.seconds).await?;
        let elapsed = begun.elapsed();
        sleep(SETTLE).await;
        let cpu_ns = usage::cpu_ns(subject.pid())?.saturating_sub(before).max(1);
        let count = driven.waits.len() as f64;
        per_cpu_second.push(count * 1e9 / cpu_ns as f64);
        per_second.push(count / elapsed.as_secs_f64());
        closed_waits.push(driven.waits);
        connections = driven.connections;
    }
    let drift = drift(&per_cpu_second);
    let (per_cpu_second, per_second) = (Spread::of(per_cpu_second), Spread::of(per_second));
    let rate = rate.unwrap_or((per_second.median * SHARE_OF_SATURATION).max(1.0).round());
    for _ in 0..order.rounds {
        let driven = open_loop::drive(connections, requests, rate, order.seconds).await?;
        sleep(SETTLE).await;
        open_waits.push(driven.waits);
        connections = driven.connections;
    }
    let loaded =
        Loaded { load, per_cpu_second, drift, per_second, closed: Percentiles::of(closed_waits), rate, open: Percentiles::of(open_waits) };
    eprintln!(
        "  {}: {:.0} per CPU second ({:.0} to {:.0}), {:.0}/s, p99 {:.2} ms; at {rate:.0}/s p50 {:.2} ms, p99 {:.2} ms",
        load.as_str(),
        loaded.per_cpu_second.median,
        loaded.per_cpu_second.least,
        loaded.per_cpu_second.most,
        loaded.per_second.median,
        loaded.closed.p99_ms.median,
        loaded.open.p50_ms.median,
        loaded.open.p99_ms.median
    );
    Ok((loaded, connections))
}

/// The last two of several values over the first two.
fn drift(values: &[f64]) -> f64 {
    let (first, last): (f64, f64) = (values.iter().take(2).sum(), values.iter().rev().take(2).sum());
    if first > 0.0 { last / first } else { 1.0 }
}

/// Each connection sends its next request when the last one is answered.
pub(super) async fn closed(connections: Vec<Connection>, requests: &Requests, seconds: f64) -> Result<Driven, String> {
    let count = connections.len();
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut tasks = JoinSet::new();
    for (number, mut connection) in connections.into_iter().enumerate() {
        let requests = requests.clone();
        tasks.spawn(async move {
            let (mut random, mut waits) = (Random(number as u64), Vec::new());
            while Instant::now() < until {
                let begun = Instant::now();
                let answer = connection.send(requests.one_of(&mut random, number, count)).await?;
                waits.push(microseconds(begun.elapsed()));
                requests.check(&answer)?;
            }
            Ok((connection, waits))
        });
    }
    joined(tasks).await
}

/// Waits for all connections of a round.
pub(super) async fn joined(mut tasks: JoinSet<Result<(Connection, Vec<u32>), String>>) -> Result<Driven, String> {
    let mut driven = Driven { connections: Vec::new(), waits: Vec::new() };
    while let Some(ended) = tasks.join_next().await {
        let (connection, mut waits) = ended.map_err(|error| error.to_string())??;
        driven.waits.append(&mut waits);
        driven.connections.push(connection);
    }
    Ok(driven)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(load: Load, count: u8) -> Requests {
        Requests { all: Arc::new((0..count).map(|number| vec![number]).collect()), marks: load.marks() }
    }

    #[test]
    fn an_answer_that_is_not_the_expected_one_ends_the_run_and_is_shown() {
        let checked = |load, status, body: &'static str| requests(load, 1).check(&Answer { status, body: body.as_bytes().into() });
        assert_eq!(checked(Load::Introspection, 200, r#"{"active":true}"#), Ok(()));
        assert_eq!(checked(Load::ClientCredentials, 200, r#"{"access_token":"ey1"}"#), Ok(()));
        for (load, status, body) in [
            (Load::Introspection, 200, r#"{"active":false}"#),
            (Load::Introspection, 500, r#"{"active":true}"#),
            (Load::OfflineRefresh, 200, r#"{"access_token":"ey1","refresh_token":"ey2"}"#),
            (Load::Discovery, 200, "{}"),
        ] {
            let refused = checked(load, status, body).expect_err("not as expected");
            assert!(refused.contains(&format!("{status} {body}")), "{refused}");
        }
    }

    #[test]
    fn a_server_that_becomes_faster_is_told_from_one_that_is_warm() {
        assert!((drift(&[100.0, 110.0, 120.0, 130.0, 185.0]) - 1.5).abs() < 1e-9);
        assert!((drift(&[100.0, 100.0, 300.0, 100.0, 100.0]) - 1.0).abs() < 1e-9);
        assert!((drift(&[]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn no_two_connections_use_one_session() {
        let (requests, mut random) = (requests(Load::OfflineRefresh, 20), Random(1));
        for connection in 0..8 {
            for _ in 0..100 {
                assert_eq!(usize::from(requests.one_of(&mut random, connection, 8)[0]) % 8, connection);
            }
        }
    }

    #[test]
    fn a_request_without_a_session_is_everybodys() {
        let (requests, mut random) = (requests(Load::Discovery, 1), Random(1));
        assert_eq!(requests.one_of(&mut random, 7, 8), [0]);
    }
}
