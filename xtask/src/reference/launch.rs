//! How Keycloak is started for each purpose, and when it is ready.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::distribution::{self, Prepared};
use super::postgres::Postgres;
use super::process::Process;
use super::state::State;
use super::wait::{self, Progress};
use super::{ADMINISTRATOR, Failure, PASSWORD, VERSION, java};

/// From the port of the server to that of its management interface: 8080 and 9000 are Keycloak's own.
const MANAGEMENT_DISTANCE: u16 = 920;
const START_PATIENCE: Duration = Duration::from_secs(300);
const HEALTH_PATIENCE: Duration = Duration::from_secs(2);
const HEALTH_BYTES_MAX: u64 = 64 * 1024;
/// Outside of a container Keycloak takes 512 MB at most by itself.
const HEAP: &str = "-Xms512m -Xmx2g";

/// What it is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// The development mode with a database in memory: starts without ado, and forgets everything.
    Exchanges,
    /// The optimised build with its caches and a PostgreSQL of its own.
    Load,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exchanges => "exchanges",
            Self::Load => "load",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Exchanges, Self::Load].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What `/health/ready` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Ready,
    NotReady,
}

/// Starts it and waits until it is ready. When that fails nothing of it is left.
pub(super) fn start(folder: &Path, port: u16, kind: Kind) -> Result<State, Failure> {
    if !is_free(port) {
        let hint = "hint: cargo xtask reference up --port N";
        return Err(Failure::Failed(format!("somebody else listens on port {port}\n{hint}")));
    }
    let javas = java::candidates()?;
    for prepared in distribution::prepare(folder, kind, &javas)? {
        let mut state = State {
            process: None,
            port,
            management_port: management_port(port)?,
            version: VERSION.to_owned(),
            kind,
            log: folder.join("keycloak.log"),
            database: None,
        };
        match start_with(folder, &mut state, &prepared) {
            Ok(()) => return Ok(state),
            Err(reason) => {
                state.end()?;
                State::remove(folder)?;
                if !distribution::is_refusal(&reason) {
                    return Err(reason.into());
                }
                eprintln!("Java {} ({}) is refused", prepared.java.major, prepared.java.home.display());
            }
        }
    }
    Err(Failure::Failed(wait::explained("Keycloak refuses every Java that was found", &folder.join("keycloak.log"))))
}

/// The state is written before each thing that somebody would have to end.
fn start_with(folder: &Path, state: &mut State, prepared: &Prepared) -> Result<(), String> {
    state.write(folder)?;
    let mut settings = environment();
    if state.kind == Kind::Load {
        let (postgres, password) = Postgres::start()?;
        settings.extend(postgres.environment(&password));
        state.database = Some(postgres);
        state.write(folder)?;
    }
    let mut command = Command::new(prepared.home.join("bin/kc.sh"));
    without_settings_of_others(&mut command).current_dir(&prepared.home).env("JAVA_HOME", &prepared.java.home);
    command.envs(settings).args(match state.kind {
        Kind::Exchanges => exchanges_arguments(state.port, state.management_port),
        Kind::Load => load_arguments(state.port, state.management_port),
    });
    let mut child = wait::spawn(in_the_background(&mut command), &state.log)?;
    state.process = Some(Process::with(child.id())?);
    state.write(folder)?;
    let what = format!("starting Keycloak {VERSION} with Java {}", prepared.java.major);
    until_ready(&what, state, Some(&mut child))?;
    settled(folder, state)
}

/// Everything but the database, which is the benchmark's own.
pub(super) fn order_for_load(prepared: &Prepared) -> Result<Value, String> {
    // Held until both are known, so that they differ.
    let listeners = [free_listener()?, free_listener()?];
    let [port, management_port] = [port_of(&listeners[0])?, port_of(&listeners[1])?];
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let environment: Map<String, Value> = environment().into_iter().map(|(name, value)| (text(name), json!(text(value)))).collect();
    let inherited = std::env::vars_os().map(|(name, _)| text(name));
    Ok(json!({
        "version": VERSION,
        "java": prepared.java.major,
        "program": prepared.home.join("bin/kc.sh"),
        "java_program": prepared.java.home.join("bin/java"),
        "arguments": load_arguments(port, management_port),
        "environment": environment,
        "forgotten": inherited.filter(|name| is_setting_of_keycloak(name)).collect::<Vec<_>>(),
        "port": port,
        "administrator": ADMINISTRATOR,
        "password": PASSWORD,
    }))
}

/// For one that an earlier call has started.
pub(super) fn wait_until_ready(folder: &Path, state: &mut State) -> Result<(), String> {
    let ready = until_ready("starting Keycloak", state, None);
    ready.and_then(|()| settled(folder, state)).inspect_err(|_| {
        // The first failure is the one to be told.
        let _ = state.end().and_then(|()| State::remove(folder));
    })
}

/// From now on the server itself counts. Its script, which waits for it, ends with it; the other way round the server would stay.
fn settled(folder: &Path, state: &mut State) -> Result<(), String> {
    state.process = state.process.map(Process::worker);
    state.write(folder)
}

