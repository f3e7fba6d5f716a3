//! `freshkey-compat`: records a Keycloak's answers, and shows where ours differ from them. `cargo xtask reference` starts it.

#![allow(clippy::print_stdout, reason = "what differs is this program's output")]

use clap::{Parser, Subcommand, ValueEnum};
use freshkey_compat::compare::{Difference, compare};
use freshkey_compat::differences::{self, Verdict};
use freshkey_compat::recording::{KEYCLOAK_VERSION, Recording};
use freshkey_compat::run::run;
use freshkey_compat::scenarios;
use freshkey_compat::script::Scenario;
use freshkey_compat::subject::{Engine, Freshkey, Keycloak, Subject};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// The same requests to a Keycloak and to Freshkey, and what differs.
#[derive(Parser)]
#[command(after_help = "\
Examples:
  freshkey-compat list
  freshkey-compat record --base-url http://127.0.0.1:8080 --password admin
  freshkey-compat diff --base-url http://127.0.0.1:8080 --password admin --only refresh
  freshkey-compat replay --engine postgres

Exit codes: 0 all differences are explained, 1 some are not, 2 nothing could be compared.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name every scenario and exchange.
    List,
    /// Run all scenarios against a Keycloak and keep its answers.
    Record {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        choice: Choice,
    },
    /// Run all scenarios against a Keycloak and against Freshkey, now, and show what differs.
    Diff {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        choice: Choice,
    },
    /// Compare Freshkey with the answers that are kept.
    Replay {
        #[command(flatten)]
        choice: Choice,
    },
}

#[derive(clap::Args)]
struct Server {
    /// Where the Keycloak is.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// Its administrator.
    #[arg(long, default_value = "admin")]
    administrator: String,
    /// The administrator's password.
    #[arg(long, env = "KEYCLOAK_PASSWORD", default_value = "admin", hide_env_values = true)]
    password: String,
}

#[derive(clap::Args)]
struct Choice {
    /// Only scenarios whose name begins like this.
    #[arg(long, value_name = "PREFIX")]
    only: Option<String>,
    /// Where Freshkey keeps its data.
    #[arg(long, default_value = "sqlite")]
    engine: EngineName,
    /// Show the differences that are explained, too.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> ExitCode {
    match act(Arguments::parse().command).await {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("freshkey-compat: {reason}");
            ExitCode::from(2)
        }
    }
}

async fn act(command: Command) -> Result<ExitCode, String> {
    match command {
        Command::List => {
            list();
            Ok(ExitCode::SUCCESS)
        }
        Command::Record { server, choice } => record(&server, &choice).await,
        Command::Diff { server, choice } => {
            let mut keycloak = connect(&server).await?;
            let (mut differences, mut exchanges) = (Vec::new(), 0);
            let mut freshkey = freshkey(&choice).await?;
            for scenario in chosen(&choice)? {
                let theirs = run(&scenario, &mut keycloak).await?;
                let ours = run(&scenario, &mut freshkey).await?;
                eprintln!("{}: {} exchanges", scenario.name, ours.exchanges.len());
                exchanges += ours.exchanges.len();
                differences.extend(compare(&theirs, &ours));
            }
            report(exchanges, differences, &choice)
        }
        Command::Replay { choice } => {
            let mut freshkey = freshkey(&choice).await?;
            let (mut differences, mut exchanges) = (Vec::new(), 0);
            for scenario in chosen(&choice)? {
                let ours = run(&scenario, &mut freshkey).await?;
                exchanges += ours.exchanges.len();
                differences.extend(compare(&Recording::read(scenario.name)?, &ours));
            }
            report(exchanges, differences, &choice)
        }
    }
}

fn list() {
    let mut count = 0;
    for scenario in scenarios::all() {
        for exchange in scenario.exchanges() {
            println!("{}/{}", scenario.name, exchange.name);
            count += 1;
        }
    }
    eprintln!("{count} exchanges");
}

async fn record(server: &Server, choice: &Choice) -> Result<ExitCode, String> {
    let mut keycloak = connect(server).await?;
    let mut count = 0;
    for scenario in chosen(choice)? {
        let recording = run(&scenario, &mut keycloak).await?;
        recording.write()?;
        count += recording.exchanges.len();
        eprintln!("{}: {} exchanges", scenario.name, recording.exchanges.len());
    }
    println!("{count} exchanges with Keycloak {KEYCLOAK_VERSION} are recorded");
    Ok(ExitCode::SUCCESS)
}

async fn connect(server: &Server) -> Result<Subject, String> {
    let mut keycloak = Keycloak::at(&server.base_url, &server.administrator, &server.password);
    let version = keycloak.version().await.map_err(|error| format!("{error}\nhint: cargo xtask reference up"))?;
    if version != KEYCLOAK_VERSION {
        return Err(format!("the recordings are of Keycloak {KEYCLOAK_VERSION}, and this is {version}"));
    }
    Ok(Subject::Keycloak(Box::new(keycloak)))
}

async fn freshkey(choice: &Choice) -> Result<Subject, String> {
    let engine = match choice.engine {
        EngineName::Sqlite => Engine::Sqlite,
        EngineName::Postgres => Engine::Postgres,
    };
    Ok(Subject::Freshkey(Freshkey::start(engine).await?))
}

fn chosen(choice: &Choice) -> Result<Vec<Scenario>, String> {
    let prefix = choice.only.as_deref().unwrap_or_default();
    let chosen: Vec<Scenario> = scenarios::all().into_iter().filter(|scenario| scenario.name.starts_with(prefix)).collect();
    if chosen.is_empty() { Err(format!("no scenario begins with {prefix:?}; `list` names them")) } else { Ok(chosen) }
}

fn report(exchanges: usize, found: Vec<Difference>, choice: &Choice) -> Result<ExitCode, String> {
    let Verdict { explained, unexplained, stale } = differences::judge(found, &differences::known()?, choice.only.is_none());
    if choice.all {
        for (difference, quirk) in &explained {
            println!("{quirk}  {}", difference.line());
        }
    }
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, quirk) in &explained {
        *places.entry(quirk).or_default() += 1;
    }
    for (quirk, count) in places {
        println!("{quirk}  {count:>4}  {}", differences::title(quirk).unwrap_or_default());
    }
    for difference in &unexplained {
        println!("-       {}", difference.line());
    }
    for known in &stale {
        println!("{}  nothing differs any more at {}", known.quirk, known.place);
    }
    let (known, unknown, stale) = (explained.len(), unexplained.len(), stale.len());
    println!("{exchanges} exchanges: {known} differences have a quirk, {unknown} have none; {stale} explanations are stale");
    Ok(if unknown + stale == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
