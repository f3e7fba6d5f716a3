//! kubectl's exec credentials (Kubernetes, "client-go credential plugins"): the question stands in a variable, the answer is an `ExecCredential`.

use super::{Token, deliveries, tell, utc};
use crate::commands::setup::kubectl::{API_VERSION, TOOL};
use crate::environment::Environment;
use crate::terminal;
use freshkey_client::{Failure, FailureKind};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Where kubectl says what it wants.
const QUESTION: &str = "KUBERNETES_EXEC_INFO";
/// The form that kubectl spoke before.
const API_VERSION_BEFORE: &str = "client.authentication.k8s.io/v1beta1";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The profile.
    #[arg(long, value_name = "NAME")]
    profile: String,
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<ExitCode, Failure> {
    match answer(environment, &arguments.profile, &std::env::var(QUESTION).unwrap_or_default()) {
        Ok(answer) => terminal::print(&answer).map(|()| ExitCode::SUCCESS),
        Err(failure) => {
            tell(&failure);
            Ok(ExitCode::from(failure.kind.exit_code()))
        }
    }
}

fn answer(environment: &Environment, profile: &str, question: &str) -> Result<Vec<u8>, Failure> {
    let question: Value = serde_json::from_str(question).unwrap_or_default();
    let version = question["apiVersion"].as_str().filter(|version| [API_VERSION, API_VERSION_BEFORE].contains(version));
    let version = version.ok_or_else(|| refused("this is for kubectl to call"))?;
    let cluster = &question["spec"]["cluster"];
    let server = cluster["server"].as_str().ok_or_else(|| refused("kubectl does not say for which cluster"))?;
    if cluster["insecure-skip-tls-verify"] == true {
        return Err(refused("kubectl does not verify who the cluster is"));
    }
    let is_this_one = |url: &String| url == server.strip_suffix('/').unwrap_or(server);
    if !deliveries(environment, TOOL, Some(profile))?.iter().any(|(_, delivery)| delivery.url.as_ref().is_some_and(is_this_one)) {
        return Err(refused("this cluster was not set up"));
    }
    let token = Token::of(environment, profile)?;
    let status = json!({ "token": token.text.expose(), "expirationTimestamp": utc(token.expires_at) });
    let answer = json!({ "apiVersion": version, "kind": "ExecCredential", "status": status });
    serde_json::to_vec(&answer).map_err(|error| Failure::new(FailureKind::Failed, error.to_string()))
}

fn refused(why: &str) -> Failure {
    Failure::new(FailureKind::Untrusted, format!("no token: {why}")).with_hint("run `freshkey setup kubectl`")
}
