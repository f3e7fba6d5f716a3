//! What a failover of PostgreSQL needs besides PostgreSQL: etcd, unpacked from its package, and Patroni in a Python environment of its own.
//! Neither is installed into the system, and no service comes into being.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{ACCOUNT, Apt, answers, ensure as ensure_postgres, find_postgres, is_root, tools_folder, unpack};
use crate::steps::execute;
use crate::workspace;

const ETCD: &str = "etcd";
const ETCD_PACKAGE: &str = "etcd-server";
const PATRONI: &str = "patroni";
/// Versions that were seen to work together.
const PATRONI_PACKAGES: [&str; 2] = ["patroni[etcd3]==4.1.5", "psycopg[binary]==3.3.9"];
const PATRONI_MAJOR_MIN: u32 = 4;

/// Fetches what is missing, saying what it does.
pub(crate) fn ensure() -> Result<(), String> {
    ensure_postgres()?;
    if !etcd_folder().join(ETCD).is_file() && workspace::find_program(ETCD).is_none() {
        println!("unpacking etcd (no service)");
        fetch_etcd().map_err(|reason| by_hand(&reason))?;
    }
    if find_patroni().is_none() {
        println!("installing Patroni into an environment of its own");
        install_patroni().map_err(|reason| by_hand(&reason))?;
    }
    let folder = find_patroni().ok_or_else(|| by_hand("Patroni is there, but does not run"))?;
    println!("Patroni: {}", folder.display());
    Ok(())
}

/// `PATH` with all of it in front.
pub(crate) fn path() -> Option<OsString> {
    let folders = [find_patroni()?, etcd_folder(), find_postgres()?];
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(folders.into_iter().chain(env::split_paths(&path))).ok()
}

fn fetch_etcd() -> Result<(), String> {
    let apt = Apt::find().ok_or("there is no apt-get here, or no right to use it (root or sudo)")?;
    execute(&mut apt.command(&["update"]))?;
    unpack(ETCD_PACKAGE)
}

fn install_patroni() -> Result<(), String> {
    let python = find_python().ok_or("no Python 3 that the account of PostgreSQL can run")?;
    if !answers(Command::new(&python).args(["-c", "import ensurepip, venv"])) {
        let apt = Apt::find().ok_or("Python lacks the module venv")?;
        apt.install(&["python3-venv"])?;
    }
    let environment = patroni_environment();
    // What an interrupted run has left is of no use.
    let _ = fs::remove_dir_all(&environment);
    execute(Command::new(&python).args(["-m", "venv"]).arg(&environment))?;
    let mut pip = Command::new(environment.join("bin/pip"));
    execute(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PATRONI_PACKAGES))
}

/// The folder of a Patroni that is new enough: our own, or one that somebody has put on `PATH`.
fn find_patroni() -> Option<PathBuf> {
    let own = patroni_environment().join("bin");
    let elsewhere = workspace::find_program(PATRONI).and_then(|program| program.parent().map(Path::to_path_buf));
    [Some(own), elsewhere].into_iter().flatten().find(|folder| {
        let output = as_account(&folder.join(PATRONI)).arg("--version").output();
        output.is_ok_and(|output| major_version(&String::from_utf8_lossy(&output.stdout)).is_some_and(|major| major >= PATRONI_MAJOR_MIN))
    })
}

/// `patroni 4.1.5` is 4.
fn major_version(line: &str) -> Option<u32> {
    line.trim().strip_prefix("patroni ")?.split('.').next()?.parse().ok()
}

/// One that somebody keeps in a home is of no use to another account.
fn find_python() -> Option<PathBuf> {
    let candidates = [Some(PathBuf::from("/usr/bin/python3")), workspace::find_program("python3")];
    candidates.into_iter().flatten().find(|python| answers(as_account(python).arg("--version")))
}

fn as_account(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "--"]).arg(program).current_dir("/");
    command
}

fn patroni_environment() -> PathBuf {
    tools_folder().join("patroni")
}

fn etcd_folder() -> PathBuf {
    tools_folder().join("usr/bin")
}

fn by_hand(reason: &str) -> String {
    format!(
        "{reason}\nthe failover needs etcd 3.4 or later and Patroni {PATRONI_MAJOR_MIN} or later, run with etcd3 and psycopg\n\
         hint: put `etcd`, `patroni` and `patronictl` on PATH"
    )
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn the_major_version_of_patroni_is_read() {
        assert_eq!(major_version("patroni 4.1.5\n"), Some(4));
        assert_eq!(major_version("patroni 3.0.2"), Some(3));
        assert_eq!(major_version("Traceback (most recent call last):"), None);
        assert_eq!(major_version(""), None);
    }
}
