//! `cargo xtask up`: the main job of the product from a fresh clone, in the foreground: a server, and a gateway that checks its tokens before a small API.

mod gateway;
mod house;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::{steps, workspace};
use gateway::Gateway;
use house::{House, Reached};

/// Longer than a slow machine takes to fetch keys from a server that answers already.
const PATIENCE: Duration = Duration::from_secs(60);

const SERVER: &str = "server";
const SAMPLE_API: &str = "sample API";
const GATEWAY: &str = "gateway";

/// Build server and gateway, and run them in the foreground: a quickstart, and before a sample API a gateway that checks its tokens.
///
/// The data lives in `target/quickstart` and survives until that folder is removed. The values that the documented commands need are written to
/// `target/quickstart/env`, to be read with `. target/quickstart/env`. Ctrl-C stops all of them.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Use the unoptimised build, which compiles sooner.
    #[arg(long)]
    pub(crate) debug: bool,

    /// Build nothing, and use the programs in this directory.
    #[arg(long, value_name = "DIR", conflicts_with = "debug")]
    pub(crate) programs: Option<PathBuf>,

    /// The directory of everything that is kept.
    #[arg(long, value_name = "DIR", default_value = "target/quickstart")]
    pub(crate) data: PathBuf,

    /// Where the values for the documented commands are written; `env` in the data directory without.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,

    /// Address and port of the gateway; port 0 takes one that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8444")]
    pub(crate) gateway_listen: SocketAddr,

    /// Further arguments of `freshkey-server quickstart`, after `--`: for instance `-- --listen 127.0.0.1:9443`.
    #[arg(last = true)]
    pub(crate) server: Vec<String>,
}

/// Builds, starts everything, and comes back when it was told to stop or when one of the programs has ended.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match programs(arguments).and_then(|programs| serve(arguments, &programs)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("up: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The directory of the programs, which are built if need be.
fn programs(arguments: &Arguments) -> Result<PathBuf, String> {
    if let Some(programs) = &arguments.programs {
        return Ok(programs.clone());
    }
    let mut build = workspace::cargo();
    build.args(["build", "--package", "freshkey-server", "--package", "freshkey-gateway"]);
    build.args(["--bin", "freshkey-server", "--bin", "freshkey-gateway"]);
    if !arguments.debug {
        build.arg("--release");
    }
    steps::execute(&mut build)?;
    Ok(workspace::target_directory()?.join(if arguments.debug { "debug" } else { "release" }))
}

fn serve(arguments: &Arguments, programs: &Path) -> Result<(), String> {
    let mut house = House::open()?;
    let outcome = start(arguments, programs, &mut house);
    let ended = house.end();
    match outcome {
        Ok(()) => ended,
        Err(failure) => Err(failure),
    }
}

/// Starts one after the other, and returns when everything has to end.
fn start(arguments: &Arguments, programs: &Path, house: &mut House) -> Result<(), String> {
    let data = workspace::root().join(&arguments.data);
    let env_file = arguments.env_file.as_ref().map_or_else(|| data.join("env"), |file| workspace::root().join(file));
    // The values of the server alone. Whoever waits for the file that was asked for finds the gateway in it, too, and ready.
    let server_env = data.join("server.env");
    house.start(SERVER, quickstart(&programs.join("freshkey-server"), &data, &server_env, &arguments.server))?;
    if house.until(None, |house| house.said(SERVER).contains("ready: "))? == Reached::Stop {
        return Ok(());
    }
    let values = std::fs::read_to_string(&server_env).map_err(|error| format!("{}: {error}", server_env.display()))?;
    std::fs::remove_file(&server_env).map_err(|error| format!("{}: {error}", server_env.display()))?;

    let gateway = Gateway::plan(arguments.gateway_listen, &values)?;
    let program = programs.join("freshkey-gateway");
    house.start(SAMPLE_API, gateway.sample_api(&program))?;
    if house.until(None, |house| house.said(SAMPLE_API).contains('\n'))? == Reached::Stop {
        return Ok(());
    }
    let configuration = gateway.configure(&data, house.said(SAMPLE_API))?;
    house.start(GATEWAY, gateway::command(&program, &configuration))?;
    if house.until(Some((PATIENCE, "the gateway got no keys of the server")), |_| gateway.answers())? == Reached::Stop {
        return Ok(());
    }
    gateway::write_env(&env_file, &(values + &gateway.assignment()))?;
    let page = house.said(SERVER).to_owned() + &gateway.last_step();
    print!("{page}");
    house.speak_up();
    house.until(None, |_| false).map(|_| ())
}

fn quickstart(binary: &Path, data: &Path, env_file: &Path, further: &[String]) -> Command {
    let mut server = Command::new(binary);
    server.current_dir(workspace::root()).arg("quickstart").arg("--data").arg(data).arg("--env-file").arg(env_file).args(further);
    server
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_arguments_come_after_ours() {
        let server = quickstart(Path::new("freshkey-server"), Path::new("target/q"), Path::new("target/q/e"), &["--listen=[::1]:1".into()]);
        assert_eq!(steps::describe(&server), "freshkey-server quickstart --data target/q --env-file target/q/e --listen=[::1]:1");
    }
}
