//! `freshkey status`: the accounts, the agent, where the key is, and what holds a token in clear.

use crate::environment::Environment;
use crate::terminal::{self, Output};
use freshkey_client::Failure;
use freshkey_client::agent::ask::{Unanswered, ask};
use freshkey_client::agent::frame::{Answer, Request};
use freshkey_client::agent::serve::{AgentStatus, Call};
use freshkey_client::agent::sinks;
use freshkey_client::failure::shown;
use freshkey_client::profile::Delivery;
use freshkey_client::profile::file::Profiles;
use freshkey_client::record::{Offline, Record};
use freshkey_client::vault::key::Seal;
use freshkey_client::vault::{self};
use serde_json::{Value, json};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(environment: &Environment, _arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let profiles = Profiles::read(&environment.directories)?;
    let agent = agent_status(environment);
    let seal = Seal::read(&environment.directories)?;
    let names = vault::names(&environment.directories)?;
    let keeper = if names.is_empty() { None } else { Some(environment.keeper()) };
    let now = environment.clock.now();
    let accounts: Vec<Value> = names
        .iter()
        .map(|name| match &keeper {
            Some(Ok(keeper)) => match keeper.vault().read(name) {
                Ok(Some(record)) => account(name, &record, now),
                Ok(None) => json!({ "profile": name, "state": "signed out meanwhile" }),
                Err(failure) => json!({ "profile": name, "state": "unreadable", "failure": failure }),
            },
            Some(Err(failure)) => json!({ "profile": name, "state": "locked", "failure": failure }),
            None => json!({}),
        })
        .collect();
    let files: Vec<Value> = profiles
        .profiles
        .iter()
        .flat_map(|(name, profile)| profile.deliveries.iter().map(move |delivery| (name, delivery)))
        .map(|(name, delivery)| {
            let (expires_in, problem) = supplied(name, delivery, agent.as_ref().ok().and_then(Option::as_ref));
            json!({
                "profile": name, "tool": delivery.tool, "url": delivery.url, "token_file": delivery.token_file, "settings": delivery.settings,
                "expires_in": expires_in, "problem": problem,
            })
        })
        .collect();
    let all = json!({
        "accounts": accounts,
        "agent": agent.as_ref().map_err(|failure| failure.clone()).ok().cloned().flatten(),
        "agent_failure": agent.as_ref().err(),
        "key_source": seal.as_ref().map(|seal| seal.source.as_str()),
        "deliveries": files,
    });
    if output.json { terminal::print_json(&all) } else { terminal::print(told(&all, seal.as_ref()).as_bytes()) }
}

fn agent_status(environment: &Environment) -> Result<Option<AgentStatus>, Failure> {
    let request = Request::Call(serde_json::to_vec(&Call::Status).unwrap_or_default());
    match ask(&environment.directories, &request) {
        Ok(Answer::Done { data, .. }) => Ok(serde_json::from_slice(&data).ok()),
        Ok(Answer::Failed(failure)) | Err(Unanswered::Failed(failure)) => Err(failure),
        Err(Unanswered::NoAgent) => Ok(None),
    }
}

/// The seconds that the token in a file has left, and what is wrong with what the agent supplies. Both are nothing where the tool asks by itself.
fn supplied(name: &str, delivery: &Delivery, agent: Option<&AgentStatus>) -> (Option<u32>, Option<String>) {
    let place = match (delivery.tool.as_str(), &delivery.token_file, &delivery.url) {
        (_, Some(path), _) => path.display().to_string(),
        (sinks::HTTP, None, Some(url)) => url.clone(),
        _ => return (None, None),
    };
    let Some(agent) = agent else {
        return (None, Some("stale: the agent does not run; start it with `freshkey agent start`".to_owned()));
    };
    match agent.supplies.iter().find(|supply| supply.place == place && supply.profile.as_deref() == Some(name)) {
        Some(supply) => (supply.expires_in, supply.failure.as_ref().map(|failure| failure.message.clone())),
        None => (None, Some("not supplied yet: the agent has not seen it".to_owned())),
    }
}

fn account(name: &str, record: &Record, now: freshkey_client::clock::Moment) -> Value {
    let access = record.access.as_ref().map(|access| access.life);
    let remaining_s = access.map_or(0, |life| life.lifetime().remaining_s(now));
    let state = match (&record.ended, &record.failed, remaining_s) {
        (Some(_), _, _) => "sign-in over",
        (None, Some(_), _) => "provider out of reach",
        (None, None, 0) => "to be renewed",
        (None, None, _) => "fresh",
    };
    json!({
        "profile": name, "state": state, "subject": record.subject, "issuer": record.issuer, "client_id": record.client_id,
        "expires_in": remaining_s, "offline": record.offline == Offline::Granted, "offline_denied": record.offline == Offline::Denied,
        "sign_in_ends_at": record.refresh_life.map(|life| life.ends_at()), "signed_in_at": record.signed_in_at,
        "ended": record.ended, "failure": record.failed.as_ref().map(|failed| &failed.failure), "refresh_interrupted": record.intent.is_some(),
    })
}

fn told(all: &Value, seal: Option<&Seal>) -> String {
    let text = |value: &Value, name: &str| shown(value.get(name).and_then(Value::as_str).unwrap_or_default());
    let mut lines = Vec::new();
    for account in all["accounts"].as_array().into_iter().flatten() {
        // Not every provider's tokens say who it is.
        let who = account.get("subject").and_then(Value::as_str).map_or_else(String::new, |subject| format!(" as {}", shown(subject)));
        lines.push(format!(
            "{}: {}{who} at {}, {} s left",
            text(account, "profile"),
            text(account, "state"),
            text(account, "issuer"),
            account["expires_in"].as_u64().unwrap_or(0)
        ));
        let problem = account.get("failure").filter(|failure| !failure.is_null()).map(|failure| text(failure, "message"));
        let ended = account.get("ended").and_then(Value::as_str).map(shown);
        lines.extend(problem.into_iter().chain(ended).map(|problem| format!("    {problem}")));
        if account["offline_denied"].as_bool() == Some(true) {
            lines.push("    offline_access was asked for and not granted".to_owned());
        }
    }
    if lines.is_empty() {
        lines.push("nobody is signed in".to_owned());
    }
    lines.push(match (&all["agent"], &all["agent_failure"]) {
        (Value::Object(agent), _) => format!("agent: process {}, release {}", agent["pid"], agent["release"].as_str().unwrap_or_default()),
        (_, Value::Object(failure)) => format!("agent: {}", shown(failure["message"].as_str().unwrap_or_default())),
        _ => "agent: not running; it starts by itself".to_owned(),
    });
    lines.push(format!("key: {}", seal.map_or("none yet".to_owned(), |seal| format!("in the {}", seal.source.told()))));
    for delivery in all["deliveries"].as_array().into_iter().flatten() {
        let place =
            ["url", "token_file", "settings"].iter().map(|name| text(delivery, name)).find(|text| !text.is_empty()).unwrap_or_default();
        let left = delivery["expires_in"].as_u64().map(|seconds| format!(", {seconds} s left")).unwrap_or_default();
        lines.push(format!("supplied: {} for {place} ({}){left}", text(delivery, "tool"), text(delivery, "profile")));
        lines.extend(delivery["problem"].as_str().map(|problem| format!("    {}", shown(problem))));
    }
    lines.join("\n") + "\n"
}
