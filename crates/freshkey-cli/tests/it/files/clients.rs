//! The clients of others, as `cargo xtask test` installs them.

use freshkey_testkit::home::Home;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Their folder, where the machine's own path has none of them.
fn folders() -> [PathBuf; 2] {
    [Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin"), PathBuf::from("/var/lib/freshkey-test-tools/bin")]
}

/// A program of theirs. It must be there: a test without its tool proves nothing.
pub(crate) fn tool(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain(folders()).map(|folder| folder.join(name)).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("{name} is not there: run `cargo xtask test`, which installs it"))
}

/// Python with the clients that are tested, running a script as the user of this home.
pub(crate) fn python(home: &Home, script: &str) -> Command {
    let mut command = home.command(tool("python3-with-clients"));
    command.args(["-c", script]);
    command
}

/// Runs it, and gives back what it printed. It must succeed.
pub(crate) fn printed(mut command: Command) -> String {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
}

/// Waits for something that another process brings about.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    // Each look costs a little, so this is about half a minute at most.
    let deadline = DEADLINE.get_or_init(freshkey_client::clock::SystemClock::new);
    let now = || freshkey_client::clock::Clock::now(deadline).boot_ms;
    let end = now() + 30_000;
    while !is_so() {
        assert!(now() < end, "{what} did not come about within 30 s");
        std::thread::yield_now();
    }
}

static DEADLINE: std::sync::OnceLock<freshkey_client::clock::SystemClock> = std::sync::OnceLock::new();
