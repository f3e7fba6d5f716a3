//! `freshkey credential`: answers tools that `freshkey setup` has made ask, each in its own protocol. Nobody is prompted, the agent has the tokens, and
//! only what was set up is answered for: whoever asks for anything else learns nothing (T-063).

mod aws;
mod docker;
mod git;
mod kubectl;

pub(crate) use docker::run_as_helper;

use crate::environment::Environment;
use crate::terminal;
use freshkey_client::agent::frame::{Answer, Request, TokenForm, TokenWish};
use freshkey_client::agent::start::ask_or_start;
use freshkey_client::failure::shown;
use freshkey_client::profile::Delivery;
use freshkey_client::profile::file::Profiles;
use freshkey_client::{Failure, FailureKind};
use freshkey_protocol::Secret;
use serde::Deserialize;
use std::io::Read as _;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Debug, clap::Subcommand)]
enum Tool {
    /// The protocol of git's credential helpers.
    Git(git::Arguments),
    /// The protocol of kubectl's exec credentials.
    Kubectl(kubectl::Arguments),
    /// The protocol of docker's credential helpers.
    Docker(docker::Arguments),
    /// The protocol of `credential_process`.
    Aws(aws::Arguments),
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.tool {
        Tool::Git(git) => git::run(environment, git),
        Tool::Kubectl(kubectl) => kubectl::run(environment, kubectl),
        Tool::Docker(docker) => docker::run(environment, docker),
        Tool::Aws(aws) => aws::run(environment, aws),
    }
}

/// Bytes that a tool may send.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;

/// What a tool is given.
#[derive(Deserialize)]
struct Token {
    #[serde(rename = "access_token", deserialize_with = "secret")]
    text: Secret<String>,
    /// In seconds since 1970.
    expires_at: i64,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

impl Token {
    /// From the agent, which is started if there is none; where its key is behind a passphrase that nobody has given yet, that is a failure.
    fn of(environment: &Environment, profile: &str) -> Result<Self, Failure> {
        let wish = TokenWish { profile: Some(profile.to_owned()), min_ttl_s: None, form: TokenForm::Json };
        match ask_or_start(&environment.directories, &Request::Token(wish), &|_| None)? {
            Answer::Done { data, .. } => serde_json::from_slice(&data)
                .map_err(|_| Failure::new(FailureKind::Agent, "the agent is of another release").with_hint("run `freshkey agent stop`")),
            Answer::Failed(failure) => Err(failure),
        }
    }
}

/// What was set up of a tool, with the names of the profiles; of one profile alone where the tool says which.
fn deliveries(environment: &Environment, tool: &str, profile: Option<&str>) -> Result<Vec<(String, Delivery)>, Failure> {
    let profiles = Profiles::read(&environment.directories)?.profiles;
    let named = profiles.into_iter().filter(|(name, _)| profile.is_none_or(|profile| profile == name));
    let of_tool = named.flat_map(|(name, profile)| profile.deliveries.into_iter().map(move |delivery| (name.clone(), delivery)));
    Ok(of_tool.filter(|(_, delivery)| delivery.tool == tool).collect())
}

/// Scheme, host and port as a tool names them, in the form that is recorded. Nothing is decoded or mended: what looks different is different.
fn origin(scheme: &str, host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let scheme = scheme.to_ascii_lowercase();
    let own_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    let host = host.strip_suffix(own_port).unwrap_or(&host);
    format!("{scheme}://{host}")
}

/// What a tool has sent, if it is text without anything that could forge a line.
fn request() -> Option<String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(REQUEST_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    let has_forgery = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\0'));
    if read as u64 > REQUEST_BYTES_MAX || has_forgery { None } else { String::from_utf8(bytes).ok() }
}

/// Tells a person, through a tool that passes it on.
fn tell(failure: &Failure) {
    terminal::say(&told(failure));
}

fn told(failure: &Failure) -> String {
    let hint = failure.hint.as_ref().map(|hint| format!("; {}", shown(hint))).unwrap_or_default();
    format!("freshkey: {}{hint}", shown(&failure.message))
}

/// A moment as RFC 3339 writes it, in UTC.
fn utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years begin in March here, so that the day that some have more is their last (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_date_does() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), expected);
        }
    }

    #[test]
    fn t_063_an_origin_is_compared_as_it_is_written() {
        assert_eq!(origin("HTTPS", "Git.Example:443"), "https://git.example");
        assert_eq!(origin("https", "git.example:8443"), "https://git.example:8443");
        assert_eq!(origin("http", "localhost:80"), "http://localhost");
        for other in ["git.example.", "git%2eexample", "ann@git.example", "git.example/", "git.example:0443", "git.example:80"] {
            assert_ne!(origin("https", other), "https://git.example");
        }
    }
}
