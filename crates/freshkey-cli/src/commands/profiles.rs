//! `freshkey profiles`: list, choose, remove.

use crate::environment::Environment;
use crate::terminal::{self, Output};
use freshkey_client::profile::file::Profiles;
use freshkey_client::{Failure, FailureKind, vault};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List them.
    List,
    /// Choose the one that is meant when none is named.
    Default {
        /// The profile.
        profile: String,
    },
    /// Remove one that nobody is signed in to.
    Remove {
        /// The profile.
        profile: String,
    },
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    match arguments.verb.as_ref().unwrap_or(&Verb::List) {
        Verb::List => list(environment, output),
        Verb::Default { profile } => Profiles::change(&environment.directories, |profiles| {
            profiles.choose(Some(profile))?;
            profiles.default = Some(profile.clone());
            Ok(())
        }),
        Verb::Remove { profile } => Profiles::change(&environment.directories, |profiles| {
            profiles.choose(Some(profile))?;
            if vault::names(&environment.directories)?.contains(profile) {
                return Err(Failure::new(FailureKind::Usage, format!("somebody is signed in to {profile}"))
                    .with_hint(format!("run `freshkey logout {profile}` first")));
            }
            if let Some(delivery) = profiles.profiles.get(profile).and_then(|profile| profile.deliveries.first()) {
                return Err(Failure::new(FailureKind::Usage, format!("{profile} still supplies {}", delivery.tool))
                    .with_hint(format!("run `freshkey unset {} --profile {profile}` first", delivery.tool)));
            }
            profiles.profiles.remove(profile);
            profiles.default = profiles.default.take().filter(|default| default != profile);
            Ok(())
        }),
    }
}

fn list(environment: &Environment, output: Output) -> Result<(), Failure> {
    let profiles = Profiles::read(&environment.directories)?;
    if output.json {
        return terminal::print_json(&serde_json::json!({ "default": profiles.default, "profiles": profiles.profiles }));
    }
    let signed_in = vault::names(&environment.directories)?;
    let width = profiles.profiles.keys().map(String::len).max().unwrap_or(0);
    let text: String = profiles
        .profiles
        .iter()
        .map(|(name, profile)| {
            let is_default = profiles.default.as_ref() == Some(name) || profiles.profiles.len() == 1;
            let state = if signed_in.contains(name) { "signed in" } else { "not signed in" };
            format!("{} {name:width$}  {}  {}  {state}\n", if is_default { "*" } else { " " }, profile.issuer, profile.client_id)
        })
        .collect();
    terminal::print(text.as_bytes())
}
