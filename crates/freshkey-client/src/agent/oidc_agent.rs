//! A socket in the form of oidc-agent, so far as its own Python client needs it: tokens by the name of a profile or by an issuer, and the list of
//! both. It gives what a profile has, and nothing else: a scope or an audience that its token does not have is refused, never asked for elsewhere.

mod channel;
#[cfg(test)]
mod tests;

use super::serve::{Agent, is_ours};
use crate::directories::Directories;
use crate::failure::Failure;
use crate::files;
use crate::limits::{AGENT_ANSWER_TIMEOUT, HELPER_CALLERS_MAX};
use crate::profile::file::Profiles;
use crate::record::{Record, claims_of};
use channel::Channel;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The socket, which callers find by the variable `OIDC_SOCK`.
#[must_use]
pub fn socket(directories: &Directories) -> PathBuf {
    directories.runtime.join("oidc-agent.sock")
}

/// Starts to listen.
pub(super) fn start(agent: &Arc<Agent>) -> Result<JoinHandle<()>, Failure> {
    let path = socket(agent.keeper.directories());
    let failed = |error: std::io::Error| Failure::file(&path, "listened on", &error);
    // One that a killed agent has left behind: there is only one agent for these directories.
    files::remove(&path)?;
    let listener = UnixListener::bind(&path).map_err(failed)?;
    Ok(tokio::spawn(serve(Arc::clone(agent), listener)))
}

async fn serve(agent: Arc<Agent>, listener: UnixListener) {
    let places = Arc::new(Semaphore::new(HELPER_CALLERS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: those that are open end in a while.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        if !is_ours(&stream) {
            continue;
        }
        let agent = Arc::clone(&agent);
        tokio::spawn(async move {
            let _ = timeout(AGENT_ANSWER_TIMEOUT, attend(&agent, stream)).await;
            drop(place);
        });
    }
}

/// One request, one answer.
async fn attend(agent: &Agent, stream: UnixStream) {
    // Whoever does not speak this language gets no answer in another.
    let Some((channel, request)) = Channel::open(stream).await else { return };
    let answer = match serde_json::from_slice(&request) {
        Ok(request) => answer(agent, request).await,
        Err(_) => Err(Refusal::new("Bad request: this is not understood", None)),
    };
    let answer = answer.unwrap_or_else(|refusal| json!({ "status": "failure", "error": refusal.error, "info": refusal.info }));
    channel.answer(&answer.to_string()).await;
}

/// What its callers ask. Members that are not known here, such as `application_hint`, change nothing.
#[derive(Debug, Deserialize)]
struct Request {
    request: String,
    account: Option<String>,
    issuer: Option<String>,
    #[serde(default)]
    min_valid_period: u32,
    scope: Option<String>,
    audience: Option<String>,
}

/// Why not, and what helps.
struct Refusal {
    error: String,
    info: Option<String>,
}

impl Refusal {
    fn new(error: impl Into<String>, info: Option<String>) -> Self {
        Self { error: error.into(), info }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::new(failure.message, failure.hint)
    }
}

async fn answer(agent: &Agent, request: Request) -> Result<Value, Refusal> {
    match request.request.as_str() {
        "access_token" => {
            let name = agent.with_profiles(|profiles| meant(profiles, &request))??;
            let wish = Some(request.min_valid_period).filter(|seconds| *seconds > 0);
            let (record, _) = agent.record(&name, wish).await?;
            has_what_is_asked_for(&name, &record, &request)?;
            let access = record.access.as_ref().ok_or_else(|| Failure::not_signed_in(&name))?;
            Ok(json!({
                "status": "success", "access_token": access.token(), "issuer": record.issuer, "expires_at": access.life.ends_at(),
            }))
        }
        "account_info" => Ok(json!({ "status": "success", "info": agent.with_profiles(listed)? })),
        other => {
            let what =
                format!("freshkey has no answer to the request {}", crate::failure::shown(&other.chars().take(64).collect::<String>()));
            Err(Refusal::new(what, Some("It answers access_token and account_info.".to_owned())))
        }
    }
}

/// The profiles that were set up for this.
fn supplied(profiles: &Profiles) -> impl Iterator<Item = (&String, &str)> {
    let is_supplied = |deliveries: &[crate::profile::Delivery]| deliveries.iter().any(|delivery| delivery.tool == super::sinks::OIDC_AGENT);
    profiles
        .profiles
        .iter()
        .filter(move |(_, profile)| is_supplied(&profile.deliveries))
        .map(|(name, profile)| (name, profile.issuer.as_str()))
}

fn meant(profiles: &Profiles, request: &Request) -> Result<String, Refusal> {
    let without_slash = |issuer: &str| issuer.strip_suffix('/').unwrap_or(issuer).to_owned();
    match (&request.account, &request.issuer) {
        (Some(account), None) => {
            let known = supplied(profiles).any(|(name, _)| name == account);
            // The client looks for these very words.
            let error = "No account configured with that short name";
            let cure = "run `freshkey setup oidc-agent --profile NAME`";
            if known { Ok(account.clone()) } else { Err(Refusal::new(error, Some(cure.to_owned()))) }
        }
        (None, Some(issuer)) => {
            let of_issuer = || supplied(profiles).filter(|(_, of)| without_slash(of) == without_slash(issuer)).map(|(name, _)| name);
            let default = profiles.default.as_ref().filter(|default| of_issuer().any(|name| name == *default));
            match (of_issuer().count(), default, of_issuer().next()) {
                (_, Some(name), _) | (1, None, Some(name)) => Ok(name.clone()),
                (0, ..) => Err(Refusal::new("No account configured for that issuer", None)),
                _ => {
                    let names = of_issuer().map(String::as_str).collect::<Vec<_>>().join(", ");
                    Err(Refusal::new(
                        format!("Several accounts are configured for that issuer: {names}"),
                        Some("Name the account.".to_owned()),
                    ))
                }
            }
        }
        _ => Err(Refusal::new("Bad request: either an account or an issuer is needed", None)),
    }
}

fn has_what_is_asked_for(name: &str, record: &Record, request: &Request) -> Result<(), Refusal> {
    let access = record.access.as_ref();
    let has = |all: &str, one: &str| all.split(' ').any(|known| known == one);
    let scope = access.and_then(|access| access.scope.as_deref()).unwrap_or_default();
    let wished = request.scope.as_deref().unwrap_or_default();
    if let Some(missing) = wished.split(' ').find(|one| !one.is_empty() && !has(scope, one)) {
        let error = format!("the token of {name} was not granted the scope {}", crate::failure::shown(missing));
        return Err(Refusal::new(error, Some(format!("run `freshkey login {name} --scope \"…\"` with it"))));
    }
    let audiences = access.and_then(|access| claims_of(access.token())).and_then(|claims| claims.aud);
    let wished = request.audience.as_deref().unwrap_or_default();
    let is_for = |one: &str| audiences.as_ref().is_some_and(|all| all.contains(one));
    match wished.split(' ').find(|one| !one.is_empty() && !is_for(one)) {
        None => Ok(()),
        Some(missing) => {
            let error = format!("the token of {name} is not for the audience {}", crate::failure::shown(missing));
            Err(Refusal::new(error, Some("Its provider decides whom its tokens are for.".to_owned())))
        }
    }
}

/// Issuers, and the accounts of each with whether they can be asked at once.
fn listed(profiles: &Profiles) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for (name, issuer) in supplied(profiles) {
        let of_issuer = all.entry(issuer.to_owned()).or_insert_with(|| json!({ "accounts": {} }));
        of_issuer["accounts"][name] = Value::Bool(true);
    }
    Value::Object(all)
}
