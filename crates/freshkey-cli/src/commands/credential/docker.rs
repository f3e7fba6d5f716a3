//! docker's credential helpers (docker/docker-credential-helpers): one word says what is wanted, the registry comes on standard input, and failures are
//! told on standard output.

use super::{Token, deliveries, origin, request, told};
use crate::commands::setup::docker::{HELPER, TOOL, USERNAME};
use crate::environment::Environment;
use crate::terminal;
use freshkey_client::{Failure, FailureKind};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// What docker takes for "go on without": any other text would be shown as a failure.
const NOT_FOUND: &str = "credentials not found in native keychain";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What docker wants: get, list, store or erase.
    action: String,
}

/// Answers docker, if this program was started under the helper's name.
pub(crate) fn run_as_helper(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let own_name = arguments.next()?;
    if Path::new(&own_name).file_name()? != HELPER {
        return None;
    }
    let action = arguments.next().unwrap_or_default().to_string_lossy().into_owned();
    let answered = Environment::for_helper().and_then(|environment| run(&environment, &Arguments { action }));
    Some(answered.unwrap_or(ExitCode::FAILURE))
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<ExitCode, Failure> {
    // Whatever is sent is read: who writes into a closed pipe may take it amiss.
    let asked = if ["get", "store", "erase"].contains(&arguments.action.as_str()) { request() } else { None };
    let answered = match arguments.action.as_str() {
        "get" => get(environment, asked.as_deref().unwrap_or_default()),
        "list" => list(environment),
        "version" => Ok(concat!("docker-credential-freshkey ", env!("CARGO_PKG_VERSION")).to_owned()),
        "store" => {
            Err(refused("it keeps no passwords, and `docker login` is not needed").with_hint("run `freshkey setup docker REGISTRY`"))
        }
        "erase" => Err(refused("there is no password to forget").with_hint("run `freshkey unset docker` or `freshkey logout`")),
        _ => Err(refused("this is for docker to call, with get or list")),
    };
    let (text, code) = match answered {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(failure) if failure.message == NOT_FOUND => (failure.message, ExitCode::FAILURE),
        Err(failure) => (told(&failure), ExitCode::FAILURE),
    };
    terminal::print(format!("{text}\n").as_bytes()).map(|()| code)
}

fn get(environment: &Environment, asked: &str) -> Result<String, Failure> {
    let registry = asked.strip_suffix('\n').unwrap_or(asked);
    // Without a scheme it is one that docker reaches by TLS, or that its own settings call insecure.
    let (scheme, host) = registry.split_once("://").unwrap_or(("https", registry));
    let url = origin(scheme, host);
    let set_up = deliveries(environment, TOOL, None)?;
    let found = set_up.iter().find(|(_, delivery)| delivery.url.as_ref() == Some(&url));
    let (profile, delivery) = found.ok_or_else(|| Failure::new(FailureKind::Usage, NOT_FOUND))?;
    let username = delivery.options.get("username").map_or(USERNAME, String::as_str);
    let token = Token::of(environment, profile)?;
    Ok(json!({ "ServerURL": registry, "Username": username, "Secret": token.text.expose() }).to_string())
}

fn list(environment: &Environment) -> Result<String, Failure> {
    let all = deliveries(environment, TOOL, None)?.into_iter().filter_map(|(_, mut delivery)| {
        let username = delivery.options.remove("username").unwrap_or_else(|| USERNAME.to_owned());
        Some((delivery.url?, Value::String(username)))
    });
    Ok(Value::Object(all.collect::<Map<_, _>>()).to_string())
}

fn refused(why: &str) -> Failure {
    Failure::new(FailureKind::Usage, why)
}
