//! `freshkey exec`: a program with a fresh token in its environment. The variables are those of its start: a program that runs for longer than a token
//! lives reads the file that `--watch-file` keeps fresh.

mod watched;

use super::setup::mlflow;
use super::token::token;
use crate::environment::Environment;
use freshkey_client::agent::frame::{TokenForm, TokenWish};
use freshkey_client::profile::Profile;
use freshkey_client::token_file::{MIN_TTL_S, TokenFile};
use freshkey_client::{Failure, FailureKind};
use serde_json::Value;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
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
    /// Keep a fresh token in this file for as long as the program runs. The variable FRESHKEY_TOKEN_FILE names it.
    #[arg(long, value_name = "PATH")]
    watch_file: Option<PathBuf>,
    /// The program and its arguments.
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey exec -- python3 train.py
  freshkey exec --variable API_TOKEN -- ./job
  freshkey exec --watch-file \"$XDG_RUNTIME_DIR/job.token\" -- ./long-job

The exit code is the program's own; 128 and the number of a signal that ended it.";

/// The variables that the platform's notebooks have.
const VARIABLES: [&str; 2] = ["AUTH_TOKEN", "MLFLOW_TRACKING_TOKEN"];
/// The variable that names the file with the token.
const FILE_VARIABLE: &str = "FRESHKEY_TOKEN_FILE";
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (program, rest) = arguments.command.split_first().ok_or_else(|| Failure::new(FailureKind::Usage, "there is no command"))?;
    let (name, profile) = environment.profile(arguments.profile.as_deref().filter(|name| !name.is_empty()))?;
    let file = arguments.watch_file.as_deref().map(unused).transpose()?;
    let first = match (&file, arguments.min_ttl) {
        // A file is read later than a variable, so more is asked of its token; without its provider less has to do.
        (Some(_), None) => Handed::of(environment, &name, Some(MIN_TTL_S)).or_else(|_| Handed::of(environment, &name, None))?,
        (_, min_ttl_s) => Handed::of(environment, &name, min_ttl_s)?,
    };
    let mut command = Command::new(program);
    command.args(rest);
    let names: Vec<&str> =
        if arguments.variables.is_empty() { VARIABLES.to_vec() } else { arguments.variables.iter().map(String::as_str).collect() };
    command.envs(names.into_iter().map(|name| (name, &first.token)));
    command.envs(of_tools(&profile, |name| std::env::var_os(name).is_some()));
    if let Some(file) = file {
        command.env(FILE_VARIABLE, file.path());
        return watched::run(environment, command, file, &name, &first);
    }
    // This process becomes the program: its signals and its exit code are its own.
    let error = command.exec();
    Ok(unstartable(program, &error))
}

/// What a tool of the profile needs beside the token, unless it was told already.
fn of_tools(profile: &Profile, is_set: impl Fn(&str) -> bool) -> Vec<(&'static str, OsString)> {
    mlflow::variables(profile).into_iter().filter(|(name, _)| !is_set(name)).collect()
}

/// A token, and how long it lives.
struct Handed {
    token: String,
    expires_in_s: u32,
}

impl Handed {
    fn of(environment: &Environment, name: &str, min_ttl_s: Option<u32>) -> Result<Self, Failure> {
        let (data, _) = token(environment, TokenWish { profile: Some(name.to_owned()), min_ttl_s, form: TokenForm::Json })?;
        let described: Value = serde_json::from_slice(&data).unwrap_or_default();
        let strange = || Failure::new(FailureKind::Agent, "the agent is of another release").with_hint("run `freshkey agent stop`");
        let token = described.get("access_token").and_then(Value::as_str).ok_or_else(strange)?.to_owned();
        let expires_in_s = described.get("expires_in").and_then(Value::as_u64).unwrap_or(0);
        Ok(Self { token, expires_in_s: u32::try_from(expires_in_s).unwrap_or(u32::MAX) })
    }
}

/// A place for the file, where nothing is yet: it is removed at the end.
fn unused(path: &Path) -> Result<TokenFile, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::file(path, "found", &error))?;
    let file = TokenFile::at(&path)?;
    if path.exists() {
        let what = format!("{} is there already, and would be removed at the end", path.display());
        return Err(Failure::new(FailureKind::Usage, what).with_hint("name a file that is not there"));
    }
    Ok(file)
}

fn unstartable(program: &std::ffi::OsStr, error: &std::io::Error) -> ExitCode {
    let what = freshkey_client::failure::shown(&program.to_string_lossy());
    crate::terminal::say(&format!("error: {what} cannot be run: {error}"));
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE })
}
