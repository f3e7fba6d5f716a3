//! kubectl asks `freshkey credential kubectl` for one cluster, as a user and a context of their own: those that are there stay as they are.

use super::change::answer_of;
use super::{Act, Change, Context, Plan, Supplied};
use freshkey_client::failure::shown;
use freshkey_client::profile::{Delivery, secure_url};
use freshkey_client::{Failure, FailureKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// As it is recorded.
pub(crate) const TOOL: &str = "kubectl";
/// The form of the answers (`client.authentication.k8s.io/v1`, Kubernetes 1.22 and later).
pub(crate) const API_VERSION: &str = "client.authentication.k8s.io/v1";

/// The variable that names kubectl's settings; recorded, so that the same ones are changed back.
const KUBECONFIG: &str = "KUBECONFIG";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The cluster, as kubectl's settings name it. By default that of the current context.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// What to call the new user and context. By default `freshkey-` and the profile.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The namespace of the new context.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup kubectl
  freshkey setup kubectl --cluster prod --context prod --namespace jobs
  freshkey unset kubectl";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    let variables = variables(std::env::var(KUBECONFIG).ok());
    let settings = settings(&variables)?;
    let cluster = cluster(&settings, arguments.cluster.as_deref())?;
    let server = server(&settings, &cluster)?;
    let name = arguments.context.clone().unwrap_or_else(|| format!("freshkey-{}", context.name));
    let user = named(&settings, "users", &name).map(|user| &user["user"]["exec"]);
    let current_context = named(&settings, "contexts", &name).map(|context| &context["context"]);
    if user.map_or(current_context.is_some(), |exec| !is_ours(exec)) {
        let message = format!("kubectl has a user or a context {} already", shown(&name));
        return Err(Failure::new(FailureKind::Usage, message).with_hint("choose another name with `--context NAME`"));
    }
    let mut changes = Vec::new();
    let wanted_exec = exec(context);
    if !user.is_some_and(|user| has_all(user, &wanted_exec)) {
        let told = format!("kubectl: set the user {name} to ask {}", context.program.display());
        changes.push(Change::new(told, run(&set_credentials(&name, &wanted_exec), &variables)));
    }
    let mut wanted_context = json!({ "cluster": cluster, "user": name });
    let mut words = vec!["set-context".to_owned(), name.clone(), format!("--cluster={cluster}"), format!("--user={name}")];
    if let Some(namespace) = &arguments.namespace {
        wanted_context["namespace"] = namespace.as_str().into();
        words.push(format!("--namespace={namespace}"));
    }
    if !current_context.is_some_and(|current| has_all(current, &wanted_context)) {
        let told = format!("kubectl: set the context {name} to the cluster {cluster} and the user {name}");
        changes.push(Change::new(told, run(&words, &variables)));
    }
    let mut options = BTreeMap::from([("context".to_owned(), name.clone())]);
    let file = variables.first().map(|(_, file)| format!(" in {file}")).unwrap_or_default();
    options.extend(variables);
    let settings = Some(format!("the user and the context {name} of kubectl{file}"));
    let delivery = Delivery { tool: TOOL.to_owned(), url: Some(server), settings, options, ..Delivery::default() };
    Ok(Plan {
        changes,
        delivery,
        supplied: Supplied::WhenAsked,
        next: format!("try `kubectl --context {name} get pods`; `kubectl config use-context {name}` makes it the usual one"),
    })
}

pub(crate) fn undo(_context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    let variables = variables(delivery.options.get(KUBECONFIG).cloned());
    let name = delivery.options.get("context").cloned().unwrap_or_default();
    let settings = settings(&variables)?;
    let mut changes = Vec::new();
    let mut remove = |is_there: bool, what: &str, words: &[&str]| {
        if is_there {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            changes.push(Change::new(format!("kubectl: remove {what}"), run(&words, &variables)));
        }
    };
    remove(settings["current-context"] == name.as_str(), &format!("the choice of the context {name}"), &["unset", "current-context"]);
    let is_context_there = named(&settings, "contexts", &name).is_some();
    remove(is_context_there, &format!("the context {name}"), &["delete-context", &name]);
    let is_user_ours = named(&settings, "users", &name).is_some_and(|user| is_ours(&user["user"]["exec"]));
    remove(is_user_ours, &format!("the user {name}"), &["delete-user", &name]);
    Ok(changes)
}

