//! What the agent supplies of its own accord: token files, and sockets of other forms. It is told what was set up, and the first token is there when
//! `setup` returns.

use super::{Act, Change, Context};
use crate::environment::Environment;
use freshkey_client::agent::serve::{AgentStatus, Call};
use freshkey_client::agent::sinks::{HTTP, OIDC_AGENT, secret_file};
use freshkey_client::failure::shown;
use freshkey_client::profile::Delivery;
use freshkey_client::token_file::TokenFile;
use freshkey_client::{Failure, FailureKind, files};
use std::path::Path;

/// A token file that is to be kept fresh: its change, or none where it is kept already. A file that is somebody else's is not taken over.
pub(crate) fn file_change(context: &Context<'_>, path: &Path) -> Result<Option<Change>, Failure> {
    check_agent(context.environment)?;
    let file = TokenFile::at(path)?;
    let is_ours = |delivery: &Delivery| delivery.token_file.as_deref() == Some(path);
    if context.profile.deliveries.iter().any(is_ours) {
        return Ok(None);
    }
    let shown = shown(&path.display().to_string());
    if context.others.iter().any(is_ours) {
        let what = format!("{shown} holds the token of another profile");
        return Err(Failure::new(FailureKind::Usage, what).with_hint("run `freshkey status` to see which, and name another file"));
    }
    if path.exists() {
        let what = format!("{shown} is there already, and is not one of ours");
        return Err(Failure::new(FailureKind::Usage, what).with_hint("name another file, or remove that one first"));
    }
    // Whether it can be written is found out here, before anything is changed.
    drop(files::Successor::reserve(path, 1, 0o600)?);
    let warning = if file.is_in_memory() { "" } else { " (on a disk; the runtime directory is in memory)" };
    Ok(Some(Change::new(format!("keep a token in {shown}, mode 600{warning}"), Act::Supply)))
}

/// Takes a token file away.
pub(crate) fn file_removal(delivery: &Delivery) -> Vec<Change> {
    let path = delivery.token_file.clone();
    path.map(|path| Change::new(format!("remove {}", path.display()), Act::Remove { path })).into_iter().collect()
}

/// What is kept fresh is kept so by the agent.
pub(crate) fn check_agent(environment: &Environment) -> Result<(), Failure> {
    if environment.has_agent() {
        return Ok(());
    }
    Err(Failure::new(FailureKind::Usage, "this is supplied by the agent").with_hint("leave out `--no-agent`"))
}

/// Whether the agent knows of it.
fn is_supplied(delivery: &Delivery) -> bool {
    delivery.token_file.is_some() || [HTTP, OIDC_AGENT].contains(&delivery.tool.as_str())
}

/// The agent supplies it from now on; the first token is there when this returns.
pub(crate) fn begin(environment: &Environment, name: &str, delivery: &Delivery) -> Result<(), Failure> {
    check_agent(environment)?;
    environment.call(&Call::Reload { profile: name.to_owned() })?;
    let (data, _) = environment.call(&Call::Status)?;
    let other_release = |_| Failure::new(FailureKind::Agent, "the agent is of another release").with_hint("run `freshkey agent stop`");
    let status: AgentStatus = serde_json::from_slice(&data).map_err(other_release)?;
    let is_it =
        |place: &str| delivery.place() == place || delivery.token_file.as_ref().is_some_and(|path| path.display().to_string() == place);
    let failure = status.supplies.into_iter().filter(|supply| is_it(&supply.place)).find_map(|supply| supply.failure);
    failure.map_or(Ok(()), Err)
}

/// The agent supplies nothing any more of what was taken back; without an agent what it has left behind is removed.
pub(crate) fn end(environment: &Environment, name: &str, deliveries: &[Delivery]) -> Result<(), Failure> {
    if !deliveries.iter().any(is_supplied) {
        return Ok(());
    }
    environment.tell(&Call::Reload { profile: name.to_owned() })?;
    for delivery in deliveries {
        delivery.token_file.as_deref().map_or(Ok(()), files::remove)?;
        if delivery.tool == HTTP {
            files::remove(&secret_file(&environment.directories, name))?;
        }
    }
    Ok(())
}
