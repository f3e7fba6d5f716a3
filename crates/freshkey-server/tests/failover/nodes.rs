//! Two nodes of the server as an operator runs them, on one database, and the realm that they serve.

use super::cluster::free_address;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

pub const USER: &str = "demo";
pub const PASSWORD: &str = "correct horse battery";
/// A reply that was lost in a failover is asked for again when it is over, so the window is longer than that.
const GRACE_S: &str = "60";
const START_PATIENCE: Duration = Duration::from_secs(30);

pub struct Nodes {
    directory: TempDir,
    children: Vec<Child>,
    pub addresses: Vec<SocketAddr>,
}

impl Nodes {
    /// A node for each address of the database, and the realm `UA` with rotation.
    pub fn start(urls: &[String], logs: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key_file = directory.path().join("sealing.key");
        // 32 bytes of zero, in base64.
        fs::write(&key_file, format!("{}=", "A".repeat(43))).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
        let mut nodes = Self { directory, children: Vec::new(), addresses: Vec::new() };
        for (number, url) in urls.iter().enumerate() {
            nodes.configure(number, url);
        }
        nodes.run(&["migrate"], "");
        nodes.admin(&["realm", "create", "UA"]);
        let rotation = format!("attributes.freshkey.refresh.grace.seconds={GRACE_S}");
        nodes.admin(&["realm", "set", "UA", "--set", "revokeRefreshToken=true", "--set", &rotation]);
        nodes.run(&["admin", "user", "add", USER, "--realm", "UA", "--password-stdin"], PASSWORD);
        for number in 0..urls.len() {
            nodes.start_node(number, &logs.join(format!("node{number}.log")));
        }
        nodes
    }

    /// What `freshkey-server admin` prints.
    pub fn admin(&self, arguments: &[&str]) -> String {
        self.run(&[&["admin"], arguments].concat(), "")
    }

    fn run(&self, arguments: &[&str], input: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freshkey-server"));
        command.args(arguments).env("FRESHKEY_CONFIG", self.configuration(0));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn configure(&self, number: usize, url: &str) {
        let key_file = self.directory.path().join("sealing.key");
        let text = format!(
            "[server]\nlisten = \"{}\"\npublic_url = \"https://id.example\"\n[server.tls]\nmode = \"off\"\n\
             [store]\nurl = {url:?}\n[sealing]\nkey_file = {key_file:?}\n[log]\nformat = \"json\"\n",
            free_address()
        );
        fs::write(self.configuration(number), text).unwrap();
        fs::set_permissions(self.configuration(number), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn configuration(&self, number: usize) -> PathBuf {
        self.directory.path().join(format!("node{number}.toml"))
    }

    fn start_node(&mut self, number: usize, log: &Path) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freshkey-server"));
        command.args(["serve", "--config"]).arg(self.configuration(number)).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        self.children.push(child);
        let mut log = File::create(log).unwrap();
        let (ready, is_ready) = mpsc::channel();
        // What it says goes to its log as long as it lives.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("\"ready\"") {
                    let _ = ready.send(listening_address(&line));
                }
                let _ = writeln!(log, "{line}");
            }
        });
        self.addresses.push(is_ready.recv_timeout(START_PATIENCE).expect("the node becomes ready; its log says why not"));
    }
}

fn listening_address(line: &str) -> SocketAddr {
    let after = line.split("\"address\":\"").nth(1).expect("the ready line names the address");
    after.split('"').next().unwrap_or_default().parse().expect("an address")
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
