//! A process as the kernel knows it: by its id and the moment of its start, because ids are used again.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const POLL: Duration = Duration::from_millis(50);

/// One process, and no other that has its id later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// In clock ticks since the machine was started: field 22 of `/proc/PID/stat`.
    pub(super) started: u64,
}

impl Process {
    /// The process that has this id now.
    pub(super) fn with(pid: u32) -> Result<Self, String> {
        if !Path::new("/proc/self/stat").exists() {
            return Err("there is no /proc here: this runs on Linux only".to_owned());
        }
        let started = started(pid).ok_or_else(|| format!("the process {pid} has ended"))?;
        Ok(Self { pid, started })
    }

    pub(super) fn is_alive(self) -> bool {
        started(self.pid) == Some(self.started)
    }

    /// The child that it waits for, or itself if there is none: a script and the program that does the work.
    pub(super) fn worker(self) -> Self {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let child = pids.find(|pid| field(*pid, PARENT).is_some_and(|parent| parent == u64::from(self.pid)));
        child.and_then(|pid| Self::with(pid).ok()).unwrap_or(self)
    }

    /// Sends a signal, to it alone.
    pub(super) fn signal(self, name: &str) {
        self.kill(name, &self.pid.to_string());
    }

    /// Sends a signal to all of its process group, if it leads one.
    pub(super) fn signal_group(self, name: &str) {
        self.kill(name, &format!("-{}", self.pid));
    }

    // It may end in between, or lead no group, and then `kill` complains.
    fn kill(self, name: &str, target: &str) {
        if self.is_alive() {
            let _ = Command::new("kill").args(["-s", name, "--", target]).stderr(Stdio::null()).status();
        }
    }

    /// Is it gone within that time?
    pub(super) fn ends_within(self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= until {
                return false;
            }
            sleep(POLL);
        }
        true
    }

    pub(super) fn document(self) -> Value {
        json!({ "pid": self.pid, "started": self.started })
    }

    pub(super) fn read(document: &Value) -> Option<Self> {
        let pid = u32::try_from(document.get("pid")?.as_u64()?).ok()?;
        Some(Self { pid, started: document.get("started")?.as_u64()? })
    }
}

/// Fields of `/proc/PID/stat`, counted from the one behind the name.
const STATE: usize = 0;
const PARENT: usize = 1;
const STARTED: usize = 19;

fn started(pid: u32) -> Option<u64> {
    field(pid, STARTED)
}

fn field(pid: u32, number: usize) -> Option<u64> {
    field_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, number)
}

/// `None` for a zombie, which has ended. The name in parentheses may itself hold spaces and parentheses.
fn field_in(stat: &str, number: usize) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.get(STATE)?, "Z" | "X") {
        return None;
    }
    fields.get(number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4711 (a) b (c)) S 1 4711 4711 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 1234567 99 100";

    #[test]
    fn the_start_is_found_behind_any_name() {
        assert_eq!(field_in(STAT, STARTED), Some(1_234_567));
        assert_eq!(field_in(STAT, PARENT), Some(1));
        assert_eq!(field_in("4711 (a", STARTED), None);
        assert_eq!(field_in("4711 (a) S 1 2", STARTED), None);
    }

    #[test]
    fn a_zombie_has_ended() {
        assert_eq!(field_in(&STAT.replace(" S ", " Z "), STARTED), None);
    }

    #[test]
    fn the_child_of_a_script_does_the_work() {
        use std::io::{Read, Write};
        let mut script = Command::new("sh");
        script.args(["-c", "cat; true"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = script.spawn().unwrap();
        let (mut stdin, mut stdout) = script.stdin.take().zip(script.stdout.take()).unwrap();
        // What comes back shows that the child is there.
        stdin.write_all(b"x").unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        let process = Process::with(script.id());
        let worker = process.clone().map(Process::worker);
        let workers_worker = worker.clone().map(Process::worker);
        drop(stdin);
        script.wait().unwrap();
        assert_ne!(worker, process);
        assert_eq!(workers_worker, worker);
    }

    #[test]
    fn another_process_with_the_same_id_is_not_the_one() {
        let Ok(us) = Process::with(std::process::id()) else { return };
        assert!(us.is_alive());
        assert!(!Process { started: us.started + 1, ..us }.is_alive());
    }
}
