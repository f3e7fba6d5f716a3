//! `cargo xtask bench client`: what a cached token costs a process that has just been started, beside other programs of that sort in the same run; a
//! thousand processes that want a new one; and one provider that does not answer, beside others that do.

mod peers;
mod storm;

use crate::document::{self, Section, table};
use crate::machine;
use crate::statistics::Waits;
use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;
use freshkey_testkit::provider::TestProvider;
use peers::Peer;
use serde::Deserialize;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// The order. `xtask/src/bench.rs` writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// The directory of the release builds of `freshkey` and `freshkey-server`.
    programs: PathBuf,
    /// The lock that all benchmarks of this repository share.
    lock: PathBuf,
    /// Processes of each program.
    rounds: usize,
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
    freshkey_testkit::programs::use_programs_of(&order.programs);

    let cold = cold(order)?;
    eprintln!("a thousand processes on an expired token");
    let storm = storm::thousand().await?;
    eprintln!("a provider that hangs");
    let hung = storm::beside_a_hung_provider(order.rounds).await?;

    let mut text = format!("- Date: {begun}, at the end {}\n", machine::load());
    machine::facts().iter().for_each(|fact| text += &format!("- {fact}\n"));
    text += &format!("- {} processes of each program, one after the other in turns; command: `{}`\n\n", order.rounds, order.command);
    text += &format!("{}\n{}\n{}", table(&cold), table(&storm), table(&hung));
    document::report(&Section { mark: "client", head: HEAD }, &text, order.write.as_deref())
}

const HEAD: &str = "\
## The client

How it was measured, with `cargo xtask bench client`:

- A process is started, its output goes to `/dev/null`, and the time runs until it has ended; programs take turns, so that whatever else the machine does meets them alike.
- `freshkey` is the static release build. Its token is in the memory of its agent, as that of `oidc-token` is in its; both agents hold a sign-in at the same Freshkey server.
  `gh auth token` reads a file of its own; `python3 -c pass` does nothing; `/bin/true` is what starting a process costs.
- The provider of the second and third table is one of the test kit, in the same process that counts.

";

fn cold(order: &Order) -> Result<Vec<Vec<String>>, String> {
    eprintln!("starting a quickstart, the agents, and what they are compared with");
    let quickstart = Quickstart::start();
    let home = Home::new();
    home.sign_in(&quickstart);
    let peers = Peer::all(&home, &quickstart)?;
    let mut waits: Vec<Vec<u32>> = peers.iter().map(|_| Vec::with_capacity(order.rounds)).collect();
    for round in 0..=order.rounds {
        for (peer, waits) in peers.iter().zip(&mut waits) {
            let wait = timed(&mut peer.command(&home))?;
            // The first of each brings its files into memory.
            if round > 0 {
                waits.push(wait);
            }
        }
    }
    let waits: Vec<Waits> = waits.into_iter().map(Waits::of).collect();
    let floor_ms = waits.first().map_or(1.0, |waits| waits.percentile_ms(50.0));
    let mut rows = vec![["cold process", "median ms", "p99 ms", "median over `/bin/true`"].map(str::to_owned).to_vec()];
    for (peer, waits) in peers.iter().zip(&waits) {
        let median_ms = waits.percentile_ms(50.0);
        let cells = [
            format!("`{}`{}", peer.shown, peer.release),
            format!("{median_ms:.2}"),
            format!("{:.2}", waits.percentile_ms(99.0)),
            format!("{:.2}×", median_ms / floor_ms),
        ];
        rows.push(cells.to_vec());
    }
    Ok(rows)
}

/// Runs a program that must succeed, and gives back how long it took, in microseconds.
fn timed(command: &mut Command) -> Result<u32, String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    let took = begun.elapsed();
    if status.success() { Ok(u32::try_from(took.as_micros()).unwrap_or(u32::MAX)) } else { Err(format!("{command:?} failed: {status}")) }
}

/// Signs in to a provider of the test kit.
async fn sign_in(home: &Arc<Home>, provider: &TestProvider, name: &'static str) -> Result<(), String> {
    let (home, issuer) = (Arc::clone(home), provider.issuer().to_owned());
    beside(move || {
        let arguments = ["login", name, "--issuer", &issuer, "--client-id", "app", "--username", "ann", "--password-stdin"];
        let ended = home.run_with_input(&arguments, "the password\n");
        if ended.code == 0 { Ok(()) } else { Err(ended.stderr) }
    })
    .await
}

/// Does what blocks beside the provider, which lives in this process and has to answer meanwhile.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}
