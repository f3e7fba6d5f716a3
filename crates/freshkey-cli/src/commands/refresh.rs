//! `freshkey refresh`: a new token now, with the roles that its owner has now.

use crate::environment::{Environment, block_on};
use crate::terminal::{self, Output};
use freshkey_client::agent::frame::TokenForm;
use freshkey_client::agent::serve::Call;
use freshkey_client::keeper::Need;
use freshkey_client::{Failure, handout};
use serde_json::Value;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The profile.
    #[arg(env = "FRESHKEY_PROFILE")]
    profile: Option<String>,
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let (name, _) = environment.profile(arguments.profile.as_deref().filter(|name| !name.is_empty()))?;
    let data = if environment.has_agent() {
        environment.call(&Call::Refresh { profile: Some(name.clone()), rejected: None })?.0
    } else {
        let keeper = environment.keeper()?;
        let version = keeper.vault().read(&name)?.ok_or_else(|| Failure::not_signed_in(&name))?.version;
        let kept = block_on(keeper.fresh(&name, Need::Newer { version }))?;
        handout::written(&name, &kept.record, keeper.clock().now(), &TokenForm::Json)?
    };
    let mut told: Value = serde_json::from_slice(&data).unwrap_or_default();
    // This command does not hand out tokens; `token` does.
    if let Some(members) = told.as_object_mut() {
        members.retain(|name, _| name != "access_token" && name != "id_token");
    }
    if output.json {
        return terminal::print_json(&told);
    }
    terminal::say(&format!("Token successfully refreshed. It lives {} s.", told.get("expires_in").and_then(Value::as_u64).unwrap_or(0)));
    Ok(())
}