fn until_ready(what: &str, state: &State, mut child: Option<&mut Child>) -> Result<(), String> {
    let mut progress = Progress::of(what, &state.log);
    let failure = loop {
        if health(state.management_port) == Health::Ready {
            progress.end("ready");
            return Ok(());
        }
        // A child of ours that has ended stays until somebody asks for its status.
        let status = child.as_deref_mut().and_then(wait::ended);
        if status.is_some() || !state.is_alive() {
            let how = status.map_or_else(String::new, |status| format!(" with {status}"));
            break format!("Keycloak ended{how} before it was ready");
        }
        if progress.elapsed() > START_PATIENCE {
            break format!("Keycloak is not ready after {} s", START_PATIENCE.as_secs());
        }
        progress.tick();
    };
    progress.end("failed");
    Err(wait::explained(&failure, &state.log))
}

/// Asks the management interface.
pub(super) fn health(management_port: u16) -> Health {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], management_port)), HEALTH_PATIENCE)?;
        stream.set_read_timeout(Some(HEALTH_PATIENCE))?;
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(HEALTH_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200 "))
    };
    if ask().unwrap_or(false) { Health::Ready } else { Health::NotReady }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// The usual one beside the server's, or any that is free.
fn management_port(port: u16) -> Result<u16, String> {
    if let Some(usual) = port.checked_add(MANAGEMENT_DISTANCE).filter(|usual| is_free(*usual)) {
        return Ok(usual);
    }
    port_of(&free_listener()?)
}

fn free_listener() -> Result<TcpListener, String> {
    TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no port is free: {error}"))
}

fn port_of(listener: &TcpListener) -> Result<u16, String> {
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn exchanges_arguments(port: u16, management_port: u16) -> Vec<String> {
    let mut arguments = owned(&["start-dev", "--db=dev-mem", "--health-enabled=true", "--metrics-enabled=true"]);
    arguments.extend(addresses(port, management_port));
    arguments
}

/// What `kc.sh` is given for the load. The database is in the environment.
fn load_arguments(port: u16, management_port: u16) -> Vec<String> {
    let mut arguments = owned(&["start", "--optimized", "--http-enabled=true", "--hostname-strict=false", "--db-pool-max-size=20"]);
    arguments.extend(addresses(port, management_port));
    arguments
}

fn addresses(port: u16, management_port: u16) -> [String; 4] {
    [
        "--http-host=127.0.0.1".to_owned(),
        format!("--http-port={port}"),
        "--http-management-host=127.0.0.1".to_owned(),
        format!("--http-management-port={management_port}"),
    ]
}

/// What is decided before the start. Nothing for the development mode, which decides by itself.
pub(super) fn build_arguments(kind: Kind) -> Vec<String> {
    match kind {
        Kind::Exchanges => Vec::new(),
        Kind::Load => owned(&["build", "--db=postgres", "--cache=local", "--health-enabled=true", "--metrics-enabled=true"]),
    }
}

/// The first administrator and the memory.
fn environment() -> Vec<(OsString, OsString)> {
    let settings = [("KC_BOOTSTRAP_ADMIN_USERNAME", ADMINISTRATOR), ("KC_BOOTSTRAP_ADMIN_PASSWORD", PASSWORD), ("JAVA_OPTS_KC_HEAP", HEAP)];
    settings.map(|(name, value)| (name.into(), value.into())).to_vec()
}

/// Whoever runs a Keycloak of their own may have settings of it in their environment.
pub(super) fn without_settings_of_others(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if is_setting_of_keycloak(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
    command
}

fn is_setting_of_keycloak(name: &str) -> bool {
    ["KC_", "QUARKUS_", "JAVA_OPTS", "DEBUG"].iter().any(|prefix| name.starts_with(prefix))
        || matches!(name, "JAVA" | "JAVA_ADD_OPENS" | "JAVA_LOCALE" | "JAVA_TOOL_OPTIONS" | "PRINT_ENV")
}

/// An interruption of this program does not reach it, and its whole group can be ended.
#[cfg(unix)]
fn in_the_background(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    command.process_group(0)
}

#[cfg(not(unix))]
fn in_the_background(command: &mut Command) -> &mut Command {
    command
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_on_loopback_only() {
        for arguments in [exchanges_arguments(8080, 9000), load_arguments(8080, 9000)] {
            for wanted in ["--http-host=127.0.0.1", "--http-port=8080", "--http-management-host=127.0.0.1", "--http-management-port=9000"] {
                assert!(arguments.iter().any(|argument| argument == wanted), "{wanted} in {arguments:?}");
            }
        }
    }

    #[test]
    fn passwords_are_not_in_the_title_of_the_process() {
        let all = [exchanges_arguments(1, 2), load_arguments(1, 2), build_arguments(Kind::Load)].concat();
        assert!(all.iter().all(|argument| !argument.contains("password")), "{all:?}");
    }

    #[test]
    fn settings_of_another_keycloak_are_not_inherited() {
        for name in ["KC_DB", "KC_BOOTSTRAP_ADMIN_PASSWORD", "QUARKUS_HTTP_PORT", "JAVA_OPTS", "JAVA_OPTS_APPEND", "DEBUG", "JAVA"] {
            assert!(is_setting_of_keycloak(name), "{name}");
        }
        for name in ["PATH", "JAVA_HOME", "HOME", "KCADM"] {
            assert!(!is_setting_of_keycloak(name), "{name}");
        }
    }

    #[test]
    fn each_purpose_is_read_as_it_is_written() {
        for kind in [Kind::Exchanges, Kind::Load] {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("fun"), None);
    }

    #[test]
    fn the_management_port_exists_for_every_port() {
        assert!(management_port(u16::MAX).is_ok_and(|port| port > 0));
    }
}
