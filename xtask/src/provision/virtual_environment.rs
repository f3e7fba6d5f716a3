//! A Python with packages of its own, in a folder of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{answers, ensure_programs, tools_folder};
use crate::steps::execute;

/// The folder of this name with these packages in it, which are installed if they are not the ones that are there.
pub(crate) fn ensure(name: &str, packages: &[String]) -> Result<PathBuf, String> {
    ensure_programs(&[("python3", "python3")])?;
    let place = tools_folder().join(name);
    let installed = place.join("packages.txt");
    let list = packages.join("\n");
    if fs::read_to_string(&installed).is_ok_and(|known| known == list) {
        return Ok(place);
    }
    if !answers(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        // Debian's Python comes without it.
        ensure_programs(&[("python3-venv has no program of its own", "python3-venv")])?;
    }
    println!("installing {} packages of Python into {}", packages.len(), place.display());
    execute(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
    let requirements = place.join("requirements.txt");
    let unwritable = |error: std::io::Error| format!("cannot write below {}: {error}", place.display());
    fs::write(&requirements, &list).map_err(unwritable)?;
    let mut pip = Command::new(place.join("bin/pip"));
    execute(pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements))?;
    fs::write(&installed, list).map_err(unwritable)?;
    Ok(place)
}
