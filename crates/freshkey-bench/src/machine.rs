//! Where and when it was measured. Neither names nor paths of the machine.

use std::fs;
use std::process::Command;

/// Facts for the head of the table, a line each.
pub(crate) fn facts() -> Vec<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = [
        field("model name"),
        field("cpu family").map(|family| format!("family {family}")),
        field("model").map(|model| format!("model {model}")),
    ];
    let model: Vec<String> = model.into_iter().flatten().collect();
    let flags = field("flags").unwrap_or_default();
    let ifma = if flags.split(' ').any(|flag| flag == "avx512ifma") {
        ", with AVX-512 IFMA (halves the cost of RSA)"
    } else {
        ", without AVX-512 IFMA"
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from).max(cpu.matches("processor\t").count());
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes: u64 = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    vec![
        format!("Machine: {}{ifma}; {cores} cores, {} GiB of memory", model.join(", "), kibibytes >> 20),
        format!("System: Linux {}; {}", kernel.trim(), said_by("rustc", &["-V"])),
    ]
}

/// Date and time in UTC.
pub(crate) fn date() -> String {
    said_by("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

/// Load averages over 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
