//! A caller's side of the socket: plain and blocking, with nothing loaded that a cached token does not need.

use super::frame::{Answer, Request, answer_len};
use crate::directories::{Directories, check_private};
use crate::failure::{Failure, FailureKind};
use crate::limits::AGENT_ANSWER_TIMEOUT;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;

/// Why the agent has not answered.
#[derive(Debug)]
pub enum Unanswered {
    /// There is none, or it ended before it had answered: who is killed has a socket for a moment longer.
    NoAgent,
    /// There is something else, or it keeps silent.
    Failed(Failure),
}

/// Asks the agent of these directories.
///
/// Nothing is sent before it is sure that the socket is ours: its directory is ours alone, and so is the process behind it (T-061).
pub fn ask(directories: &Directories, request: &Request) -> Result<Answer, Unanswered> {
    let mut stream = connect(directories)?;
    exchange(&mut stream, request).map_err(|error| match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => Unanswered::NoAgent,
        _ => Unanswered::Failed(
            Failure::new(FailureKind::Agent, format!("the agent did not answer: {error}"))
                .with_hint("run `freshkey agent stop`, and try again"),
        ),
    })
}

fn connect(directories: &Directories) -> Result<UnixStream, Unanswered> {
    let path = directories.socket();
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if [ErrorKind::NotFound, ErrorKind::ConnectionRefused].contains(&error.kind()) => return Err(Unanswered::NoAgent),
        Err(error) => return Err(Unanswered::Failed(Failure::file(&path, "connected to", &error))),
    };
    check_private(&directories.runtime).map_err(Unanswered::Failed)?;
    let peer = rustix::net::sockopt::socket_peercred(&stream)
        .map_err(|error| Unanswered::Failed(Failure::file(&path, "checked", &error.into())))?;
    if peer.uid != rustix::process::geteuid() {
        let what = format!("{} belongs to a process of the user {}", path.display(), peer.uid.as_raw());
        return Err(Unanswered::Failed(Failure::new(FailureKind::Untrusted, what)));
    }
    Ok(stream)
}

/// Ends an agent that does not understand how it is asked to: one of a release that spoke otherwise. Whether there was one.
pub fn terminate(directories: &Directories) -> Result<bool, Failure> {
    let stream = match connect(directories) {
        Ok(stream) => stream,
        Err(Unanswered::NoAgent) => return Ok(false),
        Err(Unanswered::Failed(failure)) => return Err(failure),
    };
    let failed = |error: rustix::io::Errno| Failure::new(FailureKind::Agent, format!("the agent cannot be ended: {error}"));
    let peer = rustix::net::sockopt::socket_peercred(&stream).map_err(failed)?;
    rustix::process::kill_process(peer.pid, rustix::process::Signal::TERM).map(|()| true).map_err(failed)
}

fn exchange(stream: &mut UnixStream, request: &Request) -> io::Result<Answer> {
    stream.set_read_timeout(Some(AGENT_ANSWER_TIMEOUT))?;
    stream.write_all(&request.encode())?;
    let malformed = |_| io::Error::new(ErrorKind::InvalidData, "it speaks another language");
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let mut body = vec![0; answer_len(header).map_err(malformed)?];
    stream.read_exact(&mut body)?;
    Answer::decode(&body).map_err(malformed)
}
