//! Runs the binary and reads what it says, line by line, so that nothing has to wait longer than needed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Longer than anything here takes, so that a hanging program fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. It is killed when a test fails.
pub(crate) struct Program {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// How a program ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

struct Lines(Receiver<String>);

impl Program {
    pub(crate) fn start<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freshkey-server"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What the machine has set must not configure the server under test.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut child = command.spawn().expect("the program starts");
        let stdout = Lines::of(child.stdout.take().expect("piped"));
        let stderr = Lines::of(child.stderr.take().expect("piped"));
        Self { child, stdout, stderr }
    }

    /// Runs a program that ends by itself.
    pub(crate) fn run(arguments: &[&str]) -> Ended {
        Self::start(arguments.iter().map(AsRef::as_ref)).end()
    }

    /// The first line on standard output that begins so.
    pub(crate) fn wait_for_output(&self, beginning: &str) -> String {
        self.stdout
            .find(|line| line.starts_with(beginning))
            .unwrap_or_else(|| panic!("no line began with {beginning:?}:\n{}", self.stderr.rest()))
    }

    /// The first line on standard error that contains this.
    pub(crate) fn wait_for_log(&self, words: &str) -> String {
        self.stderr.find(|line| line.contains(words)).unwrap_or_else(|| panic!("no line had {words:?}"))
    }

    /// SIGTERM, and the clean end that must follow.
    pub(crate) fn stop(self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(sent.success());
        let ended = self.end();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest());
        let status = self.child.wait().expect("it ends");
        Ended { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    fn find(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        std::iter::from_fn(|| self.0.recv_timeout(PATIENCE).ok()).find(|line| wanted(line))
    }

    /// Everything up to the end of the stream.
    fn rest(&self) -> String {
        std::iter::from_fn(|| self.0.recv_timeout(PATIENCE).ok()).fold(String::new(), |text, line| text + &line + "\n")
    }
}

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Asks the server that an env-file names, trusting its authority and nothing else.
pub(crate) fn curl(env: &BTreeMap<String, String>, path: &str, arguments: &[&str]) -> Answer {
    let ca = ["--cacert", env["KC_CACERT"].as_str()];
    curl_url(&format!("https://{}{path}", env["KC_ADDR"]), &[&ca[..], arguments].concat())
}

pub(crate) fn curl_url(url: &str, arguments: &[&str]) -> Answer {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .arg(url)
        .output();
    let output = output.expect("curl is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("a status");
    assert_ne!(status, "000", "{url}: {}", String::from_utf8_lossy(&output.stderr));
    Answer { status: status.parse().expect("a number"), body: body.to_owned() }
}

/// The values of an env-file as a shell reads them.
pub(crate) fn read_env(path: &Path) -> BTreeMap<String, String> {
    let script = format!(
        ". '{}'; for name in KC_ADDR KC_CACERT KC_USERNAME KC_PASSWORD REFRESH_TOKEN UA_CLIENT_SECRET ADMIN_USERNAME ADMIN_PASSWORD; do eval \"echo \\$name \\$$name\"; done",
        path.display()
    );
    let output = Command::new("sh").args(["-eu", "-c", &script]).output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split_once(' ')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The permission bits.
pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}
