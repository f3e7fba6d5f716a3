//! Programs that run beside each other until one of them ends or somebody says stop. Then all of them end, in the order in which nobody is left without
//! what he needs.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::{steps, workspace};

/// How often it is looked whether a program has ended.
const TICK: Duration = Duration::from_millis(50);

/// The programs, and what is heard of them.
pub(super) struct House {
    programs: Vec<Program>,
    said: BTreeMap<&'static str, String>,
    speaks: bool,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

struct Program {
    name: &'static str,
    child: Child,
}

enum Event {
    Said(&'static str, String),
    Stop,
}

/// What a wait came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    Condition,
    Stop,
}

impl House {
    /// Listens for signals from now on.
    pub(super) fn open() -> Result<Self, String> {
        let (sender, events) = channel();
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| format!("signals cannot be received: {error}"))?;
        let told = sender.clone();
        std::thread::spawn(move || signals.forever().take_while(|_| told.send(Event::Stop).is_ok()).for_each(drop));
        Ok(Self { programs: Vec::new(), said: BTreeMap::new(), speaks: false, events, sender })
    }

    /// Starts a program. Its log goes where ours goes; what it prints is kept.
    pub(super) fn start(&mut self, name: &'static str, command: Command) -> Result<(), String> {
        println!("$ {}", steps::describe(&command));
        let mut command = ended_with_us(command);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("the {name} did not start: {}: {error}", command.get_program().display()))?;
        if let Some(mut output) = child.stdout.take() {
            let sender = self.sender.clone();
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = output.read(&mut buffer) {
                    let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                    if sender.send(Event::Said(name, text)).is_err() {
                        return;
                    }
                }
            });
        }
        self.programs.push(Program { name, child });
        Ok(())
    }

    /// What a program has printed so far.
    pub(super) fn said(&self, name: &str) -> &str {
        self.said.get(name).map_or("", String::as_str)
    }

    /// What is printed from now on is shown at once.
    pub(super) fn speak_up(&mut self) {
        self.speaks = true;
    }

    /// Waits for a condition, or the order to stop. A program that ends meanwhile is a failure, and so is it when the patience is at an end.
    pub(super) fn until(
        &mut self,
        patience: Option<(Duration, &str)>,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Result<Reached, String> {
        let begun = Instant::now();
        loop {
            if self.hear() {
                return Ok(Reached::Stop);
            }
            self.all_run()?;
            if condition(self) {
                return Ok(Reached::Condition);
            }
            if let Some((_, words)) = patience.filter(|(patience, _)| begun.elapsed() > *patience) {
                return Err(format!("{words} in {} seconds; the log above says why", begun.elapsed().as_secs()));
            }
        }
    }

    /// Takes what has come within a tick. Says whether it was the order to stop.
    fn hear(&mut self) -> bool {
        match self.events.recv_timeout(TICK) {
            Ok(Event::Stop) => return true,
            Ok(Event::Said(name, text)) => {
                if self.speaks {
                    print!("{text}");
                } else {
                    self.said.entry(name).or_default().push_str(&text);
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        false
    }

    fn all_run(&mut self) -> Result<(), String> {
        for Program { name, child } in &mut self.programs {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("the {name} ended with {status}; the others end, too"));
            }
        }
        Ok(())
    }

    /// Ends everything, the last that was started first, each when its open requests are finished. A further order to stop ends them at once.
    pub(super) fn end(mut self) -> Result<(), String> {
        let mut failures = Vec::new();
        while let Some(mut program) = self.programs.pop() {
            program.signal(Signal::TERM);
            match self.ended(&mut program) {
                Ok(status) if status.success() => {}
                Ok(status) => failures.push(format!("the {} ended with {status}", program.name)),
                Err(error) => failures.push(format!("the {} cannot be waited for: {error}", program.name)),
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
    }

    fn ended(&mut self, program: &mut Program) -> std::io::Result<ExitStatus> {
        loop {
            if let Some(status) = program.child.try_wait()? {
                return Ok(status);
            }
            if self.hear() {
                program.signal(Signal::KILL);
                self.programs.iter().for_each(|other| other.signal(Signal::KILL));
            }
        }
    }
}

impl Program {
    fn signal(&self, signal: Signal) {
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // One that has ended already needs no telling; its id is not given to another before it was waited for.
            let _ = kill_process(id, signal);
        }
    }
}

/// The program in a process group of its own, so that ctrl-C reaches us alone and each is told once; and where the kernel can be asked to, it ends with
/// us even when we are killed.
fn ended_with_us(command: Command) -> Command {
    let mut started = match workspace::find_program("setpriv") {
        Some(setpriv) => {
            let mut wrapped = Command::new(setpriv);
            wrapped.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program()).args(command.get_args());
            if let Some(directory) = command.get_current_dir() {
                wrapped.current_dir(directory);
            }
            wrapped
        }
        None => command,
    };
    own_group(&mut started);
    started
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_command: &mut Command) {}
