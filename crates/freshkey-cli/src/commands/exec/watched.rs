//! A program that runs beside a file with its token. This process stays: it renews the file, passes signals on, and ends as the program does.

use super::{Handed, unstartable};
use crate::environment::Environment;
use crate::terminal;
use freshkey_client::failure::shown;
use freshkey_client::token_file::{MIN_TTL_S, TokenFile};
use freshkey_client::{Failure, FailureKind};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Time between two looks at the token. A look at one that is fresh is a round trip to the agent.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(15);
const LOOK_AGAIN_MIN: Duration = Duration::from_secs(1);
/// Looks for each life of a token at least.
const LOOKS_A_LIFE: u32 = 10;
/// What a shell adds to the number of a signal.
const OF_SIGNAL: i32 = 128;

/// The signals that are passed on, and whether a terminal sends them to the program itself as well.
const PASSED_ON: [(Signal, FromTerminal); 7] = [
    (Signal::TERM, FromTerminal::No),
    (Signal::HUP, FromTerminal::No),
    (Signal::USR1, FromTerminal::No),
    (Signal::USR2, FromTerminal::No),
    (Signal::INT, FromTerminal::Yes),
    (Signal::QUIT, FromTerminal::Yes),
    (Signal::WINCH, FromTerminal::Yes),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FromTerminal {
    Yes,
    No,
}

/// Runs the program beside the file, and tells how it ended.
pub(super) fn run(
    environment: &Environment,
    mut command: Command,
    file: TokenFile,
    name: &str,
    first: &Handed,
) -> Result<ExitCode, Failure> {
    if !file.is_in_memory() {
        terminal::say(&format!("warning: {} is on a disk; $XDG_RUNTIME_DIR is in memory", shown(&file.path().display().to_string())));
    }
    file.write(&first.token)?;
    let watched = Watched { file: Arc::new(Mutex::new(Some(file))) };
    let ended = passing_signals_on(|| {
        let child = command.spawn()?;
        let (over, is_over) = channel();
        let renewing = (environment.clone(), name.to_owned(), Arc::clone(&watched.file), first.token.clone(), first.expires_in_s);
        // It may be waiting for a provider when the program ends; nobody waits for it then.
        std::thread::spawn(move || {
            let (environment, name, file, token, expires_in_s) = renewing;
            keep_fresh(&environment, &name, &file, (token, expires_in_s), &is_over);
        });
        Ok((child, over))
    })?;
    drop(watched);
    match ended {
        Ok(status) => Ok(code_of(status)),
        Err(error) => Ok(unstartable(command.get_program(), &error)),
    }
}

/// The file while it is there. Whoever writes holds the lock, so that nothing is written after it was removed.
struct Watched {
    file: Arc<Mutex<Option<TokenFile>>>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(Err(failure)) = locked(&self.file).take().map(|file| file.remove()) {
            terminal::say(&format!("warning: {}", shown(&failure.message)));
        }
    }
}

fn locked(file: &Mutex<Option<TokenFile>>) -> MutexGuard<'_, Option<TokenFile>> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep_fresh(
    environment: &Environment,
    name: &str,
    file: &Mutex<Option<TokenFile>>,
    (mut token, mut expires_in_s): (String, u32),
    is_over: &Receiver<()>,
) {
    let mut has_failed = false;
    let mut taken_at = environment.clock.now();
    loop {
        let pause = Duration::from_secs(u64::from(expires_in_s / LOOKS_A_LIFE)).clamp(LOOK_AGAIN_MIN, LOOK_AGAIN_MAX);
        let pause = if has_failed { LOOK_AGAIN_MAX } else { pause };
        if is_over.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let handed = Handed::of(environment, name, Some(MIN_TTL_S));
        let Some(file) = &*locked(file) else { return };
        let done = match handed {
            Ok(handed) => {
                let is_new = handed.token != token || !file.path().exists();
                (token, expires_in_s, taken_at) = (handed.token, handed.expires_in_s, environment.clock.now());
                if is_new { file.write(&token) } else { Ok(()) }
            }
            Err(failure) => {
                let age_ms = environment.clock.now().since(taken_at).unwrap_or(u64::MAX);
                // A dead token would only send its readers looking in the wrong place.
                if age_ms >= u64::from(expires_in_s) * 1000 { file.remove().and(Err(failure)) } else { Err(failure) }
            }
        };
        if let Err(failure) = &done
            && !has_failed
        {
            terminal::say(&format!(
                "warning: the token in {} could not be renewed: {}",
                shown(&file.path().display().to_string()),
                shown(&failure.message)
            ));
        }
        has_failed = done.is_err();
    }
}

/// Starts the program with signals caught, so that none is lost, and waits for its end.
fn passing_signals_on<T>(start: impl FnOnce() -> std::io::Result<(Child, T)>) -> Result<std::io::Result<ExitStatus>, Failure> {
    crate::environment::block_on(async {
        let no_signals = |error: std::io::Error| Failure::new(FailureKind::Failed, format!("signals cannot be heard: {error}"));
        let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
        for (number, from_terminal) in PASSED_ON {
            let mut caught = signal(SignalKind::from_raw(number.as_raw())).map_err(no_signals)?;
            let heard = heard.clone();
            tokio::spawn(async move { while caught.recv().await.is_some() && heard.send((number, from_terminal)).is_ok() {} });
        }
        let (mut child, until_the_end) = match start() {
            Ok(started) => started,
            Err(error) => return Ok(Err(error)),
        };
        let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return Ok(child.wait()) };
        // It is seen to have ended, and stays until its number is not used any more here.
        let mut ended = tokio::task::spawn_blocking(move || waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
        loop {
            tokio::select! {
                _ = &mut ended => break,
                Some((number, from_terminal)) = hears.recv() => {
                    if from_terminal == FromTerminal::No || !is_in_foreground() {
                        // It may be about to end, which is as good.
                        let _ = kill_process(pid, number);
                    }
                }
            }
        }
        drop(until_the_end);
        Ok(child.wait())
    })
}

/// Whether the terminal's own signals reach the program without us: both are in the group that the terminal talks to (proc_pid_stat(5)).
fn is_in_foreground() -> bool {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(2);
    let (group, of_terminal) = (fields.next(), fields.nth(2));
    group.is_some() && group == of_terminal
}

fn code_of(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|number| OF_SIGNAL + number));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}
