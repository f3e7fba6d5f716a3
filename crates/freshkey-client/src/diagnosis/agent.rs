//! The agent: whether it answers, is of this release, and runs the program that is in its place. It is asked with a short patience: one that hangs
//! must not make the diagnosis hang.

use super::{Case, Check, Cure, Report, processes};
use crate::agent::frame::{Answer, Request, answer_len};
use crate::agent::serve::{AgentStatus, Call};
use crate::directories::check_private;
use crate::failure::FailureKind;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the agent may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(3);
/// Looks at an agent that has its place and does not listen: it may have been started or stopped just now.
const LOOKS_MAX: usize = 30;
/// Between two of them.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What was found in the agent's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An agent of this release.
    Running,
    /// None that can be asked.
    None,
}

pub(super) async fn examine(report: &mut Report<'_>, case: &Case<'_>) -> Found {
    let directories = case.directories;
    // What is wrong with the directory was said before.
    if directories.runtime.exists() && check_private(&directories.runtime).is_err() {
        return Found::None;
    }
    let lock = directories.runtime.join("agent.lock");
    let mut met = meet(case);
    for _ in 1..LOOKS_MAX {
        // One that is starting, or ending, is neither yet.
        let is_passing = match &met {
            Met::BrokeOff(pid) => !processes::is_stopped(*pid),
            Met::Nobody(_) => processes::holder_of(&lock).is_some_and(|holder| !holder.is_stopped),
            Met::Answer(..) | Met::Silent(_) | Met::Stranger(_) => false,
        };
        if !is_passing {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        met = meet(case);
    }
    judge(report, case, met)
}

/// Who is in the agent's place.
enum Met {
    /// Somebody who answers.
    Answer(u32, Answer),
    /// Somebody who says nothing in time.
    Silent(u32),
    /// Somebody who breaks off.
    BrokeOff(u32),
    /// Nobody.
    Nobody(io::Error),
    /// A process of another user.
    Stranger(u32),
}

/// Nothing is sent before it is sure whose process that is (T-061).
fn meet(case: &Case<'_>) -> Met {
    let mut stream = match UnixStream::connect(case.directories.socket()) {
        Ok(stream) => stream,
        Err(error) => return Met::Nobody(error),
    };
    let peer = match rustix::net::sockopt::socket_peercred(&stream) {
        Ok(peer) => peer,
        Err(error) => return Met::Nobody(error.into()),
    };
    if peer.uid != rustix::process::geteuid() {
        return Met::Stranger(peer.uid.as_raw());
    }
    let pid = u32::try_from(peer.pid.as_raw_nonzero().get()).unwrap_or(0);
    match status(&mut stream) {
        Ok(answer) => Met::Answer(pid, answer),
        Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => Met::Silent(pid),
        Err(_) => Met::BrokeOff(pid),
    }
}

fn judge(report: &mut Report<'_>, case: &Case<'_>, met: Met) -> Found {
    match met {
        Met::Answer(pid, Answer::Done { data, .. }) => match serde_json::from_slice::<AgentStatus>(&data) {
            Ok(status) if status.release == env!("CARGO_PKG_VERSION") => return running(report, case, &status),
            Ok(status) => other_release(report, &format!("of the release {}", crate::failure::shown(&status.release)), pid),
            Err(_) => other_release(report, "of another release", pid),
        },
        // It does not speak our form, so it can't be asked to end either.
        Met::Answer(pid, Answer::Failed(_)) => other_release(report, "of another release", pid),
        Met::Silent(pid) | Met::BrokeOff(pid) if processes::is_stopped(pid) => {
            let says = format!("the agent (process {pid}) was stopped, and does not answer");
            report.problem(Check::Agent, FailureKind::Agent, says, Cure::command(format!("kill -CONT {pid}")));
        }
        Met::Silent(pid) | Met::BrokeOff(pid) => {
            let says = format!("what listens in the agent's place (process {pid}) does not answer");
            report.problem(Check::Agent, FailureKind::Agent, says, Cure::command(format!("kill -KILL {pid}")));
        }
        Met::Stranger(user) => {
            let says = format!("another user ({user}) listens in the agent's place");
            report.problem(Check::Agent, FailureKind::Untrusted, says, Cure::command("export XDG_RUNTIME_DIR=\"$(mktemp -d)\""));
        }
        Met::Nobody(error) => not_listening(report, case, &error),
    }
    Found::None
}

fn not_listening(report: &mut Report<'_>, case: &Case<'_>, error: &io::Error) {
    match (error.kind(), processes::holder_of(&case.directories.runtime.join("agent.lock"))) {
        (ErrorKind::NotFound | ErrorKind::ConnectionRefused, Some(holder)) => {
            let says = format!("the agent (process {}) runs, and listens no more", holder.pid);
            report.problem(Check::Agent, FailureKind::Agent, says, Cure::command(format!("kill -KILL {}", holder.pid)));
        }
        (ErrorKind::NotFound, None) => report.ok(Check::Agent, "not running; it starts by itself"),
        (ErrorKind::ConnectionRefused, None) => {
            let says = "not running; it ended without taking its socket away, which the next one replaces";
            report.warning(Check::Agent, says, Cure::command("freshkey agent start"));
        }
        _ => report.failure(Check::Agent, &crate::Failure::file(&case.directories.socket(), "connected to", error)),
    }
}

fn running(report: &mut Report<'_>, case: &Case<'_>, status: &AgentStatus) -> Found {
    let now = case.clock.now();
    if processes::runs_replaced_program(status.pid, now.boot_ms, now.wall_s()) == Some(true) {
        let says = format!("the agent (process {}) runs a program that was replaced since it was started", status.pid);
        report.warning(Check::Agent, says, Cure::command("freshkey agent stop"));
    } else {
        report.ok(Check::Agent, format!("process {}, release {}", status.pid, status.release));
    }
    Found::Running
}

fn other_release(report: &mut Report<'_>, what: &str, pid: u32) {
    report.problem(Check::Agent, FailureKind::Agent, format!("the agent (process {pid}) is {what}"), Cure::command(format!("kill {pid}")));
}

fn status(stream: &mut UnixStream) -> io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&Request::Call(serde_json::to_vec(&Call::Status)?).encode())?;
    let malformed = |_| io::Error::from(ErrorKind::InvalidData);
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let mut body = vec![0; answer_len(header).map_err(malformed)?];
    stream.read_exact(&mut body)?;
    Answer::decode(&body).map_err(malformed)
}
