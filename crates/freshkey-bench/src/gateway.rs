//! `cargo xtask bench gateway`: what a decision of `freshkey-gateway` costs, beside an empty answer of the same server, one raw verification, and other
//! products that check the same tokens. The kinds take turns, so that whatever else the machine does meets all of them alike.

mod load;
mod products;
mod tokens;
mod verification;

pub(crate) use verification::main as verify;

use crate::document::{self, Section, table};
use crate::machine;
use crate::output::count;
use crate::plan::Cores;
use crate::process;
use crate::statistics::{Spread, Waits};
use load::{Requests, Round};
use products::{Gateway, Oauth2Proxy, Provider};
use serde::Deserialize;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokens::Tokens;

const CACHED_RATIO_MAX: f64 = 1.15;
const NEW_RATIO_MAX: f64 = 2.4;
/// A gateway that remembers few tokens is shown this many in turn: it has forgotten each of them when it comes again.
const NEW_TOKENS: usize = 4_096;
const FEW_REMEMBERED: usize = 64;
/// How often the kinds take turns within a round: what the machine does besides lasts for a second or so, and should meet all of them.
const TURNS: usize = 10;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// The order. `xtask/src/bench.rs` writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// The release build of `freshkey-gateway`.
    pub(crate) gateway: PathBuf,
    /// The other products, as far as they could be built.
    oauth2_proxy: Tool,
    heimdall: Tool,
    /// Where configurations and logs go. Emptied first.
    pub(crate) directory: PathBuf,
    /// The lock that all benchmarks of this repository share.
    lock: PathBuf,
    rounds: usize,
    seconds: f64,
    connections: usize,
    /// Tokens that are remembered when memory is measured.
    tokens: usize,
    /// `None` on a machine with one core: nothing is pinned then.
    pub(crate) cores: Option<Cores>,
    /// The document that takes the table.
    write: Option<PathBuf>,
    /// What was typed.
    command: String,
}

/// Another product.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tool {
    /// Its program, and its release.
    Built(PathBuf, String),
    /// Why it cannot be measured.
    Missing(String),
}

/// Runs the order until it is through.
pub(crate) async fn run(order: &Order) -> Result<(), String> {
    let begun = format!("{}; load average at the start {}", machine::date(), machine::load());
    let lock = File::create(&order.lock).map_err(|error| format!("{}: {error}", order.lock.display()))?;
    lock.try_lock().map_err(|_| "another run is under way".to_owned())?;
    if order.directory.exists() {
        fs::remove_dir_all(&order.directory).map_err(|error| format!("the former run's files cannot be removed: {error}"))?;
    }
    fs::create_dir_all(&order.directory).map_err(|error| format!("{}: {error}", order.directory.display()))?;
    let tokens = Tokens::new(NEW_TOKENS)?;
    let provider = Provider::start(&tokens).await?;

    eprintln!("the gateway: empty answers, tokens seen before, new tokens");
    let ours = ours(order, &tokens, &provider).await?;
    let theirs = match &order.oauth2_proxy {
        Tool::Built(program, release) => {
            eprintln!("oauth2-proxy {release}");
            Ok((release.clone(), oauth2_proxy(order, program, &tokens, &provider).await?))
        }
        Tool::Missing(why) => Err(why.clone()),
    };
    let heimdall = match &order.heimdall {
        Tool::Built(_, release) => format!("{release} was built, but nobody has tried a configuration for it here yet"),
        Tool::Missing(why) => why.clone(),
    };

    let mut text = format!("- Date: {begun}, at the end {}\n", machine::load());
    machine::facts().iter().for_each(|fact| text += &format!("- {fact}\n"));
    text += &format!(
        "- {} rounds of {} s for each kind, in {TURNS} turns, {} connections; command: `{}`\n",
        order.rounds, order.seconds, order.connections, order.command
    );
    text += &format!("- Heimdall is not in the tables: {heimdall}\n");
    if let Err(why) = &theirs {
        text += &format!("- oauth2-proxy is not in the tables: {why}\n");
    }
    let theirs = theirs.as_ref().ok();
    text += &format!("\n{}\n{}\n{}", table(&costs(&ours, theirs)), table(&waits(&ours, theirs)), table(&memory(order, &ours, theirs)));
    document::report(&Section { mark: "gateway", head: HEAD }, &text, order.write.as_deref())
}

const HEAD: &str = "\
## The gateway

How it was measured, with `cargo xtask bench gateway`:

- A decision is an answer of the endpoint for other proxies (forward-auth), over kept-alive connections in plain HTTP on loopback: the request names method, host and target, and has
  an RS256 token; the rule wants one of two roles. The gateway runs on one core and is loaded from another. What counts is the CPU time of its process.
