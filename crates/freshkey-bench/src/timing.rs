//! `cargo xtask bench timing`: whether the time of a refused sign-in tells why it was refused (T-023). One person after the other is tried over one
//! connection, the kinds in turns and in changing order, so that whatever else the machine does meets all of them alike. Ratios within one run; times
//! alone mean nothing.

mod people;

use crate::database::Database;
use crate::document::{self, Section, table};
use crate::http::{self, Connection};
use crate::machine;
use crate::output::count;
use crate::plan::{Cores, Engine, Plan};
use crate::seed::CLIENT;
use crate::server::{HOST, Server, TOKEN_PATH};
use crate::statistics::{Waits, microseconds};
use freshkey_testkit::databases::TestPostgres;
use people::{Kind, PASSWORD};
use serde::Deserialize;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Instant;

/// How far the medians of two kinds may be apart, as a part of the smaller one.
const APART_MAX: f64 = 0.05;
/// Tries of each kind before any counts.
const WARM_UP: usize = 50;

/// The order. `xtask/src/bench.rs` writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// The release build of `freshkey-server`.
    server: PathBuf,
    /// Where databases, configuration and logs go. Emptied first.
    directory: PathBuf,
    /// The lock that all benchmarks of this repository share.
    lock: PathBuf,
    engines: Vec<Engine>,
    /// Of each kind.
    tries: usize,
    /// `None` on a machine with one core: nothing is pinned then.
    cores: Option<Cores>,
    /// The document that takes the table.
    write: Option<PathBuf>,
    /// What was typed.
    command: String,
}

/// Runs the order until it is through.
pub(crate) async fn run(order: &Order) -> Result<(), String> {
    let begun = format!("{}; load average at the start {}", machine::date(), machine::load());
    let lock = File::create(&order.lock).map_err(|error| format!("{}: {error}", order.lock.display()))?;
    lock.try_lock().map_err(|_| "another run is under way".to_owned())?;
    if order.directory.exists() {
        fs::remove_dir_all(&order.directory).map_err(|error| format!("the former databases cannot be removed: {error}"))?;
    }
    let head = ["engine", "refused because", "median ms", "p99 ms", "median over that of a wrong password", "allowed", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for &engine in &order.engines {
        rows.extend(rows_of(engine, &visit(order, engine).await?));
    }
    let mut text = format!("- Date: {begun}, at the end {}\n", machine::load());
    machine::facts().iter().for_each(|fact| text += &format!("- {fact}\n"));
    text += &format!("- {} tries of each kind in turns; command: `{}`\n\n{}", count(order.tries), order.command, table(&rows));
    document::report(&Section { mark: "timing", head: HEAD }, &text, order.write.as_deref())
}

const HEAD: &str = "\
## What the time of a refusal tells

How it was measured, with `cargo xtask bench timing`:

- Somebody who watches the clock must not learn whether an account is there, or locked (T-023). Each try is a sign-in with a password at the token endpoint, over one
  kept-alive connection, and counts from its first byte to the end of the answer. The kinds take turns in changing order; no two tries run at the same time.
- The realm is `UA` with its own password hashing and with protection against guessing on, but with limits that are not reached. Each try comes from an address of
  its own. Of each kind there are 1,000 people.
- What counts is how far the medians of one run are apart.

";

/// A server with these people, tried so often.
async fn visit(order: &Order, engine: Engine) -> Result<Vec<(Kind, Waits)>, String> {
    eprintln!("{}: filling the database", engine.as_str());
    let postgres = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => {
            let hint = "hint: `cargo xtask test --quick nothing` unpacks PostgreSQL, `--only sqlite` goes without";
            Some(tokio::spawn(TestPostgres::start()).await.map_err(|_| format!("PostgreSQL cannot be started\n{hint}"))?)
        }
    };
    let plan = plan(order, engine);
    let database = Database::seeded(&plan, engine, 1, postgres.as_ref()).await?;
    people::add(&database).await?;
    let mut server = Server::start_behind_proxy(&plan, &database)?;
    let mut connection = server.connect().await?;
    let waits = try_all(&mut connection, order.tries).await?;
    drop(connection);
    server.stop().await?;
    Ok(waits)
}

async fn try_all(connection: &mut Connection, tries: usize) -> Result<Vec<(Kind, Waits)>, String> {
    let mut waits = Kind::ALL.map(|_| Vec::with_capacity(tries));
    let mut refusal: Option<String> = None;
    for round in 0..WARM_UP + tries {
        for turn in 0..Kind::ALL.len() {
            let place = in_turn(round, turn);
            let request = request(Kind::ALL[place], round, Kind::ALL.len() * round + turn);
            let begun = Instant::now();
            let shown = connection.send(&request).await?.shown();
            let took = begun.elapsed();
            let refusal = refusal.get_or_insert_with(|| shown.clone());
            if *refusal != shown || !shown.starts_with("400 ") {
                return Err(format!("{}: {shown}, and before that: {refusal}", Kind::ALL[place].as_str()));
            }
            if round >= WARM_UP {
                waits[place].push(microseconds(took));
            }
        }
        if round > 0 && round % 1000 == 0 {
            eprintln!("  {round} tries of each kind");
        }
    }
    Ok(Kind::ALL.into_iter().zip(waits.map(Waits::of)).collect())
}

