//! The programs that `freshkey` is compared with, each set up as its users would.

use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

/// A program that is started cold.
pub(crate) struct Peer {
    pub(crate) shown: &'static str,
    pub(crate) release: String,
    arguments: Vec<&'static str>,
    environment: Vec<(String, String)>,
    /// Ended with the peer.
    _agent: Option<OidcAgent>,
}

/// Their agent, in the foreground.
struct OidcAgent(Child);

impl Drop for OidcAgent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Peer {
    /// All of them, `/bin/true` first.
    pub(crate) fn all(home: &Home, quickstart: &Quickstart) -> Result<Vec<Self>, String> {
        let plain = |shown: &'static str| Self {
            shown,
            release: String::new(),
            arguments: shown.split(' ').collect(),
            environment: Vec::new(),
            _agent: None,
        };
        let python = Self { arguments: vec!["python3", "-c", "pass"], ..plain("python3 -c pass") };
        home.prints(&["token"]);
        Ok(vec![
            plain("/bin/true"),
            plain("freshkey token"),
            oidc_token(home, quickstart)?,
            gh(home)?,
            Self { release: release_of(home, "python3", "--version"), ..python },
        ])
    }

    pub(crate) fn command(&self, home: &Home) -> Command {
        let mut command = home.command(self.arguments[0]);
        command.args(&self.arguments[1..]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The last word of the first line that a program says of its release, in parentheses.
fn release_of(home: &Home, program: &str, option: &str) -> String {
    let said = home.command(program).arg(option).output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let line = said.unwrap_or_default().lines().next().unwrap_or_default().to_owned();
    let number = line.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number.map_or(String::new(), |number| format!(" {number}"))
}

/// The agent in C, with an account at the same server.
fn oidc_token(home: &Home, quickstart: &Quickstart) -> Result<Peer, String> {
    let hint = "hint: `apt-get install oidc-agent-cli`";
    std::fs::create_dir_all(home.path(".oidc-agent")).map_err(|error| error.to_string())?;
    // It does not flush what it says into a pipe; `stdbuf` becomes it, and makes it do so at every line.
    let mut child = home
        .command("stdbuf")
        .args(["-oL", "oidc-agent", "--console", "--no-autoload"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("oidc-agent cannot be started: {error}\n{hint}"))?;
    let mut said = String::new();
    let mut out = child.stdout.take().ok_or("oidc-agent says nothing")?;
    let agent = OidcAgent(child);
    let mut byte = [0];
    while !said.contains("export OIDC_SOCK;") && out.read(&mut byte).is_ok_and(|read| read == 1) && said.len() < 4096 {
        said.push(char::from(byte[0]));
    }
    let socket = said.split_once("OIDC_SOCK=").and_then(|(_, rest)| rest.split_once(';')).map(|(path, _)| path.trim().to_owned());
    let socket = socket.ok_or_else(|| format!("oidc-agent did not name its socket: {said}"))?;
    let (issuer, ca_file, secret, password) =
        (quickstart.issuer(), quickstart.ca_file(), quickstart.value("UA_CLIENT_SECRET"), quickstart.value("KC_PASSWORD"));
    let mut generate = home.command("oidc-gen");
    generate.args(["account", "--manual", "--issuer", &issuer, "--client-id", "ua", "--client-secret", &secret, "--scope", "openid"]);
    generate.args(["--redirect-uri", "http://localhost:8080", "--flow", "password", "--op-username", "demo", "--op-password", &password]);
    generate.args(["--pw-cmd", "echo password", "--prompt=none", "--confirm-default"]).arg("--cp").arg(ca_file);
    let output = generate.env("OIDC_SOCK", &socket).output().map_err(|error| format!("oidc-gen cannot be started: {error}\n{hint}"))?;
    if !output.status.success() {
        return Err(format!("oidc-gen failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let release = release_of(home, "oidc-token", "--version");
    let environment = vec![("OIDC_SOCK".to_owned(), socket)];
    Ok(Peer { shown: "oidc-token account", release, arguments: vec!["oidc-token", "account"], environment, _agent: Some(agent) })
}

/// A command-line tool with a token in a file.
fn gh(home: &Home) -> Result<Peer, String> {
    let directory = home.path(".config/gh");
    std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    let hosts = "github.com:\n    oauth_token: gho_0123456789abcdef0123456789abcdef0123\n    user: ann\n";
    std::fs::write(directory.join("hosts.yml"), hosts).map_err(|error| error.to_string())?;
    let release = release_of(home, "gh", "--version");
    Ok(Peer { shown: "gh auth token", release, arguments: vec!["gh", "auth", "token"], environment: Vec::new(), _agent: None })
}