- Beside it, in turns: an empty answer of the same process (a path that its management listener does not have) to a request with the same headers; and one verification of the same
  signature with the bare cryptographic library, with a parsed key, on the same core.
- *Seen before* is one token again and again. *New* are 4,096 tokens in turn at a gateway that remembers 64, so that each is verified, remembered and forgotten.
- oauth2-proxy answers the same tokens at `/oauth2/auth`, with its logs off; it remembers no tokens.
- Waits are those of one connection, one request after the other. What the reverse proxy adds is its median and p99 less those of the application behind it, asked directly.

";

/// What was measured of a product, a value for each round.
#[derive(Default)]
struct Measured {
    seen_us: Vec<f64>,
    new_us: Vec<f64>,
    decision: Waits,
    direct: Waits,
    proxied: Waits,
    idle_bytes: u64,
    loaded_bytes: u64,
}

/// Ours has more to compare with.
struct Ours {
    of_all: Measured,
    empty_us: Vec<f64>,
    raw_us: Vec<f64>,
    remembered: usize,
}

async fn ours(order: &Order, tokens: &Tokens, provider: &Provider) -> Result<Ours, String> {
    let gateway = Gateway::start(order, "gateway", 2 * order.tokens.max(1), tokens, provider.upstream).await?;
    let forgetful = Gateway::start(order, "forgetful", FEW_REMEMBERED, tokens, provider.upstream).await?;
    let idle_bytes = process::memory_bytes(gateway.pid(), "VmRSS")?;
    let seen = load::described(&tokens.list[..1], "/");
    let new = load::described(&tokens.list, "/");
    load::refuses(gateway.decisions, "/", &tokens.list[0]).await?;
    let empty = load::described(&tokens.list[..1], "/nothing");
    let mut measured = Measured { idle_bytes, ..Measured::default() };
    let (mut empty_us, mut raw_us) = (Vec::new(), Vec::new());
    for round in 0..=order.rounds {
        let raw = verification::cost_us(order.cores, tokens.signed_bytes()).await?;
        let [mut of_empty, mut of_seen, mut of_new] = <[Round; 3]>::default();
        for _ in 0..TURNS {
            of_empty.add(&hit(order, gateway.management, &empty, 404, gateway.pid()).await?);
            of_seen.add(&hit(order, gateway.decisions, &seen, 200, gateway.pid()).await?);
            of_new.add(&hit(order, forgetful.decisions, &new, 200, forgetful.pid()).await?);
        }
        // The first round only warms up.
        if round > 0 {
            raw_us.push(raw);
            empty_us.push(of_empty.cpu_us());
            measured.seen_us.push(of_seen.cpu_us());
            measured.new_us.push(of_new.cpu_us());
        }
    }
    measured.decision = alone(order, gateway.decisions, &seen, 200).await?;
    let proxied = load::plain(&tokens.list[..1], "api.test", "/api/things?x=1");
    measured.direct = alone(order, provider.upstream, &proxied, 200).await?;
    measured.proxied = alone(order, gateway.proxy, &proxied, 200).await?;
    eprintln!("memory with {} tokens", count(order.tokens));
    load::all_once(gateway.decisions, tokens.many(order.tokens)).await?;
    measured.loaded_bytes = process::memory_bytes(gateway.pid(), "VmRSS")?;
    let remembered = gateway.remembered().await?;
    gateway.stop().await?;
    forgetful.stop().await?;
    Ok(Ours { of_all: measured, empty_us, raw_us, remembered })
}

async fn oauth2_proxy(order: &Order, program: &std::path::Path, tokens: &Tokens, provider: &Provider) -> Result<Measured, String> {
    let proxy = Oauth2Proxy::start(order, program, provider).await?;
    let mut measured = Measured { idle_bytes: process::memory_bytes(proxy.pid(), "VmRSS")?, ..Measured::default() };
    let seen = load::described(&tokens.list[..1], "/oauth2/auth");
    let new = load::described(&tokens.list, "/oauth2/auth");
    load::refuses(proxy.address, "/oauth2/auth", &tokens.list[0]).await?;
    for round in 0..=order.rounds {
        let [mut of_seen, mut of_new] = <[Round; 2]>::default();
        for _ in 0..TURNS {
            of_seen.add(&hit(order, proxy.address, &seen, 202, proxy.pid()).await?);
            of_new.add(&hit(order, proxy.address, &new, 202, proxy.pid()).await?);
        }
        if round > 0 {
            measured.seen_us.push(of_seen.cpu_us());
            measured.new_us.push(of_new.cpu_us());
        }
    }
    measured.decision = alone(order, proxy.address, &seen, 202).await?;
    let proxied = load::plain(&tokens.list[..1], "api.test", "/api/things?x=1");
    measured.direct = alone(order, provider.upstream, &proxied, 200).await?;
    measured.proxied = alone(order, proxy.address, &proxied, 200).await?;
    measured.loaded_bytes = process::memory_bytes(proxy.pid(), "VmRSS")?;
    Ok(measured)
}

