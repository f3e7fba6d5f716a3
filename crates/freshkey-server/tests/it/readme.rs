//! The README, pasted: every command that it shows is run against a quickstart, with `--cacert` as printed and again with `-k`.

use crate::support::claims;
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The commands, block by block.
fn blocks() -> Vec<String> {
    let readme = include_str!("../../../../README.md");
    let fenced = readme.split("```sh readme\n").skip(1);
    fenced.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A quickstart on a port of its own, ended with the test.
struct Quickstart {
    child: Child,
    directory: tempfile::TempDir,
}

impl Quickstart {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_freshkey-server"))
            .args(["quickstart", "--listen", "127.0.0.1:0", "--data"])
            .arg(directory.path())
            .arg("--env-file")
            .arg(directory.path().join("env"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The page is printed once the server answers; the first byte of it is the sign.
        let mut first = [0];
        child.stdout.as_mut().unwrap().read_exact(&mut first).expect("the quickstart prints its page");
        Self { child, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the blocks in one shell, as a reader would, and keeps the variables after each of them.
fn paste(quickstart: &Quickstart, trust: &str) -> Vec<Vec<(String, String)>> {
    let directory = quickstart.directory.path().display().to_string();
    let binary = env!("CARGO_BIN_EXE_freshkey-server");
    let mut script = String::from("set -euo pipefail\ncurl() { command curl --silent --show-error --fail \"$@\"; }\n");
    for (number, block) in blocks().iter().enumerate() {
        let block = block.replace("target/quickstart", &directory).replace("target/release/freshkey-server", binary);
        script += &block.replace("--cacert \"$KC_CACERT\"", trust);
        for name in ["response_json", "ACCESS_TOKEN", "REFRESH_TOKEN", "OFFLINE_TOKEN", "CLIENT_SECRET"] {
            script += &format!("printf '%s' \"${{{name}:-}}\" > \"{directory}/{number}-{name}\"\n");
        }
    }
    let output = Command::new("bash").arg("-c").arg(&script).stdin(Stdio::null()).output().expect("bash");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let names = ["response_json", "ACCESS_TOKEN", "REFRESH_TOKEN", "OFFLINE_TOKEN", "CLIENT_SECRET"];
    (0..blocks().len())
        .map(|number| names.iter().map(|name| ((*name).to_owned(), read(&quickstart.path(&format!("{number}-{name}"))))).collect())
        .collect()
}

fn value<'v>(variables: &'v [(String, String)], name: &str) -> &'v str {
    &variables.iter().find(|(own, _)| own == name).unwrap().1
}

fn json(variables: &[(String, String)]) -> Value {
    serde_json::from_str(value(variables, "response_json")).expect("the answer is JSON")
}

#[test]
fn every_command_of_the_readme_runs_as_printed() {
    for trust in ["--cacert \"$KC_CACERT\"", "-k"] {
        let quickstart = Quickstart::start();
        let after = paste(&quickstart, trust);
        assert_eq!(after.len(), 6, "blocks of the README");

        // S1, S3, S7: a refresh, a week of life, both tokens as attributes of the body.
        let refreshed = json(&after[1]);
        assert_eq!(refreshed["refresh_expires_in"], 7 * 24 * 60 * 60);
        assert_eq!(value(&after[1], "ACCESS_TOKEN"), refreshed["access_token"]);
        assert_eq!(claims(value(&after[1], "REFRESH_TOKEN")).typ.as_deref(), Some("Refresh"));

        // S4: an offline token, which has no end of its own.
        let offline = claims(value(&after[2], "OFFLINE_TOKEN"));
        assert_eq!((offline.typ.as_deref(), offline.exp), (Some("Offline"), None));

        // S6: one more parameter. S2: the very next token has the new role and attributes.
        assert_eq!(value(&after[4], "CLIENT_SECRET").len(), 0);
        let secret = value(&after[5], "CLIENT_SECRET");
        assert!(secret.len() >= 32 && !secret.contains(char::is_whitespace), "one line, nothing else");
        let confidential = json(&after[5]);
        let access = claims(confidential["access_token"].as_str().unwrap());
        assert!(access.other["realm_access"]["roles"].as_array().unwrap().contains(&"admin".into()));
        assert_eq!(access.other["department"], "blue");
        assert_eq!(access.other["email"], "demo@example.org");
    }
}
