//! docker's command line, which needs no daemon to ask a registry.

use super::SignedIn;
use super::server::{Asked, Reply, TestServer};
use super::tools::{complains, freshkey, prints, tool};
use aws_lc_rs::digest::{SHA256, digest};
use std::io::Write as _;
use std::process::{Command, Stdio};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn registry() -> TestServer {
    TestServer::start(answer)
}

pub(super) fn answer(asked: &Asked) -> Reply {
    if asked.header("authorization").is_empty() {
        return Reply::unauthorized("Basic realm=\"registry\"");
    }
    if asked.target == "/v2/" {
        return Reply::ok("application/json", "{}");
    }
    let blob = "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
    if asked.target.contains("/blobs/") {
        return Reply::ok("application/octet-stream", blob);
    }
    let digest: String = digest(&SHA256, blob.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let kind = "application/vnd.docker.container.image.v1+json";
    let config = format!("{{\"mediaType\":\"{kind}\",\"size\":{},\"digest\":\"sha256:{digest}\"}}", blob.len());
    Reply::ok(MANIFEST, format!("{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"config\":{config},\"layers\":[]}}"))
}

fn docker(user: &SignedIn, registry: &TestServer, arguments: &[&str]) -> Command {
    let mut command = tool(&user.home, "docker");
    command.env("SSL_CERT_FILE", registry.ca_file()).env("DOCKER_HOST", "unix:///nonexistent/docker.sock").args(arguments);
    command
}

fn inspect(user: &SignedIn, registry: &TestServer) -> Command {
    docker(user, registry, &["manifest", "inspect", &format!("{}/team/image:1", registry.host())])
}

fn set_up(user: &SignedIn, registry: &TestServer) {
    std::fs::create_dir_all(user.home.path(".local/bin")).expect("made");
    let bin = user.home.path(".local/bin").display().to_string();
    prints(&mut freshkey(&user.home, &["setup", "docker", &registry.host(), "--bin", &bin]));
}

#[test]
fn docker_sends_the_token_to_its_registry() {
    let user = SignedIn::new();
    let registry = registry();
    user.write(".docker/config.json", "{\n\t\"detachKeys\": \"ctrl-q\"\n}");
    set_up(&user, &registry);
    assert!(prints(&mut inspect(&user, &registry)).contains("\"schemaVersion\": 2"));
    assert_eq!(registry.last_authorization(), user.basic("oauth2accesstoken"));
    set_up(&user, &registry);
    assert_eq!(user.supplied(), [format!("supplied: docker for {} (ua)", registry.url())]);
    prints(&mut freshkey(&user.home, &["unset", "docker"]));
    assert_eq!(user.file(".docker/config.json"), "{\n\t\"detachKeys\": \"ctrl-q\"\n}");
    assert!(!user.home.path(".local/bin/docker-credential-freshkey").is_symlink());
    assert_eq!(user.supplied(), Vec::<String>::new());
}

#[test]
fn only_the_last_registry_takes_the_link_with_it() {
    let user = SignedIn::new();
    let (first, second) = (registry(), registry());
    set_up(&user, &first);
    set_up(&user, &second);
    prints(&mut inspect(&user, &first));
    prints(&mut freshkey(&user.home, &["unset", "docker", &first.url()]));
    prints(&mut inspect(&user, &second));
    complains(&mut inspect(&user, &first));
    prints(&mut freshkey(&user.home, &["unset", "docker"]));
    assert!(!user.home.path(".docker/config.json").exists() && !user.home.path(".local/bin/docker-credential-freshkey").is_symlink());
}

#[test]
fn t_063_docker_gets_nothing_for_another_registry() {
    let user = SignedIn::new();
    let (ours, other) = (registry(), registry());
    set_up(&user, &ours);
    // Even a docker that is told to ask us for every registry learns nothing.
    user.write(".docker/config.json", "{\"credsStore\":\"freshkey\"}");
    prints(&mut inspect(&user, &ours));
    complains(&mut inspect(&user, &other));
    assert!(other.authorizations().iter().all(String::is_empty), "{:?}", other.authorizations());
}

/// What the helper answers: its exit code and what it printed.
fn ask(user: &SignedIn, action: &str, question: &str) -> (Option<i32>, String) {
    let mut command = tool(&user.home, "docker-credential-freshkey");
    let mut child = command.arg(action).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    child.stdin.take().expect("piped").write_all(question.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn t_063_the_helper_says_not_found_to_questions_that_are_not_exactly_right() {
    let user = SignedIn::new();
    let registry = registry();
    set_up(&user, &registry);
    let host = registry.host();
    for question in [host.clone(), format!("{host}\n"), format!("https://{host}")] {
        let (code, answer) = ask(&user, "get", &question);
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!((code, &answer["Username"], &answer["Secret"]), (Some(0), &"oauth2accesstoken".into(), &user.token().into()));
        assert_eq!(answer["ServerURL"], question.trim_end());
    }
    for question in [
        String::new(),
        "localhost".to_owned(),
        format!("http://{host}"),
        format!("{host}.evil.example"),
        format!("evil.example/{host}"),
        format!("{host}/v2/"),
        format!("ann@{host}"),
        format!("{host}\r\n"),
        format!("{host}\0"),
        format!("{host}\nevil.example"),
        format!("evil.example\n{host}"),
    ] {
        let expected = (Some(1), "credentials not found in native keychain\n".to_owned());
        assert_eq!(ask(&user, "get", &question), expected, "{question:?}");
    }
}

#[test]
fn the_helper_lists_what_it_knows_and_keeps_nothing() {
    let user = SignedIn::new();
    let registry = registry();
    set_up(&user, &registry);
    let listed = format!("{{\"{}\":\"oauth2accesstoken\"}}\n", registry.url());
    assert_eq!(ask(&user, "list", ""), (Some(0), listed));
    let (code, said) = ask(&user, "store", "{\"ServerURL\":\"a\",\"Username\":\"b\",\"Secret\":\"c\"}");
    assert!(code == Some(1) && said.contains("it keeps no passwords"), "{said}");
    let (code, said) = ask(&user, "erase", &registry.host());
    assert!(code == Some(1) && said.contains("there is no password to forget"), "{said}");
    prints(&mut inspect(&user, &registry));
    user.home.prints(&["logout"]);
    let (code, said) = ask(&user, "get", &registry.host());
    assert!(code == Some(1) && said.contains("run `freshkey login ua`"), "{said}");
}

#[test]
fn a_directory_that_docker_does_not_look_into_is_refused() {
    let user = SignedIn::new();
    let elsewhere = user.home.path("elsewhere").display().to_string();
    let said = complains(&mut freshkey(&user.home, &["setup", "docker", "registry.example.org", "--bin", &elsewhere]));
    assert!(said.contains("is not on the path"), "{said}");
    assert!(!user.home.path(".docker").exists());
}
