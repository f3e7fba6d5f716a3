//! `freshkey whoami`: who is signed in, as the token says.

use super::token::token;
use crate::environment::Environment;
use crate::terminal::{self, Output};
use freshkey_client::Failure;
use freshkey_client::agent::frame::{TokenForm, TokenWish};
use freshkey_client::failure::shown;
use freshkey_client::record::claims_of;
use serde_json::{Value, json};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The profile.
    #[arg(env = "FRESHKEY_PROFILE")]
    profile: Option<String>,
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let profile = arguments.profile.clone().filter(|name| !name.is_empty());
    let (data, _) = token(environment, TokenWish { profile, min_ttl_s: None, form: TokenForm::Json })?;
    let described: Value = serde_json::from_slice(&data).unwrap_or_default();
    let text = |name: &str| described.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let claims = claims_of(&text("access_token")).unwrap_or_default();
    let list = |value: Option<&Value>| -> Vec<String> {
        value.and_then(Value::as_array).map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect()).unwrap_or_default()
    };
    let roles = list(claims.other.get("realm_access").and_then(|access| access.get("roles")));
    let groups = list(claims.other.get("groups"));
    if output.json {
        return terminal::print_json(&json!({
            "profile": text("profile"), "issuer": text("issuer"), "client_id": text("client_id"), "subject": text("subject"),
            "sub": claims.sub, "roles": roles, "groups": groups, "expires_in": described.get("expires_in"),
        }));
    }
    let mut lines = vec![format!("{} at {} through {}", shown(&text("subject")), text("issuer"), text("client_id"))];
    for (what, names) in [("roles", roles), ("groups", groups)] {
        if !names.is_empty() {
            lines.push(format!("{what}: {}", shown(&names.join(", "))));
        }
    }
    terminal::print(format!("{}\n", lines.join("\n")).as_bytes())
}
