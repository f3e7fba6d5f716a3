//! `cargo xtask up` on ports of its own, ended with the test.

use freshkey_testkit::programs::built;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything here takes, so that what hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(120);

/// Server, gateway and sample API.
pub(crate) struct Up {
    child: Child,
    pub(crate) directory: tempfile::TempDir,
    page: Receiver<String>,
    log: Receiver<String>,
}

impl Up {
    /// Starts everything, and waits for the end of the page.
    pub(crate) fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("freshkey-up-").tempdir().expect("the temporary directory is writable");
        let programs = built("freshkey-gateway");
        assert!(built("freshkey-server").is_file());
        let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["up", "--gateway-listen", "127.0.0.1:0", "--programs"])
            .arg(programs.parent().expect("a directory"))
            .arg("--data")
            .arg(directory.path().join("data"))
            .arg("--env-file")
            .arg(directory.path().join("env"))
            .args(["--", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let page = lines(child.stdout.take().expect("piped"));
        let log = lines(child.stderr.take().expect("piped"));
        let up = Self { child, directory, page, log };
        up.printed("/api/whoami\"");
        up
    }

    /// The next line of the page that has these words.
    pub(crate) fn printed(&self, words: &str) -> String {
        next(&self.page, words).unwrap_or_else(|rest| panic!("the page has no {words:?}:\n{rest}{}", drained(&self.log)))
    }

    /// The next line of the log that has these words.
    pub(crate) fn logged(&self, words: &str) -> String {
        next(&self.log, words).unwrap_or_else(|rest| panic!("the log has no {words:?}:\n{rest}"))
    }

    /// A value of the env-file, as a shell reads it.
    pub(crate) fn value(&self, name: &str) -> String {
        let script = format!(". '{}' && printf %s \"${{{name}}}\"", self.path("env").display());
        let output = Command::new("sh").args(["-euc", &script]).output().expect("a shell");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Asks for a signal, and waits for the end.
    pub(crate) fn end_by(mut self, signal: &str) -> (ExitStatus, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        let status = self.child.wait().expect("it ends");
        (status, drained(&self.log))
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it ends");
        (status, drained(&self.log))
    }

    /// The process of a program that was started, by a word of its command line.
    pub(crate) fn process(&self, word: &str) -> u32 {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("Linux tells the children");
        let has_word = |child: &&str| {
            let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
        };
        let found = children.split_whitespace().find(has_word);
        found.unwrap_or_else(|| panic!("no child has {word}: {children}")).parse().expect("a number")
    }

    /// Whether anybody answers at an address of the env-file.
    pub(crate) fn is_listening(address: &str) -> bool {
        let port = address.rsplit_once(':').expect("a port").1;
        TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Its children end with it. One that was waited for already has an id that may be another's by now.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            let _ = self.child.wait();
        }
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line with these words, or everything that came instead of it.
fn next(lines: &Receiver<String>, words: &str) -> Result<String, String> {
    let mut passed = String::new();
    while let Ok(line) = lines.recv_timeout(PATIENCE) {
        if line.contains(words) {
            return Ok(line);
        }
        passed += &line;
        passed.push('\n');
    }
    Err(passed)
}

fn drained(lines: &Receiver<String>) -> String {
    let mut text = String::new();
    while let Ok(line) = lines.recv_timeout(Duration::from_secs(1)) {
        text += &line;
        text.push('\n');
    }
    text
}

#[test]
fn one_signal_ends_all_of_them_gracefully() {
    for signal in ["-INT", "-TERM"] {
        let up = Up::start();
        let addresses = [up.value("KC_ADDR"), up.value("GATEWAY_ADDR")];
        assert!(addresses.iter().all(|address| Up::is_listening(address)));
        let (status, log) = up.end_by(signal);
        assert!(status.success(), "{status}: {log}");
        assert_eq!(log.matches("INFO stopped").count(), 2, "server and gateway say so: {log}");
        assert!(!addresses.iter().any(|address| Up::is_listening(address)));
    }
}

#[test]
fn when_one_dies_the_others_end_and_it_is_named() {
    for (word, name) in [("sample-api", "sample API"), ("serve", "gateway"), ("quickstart", "server")] {
        let up = Up::start();
        let addresses = [up.value("KC_ADDR"), up.value("GATEWAY_ADDR")];
        let killed = Command::new("kill").args(["-KILL", &up.process(word).to_string()]).status().expect("kill runs");
        assert!(killed.success());
        let (status, log) = up.end();
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.contains(&format!("up: the {name} ended with signal: 9")), "{log}");
        assert!(!addresses.iter().any(|address| Up::is_listening(address)));
    }
}

#[test]
fn the_env_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let up = Up::start();
    let mode = std::fs::metadata(up.path("env")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(up.value("GATEWAY_ADDR").starts_with("localhost:"));
    assert!(!up.path("data/server.env").exists(), "one file has the passwords");
}
