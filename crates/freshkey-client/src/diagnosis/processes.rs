//! Other processes, as `/proc` tells of them (proc(5)): who holds a lock, and whether somebody has stopped it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A process that holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) pid: u32,
    pub(super) is_stopped: bool,
}

/// Who holds the lock of this file. Looking leaves no trace: the file is not even opened.
pub(super) fn holder_of(path: &Path) -> Option<Holder> {
    let inode = path.metadata().ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| holder_in(line, inode))?;
    Some(Holder { pid, is_stopped: is_stopped(pid) })
}

/// `1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF`. The numbers of the device differ from those of stat(2) on some file systems.
fn holder_in(line: &str, inode: u64) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "FLOCK", _, _, pid, place, ..] = words[..] else { return None };
    let found: u64 = place.rsplit(':').next()?.parse().ok()?;
    (found == inode).then(|| pid.parse().ok())?
}

/// Whether a signal has stopped it.
pub(super) fn is_stopped(pid: u32) -> bool {
    stat(pid).and_then(|fields| fields.first().cloned()).is_some_and(|state| state == "T")
}

/// Whether the process runs a program that is no longer in its place. `None` where that can't be seen.
pub(super) fn runs_replaced_program(pid: u32, boot_ms: u64, wall_s: i64) -> Option<bool> {
    let ours = std::env::current_exe().ok()?;
    if let Ok(its) = std::fs::read_link(format!("/proc/{pid}/exe")) {
        return Some(its.to_string_lossy().ends_with(" (deleted)"));
    }
    // A process that nobody may look into tells only when it was started, in hundredths of a second.
    let started: u64 = stat(pid)?.get(19)?.parse().ok()?;
    let age_s = i64::try_from((boot_ms / 10).saturating_sub(started) / 100).ok()?;
    // The time at which this name came to lead to this content, whatever times an archive has put on it.
    Some(ours.metadata().ok()?.ctime() > wall_s - age_s + 1)
}

/// The fields of proc_pid_stat(5) from the third on, the state. The name before them may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Locked;

    #[test]
    fn the_holder_of_a_lock_is_found() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("lock");
        assert_eq!(holder_of(&path), None);
        let held = Locked::at_once(&path).expect("lockable").expect("free");
        assert_eq!(holder_of(&path), Some(Holder { pid: std::process::id(), is_stopped: false }));
        drop(held);
        assert_eq!(holder_of(&path), None);
    }

    #[test]
    fn a_line_of_locks_is_read() {
        assert_eq!(holder_in("1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF", 131), Some(4711));
        for line in [
            "",
            "1: POSIX  ADVISORY  WRITE 4711 08:01:131 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 4711 08:01:132 0 EOF",
            "1: -> FLOCK  ADVISORY  WRITE 1 08:01:131 0 EOF",
        ] {
            assert_eq!(holder_in(line, 131), None, "{line}");
        }
    }
}
