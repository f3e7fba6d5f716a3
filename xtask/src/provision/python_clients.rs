//! Clients of others in Python, and systemd's own look at a unit: for tests of files, sockets and variables with those who read them. They go into a
//! folder of their own; nothing of the machine's Python is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::delivery_tools::folder;
use super::{answers, ensure_programs, tools_folder};
use crate::steps::execute;

/// By exact version: their form on the wire is what is tested.
const PACKAGES: [&str; 3] = ["liboidcagent==0.6.0", "mlflow-skinny==3.17.2", "scitokens==1.9.7"];
/// The Python that has them, on the path of the tests.
const PROGRAM: &str = "python3-with-clients";

/// Brings what is missing. Touches nothing when everything is there.
pub(crate) fn ensure() -> Result<(), String> {
    ensure_programs(&[("python3", "python3"), ("systemd-analyze", "systemd")])?;
    let place = tools_folder().join("python-clients");
    let list = PACKAGES.join("\n");
    let (installed, program) = (place.join("packages.txt"), folder().join(PROGRAM));
    if program.is_file() && fs::read_to_string(&installed).is_ok_and(|known| known == list) {
        return Ok(());
    }
    println!("installing {} into a folder of their own", PACKAGES.join(", "));
    if !answers(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        // Debian's Python comes without it.
        ensure_programs(&[("python3-venv has no program of its own", "python3-venv")])?;
    }
    execute(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
    let mut pip = Command::new(place.join("bin/pip"));
    execute(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES)).map_err(|reason| by_hand(&reason))?;
    let unwritable = |error: std::io::Error| format!("cannot write {}: {error}", program.display());
    fs::create_dir_all(folder()).map_err(unwritable)?;
    // Not a link: a Python finds the packages of its folder by the path that it was called by.
    fs::write(&program, format!("#!/bin/sh\nexec '{}' \"$@\"\n", place.join("bin/python3").display())).map_err(unwritable)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).map_err(unwritable)?;
    fs::write(&installed, list).map_err(unwritable)
}

fn by_hand(reason: &str) -> String {
    format!("{reason}\nhint: put a Python with {} on PATH as `{PROGRAM}`", PACKAGES.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_is_pinned_and_the_way_by_hand_names_them_all() {
        for package in PACKAGES {
            assert!(package.split_once("==").is_some_and(|(_, version)| !version.is_empty()), "{package}");
            assert!(by_hand("no network").contains(package), "{package}");
        }
    }
}
