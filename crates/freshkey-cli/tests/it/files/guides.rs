//! The guides about files, sockets and variables: every command that they show is run, as a reader would.

use super::clients::tool;
use super::mlflow::tracking_server;
use crate::with_provider::WithProvider;

/// The commands of a guide, one script.
fn commands(guide: &str) -> String {
    let fenced = guide.split("```sh guide\n").skip(1);
    fenced.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

/// Runs them in one shell, and gives back what was printed and said.
async fn run(guide: &str, more: &[(&str, &str)]) -> String {
    let user = WithProvider::signed_in().await;
    // What the reader calls python3 is the one with the clients.
    let folder = user.home.path("bin");
    std::fs::create_dir(&folder).expect("made");
    std::os::unix::fs::symlink(tool("python3-with-clients"), folder.join("python3")).expect("linked");
    let mut script = format!("set -euo pipefail\nPATH={}:$PATH\n{}", folder.display(), commands(guide));
    for (from, to) in more {
        assert!(script.contains(from), "{from} is not in the guide");
        script = script.replace(from, to);
    }
    assert!(script.lines().count() > 3, "there is nothing to run");
    let output = user.home.command("bash").args(["-c", &script]).output().expect("bash");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(!script.contains(" -k ") && !script.contains("--insecure"), "no flow needs it");
    let status = user.home.prints(&["--json", "status"]);
    assert!(status.contains("\"deliveries\": []"), "the guide takes back what it has set up: {status}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_about_token_files_runs_as_printed() {
    // The tokens of this provider are no JWTs.
    let text = run(include_str!("../../../../../docs/guides/token-files.md"), &[]).await;
    assert!(text.contains("the job runs"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_about_the_platform_runs_as_printed() {
    assert!(run(include_str!("../../../../../docs/guides/platform.md"), &[]).await.contains("True"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_about_systemd_runs_as_printed() {
    run(include_str!("../../../../../docs/guides/systemd.md"), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_about_mlflow_runs_as_printed() {
    let (url, told) = tracking_server();
    run(include_str!("../../../../../docs/guides/mlflow.md"), &[("$TRACKING_SERVER", &url)]).await;
    assert!(told.try_iter().count() >= 2, "both programs have asked the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_about_containers_runs_as_printed() {
    // The port of the guide may be taken where the test runs.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port().to_string();
    let text = run(include_str!("../../../../../docs/guides/containers.md"), &[("8912", &free)]).await;
    assert!(text.lines().any(|line| line == "200"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_about_oidc_agent_runs_as_printed() {
    assert!(run(include_str!("../../../../../docs/guides/oidc-agent.md"), &[]).await.contains("True"));
}
