//! `freshkey logout`: the tokens are revoked and forgotten. When it returns, nobody hands out anything of the account (T-059).

use crate::environment::{Environment, block_on};
use crate::terminal::{self, Output};
use freshkey_client::agent::serve::Call;
use freshkey_client::vault::{self, key};
use freshkey_client::{Failure, FailureKind, files};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The profile. It stays, so that signing in again is one word.
    #[arg(env = "FRESHKEY_PROFILE")]
    profile: Option<String>,
    /// Sign out of everything, and forget the key of what was kept.
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let names = if arguments.all {
        vault::names(&environment.directories)?
    } else {
        vec![environment.profile(arguments.profile.as_deref().filter(|name| !name.is_empty()))?.0]
    };
    let mut told = Vec::new();
    for name in &names {
        let warning = forget(environment, name, arguments.all)?;
        if !output.json {
            terminal::say(&format!("Signed out of {name}."));
            if let Some(warning) = &warning {
                terminal::say(&format!("warning: its tokens could not be revoked, and live on until they end: {warning}"));
            }
        }
        told.push(serde_json::json!({ "profile": name, "revoked": warning.is_none(), "warning": warning }));
    }
    if arguments.all {
        environment.tell(&Call::Stop)?;
        key::forget(&environment.directories)?;
    }
    if output.json { terminal::print_json(&told) } else { Ok(()) }
}

/// The answer tells why the provider has not heard of it.
fn forget(environment: &Environment, name: &str, at_any_price: bool) -> Result<Option<String>, Failure> {
    let call = Call::Forget { profile: name.to_owned() };
    if environment.has_agent() && environment.tell(&Call::Status)? {
        return environment.call(&call).map(|(_, warning)| warning);
    }
    let keeper = match environment.keeper() {
        Ok(keeper) => keeper,
        // The key is gone: what is kept can be thrown away, though not revoked.
        Err(failure) if failure.kind == FailureKind::Key && at_any_price => {
            vault::discard(&environment.directories, name)?;
            clear_token_files(environment, name)?;
            return Ok(Some(failure.message));
        }
        Err(failure) => return Err(failure),
    };
    let revoked = block_on(keeper.forget(name))?;
    if !environment.tell(&Call::Reload { profile: name.to_owned() })? {
        clear_token_files(environment, name)?;
    }
    Ok(revoked.err().map(|failure| failure.told(name, "the provider").message))
}

/// What an agent that was killed has left behind.
fn clear_token_files(environment: &Environment, name: &str) -> Result<(), Failure> {
    // Without such a profile there is nothing to clear.
    let Ok((_, profile)) = environment.profile(Some(name)) else { return Ok(()) };
    profile.deliveries.iter().filter_map(|delivery| delivery.token_file.as_deref()).try_for_each(files::remove)
}
