//! Installs what the tests need and cargo doesn't bring: PostgreSQL's server programs, curl, jq and openssl.
//! PostgreSQL is unpacked, never installed: no database cluster and no service comes into being. What is installed
//! already is never upgraded. Only where the tests run as root an account for PostgreSQL is created.

pub(crate) mod browser;
pub(crate) mod delivery_tools;
pub(crate) mod fronts;
pub(crate) mod go_tools;
pub(crate) mod python_clients;

mod failover;
mod virtual_environment;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{describe, execute};
use crate::workspace;
pub(crate) use browser::path_with_node;
pub(crate) use failover::{ensure as ensure_failover_tools, path as path_for_failover};
pub(crate) use virtual_environment::ensure as virtual_environment;

const POSTGRES_MAJOR_MIN: u32 = 15;
const PROGRAMS: [&str; 3] = ["curl", "jq", "openssl"];
const POSTGRES_PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];
/// Where the unpacked programs go when the repository lies in a place that only root can enter: PostgreSQL refuses to
/// run as root, so another user has to be able to read them.
const SHARED_TOOLS: &str = "/var/lib/freshkey-test-tools";

/// The account that the test kit runs PostgreSQL under when the tests run as root.
const ACCOUNT: &str = "postgres";

/// Installs what is missing, saying what it does. Touches nothing when everything is there.
pub(crate) fn ensure() -> Result<(), String> {
    let programs: Vec<&str> = PROGRAMS.into_iter().filter(|name| workspace::find_program(name).is_none()).collect();
    if !programs.is_empty() || find_postgres().is_none() {
        install(&programs)?;
    }
    if is_root() && !answers(Command::new("id").args(["-u", ACCOUNT])) {
        println!("PostgreSQL refuses to run as root: creating the account {ACCOUNT}");
        execute(&mut account_creation())?;
    }
    let folder = find_postgres().ok_or_else(|| by_hand("PostgreSQL is there, but does not run"))?;
    println!("PostgreSQL: {}", folder.display());
    Ok(())
}

/// Installs programs by the packages of Debian that bring them, as far as they are missing.
pub(crate) fn ensure_programs(programs: &[(&str, &str)]) -> Result<(), String> {
    let missing: Vec<&str> =
        programs.iter().filter(|(name, _)| workspace::find_program(name).is_none()).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = |reason: &str| format!("{reason}\nhint: sudo apt-get install --no-install-recommends {}", missing.join(" "));
    let apt = Apt::find().ok_or_else(|| by_hand("there is no apt-get here, or no right to use it (root or sudo)"))?;
    println!("installing {}", missing.join(", "));
    execute(&mut apt.command(&["update"]))?;
    apt.install(&missing)
}

fn install(programs: &[&str]) -> Result<(), String> {
    let apt = Apt::find().ok_or_else(|| by_hand("there is no apt-get here, or no right to use it (root or sudo)"))?;
    execute(&mut apt.command(&["update"]))?;
    if !programs.is_empty() {
        println!("installing {}", programs.join(", "));
        apt.install(programs)?;
    }
    if find_postgres().is_none() {
        println!("unpacking PostgreSQL's server programs (no cluster, no service)");
        unpack_postgres(&apt).map_err(|reason| by_hand(&reason))?;
    }
    Ok(())
}

/// A system account without home and shell, as Debian's own package makes it.
fn account_creation() -> Command {
    let mut command = Command::new("useradd");
    command.args(["--system", "--user-group", "--no-create-home"]);
    command.args(["--shell", "/usr/sbin/nologin", ACCOUNT]);
    command
}

/// `PATH` with PostgreSQL's programs and the tools that are supplied in front, as the tests get it. `None` where there is no PostgreSQL.
pub(crate) fn path_with_postgres() -> Option<OsString> {
    let folder = find_postgres()?;
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([delivery_tools::folder(), folder].into_iter().chain(env::split_paths(&path))).ok()
}

