//! `cargo xtask bench`: builds the release profile and starts the benchmark, which lives in `crates/freshkey-bench`.

mod selection;

use std::process::{Command, ExitCode};

use serde_json::{Value, json};

use crate::{dist, provision, reference, steps, workspace};
use selection::Selection;

/// The server's core and the one that everything else is on.
const SERVER_CORE: usize = 0;
const DRIVER_CORE: usize = 1;

const FEW_SESSIONS: usize = 10_000;
const MANY_SESSIONS: usize = 1_000_000;
/// With the usual five runs 10,000 tries of each refused sign-in, as T-023 wants.
const TRIES_OF_A_RUN: usize = 2000;

/// Measure what a refresh costs, the start and the memory of the release build, and hold them against the budgets.
///
/// Fills databases under `target/bench`, runs the server on one core and loads it from another one, over plain HTTP on loopback. The
/// yardstick is the bare signature with the same key on the same core in the same run. Progress goes to standard error, one table to
/// standard output. The whole takes about a quarter of an hour; on a machine that does something else only the ratios mean anything.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench --quick                       a few minutes, 10,000 sessions only
  cargo xtask bench --only sqlite,rs256           one engine, one algorithm
  cargo xtask bench --only postgres,on,1m         rotation on PostgreSQL with 1,000,000 sessions
  cargo xtask bench --runs 9 --seconds 5 --write  longer rounds, and the table into docs/performance.md
  cargo xtask bench client                        what a cached token costs, beside other agents
  cargo xtask bench gateway                       what a decision costs, beside oauth2-proxy and Heimdall
  cargo xtask bench timing --only sqlite          whether the time of a refusal tells why; about a quarter of an hour for each engine
  cargo xtask bench --against keycloak --quick    the same load on a Keycloak and on ours, in a few minutes")]
pub(crate) struct Arguments {
    /// What to measure instead of the server.
    #[arg(value_enum, conflicts_with = "against")]
    what: Option<What>,

    /// With 10,000 stored sessions only, and shorter rounds.
    #[arg(long)]
    quick: bool,

    /// Load another server and ours in the same way, one after the other, and compare. Needs what `cargo xtask reference up --for load` needs.
    #[arg(long, value_enum, value_name = "SERVER", conflicts_with = "only")]
    against: Option<Against>,

    /// Seconds that the other server is warmed up for before each load. 60 by default; 8 with --quick, which is too short for a fair comparison.
    #[arg(long, value_name = "SECONDS", requires = "against", value_parser = clap::value_parser!(u16).range(..=600))]
    warm_up: Option<u16>,

    /// Only these, separated by commas: sqlite, postgres; rs256, es256, eddsa; off, on (rotation); 10k, 1m (sessions). What is not named in one of
    /// the four groups stays whole.
    #[arg(long, value_delimiter = ',', value_name = "WORDS")]
    only: Vec<String>,

    /// Rounds of each case; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,

    /// Length of a round. 2 by default, 1 with --quick; against another server 4 and 1.5.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,

    /// Connections that load the server at the same time. 32 by default, 8 against another server.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: Option<u16>,

    /// Write the table into docs/performance.md, too.
    #[arg(long)]
    write: bool,
}

/// What is measured instead of the server.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// `freshkey`, beside other programs that hand out tokens. Needs oidc-agent, gh and python3.
    Client,
    /// `freshkey-gateway`, beside oauth2-proxy and Heimdall, which are built with Go where it is there.
    Gateway,
    /// Refused sign-ins: unknown, locked, wrong. 2,000 tries of each for each of --runs.
    Timing,
}

/// A server to compare with.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Against {
    Keycloak,
}

/// Builds, and then becomes the benchmark. Exit code 2 means that nothing was measured.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let failure = match start(arguments) {
        Ok(failure) | Err(failure) => failure,
    };
    eprintln!("bench: {failure}");
    ExitCode::from(2)
}

