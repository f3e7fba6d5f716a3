//! A PostgreSQL for a Keycloak under load: a fresh cluster on loopback that outlives this program, and is gone after `down`.
//! The test kit's server can't serve here, since it ends with the process that has started it. The settings are the same.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::process::Process;
use crate::{provision, steps};

const ROLE: &str = "keycloak";
/// There from the beginning in every cluster.
const DATABASE: &str = "postgres";
/// The account that runs it when we are root, which PostgreSQL refuses.
const ACCOUNT: &str = "postgres";
const STOP_PATIENCE: Duration = Duration::from_secs(20);
const SETTINGS: &str = "-c listen_addresses=127.0.0.1 -c fsync=on -c synchronous_commit=on -c max_connections=200 -c shared_buffers=64MB";

/// A running server and where its data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Postgres {
    process: Process,
    port: u16,
    directory: PathBuf,
}

impl Postgres {
    /// Starts one, and says its password, which is written down nowhere else.
    pub(super) fn start() -> Result<(Self, String), String> {
        let hint = "PostgreSQL is missing\nhint: `cargo xtask test` says how to get it";
        let programs = provision::path_with_postgres().and_then(|path| env::split_paths(&path).next()).ok_or(hint)?;
        let directory = new_directory()?;
        let started = Self::start_in(&directory, &programs);
        started.inspect_err(|_| {
            // The first failure is the one to be told.
            let _ = fs::remove_dir_all(&directory);
        })
    }

    fn start_in(directory: &Path, programs: &Path) -> Result<(Self, String), String> {
        let (data, log, port, password) = (directory.join("data"), directory.join("log"), free_port()?, random_text()?);
        let password_file = directory.join("password");
        fs::write(&password_file, &password).map_err(|error| error.to_string())?;
        if is_root() {
            run(Command::new("chown").args(["-R", ACCOUNT]).arg(directory))?;
        }
        let mut initdb = as_server_account(&programs.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", ROLE, "-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C"]);
        run(initdb.arg(format!("--pwfile={}", password_file.display())))?;
        let mut start = as_server_account(&programs.join("pg_ctl"));
        start.args(["start", "-w", "-s", "-D"]).arg(&data).arg("-l").arg(log);
        run(start.arg("-o").arg(format!("-p {port} -k {} {SETTINGS}", directory.display())))?;
        fs::remove_file(password_file).map_err(|error| error.to_string())?;
        let pid_file = fs::read_to_string(data.join("postmaster.pid")).map_err(|error| error.to_string())?;
        let pid = pid_file.lines().next().and_then(|line| line.trim().parse().ok()).ok_or("PostgreSQL does not say its process")?;
        Ok((Self { process: Process::with(pid)?, port, directory: directory.to_owned() }, password))
    }

    /// How Keycloak finds it. Not on the command line, which everybody can read.
    pub(super) fn environment(&self, password: &str) -> [(OsString, OsString); 3] {
        let url = format!("jdbc:postgresql://127.0.0.1:{}/{DATABASE}", self.port);
        [("KC_DB_URL", url.as_str()), ("KC_DB_USERNAME", ROLE), ("KC_DB_PASSWORD", password)]
            .map(|(name, value)| (name.into(), value.into()))
    }

    /// Ends it and removes its data.
    pub(super) fn end(&self) -> Result<(), String> {
        // A "fast shutdown": open connections are closed.
        self.process.signal("INT");
        if !self.process.ends_within(STOP_PATIENCE) {
            return Err(format!("PostgreSQL (process {}) does not end", self.process.pid));
        }
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", self.directory.display())),
            _ => Ok(()),
        }
    }

    pub(super) fn document(&self) -> Value {
        let mut document = self.process.document();
        document["port"] = json!(self.port);
        document["directory"] = json!(self.directory);
        document
    }

    pub(super) fn read(document: &Value) -> Option<Self> {
        let port = u16::try_from(document.get("port")?.as_u64()?).ok()?;
        let directory = PathBuf::from(document.get("directory")?.as_str()?);
        // It is removed at the end, so it has to be one that we have made.
        let is_ours = directory.file_name()?.to_str()?.starts_with(PREFIX);
        is_ours.then_some(Self { process: Process::read(document)?, port, directory })
    }

    #[cfg(test)]
    pub(super) fn sample() -> Self {
        Self { process: Process { pid: 1, started: 2 }, port: 3, directory: PathBuf::from("x").join(format!("{PREFIX}4")) }
    }
}

const PREFIX: &str = "freshkey-reference-";

/// Among the temporary files, because the server's account can't enter every home directory.
fn new_directory() -> Result<PathBuf, String> {
    let directory = env::temp_dir().join(format!("{PREFIX}{}", random_text()?));
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    Ok(directory)
}

fn as_server_account(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "--"]).arg(program);
    }
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn run(command: &mut Command) -> Result<(), String> {
    let line = steps::describe(command);
    // The server inherits them and would keep a pipe open.
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let status = output.status().map_err(|error| format!("`{line}` did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}")) }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("no port is free: {error}"))
}

fn random_text() -> Result<String, String> {
    let mut bytes = [0; 16];
    let mut source = fs::File::open("/dev/urandom").map_err(|error| format!("/dev/urandom: {error}"))?;
    source.read_exact(&mut bytes).map_err(|error| format!("/dev/urandom: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_ours_is_never_removed() {
        let mut document = Postgres::sample().document();
        assert_eq!(Postgres::read(&document), Some(Postgres::sample()));
        document["directory"] = json!("x/data");
        assert_eq!(Postgres::read(&document), None);
    }
}
