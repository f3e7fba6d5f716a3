//! A user of `freshkey`: a home of its own, with nothing of the machine's own settings in it. The agent of that home ends with it.

use crate::programs::{Quickstart, built};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A home of its own.
pub struct Home {
    directory: TempDir,
}

/// How a command ended.
pub struct Ended {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Home {
    /// An empty one. The key of its accounts comes from a credential, as systemd would hand it over: nothing outside the home is touched.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("freshkey-home-").tempdir().expect("the temporary directory is writable");
        let home = Self { directory };
        for name in ["run", "credentials"] {
            std::fs::create_dir(home.path(name)).expect("made");
            std::fs::set_permissions(home.path(name), std::fs::Permissions::from_mode(0o700)).expect("changed");
        }
        std::fs::write(home.path("credentials/freshkey"), [7; 32]).expect("written");
        home
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A command of any program, as this user runs it: `freshkey` is on the path.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let ours = built("freshkey").parent().map(Path::to_owned).unwrap_or_default();
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([ours].into_iter().chain(std::env::split_paths(&machine))).expect("paths");
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.directory.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("CREDENTIALS_DIRECTORY", self.path("credentials"))
            .env("NO_PROXY", "*")
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    /// `freshkey`, not yet run.
    pub fn freshkey(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(built("freshkey"));
        command.args(arguments);
        command
    }

    /// Runs `freshkey`.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(&self.freshkey(arguments).output().expect("the program starts"))
    }

    /// Runs `freshkey` with something on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.freshkey(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        // A program that refuses before it reads closes the pipe, which is its right.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        ended(&child.wait_with_output().expect("it ends"))
    }

    /// Runs `freshkey`, which must succeed, and gives back what it printed, without the end of its last line.
    pub fn prints(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "freshkey {arguments:?}: {}", ended.stderr);
        ended.stdout.trim_end_matches('\n').to_owned()
    }

    /// Signs in to a quickstart's realm `UA` as `demo`, under the name `ua`.
    pub fn sign_in(&self, quickstart: &Quickstart) {
        let (issuer, ca_file) = (quickstart.issuer(), quickstart.ca_file().display().to_string());
        let arguments =
            ["login", "--issuer", &issuer, "--client-id", "ua-grant", "--ca", &ca_file, "--username", "demo", "--password-stdin"];
        let ended = self.run_with_input(&arguments, &quickstart.value("KC_PASSWORD"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // An agent that does not run is as good.
        let _ = self.freshkey(&["agent", "stop"]).output();
    }
}

fn ended(output: &Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
