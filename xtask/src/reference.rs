//! `cargo xtask reference`: a real Keycloak beside us, without containers, to compare answers and costs with.
//! It runs in the background, listens on loopback only, and nothing of it is part of the repository.

mod distribution;
mod java;
mod launch;
mod postgres;
mod process;
mod state;
mod wait;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{steps, workspace};
use launch::{Health, Kind};
use state::State;

/// The release that everything is compared with.
pub(crate) const VERSION: &str = "26.7.3";

/// The administrator of a server that lives until `down`, on loopback, with data that nobody misses.
pub(crate) const ADMINISTRATOR: &str = "admin";
pub(crate) const PASSWORD: &str = "admin";

const PORT_DEFAULT: u16 = 8080;

/// What a program that is missing is told with; other failures end with 1.
const MISSING: u8 = 2;

/// Run a real Keycloak in the background, to compare with.
///
/// Needs Maven and Java 17 or later; with `--for load` also PostgreSQL, as the tests do. The distribution is fetched once, into
/// `$XDG_CACHE_HOME/freshkey/reference`, and unpacked there.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    order: Order,
}

#[derive(clap::Subcommand)]
enum Order {
    /// Start it and wait until it is ready. One that is up already stays as it is.
    Up {
        /// Where it listens. The management interface gets a port of its own. 8080 by default.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        port: Option<u16>,

        /// For which purpose: `exchanges` is the development mode with a database in memory, `load` the optimised build with a PostgreSQL of
        /// its own.
        #[arg(long = "for", value_enum, default_value_t = Kind::Exchanges, value_name = "PURPOSE")]
        kind: Kind,
    },
    /// Stop it, and its PostgreSQL. Everything that was in it is gone.
    Down,
    /// Say in one line whether it is up. The exit code says the same: 0 or 1.
    Status {
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
    },
    /// Record its answers, to be kept in the repository.
    Record {
        /// Further arguments of `freshkey-compat record`, after `--`.
        #[arg(last = true)]
        further: Vec<String>,
    },
    /// Send the same requests to it and to Freshkey, and show what differs.
    Diff {
        /// Further arguments of `freshkey-compat diff`, after `--`.
        #[arg(last = true)]
        further: Vec<String>,
    },
}

/// Why something did not work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A program that has to be there before anything can be done.
    Missing(String),
    Failed(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Missing(reason) | Failure::Failed(reason) => reason,
        }
    }
}

/// Does what was ordered.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let outcome = match &arguments.order {
        Order::Up { port, kind } => up(*port, *kind),
        Order::Down => down(),
        Order::Status { json } => status(*json),
        Order::Record { further } => compare("record", further),
        Order::Diff { further } => compare("diff", further),
    };
    match outcome {
        Ok(code) => code,
        Err(Failure::Missing(reason)) => told(&reason, ExitCode::from(MISSING)),
        Err(Failure::Failed(reason)) => told(&reason, ExitCode::FAILURE),
    }
}

fn told(reason: &str, code: ExitCode) -> ExitCode {
    eprintln!("reference: {reason}");
    code
}

/// How the benchmark is to start a Keycloak for load by itself, on two free ports. Everything that this needs is there afterwards.
pub(crate) fn order_for_load() -> Result<Value, String> {
    let folder = state::folder()?;
    let _alone = state::alone(&folder)?;
    let prepared = distribution::prepare(&folder, Kind::Load, &java::candidates()?)?;
    let prepared = prepared.first().ok_or("there is no Java that Keycloak takes")?;
    launch::order_for_load(prepared)
}

fn up(port: Option<u16>, kind: Kind) -> Result<ExitCode, Failure> {
    let folder = state::folder()?;
    let _alone = state::alone(&folder)?;
    if let Some(mut state) = State::read(&folder)? {
        if state.is_alive() {
            return stay_up(&folder, &mut state, port, kind);
        }
        // What it left behind, when it ended by itself.
        state.end()?;
        State::remove(&folder)?;
    }
    let state = launch::start(&folder, port.unwrap_or(PORT_DEFAULT), kind)?;
    announce(&state);
    Ok(ExitCode::SUCCESS)
}

/// It was started by an earlier call, which may have been interrupted before it was ready.
fn stay_up(folder: &Path, state: &mut State, port: Option<u16>, kind: Kind) -> Result<ExitCode, Failure> {
    if state.kind != kind || port.is_some_and(|port| port != state.port) {
        let hint = "hint: cargo xtask reference down";
        return Err(Failure::Failed(format!("there is one already: {}\n{hint}", state.shown())));
    }
    if launch::health(state.management_port) != Health::Ready {
        eprintln!("it was started before; waiting until it is ready");
        launch::wait_until_ready(folder, state)?;
    } else {
        eprintln!("it is up already");
    }
    announce(state);
    Ok(ExitCode::SUCCESS)
}

fn announce(state: &State) {
    println!("{}", state.shown());
    println!("administrator: {ADMINISTRATOR}, password {PASSWORD} (realm master)");
    println!("log: {}", state.log.display());
    println!("next: cargo xtask reference diff; when you are done: cargo xtask reference down");
}

fn down() -> Result<ExitCode, Failure> {
    let folder = state::folder()?;
    let Some(state) = State::read(&folder)? else {
        println!("it is not up");
        return Ok(ExitCode::SUCCESS);
    };
    let was_alive = state.is_alive();
    state.end()?;
    State::remove(&folder)?;
    println!("{}", if was_alive { "stopped" } else { "it had ended by itself" });
    Ok(ExitCode::SUCCESS)
}

fn status(as_json: bool) -> Result<ExitCode, Failure> {
    let state = State::read(&state::folder()?)?;
    let (word, line) = match &state {
        None => ("down", "down".to_owned()),
        Some(state) if !state.is_alive() => ("ended", format!("down: it ended by itself; its log is {}", state.log.display())),
        Some(state) => match launch::health(state.management_port) {
            Health::Ready => ("up", format!("up: {}", state.shown())),
            Health::NotReady => ("starting", format!("not ready: {}", state.shown())),
        },
    };
    match as_json {
        true => println!("{}", json!({ "status": word, "server": state.as_ref().map(State::document) })),
        false => println!("{line}"),
    }
    Ok(if word == "up" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Hands the comparison over to the program that knows the requests.
fn compare(order: &str, further: &[String]) -> Result<ExitCode, Failure> {
    let up = State::read(&state::folder()?)?.filter(|state| launch::health(state.management_port) == Health::Ready);
    let state = up.ok_or_else(|| "there is no Keycloak to compare with\nhint: cargo xtask reference up".to_owned())?;
    steps::execute(workspace::cargo().args(["build", "--package", "freshkey-compat"]))?;
    let mut command = Command::new(workspace::target_directory()?.join("debug/freshkey-compat"));
    command.current_dir(workspace::root()).arg(order).args(["--base-url", &state.base_url()]);
    command.args(["--administrator", ADMINISTRATOR, "--password", PASSWORD]).args(further);
    let line = steps::describe(&command);
    let status = command.status().map_err(|error| format!("`{line}` did not start: {error}"))?;
    // Its exit codes are the answer.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Tenths of seconds, for messages.
fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