/// What kubectl is to run, as its settings say it.
fn exec(context: &Context<'_>) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "command": context.program.display().to_string(),
        "args": ["credential", "kubectl", "--profile", context.name],
        // Nobody is asked anything, and the cluster is told, so that no other one gets an answer (T-063).
        "interactiveMode": "Never",
        "provideClusterInfo": true,
    })
}

fn set_credentials(name: &str, exec: &Value) -> Vec<String> {
    let text = |member: &str| exec[member].as_str().unwrap_or_default().to_owned();
    let mut words = vec![
        "set-credentials".to_owned(),
        name.to_owned(),
        format!("--exec-api-version={}", text("apiVersion")),
        format!("--exec-command={}", text("command")),
        format!("--exec-interactive-mode={}", text("interactiveMode")),
        "--exec-provide-cluster-info=true".to_owned(),
    ];
    let arguments = exec["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    words.extend(arguments.map(|argument| format!("--exec-arg={argument}")));
    words
}

fn is_ours(exec: &Value) -> bool {
    exec["args"][0] == "credential" && exec["args"][1] == "kubectl"
}

fn has_all(current: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|members| members.iter().all(|(name, value)| current[name] == *value))
}

fn variables(kubeconfig: Option<String>) -> Vec<(String, String)> {
    kubeconfig.filter(|value| !value.is_empty()).map(|value| (KUBECONFIG.to_owned(), value)).into_iter().collect()
}

fn run(words: &[String], variables: &[(String, String)]) -> Act {
    let arguments = [OsString::from("config")].into_iter().chain(words.iter().map(OsString::from)).collect();
    Act::Run { program: "kubectl", arguments, variables: variables.to_vec() }
}

fn settings(variables: &[(String, String)]) -> Result<Value, Failure> {
    let answer = answer_of("kubectl", &["config", "view", "--output=json"], variables)?;
    answer.and_then(|answer| serde_json::from_slice(&answer).ok()).ok_or_else(|| {
        Failure::new(FailureKind::Failed, "kubectl cannot read its settings").with_hint("run `kubectl config view` to see why")
    })
}

fn named<'s>(settings: &'s Value, list: &str, name: &str) -> Option<&'s Value> {
    settings[list].as_array()?.iter().find(|entry| entry["name"] == name)
}

fn cluster(settings: &Value, wish: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = wish {
        return Ok(name.to_owned());
    }
    let current = settings["current-context"].as_str().and_then(|name| named(settings, "contexts", name));
    current.and_then(|context| context["context"]["cluster"].as_str()).map(str::to_owned).ok_or_else(|| {
        Failure::new(FailureKind::Usage, "kubectl has no current context that would name a cluster")
            .with_hint("name one with `--cluster NAME`")
    })
}

fn server(settings: &Value, cluster: &str) -> Result<String, Failure> {
    let entry = &named(settings, "clusters", cluster).ok_or_else(|| {
        Failure::new(FailureKind::Usage, format!("kubectl has no cluster {}", shown(cluster)))
            .with_hint("run `kubectl config get-clusters`")
    })?["cluster"];
    let server = entry["server"].as_str().unwrap_or_default();
    let wrong =
        |why: &str| Failure::new(FailureKind::Usage, format!("the cluster {} cannot be supplied with tokens: {why}", shown(cluster)));
    secure_url(server).map_err(|why| wrong(&why))?;
    if entry["insecure-skip-tls-verify"] == true {
        return Err(wrong("its certificate is not verified").with_hint(format!(
            "run `kubectl config set-cluster {} --insecure-skip-tls-verify=false --certificate-authority=FILE`",
            shown(cluster)
        )));
    }
    Ok(server.trim_end_matches('/').to_owned())
}
