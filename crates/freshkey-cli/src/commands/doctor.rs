//! `freshkey doctor`: what is wrong, and one cure for each. It changes nothing itself.

use crate::environment::{Environment, block_on, passphrase};
use crate::terminal::{self, Output};
use freshkey_client::diagnosis::{Case, Finding, State, Wanted, examine};
use freshkey_client::failure::shown;
use freshkey_client::profile::{DEFAULT_SCOPE, Profile, check_name};
use freshkey_client::{Failure, FailureKind};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The profile. By default the one that is meant when none is named, or all of them.
    #[arg(env = "FRESHKEY_PROFILE")]
    profile: Option<String>,
    /// Look at this provider instead of a profile's: before the first sign-in.
    #[arg(long, value_name = "URL", requires = "client_id")]
    issuer: Option<String>,
    /// The client, with --issuer.
    #[arg(long, value_name = "ID", requires = "issuer")]
    client_id: Option<String>,
    /// The file with the client's secret, with --issuer.
    #[arg(long, value_name = "FILE", requires = "issuer")]
    client_secret_file: Option<PathBuf>,
    /// The authorities to trust for this provider, in PEM, with --issuer.
    #[arg(long, value_name = "FILE", requires = "issuer")]
    ca: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey doctor
  freshkey doctor ua --json
  freshkey doctor --issuer https://sso.example.org/realms/UA --client-id ua-grant

The exit code is 0 when there is no problem, or else that of the first one. Warnings do not count.";

/// The name that a provider's profile is called by which has none yet.
const NO_NAME: &str = "ua";

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<ExitCode, Failure> {
    let prompt = passphrase;
    let case = Case { directories: &environment.directories, clock: Arc::clone(&environment.clock), prompt: &prompt };
    let wanted = wanted(arguments)?;
    // A standard output that is closed stops nothing; its reader has seen enough.
    let mut tell = |finding: &Finding| {
        if !output.json {
            drop(terminal::print(told(finding).as_bytes()));
        }
    };
    let findings = block_on(async { Ok(examine(&case, wanted, &mut tell).await) })?;
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let (problems, warnings) = (count(State::Problem), count(State::Warning));
    if output.json {
        terminal::print_json(&json!({ "problems": problems, "warnings": warnings, "findings": findings }))?;
    } else {
        terminal::print(summed_up(problems, warnings).as_bytes())?;
    }
    let kind = findings.iter().find(|finding| finding.state == State::Problem).and_then(|finding| finding.kind);
    Ok(kind.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_code())))
}

fn wanted(arguments: &Arguments) -> Result<Wanted, Failure> {
    let name = arguments.profile.clone().filter(|name| !name.is_empty());
    let (Some(issuer), Some(client_id)) = (&arguments.issuer, &arguments.client_id) else { return Ok(Wanted::Kept(name)) };
    let name = name.unwrap_or_else(|| NO_NAME.to_owned());
    check_name(&name)?;
    let absolute = |path: &Option<PathBuf>| {
        let path = path.as_ref().map(std::path::absolute).transpose();
        path.map_err(|error| Failure::new(FailureKind::Usage, format!("a path cannot be used: {error}")))
    };
    let profile = Profile {
        issuer: issuer.clone(),
        discovery_url: None,
        client_id: client_id.clone(),
        client_secret_file: absolute(&arguments.client_secret_file)?,
        scope: DEFAULT_SCOPE.to_owned(),
        ca_file: absolute(&arguments.ca)?,
        access_token_file: None,
        deliveries: Vec::new(),
    };
    Ok(Wanted::Described(name, Box::new(profile)))
}

fn told(finding: &Finding) -> String {
    let state = match finding.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Problem => "problem",
    };
    let of = finding.profile.as_ref().map(|profile| format!("{profile}: ")).unwrap_or_default();
    let says = finding.says.lines().map(shown).collect::<Vec<_>>().join("\n                       ");
    let mut text = format!("{state:7}  {:12}  {of}{says}\n", finding.check.as_str());
    if let Some(cure) = &finding.cure {
        text.extend(cure.advice.iter().map(|advice| format!("         cure:         {}\n", shown(advice))));
        text.extend(cure.command.iter().map(|command| format!("         run:          {}\n", shown(command))));
    }
    text
}

fn summed_up(problems: usize, warnings: usize) -> String {
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match (problems, warnings) {
        (0, 0) => "all is well\n".to_owned(),
        (0, warnings) => format!("no problem, {}\n", plural(warnings, "warning")),
        (problems, 0) => format!("{}\n", plural(problems, "problem")),
        (problems, warnings) => format!("{}, {}\n", plural(problems, "problem"), plural(warnings, "warning")),
    }
}
