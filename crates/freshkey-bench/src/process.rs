//! Processes on a core of their own that end with us, and what the kernel counts of them.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a child is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// A command that runs on one core, or wherever the kernel likes. The kernel kills it when this process dies, however that happens.
pub(crate) fn on_core(core: Option<usize>, program: &Path) -> Command {
    on_cores(core.map(|core| core.to_string()), program)
}

/// The same for a list of cores, `0,1`.
pub(crate) fn on_cores(cores: Option<String>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    if let Some(cores) = cores {
        command.args(["taskset", "-c", &cores]);
    }
    command.arg(program);
    command
}

/// A child that is killed when it is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child =
            command.spawn().map_err(|error| format!("{name} cannot be started ({error}): setpriv and taskset belong to util-linux"))?;
        Ok(Self { child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, at most so long.
    pub(crate) async fn ended(&mut self, patience: Duration) -> Result<Option<ExitStatus>, String> {
        let until = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(Some(status)),
                Ok(None) if Instant::now() >= until => return Ok(None),
                Ok(None) => tokio::time::sleep(POLL).await,
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs one of our own jobs to its end and reads what it prints.
pub(crate) async fn job(name: &str, cores: Option<String>, order: &impl serde::Serialize) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = on_cores(cores, &program);
    command.arg(name).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command)?;
    let order = serde_json::to_string(order).map_err(|error| error.to_string())?;
    if let Some(mut stdin) = running.child.stdin.take() {
        writeln!(stdin, "{order}").map_err(|error| format!("the job {name} takes no order: {error}"))?;
    }
    let stdout = running.child.stdout.take();
    let printed = tokio::task::spawn_blocking(move || stdout.map(std::io::read_to_string));
    let status = running.ended(Duration::from_secs(3600)).await?;
    if !status.is_some_and(|status| status.success()) {
        return Err(format!("the job {name} failed"));
    }
    match printed.await {
        Ok(Some(Ok(text))) => Ok(text),
        _ => Err(format!("the job {name} printed nothing")),
    }
}

/// Reads the order of a job.
pub(crate) fn order<T: serde::de::DeserializeOwned>() -> Result<T, String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| error.to_string())?;
    serde_json::from_str(&line).map_err(|error| format!("the order is not understood: {error}"))
}

/// CPU time of every thread of a process so far, user and system, in nanoseconds, by thread.
pub(crate) struct CpuTime(HashMap<String, u64>);

impl CpuTime {
    pub(crate) fn of(pid: u32) -> Result<Self, String> {
        let folder = format!("/proc/{pid}/task");
        let threads = fs::read_dir(&folder).map_err(|error| format!("{folder} cannot be read ({error}): the process has ended"))?;
        let read = |thread: fs::DirEntry| {
            let counted = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let time_ns = counted.split(' ').next()?.parse().ok()?;
            Some((thread.file_name().to_string_lossy().into_owned(), time_ns))
        };
        let times: HashMap<String, u64> = threads.flatten().filter_map(read).collect();
        if times.is_empty() { Err(format!("{folder}: this kernel does not count the time of threads")) } else { Ok(Self(times)) }
    }

    /// What was used since. Threads that ended in between are not counted; the server's threads live as long as it does.
    pub(crate) fn since(&self, before: &Self) -> u64 {
        self.0.iter().map(|(thread, time_ns)| time_ns.saturating_sub(before.0.get(thread).copied().unwrap_or(0))).sum()
    }
}

/// CPU time of this thread in nanoseconds. The kernel brings the counter up to date when the thread gives up its turn.
pub(crate) fn thread_cpu_ns() -> Result<u64, String> {
    std::thread::yield_now();
    let counted = fs::read_to_string("/proc/thread-self/schedstat")
        .map_err(|error| format!("this kernel does not count the time of threads: {error}"))?;
    counted.split(' ').next().and_then(|text| text.parse().ok()).ok_or_else(|| "schedstat is not understood".to_owned())
}

/// `VmRSS` or `VmHWM` of a process, in bytes.
pub(crate) fn memory_bytes(pid: u32, field: &str) -> Result<u64, String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kibibytes: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kibibytes.map(|kibibytes| kibibytes * 1024).ok_or_else(|| format!("/proc/{pid}/status has no {field}"))
}
