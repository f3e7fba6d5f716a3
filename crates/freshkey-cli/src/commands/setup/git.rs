//! git asks `freshkey credential git` for one host, and no other helper of the user's: those that keep what they see would keep the token in clear.

use super::change::answer_of;
use super::{Act, Change, Context, Plan, Supplied, check_username, origin, shell_word};
use freshkey_client::profile::Delivery;
use freshkey_client::{Failure, FailureKind};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// As it is recorded.
pub(crate) const TOOL: &str = "git";
/// The name that goes with a token where a host takes it as a password: any does for most; GitLab wants this one.
pub(crate) const USERNAME: &str = "oauth2";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The host: scheme, name and port, as in https://git.example.org.
    url: String,
    /// The user name for hosts, and releases of git before 2.46, that take a token only as a password.
    #[arg(long, value_name = "NAME", default_value = USERNAME)]
    username: String,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup git https://git.example.org
  freshkey setup git https://git.example.org --profile lab --dry-run
  freshkey unset git https://git.example.org";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    let url = origin(&arguments.url)?;
    check_username(&arguments.username)?;
    let helper = format!("!{} credential git --profile {}", shell_word(&context.program), context.name);
    let wanted = [String::new(), helper.clone()];
    let key = key(&url);
    let current = current(&key)?;
    let is_ours = |value: &String| value.is_empty() || value.contains(" credential git --profile ");
    if let Some(other) = current.iter().find(|value| !is_ours(value)) {
        let message = format!("git has a helper for {url} already: {other}");
        return Err(Failure::new(FailureKind::Usage, message).with_hint(format!("run `git config --global --unset-all {key}` first")));
    }
    let mut changes = Vec::new();
    if current != wanted {
        if !current.is_empty() {
            changes.push(removal(&key));
        }
        // The empty one ends the list of helpers that git asks for every host.
        changes.push(Change::new(format!("git: ask no other helper for {url}"), config(&["--add", &key, ""])));
        changes.push(Change::new(format!("git: set {key} to {helper}"), config(&["--add", &key, &helper])));
    }
    let delivery = Delivery {
        tool: TOOL.to_owned(),
        url: Some(url.clone()),
        settings: Some(format!("{key} in the settings of git")),
        options: BTreeMap::from([("username".to_owned(), arguments.username.clone())]),
        ..Delivery::default()
    };
    Ok(Plan {
        changes,
        delivery,
        supplied: Supplied::WhenAsked,
        next: format!("git asks freshkey for {url} from now on; `git ls-remote {url}/…` tries it"),
    })
}

pub(crate) fn undo(_context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    let key = key(delivery.url.as_deref().unwrap_or_default());
    Ok(if current(&key)?.is_empty() { Vec::new() } else { vec![removal(&key)] })
}

fn key(url: &str) -> String {
    format!("credential.{url}.helper")
}

fn removal(key: &str) -> Change {
    Change::new(format!("git: remove {key}"), config(&["--unset-all", key]))
}

fn config(arguments: &[&str]) -> Act {
    let all = ["config", "--global"].iter().chain(arguments).map(OsString::from).collect();
    Act::Run { program: "git", arguments: all, variables: Vec::new() }
}

/// The values as they are, one for each line of the settings.
fn current(key: &str) -> Result<Vec<String>, Failure> {
    let answer = answer_of("git", &["config", "--global", "--null", "--get-all", key], &[])?.unwrap_or_default();
    let text = String::from_utf8_lossy(&answer).into_owned();
    Ok(text.split_terminator('\0').map(str::to_owned).collect())
}
