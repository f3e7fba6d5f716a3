//! Waiting for something that takes a while, and showing on a terminal that it goes on.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::seconds;
use crate::steps;

const POLL: Duration = Duration::from_millis(100);
const LINE_LETTERS_MAX: usize = 79;
/// Lines of a log that explain a failure.
const LAST_LINES: usize = 30;

/// A line that counts the seconds on a terminal, and is printed once elsewhere.
pub(super) struct Progress {
    what: String,
    log: PathBuf,
    begun: Instant,
    shown_s: Option<u64>,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn of(what: &str, log: &Path) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        if !is_terminal {
            eprintln!("{what}");
        }
        Self { what: what.to_owned(), log: log.to_owned(), begun: Instant::now(), shown_s: None, is_terminal }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits a moment, and shows what is new.
    pub(super) fn tick(&mut self) {
        sleep(POLL);
        let elapsed_s = self.elapsed().as_secs();
        if self.is_terminal && self.shown_s != Some(elapsed_s) {
            self.shown_s = Some(elapsed_s);
            let line = shown(&self.what, elapsed_s, &last_lines(&self.log, 1));
            eprint!("\r\x1b[2K{line}");
            // A terminal that is gone shows nothing, and the work goes on.
            let _ = std::io::stderr().flush();
        }
    }

    /// It is over, well or not.
    pub(super) fn end(self, outcome: &str) {
        let start = if self.is_terminal { "\r\x1b[2K" } else { "" };
        eprintln!("{start}{}: {outcome} after {}", self.what, seconds(self.elapsed()));
    }
}

/// What happens, for how long, and the last thing that was said about it.
fn shown(what: &str, elapsed_s: u64, last: &str) -> String {
    // Keycloak's lines begin with date, level, category and thread.
    let said = last.rsplit_once(") ").map_or(last, |(_, message)| message);
    let printable = format!("{what} … {elapsed_s} s  {said}").replace(|letter: char| letter.is_control(), "");
    printable.chars().take(LINE_LETTERS_MAX).collect()
}

/// Runs a program to its end, its output in a log.
pub(super) fn complete(what: &str, command: &mut Command, log: &Path) -> Result<(), String> {
    let line = steps::describe(command);
    let mut child = spawn(command, log)?;
    let mut progress = Progress::of(what, log);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => progress.tick(),
            Err(error) => return Err(format!("`{line}`: {error}")),
        }
    };
    progress.end(if status.success() { "done" } else { "failed" });
    if status.success() { Ok(()) } else { Err(explained(&format!("`{line}` ended with {status}"), log)) }
}

/// Starts a program whose output goes into a log.
pub(super) fn spawn(command: &mut Command, log: &Path) -> Result<Child, String> {
    let file = fs::File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let copy = file.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
    let line = steps::describe(command);
    command.stdin(Stdio::null()).stdout(file).stderr(copy).spawn().map_err(|error| format!("`{line}` did not start: {error}"))
}

/// A failure with what was said before it.
pub(super) fn explained(failure: &str, log: &Path) -> String {
    format!("{failure}; its log ({}) ends with\n{}", log.display(), last_lines(log, LAST_LINES))
}

/// How a program that was to go on has ended.
pub(super) fn ended(child: &mut Child) -> Option<ExitStatus> {
    child.try_wait().ok().flatten()
}

fn last_lines(log: &Path, count: usize) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_the_message_without_what_is_before_it() {
        let line = "2026-01-02 03:04:05,678 INFO  [org.keycloak.quarkus] (main) Updating the configuration";
        assert_eq!(shown("starting", 7, line), "starting … 7 s  Updating the configuration");
        assert_eq!(shown("starting", 0, ""), "starting … 0 s  ");
    }

    #[test]
    fn a_line_fits_on_the_terminal_and_does_not_command_it() {
        let line = shown("starting", 7, &format!("\x1b[31m{}\r", "é".repeat(200)));
        assert_eq!(line.chars().count(), LINE_LETTERS_MAX);
        assert!(!line.contains(['\x1b', '\r']), "{line:?}");
    }
}
