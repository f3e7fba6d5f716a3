//! Our programs as their users run them, each ended with its test.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();

/// From now on programs come from this directory: a benchmark measures release builds.
pub fn use_programs_of(directory: &Path) {
    // The first one that says so is the benchmark's own start.
    let _ = PROGRAMS.set(directory.to_owned());
}

/// The program of this name that was built together with the test.
pub fn built(name: &str) -> PathBuf {
    if let Some(directory) = PROGRAMS.get() {
        return directory.join(name);
    }
    let test = std::env::current_exe().expect("a test has a path");
    let directory = test.parent().and_then(Path::parent).expect("a test lies in deps of a profile's directory");
    let program = directory.join(name);
    assert!(program.is_file(), "{} is not there: run `cargo build --workspace`, which `cargo xtask test` does", program.display());
    program
}

/// Writes a program that can be started at once.
///
/// The kernel starts nothing that anybody has open for writing, and what one test has open, a process that another test is just starting has, too. So it
/// is written by a process of its own, which has ended when this returns.
pub fn install(program: &[u8], path: &Path) {
    let mut install =
        Command::new("install").args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped()).spawn().expect("install is there");
    install.stdin.take().expect("piped").write_all(program).expect("it reads");
    assert!(install.wait().expect("it ends").success(), "{} cannot be written", path.display());
}

/// A quickstart on a port of its own, with its own authority.
pub struct Quickstart {
    child: Child,
    directory: TempDir,
}

impl Quickstart {
    /// Starts one, and waits until it answers.
    pub fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("freshkey-quickstart-").tempdir().expect("the temporary directory is writable");
        let child = start_in(directory.path(), "127.0.0.1:0");
        Self { child, directory }
    }

    /// Stops it, as with `kill -9`, and starts it again on the same port.
    pub fn restart(&mut self) {
        self.stop();
        let port = self.address().rsplit(':').next().unwrap_or_default().to_owned();
        self.child = start_in(self.directory.path(), &format!("127.0.0.1:{port}"));
    }

    /// Stops it, as with `kill -9`.
    pub fn stop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Its env-file, as a shell reads it.
    pub fn env_file(&self) -> PathBuf {
        self.directory.path().join("env")
    }

    /// A value of its env-file: `KC_ADDR`, `KC_CACERT`, `KC_USERNAME`, `KC_PASSWORD`, `REFRESH_TOKEN`, `UA_CLIENT_SECRET`, …
    pub fn value(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.env_file()).expect("the env-file is there");
        // Its values are quoted for a shell, and none of a quickstart's has a quote in it.
        let values: BTreeMap<&str, &str> =
            text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name, value.trim_matches('\''))).collect();
        (*values.get(name).unwrap_or_else(|| panic!("the env-file has no {name}"))).to_owned()
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.value("KC_ADDR")
    }

    /// The issuer of the realm `UA`.
    pub fn issuer(&self) -> String {
        format!("https://{}/realms/UA", self.address())
    }

    /// The file of its authority.
    pub fn ca_file(&self) -> PathBuf {
        PathBuf::from(self.value("KC_CACERT"))
    }

    /// Runs `freshkey-server admin` on its data, and gives back what it printed.
    pub fn admin(&self, arguments: &[&str]) -> String {
        let output = Command::new(built("freshkey-server"))
            .args(["admin", "--data"])
            .arg(self.directory.path().join("data"))
            .args(arguments)
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "admin {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How many refreshes of realm `UA` its events tell of. What was refused is none.
    pub fn refreshes(&self) -> usize {
        let events = self.admin(&["--json", "events", "--realm", "UA", "--limit", "1000"]);
        let events: Vec<serde_json::Value> = serde_json::from_str(&events).expect("a list");
        events.iter().filter(|event| event["kind"] == "REFRESH_TOKEN" && event["reason"].is_null()).count()
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_in(directory: &Path, listen: &str) -> Child {
    let mut child = Command::new(built("freshkey-server"))
        .args(["quickstart", "--listen", listen, "--management", "127.0.0.1:0", "--data"])
        .arg(directory.join("data"))
        .arg("--env-file")
        .arg(directory.join("env"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let ready = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("ready: "));
    assert!(ready.is_some(), "the quickstart ended before it was ready");
    // Whatever else it says must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    child
}