/// One turn of a kind.
async fn hit(order: &Order, address: SocketAddr, requests: &Requests, status: u16, pid: u32) -> Result<Round, String> {
    load::round(address, Arc::clone(requests), status, order.connections, order.seconds / TURNS as f64, Some(pid)).await
}

/// The waits of one connection.
async fn alone(order: &Order, address: SocketAddr, requests: &Requests, status: u16) -> Result<Waits, String> {
    Ok(load::round(address, Arc::clone(requests), status, 1, order.seconds, None).await?.waits)
}

fn costs(ours: &Ours, theirs: Option<&(String, Measured)>) -> Vec<Vec<String>> {
    let head = ["what", "CPU µs", "a CPU-second", "ratio, median (least to most)", "allowed", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut row = |what: &str, values: &[f64], ratio: String, allowed: String, verdict: &str| {
        let us = Spread::of(values.iter().copied()).median;
        rows.push(vec![what.to_owned(), format!("{us:.2}"), format!("{:.0}", 1e6 / us.max(0.001)), ratio, allowed, verdict.to_owned()]);
    };
    let none = String::new;
    row("one RS256 verification, bare library", &ours.raw_us, none(), none(), "");
    row("gateway: an empty answer", &ours.empty_us, none(), none(), "");
    let of = |values: &[f64], by: &[f64]| Spread::of(values.iter().zip(by).map(|(value, by)| value / by));
    let mut held = |what: &str, values: &[f64], by: &[f64], beside: &str, most: f64| {
        let ratio = of(values, by);
        let text = format!("{:.2} ({:.2} to {:.2}) × {beside}", ratio.median, ratio.least, ratio.most);
        row(what, values, text, format!("≤ {most}"), if ratio.median <= most { "kept" } else { "over" });
    };
    held("gateway: a token seen before", &ours.of_all.seen_us, &ours.empty_us, "an empty answer", CACHED_RATIO_MAX);
    held("gateway: a new RS256 token", &ours.of_all.new_us, &ours.raw_us, "a verification", NEW_RATIO_MAX);
    if let Some((release, theirs)) = theirs {
        let mut beside = |what: &str, values: &[f64], by: &[f64]| {
            let (value, by) = (Spread::of(values.iter().copied()).median, Spread::of(by.iter().copied()).median);
            row(&format!("oauth2-proxy {release}: {what}"), values, format!("{:.1} × the gateway", value / by), none(), "");
        };
        beside("the same token", &theirs.seen_us, &ours.of_all.seen_us);
        beside("a new RS256 token", &theirs.new_us, &ours.of_all.new_us);
    }
    rows
}

fn waits(ours: &Ours, theirs: Option<&(String, Measured)>) -> Vec<Vec<String>> {
    let head = ["waits, µs", "decision p50", "decision p99", "added by the reverse proxy p50", "p99"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut row = |what: String, measured: &Measured| {
        let us = |waits: &Waits, percent| waits.percentile_ms(percent) * 1e3;
        let added = |percent| us(&measured.proxied, percent) - us(&measured.direct, percent);
        let values = [us(&measured.decision, 50.0), us(&measured.decision, 99.0), added(50.0), added(99.0)];
        rows.push(std::iter::once(what).chain(values.iter().map(|value| format!("{value:.0}"))).collect());
    };
    row("gateway".to_owned(), &ours.of_all);
    if let Some((release, theirs)) = theirs {
        row(format!("oauth2-proxy {release}"), theirs);
    }
    rows
}

fn memory(order: &Order, ours: &Ours, theirs: Option<&(String, Measured)>) -> Vec<Vec<String>> {
    let head = ["memory, MiB", "idle", "afterwards", "with"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut row = |what: String, measured: &Measured, with: String| {
        let mebibytes = |bytes: u64| format!("{:.1}", bytes as f64 / MEBIBYTE);
        rows.push(vec![what, mebibytes(measured.idle_bytes), mebibytes(measured.loaded_bytes), with]);
    };
    row("gateway".to_owned(), &ours.of_all, format!("{} of {} tokens remembered", count(ours.remembered), count(order.tokens)));
    if let Some((release, theirs)) = theirs {
        row(format!("oauth2-proxy {release}"), theirs, "no tokens remembered".to_owned());
    }
    rows
}