/// Makes sure that `cargo +nightly fuzz` can be called.
pub(crate) fn ensure_fuzz_tools() -> Result<(), String> {
    if !answers(Command::new("cargo").args(["+nightly", "--version"])) {
        if workspace::find_program("rustup").is_none() {
            let hint = "install rustup and run: rustup toolchain install nightly";
            return Err(format!("fuzzing needs a nightly toolchain\nhint: {hint}"));
        }
        println!("installing the nightly toolchain");
        let mut rustup = Command::new("rustup");
        rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        execute(&mut rustup)?;
    }
    if !answers(Command::new("cargo").args(["+nightly", "fuzz", "--version"])) {
        println!("installing cargo-fuzz");
        execute(Command::new("cargo").args(["install", "--locked", "cargo-fuzz"]))?;
    }
    Ok(())
}

fn answers(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn by_hand(reason: &str) -> String {
    let needed = format!("PostgreSQL {POSTGRES_MAJOR_MIN} or later ({}), {}", POSTGRES_PROGRAMS.join(", "), PROGRAMS.join(", "));
    let hint = match env::consts::OS {
        "macos" => "brew install postgresql@17 curl jq openssl",
        "linux" if workspace::find_program("apt-get").is_some() => {
            "sudo apt-get install --no-install-recommends postgresql curl jq openssl"
        }
        "linux" if workspace::find_program("dnf").is_some() => "sudo dnf install postgresql-server curl jq openssl",
        "linux" if workspace::find_program("pacman").is_some() => "sudo pacman -S postgresql curl jq openssl",
        _ => "put them on PATH with your package manager",
    };
    format!("{reason}\nthe tests need {needed}\nhint: {hint}")
}

/// The folder with PostgreSQL's server programs, of the newest usable version.
fn find_postgres() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(path) = env::var_os("PATH") {
        folders.extend(env::split_paths(&path));
    }
    let unpacked = tools_folder().join("usr/lib/postgresql");
    for (parent, prefix) in [
        (unpacked.as_path(), ""),
        (Path::new("/usr/lib/postgresql"), ""),
        (Path::new("/usr"), "pgsql-"),
        (Path::new("/opt/homebrew/opt"), "postgresql"),
        (Path::new("/usr/local/opt"), "postgresql"),
    ] {
        folders.extend(versions_in(parent, prefix));
    }
    folders
        .into_iter()
        .filter(|folder| POSTGRES_PROGRAMS.iter().all(|name| folder.join(name).is_file()))
        .filter_map(|folder| Some((postgres_major(&folder)?, folder)))
        .filter(|(major, _)| *major >= POSTGRES_MAJOR_MIN)
        .max_by_key(|(major, _)| *major)
        .map(|(_, folder)| fs::canonicalize(folder.join("initdb")).unwrap_or(folder.join("initdb")))
        .and_then(|initdb| initdb.parent().map(Path::to_path_buf))
}

fn versions_in(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join("bin"))
        .collect()
}

