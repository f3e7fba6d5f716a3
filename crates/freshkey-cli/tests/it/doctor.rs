//! `freshkey doctor` names the cause of faults that are really there, and what it prints cures them: each fault is injected, named, cured by the
//! command that was printed wherever it is one, and looked for again.

mod certificates;
mod clients;
mod front;
mod guide;
mod machine;
mod network;
mod sign_ins;
mod store;

pub(crate) use front::{Answers, Authority, Front};

use freshkey_testkit::home::Home;
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// More than a server needs to see a change.
const LOOKS_MAX: usize = 200;

/// What doctor has found.
pub(crate) struct Diagnosis {
    code: i32,
    findings: Vec<Value>,
}

/// A cure as it was printed.
pub(crate) struct Cure {
    pub(crate) advice: String,
    pub(crate) command: String,
}

/// What a command is given that asks a person for something.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) username: String,
    pub(crate) password: String,
    /// What is pasted into a file.
    pub(crate) secret: String,
    /// What is known of an authority from elsewhere.
    pub(crate) fingerprint: String,
}

impl Person {
    /// Of the test provider.
    pub(crate) fn ann() -> Self {
        Self { username: "ann".into(), password: "the password".into(), secret: String::new(), fingerprint: String::new() }
    }
}

/// Runs doctor.
pub(crate) fn examine(home: &Home, arguments: &[&str]) -> Diagnosis {
    let mut command = home.freshkey(&["--json", "doctor"]);
    command.args(arguments);
    examined(command)
}

/// The settings of a server follow a change within a second: looks until the exit code is this.
pub(crate) fn examine_until(home: &Home, code: i32) -> Diagnosis {
    let looks = std::iter::repeat_with(|| examine(home, &["ua"])).take(LOOKS_MAX);
    looks.into_iter().find(|found| found.code == code).unwrap_or_else(|| panic!("the exit code was never {code}"))
}

/// The same as a command that is already made: in another environment, for instance.
pub(crate) fn examined(mut command: Command) -> Diagnosis {
    let output = command.output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    Diagnosis { code: output.status.code().unwrap_or(-1), findings: all["findings"].as_array().expect("a list").clone() }
}

impl Diagnosis {
    /// The first problem is this one, the exit code is its kind's, and every problem has a cure.
    pub(crate) fn names(&self, check: &str, code: i32, words: &[&str]) -> Cure {
        let problems: Vec<&Value> = self.findings.iter().filter(|finding| finding["state"] == "problem").collect();
        let first = problems.first().unwrap_or_else(|| panic!("no problem: {:#?}", self.findings));
        assert!(problems.iter().all(|problem| problem["cure"].is_object()), "{problems:#?}");
        assert_eq!((first["check"].as_str(), self.code), (Some(check), code), "{first:#}");
        cure_of(first, words)
    }

    /// There is this warning.
    pub(crate) fn warns(&self, check: &str, words: &[&str]) -> Cure {
        let found = self.findings.iter().find(|finding| finding["state"] == "warning" && finding["check"] == check);
        cure_of(found.unwrap_or_else(|| panic!("no such warning: {:#?}", self.findings)), words)
    }

    /// No problem, and no warning about this.
    pub(crate) fn is_well(&self, check: &str) {
        let problems: Vec<&Value> = self.findings.iter().filter(|finding| finding["state"] == "problem").collect();
        assert!(self.code == 0 && problems.is_empty(), "{}: {problems:#?}", self.code);
        let warned = self.findings.iter().find(|finding| finding["state"] == "warning" && finding["check"] == check);
        assert!(warned.is_none(), "{warned:#?}");
    }
}

fn cure_of(finding: &Value, words: &[&str]) -> Cure {
    let says = finding["says"].as_str().unwrap_or_default();
    assert!(words.iter().all(|word| says.contains(word)), "{words:?} in: {says}");
    let text = |name: &str| finding["cure"][name].as_str().unwrap_or_default().to_owned();
    Cure { advice: text("advice"), command: text("command") }
}

impl Cure {
    /// Does what was printed, as a person at a terminal would.
    pub(crate) fn apply(&self, home: &Home, person: &Person) {
        assert!(!self.command.is_empty(), "it is no command: {}", self.advice);
        for part in self.command.split(" && ") {
            let (line, input) = answered(part, person);
            let mut command = home.command("sh");
            command.args(["-c", &line]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("a shell");
            child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("read");
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Looks again in the shell in which the command was run: it changed that shell's environment.
    pub(crate) fn examine_after(&self, mut shell: Command) -> Diagnosis {
        shell.args(["-c", &format!("{} >&2; freshkey --json doctor ua", self.command)]);
        examined(shell)
    }
}

fn answered(line: &str, person: &Person) -> (String, String) {
    if line.starts_with("freshkey login ") && !line.contains("--from-token-file") {
        return (format!("{line} --username {} --password-stdin", person.username), person.password.clone());
    }
    if line.starts_with("freshkey trust ") {
        return (format!("{line} --fingerprint {}", person.fingerprint), String::new());
    }
    if line.starts_with("install ") {
        return (line.to_owned(), format!("{}\n", person.secret));
    }
    (line.to_owned(), String::new())
}
