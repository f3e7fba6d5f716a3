//! A sign-in that is none: the tokens come from a file that somebody else keeps fresh, such as the one of the analytics platform's notebooks.

use super::{Arguments, absolute, keep, remember};
use crate::environment::{Environment, block_on};
use crate::terminal::{self, Output};
use freshkey_client::Failure;
use freshkey_client::failure::shown;
use freshkey_client::profile::file::Profiles;
use freshkey_client::profile::wish::name_of;
use freshkey_client::sign_in::from_file;
use std::path::Path;

pub(super) fn sign_in(environment: &Environment, arguments: &Arguments, path: &Path, output: Output) -> Result<(), Failure> {
    let path = absolute(Some(path))?.unwrap_or_default();
    let (mut profile, record) = from_file::sign_in(&path, environment.clock.now())?;
    let name = arguments.profile.clone().unwrap_or_else(|| name_of(&profile.issuer));
    let known = Profiles::read(&environment.directories)?.profiles.remove(&name);
    // What was set up for the profile goes on with tokens from the file.
    profile.deliveries = known.map(|known| known.deliveries).unwrap_or_default();
    profile.check(&name)?;
    let keeper = environment.keeper_or_new(arguments.key_source)?;
    let record = block_on(async {
        remember(environment, &name, &profile)?;
        keep(environment, &keeper, &name, record).await
    })?;
    if output.json {
        let told = serde_json::json!({ "profile": name, "subject": record.subject, "issuer": record.issuer, "token_file": path });
        return terminal::print_json(&told);
    }
    let who = shown(record.subject.as_deref().unwrap_or("somebody"));
    terminal::say(&format!(
        "The tokens of {name} come from {}, which is kept fresh by others: {who} at {}.",
        path.display(),
        shown(&profile.issuer)
    ));
    Ok(())
}
