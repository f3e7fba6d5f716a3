//! `cargo xtask bench --against keycloak`: the same load on a Keycloak and on ours, one after the other, each on the same core and with the
//! same PostgreSQL beside it. No budgets and no verdict: two columns of numbers and their ratio.

mod load;
mod open_loop;
mod realm;
mod report;
mod sign_in;
mod subject;
mod usage;

use crate::machine;
use crate::plan::Cores;
use crate::statistics::Spread;
use freshkey_testkit::databases::TestPostgres;
use load::{Load, Loaded};
use serde::Deserialize;
use sign_in::Signed;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use subject::{Peer, Subject};

/// A program without a compiler of its own is warm after so many seconds.
const WARM_UP_OURS_S: f64 = 3.0;
/// The fixed rate of the open loop, as a part of what the slower of the two can do.
const SHARE_OF_SATURATION: f64 = 0.5;

/// The order. `xtask/src/bench.rs` writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// The release build of `freshkey-server`.
    server: PathBuf,
    keycloak: Keycloak,
    /// Where configuration and logs go. Emptied first.
    directory: PathBuf,
    /// The lock that all benchmarks of this repository share.
    lock: PathBuf,
    rounds: usize,
    /// Of a round of each loop.
    seconds: f64,
    connections: usize,
    /// As many users, offline sessions and online sessions.
    users: usize,
    /// Of Keycloak, before each load.
    warm_up_s: f64,
    starts: usize,
    /// `None` on a machine with one core: nothing is pinned then.
    cores: Option<Cores>,
    /// The document that takes the table.
    write: Option<PathBuf>,
    /// What was typed.
    command: String,
}

/// How Keycloak is started. The address of its database is added.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keycloak {
    version: String,
    java: u32,
    program: PathBuf,
    java_program: PathBuf,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    /// Variables that it must not inherit.
    forgotten: Vec<String>,
    port: u16,
    administrator: String,
    password: String,
}

/// What one server came to.
struct Outcome {
    loads: Vec<Loaded>,
    loaded_bytes: u64,
    first_token_ms: Spread,
    claims: Vec<String>,
}

/// Runs the order until it is through.
pub(crate) async fn run(order: &Order) -> Result<(), String> {
    let begun = format!("{}; load average at the start {}", machine::date(), machine::load());
    let lock = File::create(&order.lock).map_err(|error| format!("{}: {error}", order.lock.display()))?;
    lock.try_lock().map_err(|_| "another run is under way".to_owned())?;
    subject::prepare_directory(&order.directory)?;
    let hint = "hint: `cargo xtask test --quick nothing` unpacks PostgreSQL";
    let postgres = tokio::spawn(TestPostgres::start()).await.map_err(|_| format!("PostgreSQL cannot be started\n{hint}"))?;
    let keycloak = visit(order, &postgres, Peer::Keycloak, None).await?;
    let rates: Vec<f64> = keycloak.loads.iter().map(|loaded| loaded.rate).collect();
    let freshkey = visit(order, &postgres, Peer::Freshkey, Some(&rates)).await?;
    report::report(order, &begun, &keycloak, &freshkey)
}

/// Fills a server, loads it, and stops it. `rates` are those of the open loop; without them they follow from what this server can do.
async fn visit(order: &Order, postgres: &TestPostgres, peer: Peer, rates: Option<&[f64]>) -> Result<Outcome, String> {
    eprintln!("{}: starting and filling", peer.as_str());
    let url = postgres.database().await.url;
    let mut subject = Subject::filled(order, peer, &url).await?;
    let signed = Signed::in_at(&subject, order).await?;
    subject::vacuum(&url).await?;
    postgres.execute("CHECKPOINT").await;

    let warm_up_s = if peer == Peer::Keycloak { order.warm_up_s } else { order.warm_up_s.min(WARM_UP_OURS_S) };
    let mut connections = load::connections(&subject, order.connections).await?;
    let mut loads = Vec::new();
    for (number, load) in Load::ALL.into_iter().enumerate() {
        let requests = load.requests(&subject, &signed);
        let rate = rates.and_then(|rates| rates.get(number)).copied();
        connections = load::closed(connections, &requests, warm_up_s).await?.connections;
        let (loaded, free) = load::measure(&subject, order, load, &requests, connections, rate).await?;
        connections = free;
        loads.push(loaded);
    }
    drop(connections);
    let loaded_bytes = usage::memory_bytes(subject.pid())?;
    subject.stop().await?;
    let first_token_ms = subject.first_tokens(order).await?;
    Ok(Outcome { loads, loaded_bytes, first_token_ms, claims: signed.claims })
}
