//! How the agent comes to be: by the first caller who needs it, once, however many come at the same time.

use super::ask::{Unanswered, ask};
use super::frame::{Answer, Request};
use crate::directories::{self, Directories};
use crate::failure::{Failure, FailureKind};
use crate::files::Locked;
use crate::limits::AGENT_START_TIMEOUT;
use crate::vault::key::{Prompt, Seal, Source};
use freshkey_protocol::Secret;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What the agent says when it listens.
pub const READY: &str = "ready";

/// Time between two looks at an agent that is about to end, or to begin.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Asks the agent, and starts it if there is none.
pub fn ask_or_start(directories: &Directories, request: &Request, prompt: &Prompt<'_>) -> Result<Answer, Failure> {
    match ask(directories, request) {
        Ok(answer) => return Ok(answer),
        Err(Unanswered::Failed(failure)) => return Err(failure),
        Err(Unanswered::NoAgent) => start(directories, prompt)?,
    }
    ask(directories, request).map_err(|unanswered| match unanswered {
        Unanswered::Failed(failure) => failure,
        Unanswered::NoAgent => Failure::new(FailureKind::Agent, "the agent ended before it answered").with_hint("run `freshkey doctor`"),
    })
}

/// Starts the agent, unless somebody else has meanwhile.
pub fn start(directories: &Directories, prompt: &Prompt<'_>) -> Result<(), Failure> {
    directories::private(&directories.runtime)?;
    let _locked = Locked::wait(&directories.runtime.join("start.lock"))?;
    if is_running(directories) {
        return Ok(());
    }
    let seal = Seal::read(directories)?.ok_or_else(|| {
        Failure::new(FailureKind::SignIn, "nobody is signed in on this machine")
            .with_hint("run `freshkey login --issuer URL --client-id ID`")
    })?;
    let key = seal.key(prompt)?;
    let program =
        std::env::current_exe().map_err(|error| Failure::new(FailureKind::Agent, format!("this program cannot be found: {error}")))?;
    spawn(&program, seal.source, &key)
}

/// Whether an agent runs. One that is about to end holds its place for a moment longer and answers nobody: its end is waited for.
fn is_running(directories: &Directories) -> bool {
    let is_held = || Locked::at_once(&directories.runtime.join("agent.lock")).is_ok_and(|locked| locked.is_none());
    let (_says_nothing, nothing) = mpsc::channel::<()>();
    for _ in 0..AGENT_START_TIMEOUT.as_millis() / LOOK_AGAIN.as_millis() {
        if !is_held() {
            return false;
        }
        if UnixStream::connect(directories.socket()).is_ok() {
            return true;
        }
        let _ = nothing.recv_timeout(LOOK_AGAIN);
    }
    true
}

/// The key goes through a pipe that nobody else can read, and not by the command line or the environment, which others can (T-066).
fn spawn(program: &Path, source: Source, key: &Secret<[u8; 32]>) -> Result<(), Failure> {
    let failed =
        |what: String| Failure::new(FailureKind::Agent, format!("the agent cannot be started: {what}")).with_hint("run `freshkey doctor`");
    let mut child = Command::new(program)
        .args(["agent", "serve", "--key-from-standard-input", source.as_str()])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let handed = child.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(key.expose()));
    handed.map_err(|error| failed(error.to_string()))?;
    let (sender, receiver) = mpsc::channel();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = out.map(|out| BufReader::new(out).read_line(&mut line));
        let is_ready = matches!(read, Some(Ok(_))) && line.trim_end() == READY;
        let mut said = String::new();
        if !is_ready && let Some(err) = err {
            let _ = err.take(4096).read_to_string(&mut said);
        }
        // Whoever waits may have given up.
        let _ = sender.send(if is_ready { Ok(()) } else { Err(said) });
    });
    match receiver.recv_timeout(AGENT_START_TIMEOUT) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(said)) => Err(failed(said.trim().trim_start_matches("error: ").to_owned())),
        Err(_) => Err(failed(format!("it was not ready within {} s", AGENT_START_TIMEOUT.as_secs()))),
    }
}
