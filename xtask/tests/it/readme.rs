//! The README, pasted: every command that it shows is run against what `cargo xtask up` starts, with `--cacert` as printed and again with `-k`.

use crate::up::Up;
use freshkey_protocol::{Claims, base64url};
use freshkey_testkit::programs::built;
use serde_json::Value;
use std::process::{Command, Stdio};

/// What is kept after each block: variables, and what it printed.
const NAMES: [&str; 6] = ["response_json", "ACCESS_TOKEN", "REFRESH_TOKEN", "OFFLINE_TOKEN", "CLIENT_SECRET", "printed"];

/// The commands, block by block.
fn blocks() -> Vec<String> {
    let readme = include_str!("../../../README.md");
    let fenced = readme.split("```sh readme\n").skip(1);
    fenced.map(|rest| rest.split("```").next().expect("a block has an end").to_owned()).collect()
}

/// Runs the blocks in one shell, as a reader would, and keeps the variables after each of them.
fn paste(up: &Up, trust: &str) -> Vec<Vec<(String, String)>> {
    let directory = up.directory.path().display().to_string();
    let data = up.path("data").display().to_string();
    let binary = built("freshkey-server").display().to_string();
    let mut script = String::from("set -euo pipefail\ncurl() { command curl --silent --show-error --fail \"$@\"; }\n");
    for (number, block) in blocks().iter().enumerate() {
        let block = block.replace("target/quickstart/env", &format!("{directory}/env")).replace("target/quickstart", &data);
        let block = block.replace("target/release/freshkey-server", &binary).replace("--cacert \"$KC_CACERT\"", trust);
        script += &format!("{{\n{block}\n}} > \"{directory}/{number}-printed\"\n");
        for name in &NAMES[..5] {
            script += &format!("printf '%s' \"${{{name}:-}}\" > \"{directory}/{number}-{name}\"\n");
        }
    }
    let output = Command::new("bash").arg("-c").arg(&script).stdin(Stdio::null()).output().expect("bash");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    let read = |name: String| std::fs::read_to_string(up.path(&name)).expect("each block leaves its values");
    (0..blocks().len()).map(|number| NAMES.iter().map(|name| ((*name).to_owned(), read(format!("{number}-{name}")))).collect()).collect()
}

fn value<'v>(variables: &'v [(String, String)], name: &str) -> &'v str {
    &variables.iter().find(|(own, _)| own == name).expect("one of the names").1
}

fn claims(token: &str) -> Claims {
    let payload = token.split('.').nth(1).expect("three parts");
    Claims::parse(&base64url::decode(payload.as_bytes()).expect("base64url")).expect("claims")
}

fn json(variables: &[(String, String)]) -> Value {
    serde_json::from_str(value(variables, "response_json")).expect("the answer is JSON")
}

#[test]
fn every_command_of_the_readme_runs_as_printed() {
    for trust in ["--cacert \"$KC_CACERT\"", "-k"] {
        let up = Up::start();
        let after = paste(&up, trust);
        assert_eq!(after.len(), 7, "blocks of the README");

        // S1, S3, S7: a refresh, a week of life, both tokens as attributes of the body.
        let refreshed = json(&after[1]);
        assert_eq!(refreshed["refresh_expires_in"], 7 * 24 * 60 * 60);
        assert_eq!(value(&after[1], "ACCESS_TOKEN"), refreshed["access_token"]);
        assert_eq!(claims(value(&after[1], "REFRESH_TOKEN")).typ.as_deref(), Some("Refresh"));

        // S4: an offline token, which has no end of its own.
        let offline = claims(value(&after[2], "OFFLINE_TOKEN"));
        assert_eq!((offline.typ.as_deref(), offline.exp), (Some("Offline"), None));

        // S8: the application is told who calls. The server itself is one more.
        let said: Value = serde_json::from_str(value(&after[3], "printed")).expect("the sample API speaks JSON");
        assert_eq!(said["caller"]["identity"]["x-freshkey-user"], "demo");
        assert_eq!(said["headers"]["x-freshkey-user"], "demo");

        // S6: one more parameter. S2: the very next token has the new role and attributes.
        assert_eq!(value(&after[5], "CLIENT_SECRET").len(), 0);
        let secret = value(&after[6], "CLIENT_SECRET");
        assert!(secret.len() >= 32 && !secret.contains(char::is_whitespace), "one line, nothing else");
        let confidential = json(&after[6]);
        let access = claims(confidential["access_token"].as_str().unwrap());
        assert!(access.other["realm_access"]["roles"].as_array().unwrap().contains(&"admin".into()));
        assert_eq!(access.other["department"], "blue");
        assert_eq!(access.other["email"], "demo@example.org");
    }
}