fn start(arguments: &Arguments) -> Result<String, String> {
    let selection = Selection::of(&arguments.only)?;
    check_options(arguments)?;
    for program in ["taskset", "setpriv"] {
        workspace::find_program(program)
            .ok_or_else(|| format!("{program} is missing\nhint: it belongs to util-linux; the benchmark runs on Linux only"))?;
    }
    let product = if matches!(arguments.what, Some(What::Gateway)) { "freshkey-gateway" } else { "freshkey-server" };
    let mut build = workspace::cargo();
    build.args(["build", "--release", "--package", product, "--package", "freshkey-bench", "--bins"]);
    // The table is the only thing on standard output.
    eprintln!("$ {}", steps::describe(&build));
    let status = build.stdout(std::io::stderr()).status().map_err(|error| format!("cargo did not start: {error}"))?;
    if !status.success() {
        return Err("the release build failed".to_owned());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (job, plan) = match (arguments.what, arguments.against) {
        (Some(What::Client), _) => ("client", client(arguments)?),
        (Some(What::Gateway), _) => ("gateway", gateway(arguments, cores)?),
        (Some(What::Timing), _) => ("timing", timing(arguments, &selection, cores)?),
        (None, None) => ("run", plan(arguments, &selection, cores)?),
        (None, Some(Against::Keycloak)) => ("against", against_keycloak(arguments, cores)?),
    };
    let program = workspace::target_directory()?.join("release/freshkey-bench");
    let mut command = Command::new("taskset");
    match cores {
        // The client's processes run where the kernel puts them, as a user's do.
        _ if matches!(arguments.what, Some(What::Client)) => command = Command::new(&program),
        1 => command = Command::new(&program),
        _ => drop(command.args(["-c", &DRIVER_CORE.to_string()]).arg(&program)),
    }
    command.args([job, &plan.to_string()]).current_dir(workspace::root());
    if let Some(path) = provision::path_with_postgres() {
        command.env("PATH", path);
    }
    become_program(&mut command)
}

fn plan(arguments: &Arguments, selection: &Selection, cores: usize) -> Result<Value, String> {
    let target = workspace::target_directory()?;
    let sizes = [(FEW_SESSIONS, "10k"), (MANY_SESSIONS, "1m")];
    let is_wanted = |(_, word): &&(usize, &str)| selection.sessions.contains(word) && !(arguments.quick && *word == "1m");
    let sessions: Vec<usize> = sizes.iter().filter(is_wanted).map(|(number, _)| *number).collect();
    if sessions.is_empty() {
        return Err("--quick measures with 10,000 sessions only".to_owned());
    }
    let seconds = seconds(arguments, if arguments.quick { 1.0 } else { 2.0 })?;
    Ok(json!({
        "server": target.join("release/freshkey-server"),
        "directory": target.join("bench"),
        "engines": selection.engines,
        "sessions": sessions,
        "signatures": selection.signatures,
        "rotations": selection.rotations,
        "rounds": arguments.runs,
        "seconds": seconds,
        "connections": arguments.connections.unwrap_or(32),
        "users": 10_000,
        "cores": pinned(cores),
        "write": arguments.write.then(|| workspace::root().join("docs/performance.md")),
        "command": typed(std::env::args().skip(1)),
    }))
}

/// The order for the client's part.
fn client(arguments: &Arguments) -> Result<Value, String> {
    provision::ensure_programs(&[("oidc-token", "oidc-agent-cli"), ("gh", "gh"), ("python3", "python3")])?;
    let target = workspace::target_directory()?;
    Ok(json!({
        "programs": dist::programs()?.join("bin"),
        "lock": target.join("bench.lock"),
        "rounds": 60 * usize::from(arguments.runs),
        "write": arguments.write.then(|| workspace::root().join("docs/performance.md")),
        "command": typed(std::env::args().skip(1)),
    }))
}

/// Which options belong to what.
fn check_options(arguments: &Arguments) -> Result<(), String> {
    let is_gateway = matches!(arguments.what, Some(What::Gateway));
    if matches!(arguments.what, Some(What::Client | What::Gateway)) && !arguments.only.is_empty() {
        return Err("--only chooses among what the server is measured with".to_owned());
    }
    let has_lengths = arguments.quick || arguments.seconds.is_some() || arguments.connections.is_some();
    if arguments.what.is_some() && !is_gateway && has_lengths {
        return Err("--quick, --seconds and --connections are for the server and the gateway; here --runs says how often".to_owned());
    }
    Ok(())
}

/// The order for the gateway. What it is compared with is built here, where that is possible.
fn gateway(arguments: &Arguments, cores: usize) -> Result<Value, String> {
    let (target, quick) = (workspace::target_directory()?, arguments.quick);
    let tool = |tool: &provision::go_tools::Tool| match provision::go_tools::ensure(tool) {
        Ok(program) => json!({ "built": [program, tool.release] }),
        Err(why) => {
            eprintln!("{} is left out: {why}", tool.name);
            json!({ "missing": why })
        }
    };
    Ok(json!({
        "gateway": target.join("release/freshkey-gateway"),
        "oauth2_proxy": tool(&provision::go_tools::OAUTH2_PROXY),
        "heimdall": tool(&provision::go_tools::HEIMDALL),
        "directory": target.join("bench/gateway"),
        "lock": target.join("bench.lock"),
        "rounds": if quick { arguments.runs.min(3) } else { arguments.runs },
        "seconds": seconds(arguments, if quick { 0.5 } else { 2.0 })?,
        "connections": arguments.connections.unwrap_or(16),
        "tokens": if quick { 5_000 } else { 100_000 },
        "cores": pinned(cores),
        "write": arguments.write.then(|| workspace::root().join("docs/performance.md")),
        "command": typed(std::env::args().skip(1)),
    }))
}

/// The order for the times of refusals.
fn timing(arguments: &Arguments, selection: &Selection, cores: usize) -> Result<Value, String> {
    let target = workspace::target_directory()?;
    Ok(json!({
        "server": target.join("release/freshkey-server"),
        "directory": target.join("bench/timing"),
        "lock": target.join("bench.lock"),
        "engines": selection.engines,
        "tries": TRIES_OF_A_RUN * usize::from(arguments.runs),
        "cores": pinned(cores),
        "write": arguments.write.then(|| workspace::root().join("docs/performance.md")),
        "command": typed(std::env::args().skip(1)),
    }))
}

/// The order for the comparison. Keycloak is fetched and built here, and started by the benchmark, so that it runs on the right core.
fn against_keycloak(arguments: &Arguments, cores: usize) -> Result<Value, String> {
    let (target, quick) = (workspace::target_directory()?, arguments.quick);
    Ok(json!({
        "server": target.join("release/freshkey-server"),
        "keycloak": reference::order_for_load()?,
        "directory": target.join("bench/against"),
        "lock": target.join("bench.lock"),
        "rounds": arguments.runs,
        "seconds": seconds(arguments, if quick { 1.5 } else { 4.0 })?,
        "connections": arguments.connections.unwrap_or(8),
        "users": if quick { 400 } else { 2000 },
        "warm_up_s": arguments.warm_up.unwrap_or(if quick { 8 } else { 60 }),
        "starts": if quick { 1 } else { 3 },
        "cores": pinned(cores),
        "write": arguments.write.then(|| workspace::root().join("docs/performance.md")),
        "command": typed(std::env::args().skip(1)),
    }))
}

fn seconds(arguments: &Arguments, default: f64) -> Result<f64, String> {
    let seconds = arguments.seconds.unwrap_or(default);
    if (0.1..=600.0).contains(&seconds) { Ok(seconds) } else { Err("--seconds is a number from 0.1 to 600".to_owned()) }
}

fn pinned(cores: usize) -> Option<Value> {
    (cores > 1).then(|| json!({ "server": SERVER_CORE, "driver": DRIVER_CORE }))
}

/// What a person typed.
fn typed(arguments: impl Iterator<Item = String>) -> String {
    ["cargo".to_owned(), "xtask".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

// The benchmark takes the place of this process, so that an interruption reaches it and nothing else.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<String, String> {
    use std::os::unix::process::CommandExt;
    Err(format!("the benchmark did not start: {}", command.exec()))
}

#[cfg(not(unix))]
fn become_program(_command: &mut Command) -> Result<String, String> {
    Err("the benchmark runs on Linux only".to_owned())
}
