//! The item of JupyterLab's status bar: built by npm from `python/labextension`, into the folder whose content the wheel carries as data. What npm brings
//! stays below the tools' folder and is fetched anew when the lock file is another; nothing is built while no source has changed.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::provision;
use crate::steps::execute;
use crate::workspace;

const SOURCES: &str = "python/labextension";
/// What npm and the compiler make there, on a machine where somebody has called them by hand.
const MADE: [&str; 5] = ["built-tests", "core", "labextension", "lib", "node_modules"];
/// `data` in `python/pyproject.toml` names it.
const WHEEL_DATA: &str = "target/labextension";

/// Builds it, after its own tests, unless it is there already. Gives back the folder for the wheel.
pub(crate) fn ensure() -> Result<PathBuf, String> {
    let sources = workspace::root().join(SOURCES);
    let data = workspace::root().join(WHEEL_DATA);
    let wanted = fingerprint(&sources)?;
    let known = data.with_extension("fingerprint");
    if fs::read_to_string(&known).is_ok_and(|known| known == wanted) {
        return Ok(data);
    }
    let path = provision::path_with_node()?;
    let place = provision::tools_folder().join("labextension");
    let npm = |arguments: &[&str]| {
        let mut command = Command::new("npm");
        command.current_dir(&place).env("PATH", &path).args(arguments);
        execute(&mut command)
    };
    let installed = place.join("installed-lock.json");
    let lock = read(&sources.join("package-lock.json"))?;
    copy_anew(&sources, &place)?;
    if fs::read(&installed).ok().as_ref() != Some(&lock) {
        // Nothing that is fetched runs as it is installed.
        npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
        write(&installed, &lock)?;
    }
    npm(&["run", "--silent", "test"])?;
    npm(&["run", "--silent", "build"])?;
    lay_out(&place, &data)?;
    write(&known, wanted.as_bytes())?;
    Ok(data)
}

/// Where a Jupyter server looks for the extension, and for the word that it is one of the server too.
fn lay_out(built: &Path, data: &Path) -> Result<(), String> {
    let extension = data.join("data/share/jupyter/labextensions/freshkey");
    let configuration = data.join("data/etc/jupyter/jupyter_server_config.d");
    if data.exists() {
        fs::remove_dir_all(data).map_err(|error| told(data, &error))?;
    }
    copy(&built.join("labextension"), &extension)?;
    write(&extension.join("install.json"), &read(&built.join("install.json"))?)?;
    write(&configuration.join("freshkey.json"), &read(&built.join("server.json"))?)
}

/// The sources as they are now, and of the last build only what npm has brought.
fn copy_anew(sources: &Path, place: &Path) -> Result<(), String> {
    for made in MADE.iter().filter(|name| **name != "node_modules").chain(&["src", "style"]) {
        let path = place.join(made);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|error| told(&path, &error))?;
        }
    }
    copy(sources, place)
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    for file in files(from)? {
        write(&to.join(&file), &read(&from.join(&file))?)?;
    }
    Ok(())
}

/// Tells these sources, and this way to build them, from others.
fn fingerprint(sources: &Path) -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    include_str!("labextension.rs").hash(&mut hasher);
    for file in files(sources)? {
        file.hash(&mut hasher);
        read(&sources.join(&file))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// The files below a folder, relative to it and sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let here = folder.join(&below);
        for entry in fs::read_dir(&here).map_err(|error| told(&here, &error))? {
            let name = entry.map_err(|error| told(&here, &error))?.file_name();
            let path = below.join(&name);
            match (folder.join(&path).is_dir(), below.as_os_str().is_empty() && MADE.iter().any(|made| name == *made)) {
                (true, false) => folders.push(path),
                (true, true) => {}
                (false, _) => found.push(path),
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| told(path, &error))
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(|error| told(path, &error))?;
    fs::write(path, content).map_err(|error| told(path, &error))
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_no_host_and_pins_every_package() {
        let text = fs::read_to_string(workspace::root().join(SOURCES).join("package-lock.json")).expect("readable");
        assert!(!text.contains("://registry") && !text.contains("\"resolved\""), "a host is named");
        let lock: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let packages = lock["packages"].as_object().expect("packages");
        assert!(packages.len() > 1);
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].is_string(), "{name} is not pinned by its content");
        }
    }

    #[test]
    fn what_was_built_by_hand_is_no_source() {
        let found = files(&workspace::root().join(SOURCES)).expect("readable");
        assert!(found.contains(&PathBuf::from("src/index.ts")));
        assert!(!found.iter().any(|path| MADE.iter().any(|made| path.starts_with(made))), "{found:?}");
    }

    #[test]
    fn the_wheel_carries_the_folder_that_is_laid_out() {
        let project = fs::read_to_string(workspace::root().join("python/pyproject.toml")).expect("readable");
        assert!(project.contains(&format!("data = \"../{WHEEL_DATA}\"")), "{project}");
    }
}
