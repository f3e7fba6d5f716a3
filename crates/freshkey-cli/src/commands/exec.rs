//! `freshkey exec`: a program with a fresh token in its environment. The variables are those of its start: a program that runs for longer than a token
//! lives reads the file that `--watch-file` keeps fresh.

use super::token::token;
use crate::environment::Environment;
use freshkey_client::agent::frame::{TokenForm, TokenWish};
use freshkey_client::{Failure, FailureKind};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The profile.
    #[arg(long, env = "FRESHKEY_PROFILE", value_name = "NAME")]
    profile: Option<String>,
    /// Seconds that the token must live at the start.
    #[arg(long, value_name = "SECONDS")]
    min_ttl: Option<u32>,
    /// The variables that hold the token. By default AUTH_TOKEN and MLFLOW_TRACKING_TOKEN.
    #[arg(long = "variable", value_name = "NAME")]
    variables: Vec<String>,
    /// The program and its arguments.
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey exec -- python3 train.py
  freshkey exec --variable API_TOKEN -- sh -c 'curl --header \"Authorization: Bearer $API_TOKEN\" …'";

/// The variables that the platform's notebooks have.
const VARIABLES: [&str; 2] = ["AUTH_TOKEN", "MLFLOW_TRACKING_TOKEN"];
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let profile = arguments.profile.clone().filter(|name| !name.is_empty());
    let (data, _) = token(environment, TokenWish { profile, min_ttl_s: arguments.min_ttl, form: TokenForm::Plain })?;
    let token = String::from_utf8_lossy(&data).trim_end().to_owned();
    let (program, rest) = arguments.command.split_first().ok_or_else(|| Failure::new(FailureKind::Usage, "there is no command"))?;
    let mut command = Command::new(program);
    command.args(rest);
    if arguments.variables.is_empty() {
        command.envs(VARIABLES.map(|name| (name, &token)));
    } else {
        command.envs(arguments.variables.iter().map(|name| (name, &token)));
    }
    // This process becomes the program: its signals and its exit code are its own.
    let error = command.exec();
    let what = program.to_string_lossy();
    crate::terminal::say(&format!("error: {} cannot be run: {error}", freshkey_client::failure::shown(&what)));
    Ok(ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE }))
}
