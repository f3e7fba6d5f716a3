//! What a server and its children have used, as the kernel counts it for whole processes: threads that have ended are counted, too, which a
//! virtual machine has many of.

use crate::process;
use std::fs;

/// Of `/proc/PID/stat`. Linux tells programs the time in hundredths of seconds on every machine that we know.
const NANOSECONDS_PER_TICK: u64 = 10_000_000;
/// Fields behind the name.
const PARENT: usize = 1;
const USER: usize = 11;
const SYSTEM: usize = 12;

/// User and system time of a process and its children so far.
pub(super) fn cpu_ns(pid: u32) -> Result<u64, String> {
    let mut ticks = 0;
    for pid in tree(pid) {
        if let Some(stat) = stat(pid) {
            ticks += field(&stat, USER).zip(field(&stat, SYSTEM)).map_or(0, |(user, system)| user + system);
        }
    }
    if ticks == 0 { Err(format!("the process {pid} has used no time, or has ended")) } else { Ok(ticks * NANOSECONDS_PER_TICK) }
}

/// Resident sets of a process and its children.
pub(super) fn memory_bytes(pid: u32) -> Result<u64, String> {
    tree(pid).into_iter().map(|pid| process::memory_bytes(pid, "VmRSS")).sum()
}

fn tree(root: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<(u32, u32)> = all
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, u32::try_from(field(&stat(pid)?, PARENT)?).ok()?))
        })
        .collect();
    below(root, &all)
}

/// A process and all below it, of pairs of a process and its parent.
fn below(root: u32, all: &[(u32, u32)]) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

fn stat(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()
}

/// The name in parentheses may itself hold spaces and parentheses.
fn field(stat: &str, number: usize) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_any_name() {
        let stat = "4711 (a) b) S 1 4711 4711 0 -1 4194304 1 2 3 4 250 30 7 8 20 0 1 0 1234567";
        assert_eq!([PARENT, USER, SYSTEM].map(|number| field(stat, number)), [Some(1), Some(250), Some(30)]);
    }

    #[test]
    fn children_of_children_count_and_others_do_not() {
        assert_eq!(below(10, &[(10, 1), (11, 10), (12, 11), (13, 1), (14, 10)]), [10, 11, 14, 12]);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(memory_bytes(std::process::id()).is_ok_and(|bytes| bytes > 0));
    }
}
