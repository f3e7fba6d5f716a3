//! The `credential_process` of the AWS tools and libraries, in the form of the platform's S3 proxy: the token is the access key, `s3` the secret. Who
//! asks does not say where the token will go, so what decides that is looked at: the profile that was set up, and the variables that outrank it.

use super::{Token, deliveries, tell, utc};
use crate::commands::setup::aws::{CONFIG_FILE, TOOL, is_as_set_up};
use crate::environment::Environment;
use crate::terminal;
use freshkey_client::{Failure, FailureKind};
use serde_json::json;
use std::process::ExitCode;

/// Variables that send the tools elsewhere than the profile says.
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];
/// The variable that makes the tools go to Amazon's own endpoints, whatever the profile says.
const IGNORE_ENDPOINTS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
/// What the proxy takes as the secret of every access key that is a token.
const SECRET_OF_PROXY: &str = "s3";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The profile.
    #[arg(long, value_name = "NAME")]
    profile: String,
    /// The endpoint that was set up.
    #[arg(long, value_name = "URL")]
    url: String,
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<ExitCode, Failure> {
    match answer(environment, arguments, |name| std::env::var(name).ok()) {
        Ok(answer) => terminal::print(answer.as_bytes()).map(|()| ExitCode::SUCCESS),
        Err(failure) => {
            tell(&failure);
            Ok(ExitCode::from(failure.kind.exit_code()))
        }
    }
}

fn answer(environment: &Environment, arguments: &Arguments, variable: impl Fn(&str) -> Option<String>) -> Result<String, Failure> {
    let refused = |why: &str, hint: &str| Failure::new(FailureKind::Untrusted, format!("no token: {why}")).with_hint(hint);
    let is_this_one = |url: &String| *url == arguments.url;
    let set_up = deliveries(environment, TOOL, Some(&arguments.profile))?;
    let found = set_up.iter().map(|(_, delivery)| delivery).find(|delivery| delivery.url.as_ref().is_some_and(is_this_one));
    let delivery = found.ok_or_else(|| refused("this endpoint was not set up", "run `freshkey setup aws ENDPOINT`"))?;
    if !is_as_set_up(delivery)? {
        return Err(refused("the profile of the AWS tools was changed since", "run `freshkey setup aws ENDPOINT` again"));
    }
    let elsewhere = ENDPOINTS
        .into_iter()
        .find(|name| variable(name).is_some_and(|value| !value.is_empty() && value.trim_end_matches('/') != arguments.url));
    let is_other_file = |file: String| !file.is_empty() && delivery.options.get("file") != Some(&file);
    let other_file = Some(CONFIG_FILE).filter(|name| variable(name).is_some_and(is_other_file));
    let ignoring = Some(IGNORE_ENDPOINTS).filter(|name| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true")));
    if let Some(name) = elsewhere.or(ignoring).or(other_file) {
        return Err(refused(&format!("{name} sends it elsewhere"), &format!("run `unset {name}`")));
    }
    let token = Token::of(environment, &arguments.profile)?;
    Ok(json!({
        "Version": 1, "AccessKeyId": token.text.expose(), "SecretAccessKey": SECRET_OF_PROXY, "Expiration": utc(token.expires_at),
    })
    .to_string())
}
