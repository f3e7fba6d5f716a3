//! MLflow reads its token from the environment, so `freshkey exec` is what supplies it. What is set up here is the server: `exec` then names it, and its
//! authorities, beside the token.

use super::{Act, Change, Context, Plan, Supplied};
use freshkey_client::failure::shown;
use freshkey_client::profile::{Delivery, Profile, secure_url};
use freshkey_client::{Failure, FailureKind};
use std::ffi::OsString;

/// As it is recorded.
pub(crate) const TOOL: &str = "mlflow";
const URI: &str = "MLFLOW_TRACKING_URI";
const AUTHORITIES: &str = "MLFLOW_TRACKING_SERVER_CERT_PATH";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The tracking server, as in https://mlflow.example.org.
    url: String,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup mlflow https://mlflow.example.org
  freshkey exec -- python3 train.py
  freshkey unset mlflow";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    let wrong = |why: String| Failure::new(FailureKind::Usage, format!("{} cannot be supplied with tokens: {why}", shown(&arguments.url)));
    secure_url(&arguments.url).map_err(wrong)?;
    let url = arguments.url.trim_end_matches('/').to_owned();
    let of_profile = || context.profile.deliveries.iter().filter(|delivery| delivery.tool == TOOL);
    if let Some(other) = of_profile().find(|delivery| delivery.url.as_ref() != Some(&url)) {
        let other = other.url.as_deref().unwrap_or_default();
        return Err(Failure::new(FailureKind::Usage, format!("the profile {} has an MLflow server already: {other}", context.name))
            .with_hint(format!("run `freshkey unset mlflow --profile {}` first", context.name)));
    }
    let told = format!("name {url} to what `freshkey exec` runs, in {URI}");
    let changes = if of_profile().next().is_some() { Vec::new() } else { vec![Change::new(told, Act::Supply)] };
    let next = "run your programs with `freshkey exec -- …`".to_owned();
    Ok(Plan {
        changes,
        delivery: Delivery { tool: TOOL.to_owned(), url: Some(url), ..Delivery::default() },
        supplied: Supplied::WhenAsked,
        next,
    })
}

pub(crate) fn undo(_context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    let url = delivery.url.as_deref().unwrap_or_default();
    Ok(vec![Change::new(format!("name {url} no more"), Act::Supply)])
}

/// The server and its authorities, if one was set up.
pub(crate) fn variables(profile: &Profile) -> Vec<(&'static str, OsString)> {
    let Some(url) = profile.deliveries.iter().find(|delivery| delivery.tool == TOOL).and_then(|delivery| delivery.url.clone()) else {
        return Vec::new();
    };
    let authorities = profile.ca_file.as_ref().map(|path| (AUTHORITIES, path.clone().into_os_string()));
    [(URI, OsString::from(url))].into_iter().chain(authorities).collect()
}