fn postgres_major(folder: &Path) -> Option<u32> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    major_version(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.20 (Debian …)` is 15, and a beta `17beta2` is 17.
fn major_version(line: &str) -> Option<u32> {
    let version = line.split_whitespace().nth(2)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Under `target/`, unless only root can go there.
pub(crate) fn tools_folder() -> PathBuf {
    let root = workspace::root();
    if is_root() && !open_to_others(&root) {
        return PathBuf::from(SHARED_TOOLS);
    }
    root.join("target/tools")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(unix)]
fn open_to_others(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const EXECUTE_BY_OTHERS: u32 = 0o001;
    folder.ancestors().all(|ancestor| fs::metadata(ancestor).is_ok_and(|data| data.permissions().mode() & EXECUTE_BY_OTHERS != 0))
}

#[cfg(not(unix))]
fn open_to_others(_folder: &Path) -> bool {
    true
}

/// Fetches the server's package and unpacks it; the libraries that it needs are installed in the ordinary way.
fn unpack_postgres(apt: &Apt) -> Result<(), String> {
    let server = dependencies("postgresql")?
        .into_iter()
        .find(|name| name.starts_with("postgresql-"))
        .ok_or("no package of PostgreSQL's server is offered here")?;
    let libraries: Vec<String> = dependencies(&server)?.into_iter().filter(|name| is_needed_beside_the_server(name)).collect();
    apt.install(&libraries.iter().map(String::as_str).collect::<Vec<_>>())?;

    unpack(&server)
}

/// Puts a package's files under the tools' folder. Nothing of it is run, and nothing is registered.
fn unpack(package: &str) -> Result<(), String> {
    let folder = tools_folder();
    let downloads = folder.join("packages");
    fs::create_dir_all(&downloads).map_err(|error| format!("cannot create {}: {error}", downloads.display()))?;
    let mut download = Command::new("apt-get");
    execute(download.current_dir(&downloads).args(["download", package]))?;
    for package in fs::read_dir(&downloads).map_err(|error| error.to_string())? {
        let package = package.map_err(|error| error.to_string())?.path();
        execute(Command::new("dpkg").arg("-x").args([&package, &folder]))?;
    }
    fs::remove_dir_all(&downloads).map_err(|error| error.to_string())
}

fn dependencies(package: &str) -> Result<Vec<String>, String> {
    let mut query = Command::new("apt-cache");
    query.args(["depends", "--important", package]);
    let output = query.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("`{}` failed", describe(&query)));
    }
    Ok(parse_dependencies(&String::from_utf8_lossy(&output.stdout)))
}

fn parse_dependencies(listing: &str) -> Vec<String> {
    listing
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .filter(|name| !name.starts_with('<'))
        .map(str::to_owned)
        .collect()
}

/// Shared libraries and the time zones. LLVM only serves just-in-time compilation, which no test wants.
fn is_needed_beside_the_server(package: &str) -> bool {
    (package.starts_with("lib") && !package.starts_with("libllvm")) || matches!(package, "tzdata" | "zlib1g")
}

/// The right to call `apt-get`: as root, or through sudo.
struct Apt {
    through_sudo: Option<PathBuf>,
}

impl Apt {
    fn find() -> Option<Self> {
        workspace::find_program("apt-get")?;
        if is_root() {
            return Some(Self { through_sudo: None });
        }
        workspace::find_program("sudo").map(|sudo| Self { through_sudo: Some(sudo) })
    }

    fn install(&self, packages: &[&str]) -> Result<(), String> {
        execute(&mut self.installation(packages))
    }

    // Without `--no-upgrade` a package that is there already would be brought up to date, and with it whatever else
    // comes from the same source: not ours to decide on somebody's machine.
    fn installation(&self, packages: &[&str]) -> Command {
        let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
        arguments.extend(["--no-upgrade", "--no-remove"]);
        arguments.extend(packages);
        self.command(&arguments)
    }

    // sudo drops the environment, so the variable is set by `env` behind it.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.through_sudo {
            Some(sudo) => {
                let mut command = Command::new(sudo);
                command.arg("env");
                command
            }
            None => Command::new("env"),
        };
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]);
        command.args(arguments);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_spelling() {
        let line = "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)";
        assert_eq!(major_version(line), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 17beta2"), Some(17));
        assert_eq!(major_version("postgres"), None);
        assert_eq!(major_version(""), None);
    }

    #[test]
    fn dependencies_leave_out_alternatives_and_virtual_packages() {
        let listing = "postgresql-15\n |Depends: locales\n  Depends: locales-all\n  Depends: <debconf-2.0>\n    debconf\n  \
                       Depends: libicu72\n  PreDepends: dpkg\n";
        assert_eq!(parse_dependencies(listing), ["locales-all", "libicu72"]);
    }

    #[test]
    fn nothing_that_starts_a_service_is_installed_beside_the_server() {
        for package in ["postgresql-common", "postgresql-client-15", "ssl-cert", "libllvm14"] {
            assert!(!is_needed_beside_the_server(package), "{package}");
        }
        for package in ["libicu72", "libpq5", "tzdata", "zlib1g"] {
            assert!(is_needed_beside_the_server(package), "{package}");
        }
    }

    #[test]
    fn sudo_keeps_the_installation_quiet() {
        let apt = Apt { through_sudo: Some("/usr/bin/sudo".into()) };
        assert_eq!(describe(&apt.command(&["update"])), "sudo env DEBIAN_FRONTEND=noninteractive apt-get --quiet update");
    }

    #[test]
    fn what_is_installed_already_is_left_as_it_is() {
        let apt = Apt { through_sudo: None };
        let line = describe(&apt.installation(&["jq"]));
        assert!(line.contains(" --no-upgrade --no-remove jq"), "{line}");
    }

    #[test]
    fn the_account_for_postgres_can_not_be_logged_into() {
        let line = describe(&account_creation());
        assert!(line.ends_with("--shell /usr/sbin/nologin postgres"), "{line}");
    }
}
