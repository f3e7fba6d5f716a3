//! The guides, pasted: every command that they show is run, in order, in one shell, against a server that plays all the hosts they name.

use super::SignedIn;
use super::server::{Asked, Reply, TestServer};
use super::tools::{path, prints, tool};

/// The commands of a guide, block by block.
fn blocks(guide: &str) -> Vec<&str> {
    guide.split("```sh guide\n").skip(1).map(|rest| rest.split("```").next().expect("a block")).collect()
}

/// Every host in one: each tool knows its own paths.
fn everybody() -> TestServer {
    let git = super::git::answer("Basic realm=\"git\"");
    TestServer::start(move |asked: &Asked| match asked.target.as_str() {
        target if target.contains(".git/") => git(asked),
        target if target.starts_with("/v2/") => super::docker::answer(asked),
        target if target.starts_with("/version") => super::kubectl::answer(asked),
        _ if asked.header("authorization").starts_with("Bearer") => Reply::ok("text/plain", "fine\n"),
        _ => super::aws::answer(asked),
    })
}

/// Runs a guide in one shell, as a reader would, and gives back the server.
fn paste(user: &SignedIn, guide: &str, blocks_expected: usize) -> TestServer {
    let server = everybody();
    let blocks = blocks(guide);
    assert_eq!(blocks.len(), blocks_expected);
    let mut script = blocks.join("\n");
    for host in [
        "https://api.example.org",
        "https://git.example.org",
        "https://s3.example.org",
        "https://minio.example.org",
        "https://registry.example.org",
    ] {
        script = script.replace(host, &server.url());
    }
    let script = script.replace("registry.example.org", &server.host());
    assert!(!script.contains("example.org"), "{script}");
    for word in [" -k", "--insecure", "skip-tls"] {
        assert!(!script.contains(word), "{script}");
    }
    std::fs::create_dir_all(user.home.path(".local/bin")).expect("made");
    let mut shell = tool(&user.home, "bash");
    for variable in ["CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        shell.env(variable, server.ca_file());
    }
    shell.env("PATH", path(&user.home)).env("GIT_TERMINAL_PROMPT", "0").env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let before = if script.contains("kubectl") { kubectl_settings(&server) } else { String::new() };
    shell.args(["-c", &format!("set -eu\n{before}\n{script}")]);
    prints(&mut shell);
    server
}

/// The cluster, as its owner hands it out.
fn kubectl_settings(server: &TestServer) -> String {
    format!(
        "kubectl config set-cluster prod --server={} --certificate-authority={} >/dev/null\n\
         kubectl config set-context prod --cluster=prod >/dev/null\nkubectl config use-context prod >/dev/null",
        server.url(),
        server.ca_file().display()
    )
}

#[test]
fn every_command_of_the_guide_to_the_shell_runs_as_printed() {
    let user = SignedIn::new();
    let server = paste(&user, include_str!("../../../../../docs/guides/shell.md"), 4);
    assert_eq!(server.authorizations(), vec![user.bearer(); 5]);
    assert_eq!(server.asked()[1].body, "{\"rows\": 10}\n");
}

#[test]
fn every_command_of_the_guide_to_git_runs_as_printed() {
    let user = SignedIn::new();
    let server = paste(&user, include_str!("../../../../../docs/guides/git.md"), 3);
    assert_eq!(server.last_authorization(), user.basic("oauth2"));
    assert_eq!(user.supplied(), Vec::<String>::new());
}

#[test]
fn every_command_of_the_guide_to_kubectl_runs_as_printed() {
    let user = SignedIn::new();
    let server = paste(&user, include_str!("../../../../../docs/guides/kubectl.md"), 3);
    assert_eq!(server.last_authorization(), user.bearer());
    assert_eq!(user.supplied(), Vec::<String>::new());
}

#[test]
fn every_command_of_the_guide_to_docker_runs_as_printed() {
    let user = SignedIn::new();
    let server = paste(&user, include_str!("../../../../../docs/guides/docker.md"), 3);
    assert_eq!(server.last_authorization(), user.basic("oauth2accesstoken"));
    assert_eq!(user.supplied(), Vec::<String>::new());
}

#[test]
fn every_command_of_the_guide_to_aws_runs_as_printed() {
    let user = SignedIn::new();
    let server = paste(&user, include_str!("../../../../../docs/guides/aws.md"), 4);
    let keys: Vec<String> = server.authorizations().iter().map(|shown| super::aws::access_key(shown).to_owned()).collect();
    assert_eq!(keys, [user.token(), String::new(), "TEMPORARY".to_owned()]);
    assert_eq!(user.supplied(), Vec::<String>::new());
}