/// Whose turn it is: the order changes from round to round, so that none always follows the one that leaves the most work behind.
fn in_turn(round: usize, turn: usize) -> usize {
    let count = Kind::ALL.len();
    let forward = (turn + round / 2) % count;
    if round.is_multiple_of(2) { forward } else { count - 1 - forward }
}

fn request(kind: Kind, round: usize, number: usize) -> Vec<u8> {
    let username = kind.username(round);
    let password = if kind.knows_the_password() { PASSWORD } else { "not the password of anybody" };
    let form = [("grant_type", "password"), ("client_id", CLIENT), ("username", &username), ("password", password)];
    // The networks for benchmarks (RFC 2544), each address once in more tries than anybody waits for.
    let address = format!("198.{}.{}.{}", 18 + (number >> 16 & 1), number >> 8 & 255, number & 255);
    http::form_from(HOST, TOKEN_PATH, &address, &form)
}

fn rows_of(engine: Engine, waits: &[(Kind, Waits)]) -> Vec<Vec<String>> {
    let median_ms = |waits: &Waits| waits.percentile_ms(50.0);
    let base_ms = waits.iter().find(|(kind, _)| *kind == Kind::WrongPassword).map_or(0.0, |(_, waits)| median_ms(waits));
    let row = |(kind, waits): &(Kind, Waits)| {
        let (median_ms, p99_ms) = (median_ms(waits), waits.percentile_ms(99.0));
        let mut row = vec![
            engine.as_str().to_owned(),
            kind.as_str().to_owned(),
            format!("{median_ms:.3}"),
            format!("{p99_ms:.3}"),
            format!("{:.4}", median_ms / base_ms),
        ];
        row.extend(match kind {
            Kind::WrongPassword => [String::new(), String::new()],
            _ => [format!("within {:.0} %", APART_MAX * 100.0), if is_close(median_ms, base_ms) { "ok" } else { "**over**" }.to_owned()],
        });
        row
    };
    waits.iter().map(row).collect()
}

fn is_close(one_ms: f64, other_ms: f64) -> bool {
    one_ms.max(other_ms) <= one_ms.min(other_ms) * (1.0 + APART_MAX)
}

/// What the parts that this run shares with the others want to know.
fn plan(order: &Order, engine: Engine) -> Plan {
    Plan {
        server: order.server.clone(),
        directory: order.directory.clone(),
        engines: vec![engine],
        sessions: Vec::new(),
        signatures: Vec::new(),
        rotations: Vec::new(),
        rounds: 1,
        seconds: 1.0,
        connections: 1,
        users: 2,
        cores: order.cores,
        write: None,
        command: order.command.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_has_its_turn_in_each_round_and_never_follows_only_one_other() {
        let count = Kind::ALL.len();
        let turns: Vec<usize> = (0..8).flat_map(|round| (0..count).map(move |turn| in_turn(round, turn))).collect();
        for round in turns.chunks(count) {
            assert_eq!(round.iter().copied().collect::<BTreeSet<_>>().len(), count, "{round:?}");
        }
        let after = |kind: usize| turns.windows(2).filter(|pair| pair[1] == kind).map(|pair| pair[0]).collect::<BTreeSet<_>>();
        for kind in 0..count {
            assert!(after(kind).len() > 1, "{kind} always follows {:?}", after(kind));
        }
    }

    #[test]
    fn a_difference_beyond_the_limit_is_seen_in_either_direction() {
        assert!(is_close(10.0, 10.4) && is_close(10.4, 10.0));
        assert!(!is_close(10.0, 10.6) && !is_close(10.6, 10.0));
        let waits = |wait| Waits::of(vec![wait; 3]);
        let rows = rows_of(Engine::Sqlite, &[(Kind::UnknownUser, waits(9_000)), (Kind::WrongPassword, waits(10_000))]);
        assert_eq!(rows[0].last().map(String::as_str), Some("**over**"));
        assert_eq!(rows[1].last().map(String::as_str), Some(""));
    }

    #[test]
    fn no_two_tries_come_from_one_address() {
        let request_of = |number| request(Kind::UnknownUser, 0, number);
        let all: BTreeSet<Vec<u8>> = (0..2000).map(request_of).collect();
        assert_eq!(all.len(), 2000);
    }
}
