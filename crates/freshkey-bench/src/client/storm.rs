//! A thousand processes that want a new token at once, and readers of one account beside another whose provider hangs.

use super::{beside, sign_in, timed};
use crate::statistics::Waits;
use freshkey_testkit::home::Home;
use freshkey_testkit::provider::{Behaviour, TestProvider};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

const PROCESSES: usize = 1000;
/// Callers who send half a request and no more.
const SILENT: usize = 1000;

/// A thousand processes on an expired token: how many requests it costs, and how long until all of them have it.
pub(super) async fn thousand() -> Result<Vec<Vec<String>>, String> {
    let (home, provider) = (Arc::new(Home::new()), TestProvider::start().await);
    // Nothing is left of the first one by the time it is asked for.
    provider.set_life_s(1);
    sign_in(&home, &provider, "ua").await?;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    provider.set_life_s(3600);
    let before = provider.count("refresh_token");
    let begun = Instant::now();
    let failed = beside(move || {
        let mut processes = Vec::with_capacity(PROCESSES);
        for _ in 0..PROCESSES {
            let started = home.freshkey(&["token"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            processes.push(started.map_err(|error| error.to_string())?);
        }
        let ended = processes.into_iter().map(std::process::Child::wait_with_output);
        Ok(ended.filter(|output| !output.as_ref().is_ok_and(|output| output.status.success())).count())
    });
    let failed = failed.await?;
    let took_ms = begun.elapsed().as_millis();
    let head = ["on an expired token, no agent running", "requests at the provider", "failed", "until the last has it, ms"];
    let cells =
        [format!("{PROCESSES} processes"), (provider.count("refresh_token") - before).to_string(), failed.to_string(), took_ms.to_string()];
    Ok(vec![head.map(str::to_owned).to_vec(), cells.to_vec()])
}

/// Cold reads of a cached token while another account's provider hangs and a thousand callers keep silent; and a refresh of a third account then.
pub(super) async fn beside_a_hung_provider(rounds: usize) -> Result<Vec<Vec<String>>, String> {
    let home = Arc::new(Home::new());
    let providers = [TestProvider::start().await, TestProvider::start().await, TestProvider::start().await];
    for (provider, name) in providers.iter().zip(["hung", "cached", "third"]) {
        sign_in(&home, provider, name).await?;
    }
    let alone = reads(&home, rounds).await?;
    providers[0].behave(Behaviour::Hangs);
    let waiting =
        home.freshkey(&["refresh", "hung"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
    providers[0].asked("refresh_token", 1).await;
    let socket = home.path("run/freshkey/agent.sock");
    let mut silent = Vec::with_capacity(SILENT);
    for _ in 0..SILENT {
        let mut stream = UnixStream::connect(&socket).map_err(|error| error.to_string())?;
        stream.write_all(&[20, 0, 0, 0, 1]).map_err(|error| error.to_string())?;
        silent.push(stream);
    }
    let disturbed = reads(&home, rounds).await?;
    let refresh_ms = {
        let home = Arc::clone(&home);
        f64::from(beside(move || timed(&mut home.freshkey(&["refresh", "third"]))).await?) / 1e3
    };
    drop(silent);
    providers[0].behave(Behaviour::Answers);
    beside(move || waiting.wait_with_output().map_err(|error| error.to_string())).await?;
    let head = ["cold reads of a cached token", "median ms", "p99 ms", "a third account's refresh, ms"];
    let row = |what: &str, waits: &Waits, refresh: String| {
        [what.to_owned(), format!("{:.2}", waits.percentile_ms(50.0)), format!("{:.2}", waits.percentile_ms(99.0)), refresh].to_vec()
    };
    Ok(vec![
        head.map(str::to_owned).to_vec(),
        row("alone", &alone, "–".to_owned()),
        row("while another provider hangs and 1,000 callers keep silent", &disturbed, format!("{refresh_ms:.1}")),
    ])
}

async fn reads(home: &Arc<Home>, rounds: usize) -> Result<Waits, String> {
    let home = Arc::clone(home);
    beside(move || {
        home.prints(&["token", "cached"]);
        (0..rounds).map(|_| timed(&mut home.freshkey(&["token", "cached"]))).collect::<Result<Vec<u32>, String>>()
    })
    .await
    .map(Waits::of)
}
