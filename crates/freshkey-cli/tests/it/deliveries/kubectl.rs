//! kubectl.

use super::SignedIn;
use super::server::{Asked, Reply, TestServer};
use super::tools::{complains, freshkey, prints, tool};
use std::process::Command;

fn cluster() -> TestServer {
    TestServer::start(answer)
}

pub(super) fn answer(asked: &Asked) -> Reply {
    match asked.header("authorization") {
        "" => Reply::unauthorized("Bearer"),
        _ => Reply::ok("application/json", format!("{{\"asked\":\"{}\"}}\n", asked.target)),
    }
}

fn kubectl(user: &SignedIn, arguments: &[&str]) -> Command {
    let mut command = tool(&user.home, "kubectl");
    command.args(arguments);
    command
}

/// As the owner of the cluster has handed it out: no credentials in it.
fn add_cluster(user: &SignedIn, name: &str, cluster: &TestServer) {
    let ca = format!("--certificate-authority={}", cluster.ca_file().display());
    let server = format!("--server={}", cluster.url());
    prints(&mut kubectl(user, &["config", "set-cluster", name, &server, &ca]));
    prints(&mut kubectl(user, &["config", "set-context", name, "--cluster", name]));
    prints(&mut kubectl(user, &["config", "use-context", name]));
}

fn version(user: &SignedIn, context: &str) -> Command {
    kubectl(user, &["--context", context, "get", "--raw", "/version"])
}

#[test]
fn kubectl_sends_the_token_to_its_cluster() {
    let user = SignedIn::new();
    let cluster = cluster();
    add_cluster(&user, "prod", &cluster);
    let before = user.file(".kube/config");
    let tried = prints(&mut freshkey(&user.home, &["setup", "kubectl", "--dry-run"]));
    assert_eq!(user.file(".kube/config"), before, "{tried}");
    prints(&mut freshkey(&user.home, &["setup", "kubectl", "--namespace", "jobs"]));
    assert_eq!(prints(&mut version(&user, "freshkey-ua")), "{\"asked\":\"/version\"}\n");
    assert_eq!(cluster.last_authorization(), user.bearer());
    let again = prints(&mut freshkey(&user.home, &["setup", "kubectl", "--cluster", "prod", "--namespace", "jobs"]));
    assert_eq!(again, "everything is as it should be already\n");
    assert_eq!(user.supplied(), [format!("supplied: kubectl for {} (ua)", cluster.url())]);
    prints(&mut freshkey(&user.home, &["unset", "kubectl"]));
    assert_eq!(user.file(".kube/config"), before);
    assert_eq!(user.supplied(), Vec::<String>::new());
}

#[test]
fn kubectl_is_told_until_when_the_token_is_good() {
    let user = SignedIn::new();
    add_cluster(&user, "prod", &cluster());
    prints(&mut freshkey(&user.home, &["setup", "kubectl"]));
    let server = prints(&mut kubectl(&user, &["config", "view", "--output=jsonpath={.clusters[0].cluster.server}"]));
    for version in ["v1", "v1beta1"] {
        let question = format!(
            "{{\"apiVersion\":\"client.authentication.k8s.io/{version}\",\"kind\":\"ExecCredential\",\"spec\":{{\"cluster\":{{\"server\":\"{server}\"}}}}}}"
        );
        let mut command = user.home.freshkey(&["credential", "kubectl", "--profile", "ua"]);
        let answer: serde_json::Value =
            serde_json::from_str(&prints(command.env("KUBERNETES_EXEC_INFO", question))).expect("an ExecCredential");
        assert_eq!((&answer["kind"], &answer["status"]["token"]), (&"ExecCredential".into(), &user.token().into()));
        assert_eq!(answer["apiVersion"], format!("client.authentication.k8s.io/{version}"));
        let end = answer["status"]["expirationTimestamp"].as_str().expect("a moment").to_owned();
        let by_date = prints(tool(&user.home, "date").args(["--utc", "--date", &end, "+%s"]));
        assert_eq!(by_date.trim(), user.home.prints(&["token", "--field", "expires_at"]));
    }
}

#[test]
fn t_063_kubectl_gets_nothing_for_another_cluster() {
    let user = SignedIn::new();
    let (ours, other) = (cluster(), cluster());
    add_cluster(&user, "prod", &ours);
    prints(&mut freshkey(&user.home, &["setup", "kubectl"]));
    add_cluster(&user, "evil", &other);
    prints(&mut kubectl(&user, &["config", "set-context", "freshkey-ua", "--cluster", "evil"]));
    let said = complains(&mut version(&user, "freshkey-ua"));
    assert!(said.contains("freshkey: no token: this cluster was not set up"), "{said}");
    assert!(other.authorizations().iter().all(String::is_empty), "{:?}", other.authorizations());
}

#[test]
fn t_063_kubectl_gets_nothing_for_a_cluster_that_it_does_not_verify() {
    let user = SignedIn::new();
    let cluster = cluster();
    add_cluster(&user, "prod", &cluster);
    prints(&mut freshkey(&user.home, &["setup", "kubectl"]));
    let settings = user.file(".kube/config");
    let ca = settings.lines().find(|line| line.contains("certificate-authority:")).expect("there").to_owned();
    user.write(".kube/config", &settings.replace(&ca, "    insecure-skip-tls-verify: true"));
    let said = complains(&mut version(&user, "freshkey-ua"));
    assert!(said.contains("kubectl does not verify who the cluster is"), "{said}");
    assert!(cluster.authorizations().iter().all(String::is_empty), "{:?}", cluster.authorizations());
    let refused = complains(&mut freshkey(&user.home, &["setup", "kubectl", "--cluster", "prod"]));
    assert!(refused.contains("its certificate is not verified"), "{refused}");
}

#[test]
fn a_context_of_somebody_else_stays() {
    let user = SignedIn::new();
    add_cluster(&user, "prod", &cluster());
    let before = user.file(".kube/config");
    let said = complains(&mut freshkey(&user.home, &["setup", "kubectl", "--context", "prod"]));
    assert!(said.contains("kubectl has a user or a context prod already"), "{said}");
    assert_eq!(user.file(".kube/config"), before);
}
