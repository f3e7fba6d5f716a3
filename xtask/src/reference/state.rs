//! What was started, written down under `target/reference`, so that a later call finds it and ends that and nothing else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::Failure;
use super::launch::Kind;
use super::postgres::Postgres;
use super::process::Process;
use crate::workspace;

const FILE: &str = "state.json";
const STOP_PATIENCE: Duration = Duration::from_secs(20);
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// A server that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// `None` between the start of the database and that of the server.
    pub(super) process: Option<Process>,
    pub(super) port: u16,
    pub(super) management_port: u16,
    pub(super) version: String,
    pub(super) kind: Kind,
    pub(super) log: PathBuf,
    pub(super) database: Option<Postgres>,
}

impl State {
    /// What an earlier call wrote. `None` if nothing was started.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, String> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        let hint = "hint: look for a Keycloak that still runs, and remove the file";
        Self::parse(&document).map(Some).ok_or_else(|| format!("{} is not understood\n{hint}", path.display()))
    }

    /// Whole or not at all: another call may read it at any time.
    pub(super) fn write(&self, folder: &Path) -> Result<(), String> {
        let (path, part) = (folder.join(FILE), folder.join("state.json.part"));
        let written = fs::write(&part, format!("{:#}\n", self.document())).and_then(|()| fs::rename(&part, &path));
        written.map_err(|error| format!("{}: {error}", path.display()))
    }

    /// There may be none any more, when `down` was called while `up` was still waiting.
    pub(super) fn remove(folder: &Path) -> Result<(), String> {
        let path = folder.join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
            _ => Ok(()),
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.process.is_some_and(Process::is_alive)
    }

    /// Ends the server and its database, as far as they are still there.
    pub(super) fn end(&self) -> Result<(), String> {
        if let Some(process) = self.process {
            process.signal("TERM");
            if !process.ends_within(STOP_PATIENCE) {
                process.signal_group("KILL");
                process.signal("KILL");
            }
            if !process.ends_within(KILL_PATIENCE) {
                return Err(format!("the process {} does not end", process.pid));
            }
        }
        self.database.as_ref().map_or(Ok(()), Postgres::end)
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// For a person, in one line.
    pub(super) fn shown(&self) -> String {
        let pid = self.process.map_or_else(|| "none yet".to_owned(), |process| process.pid.to_string());
        format!("Keycloak {} for {} at {} (process {pid})", self.version, self.kind.as_str(), self.base_url())
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "pid": self.process.map(|process| process.pid),
            "started": self.process.map(|process| process.started),
            "port": self.port,
            "management_port": self.management_port,
            "base_url": self.base_url(),
            "version": self.version,
            "kind": self.kind.as_str(),
            "log": self.log,
            "database": self.database.as_ref().map(Postgres::document),
        })
    }

    fn parse(document: &Value) -> Option<Self> {
        let port = |name: &str| u16::try_from(document.get(name)?.as_u64()?).ok();
        let text = |name: &str| document.get(name)?.as_str();
        let database = match document.get("database")? {
            Value::Null => None,
            database => Some(Postgres::read(database)?),
        };
        let process = match document.get("pid")? {
            Value::Null => None,
            _ => Some(Process::read(document)?),
        };
        Some(Self {
            process,
            port: port("port")?,
            management_port: port("management_port")?,
            version: text("version")?.to_owned(),
            kind: Kind::parse(text("kind")?)?,
            log: PathBuf::from(text("log")?),
            database,
        })
    }
}

/// `target/reference`, which is there afterwards.
pub(super) fn folder() -> Result<PathBuf, String> {
    let folder = workspace::target_directory()?.join("reference");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Two calls that start one would take each other's files. The kernel gives the lock back when this process ends.
pub(super) fn alone(folder: &Path) -> Result<File, Failure> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    file.try_lock().map_err(|_| "another `cargo xtask reference up` is under way".to_owned())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            process: Some(Process { pid: 4711, started: 1_234_567 }),
            port: 8080,
            management_port: 9000,
            version: "26.7.3".to_owned(),
            kind: Kind::Load,
            log: "target/reference/keycloak.log".into(),
            database: Some(Postgres::sample()),
        }
    }

    #[test]
    fn what_is_written_down_is_read_again() {
        let alone = State { process: None, kind: Kind::Exchanges, database: None, ..state() };
        for state in [state(), alone] {
            let text = state.document().to_string();
            assert_eq!(State::parse(&serde_json::from_str(&text).unwrap()), Some(state));
        }
    }

    #[test]
    fn a_damaged_file_is_not_believed() {
        let whole = state().document();
        for (name, damaged) in
            [("pid", json!("4711")), ("started", Value::Null), ("port", json!(70_000)), ("kind", json!("fun")), ("database", json!({}))]
        {
            let mut document = whole.clone();
            document[name] = damaged;
            assert_eq!(State::parse(&document), None, "{name}");
        }
        assert_eq!(State::parse(&Value::Null), None);
    }

    #[test]
    fn the_line_names_version_purpose_address_and_process() {
        assert_eq!(state().shown(), "Keycloak 26.7.3 for load at http://127.0.0.1:8080 (process 4711)");
    }
}
