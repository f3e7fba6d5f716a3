//! Keycloak's own distribution: fetched by Maven, unpacked once for all repositories of this person, and copied for each purpose, because
//! Keycloak writes into the folder that it runs in.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::java::Java;
use super::launch::{Kind, build_arguments, without_settings_of_others};
use super::{Failure, VERSION, seconds, wait};
use crate::steps::describe;
use crate::workspace;

const ARTIFACT: &str = "org.keycloak:keycloak-quarkus-dist";
/// The file in a copy that says with what it was built. It is written last.
const BUILT: &str = ".built";

/// A copy that can be started.
pub(super) struct Prepared {
    pub(super) home: PathBuf,
    pub(super) java: Java,
}

/// Fetches, unpacks, copies and builds whatever isn't there yet. The first is the one that Keycloak didn't refuse for the build; the others may
/// serve when the server refuses that one.
pub(super) fn prepare(folder: &Path, kind: Kind, javas: &[Java]) -> Result<Vec<Prepared>, Failure> {
    let unpacked = unpacked(javas)?;
    let home = folder.join(format!("{}-{VERSION}", kind.as_str()));
    if !home.exists() {
        copy(&unpacked, &home)?;
    }
    let mut refused = String::new();
    for (at, java) in javas.iter().enumerate() {
        match build(folder, &home, kind, java) {
            Ok(()) => return Ok(javas[at..].iter().map(|java| Prepared { home: home.clone(), java: java.clone() }).collect()),
            Err(reason) if is_refusal(&reason) => {
                eprintln!("Java {} ({}) is refused", java.major, java.home.display());
                refused = reason;
            }
            Err(reason) => return Err(reason.into()),
        }
    }
    Err(refused.into())
}

/// Does this end of a log mean that the Java is the wrong one?
pub(super) fn is_refusal(log: &str) -> bool {
    let signs = [
        "UnsupportedClassVersionError",
        "Unsupported class file major version",
        "Could not create the Java Virtual Machine",
        "Unrecognized VM option",
    ];
    signs.iter().any(|sign| log.contains(sign))
}

/// Where the distribution is, as it came.
fn unpacked(javas: &[Java]) -> Result<PathBuf, Failure> {
    let cache = cache_folder()?;
    let complete = cache.join(VERSION);
    if complete.is_dir() {
        return Ok(complete);
    }
    if workspace::find_program("mvn").is_none() {
        let hint = "hint: sudo apt-get install --no-install-recommends maven";
        return Err(Failure::Missing(format!("Keycloak is fetched with Maven, and there is no `mvn`\n{hint}")));
    }
    fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    // Another repository of the same person may fetch it at this moment; then there is nothing left to do afterwards.
    let lock = File::create(cache.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if complete.is_dir() {
        return Ok(complete);
    }
    fetch_and_unpack(&cache, &complete, javas)?;
    Ok(complete)
}

/// Everything happens in a folder of another name, which gets its own at the end: what was cut short is not taken for whole.
fn fetch_and_unpack(cache: &Path, complete: &Path, javas: &[Java]) -> Result<(), Failure> {
    let part = cache.join(format!("{VERSION}.part"));
    let archive = part.join(format!("keycloak-quarkus-dist-{VERSION}.zip"));
    let repositories = [None, Some(part.join("repository"))];
    let mut failure = String::new();
    for repository in repositories {
        remove(&part)?;
        fs::create_dir_all(&part).map_err(|error| format!("{}: {error}", part.display()))?;
        fetch(&part, repository.as_deref(), cache)?;
        // Maven believes what lies in its own repository. If that is damaged the second attempt goes around it.
        match unpack(&archive, &part, cache, javas) {
            Ok(()) => {
                let inner = part.join(format!("keycloak-{VERSION}"));
                make_executable(&inner.join("bin"))?;
                fs::rename(&inner, complete).map_err(|error| format!("{}: {error}", complete.display()))?;
                return remove(&part).map_err(Failure::Failed);
            }
            Err(Failure::Failed(reason)) => failure = reason,
            missing => return missing,
        }
    }
    Err(Failure::Failed(failure))
}

fn fetch(part: &Path, repository: Option<&Path>, cache: &Path) -> Result<(), String> {
    let mut maven = Command::new("mvn");
    maven.current_dir(part).args(["-q", "-B", "dependency:copy"]);
    maven.arg(format!("-Dartifact={ARTIFACT}:{VERSION}:zip"));
    maven.arg(format!("-DoutputDirectory={}", part.display()));
    if let Some(repository) = repository {
        maven.arg(format!("-Dmaven.repo.local={}", repository.display()));
    }
    wait::complete(&format!("fetching Keycloak {VERSION} (about 180 MB, this time only)"), &mut maven, &cache.join("fetch.log"))
}

fn unpack(archive: &Path, part: &Path, cache: &Path, javas: &[Java]) -> Result<(), Failure> {
    let archive = archive.display().to_string();
    let jar = javas.iter().map(|java| java.home.join("bin/jar")).find(|jar| jar.is_file());
    let programs: [(Option<PathBuf>, &[&str]); 3] = [
        (workspace::find_program("unzip"), &["-q", &archive]),
        (jar.or_else(|| workspace::find_program("jar")), &["xf", &archive]),
        (workspace::find_program("python3"), &["-m", "zipfile", "-e", &archive, "."]),
    ];
    let usable = programs.into_iter().find_map(|(program, arguments)| Some((program?, arguments)));
    let Some((program, arguments)) = usable else {
        let hint = "hint: sudo apt-get install --no-install-recommends unzip";
        return Err(Failure::Missing(format!("none of unzip, jar and python3 is there to unpack Keycloak\n{hint}")));
    };
    let mut command = Command::new(program);
    command.current_dir(part).args(arguments);
    wait::complete("unpacking it", &mut command, &cache.join("unpack.log")).map_err(Failure::Failed)
}

/// What a purpose runs in. `cp` knows how to share blocks where the file system can.
fn copy(unpacked: &Path, home: &Path) -> Result<(), String> {
    let part = home.with_extension("part");
    remove(&part)?;
    let begun = Instant::now();
    let mut command = Command::new("cp");
    command.arg("-a").args([unpacked, &part]);
    let copied = command.status().is_ok_and(|status| status.success());
    if !copied {
        return Err(format!("`{}` failed", describe(&command)));
    }
    eprintln!("copying it for this repository: done after {}", seconds(begun.elapsed()));
    fs::rename(&part, home).map_err(|error| format!("{}: {error}", home.display()))
}

/// The development mode builds by itself; the optimised one is built before, once.
fn build(folder: &Path, home: &Path, kind: Kind, java: &Java) -> Result<(), String> {
    let arguments = build_arguments(kind);
    let mark = format!("{} with Java {}", arguments.join(" "), java.major);
    let marked = home.join(BUILT);
    if arguments.is_empty() || fs::read_to_string(&marked).is_ok_and(|text| text == mark) {
        return Ok(());
    }
    let mut command = Command::new(home.join("bin/kc.sh"));
    without_settings_of_others(&mut command).current_dir(home).env("JAVA_HOME", &java.home).args(&arguments);
    wait::complete("building it", &mut command, &folder.join("build.log"))?;
    fs::write(&marked, mark).map_err(|error| format!("{}: {error}", marked.display()))
}

fn cache_folder() -> Result<PathBuf, Failure> {
    let named = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let cache = cache.ok_or_else(|| "neither XDG_CACHE_HOME nor HOME says where the cache is".to_owned())?;
    Ok(cache.join("freshkey/reference"))
}

fn remove(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", folder.display())),
        _ => Ok(()),
    }
}

/// Not every program that unpacks keeps the right to execute.
#[cfg(unix)]
fn make_executable(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    const MODE: u32 = 0o755;
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "sh") {
            fs::set_permissions(&path, fs::Permissions::from_mode(MODE)).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_executable(_folder: &Path) -> Result<(), String> {
    Err("this runs on Linux only".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_java_that_is_too_old_is_told_from_other_failures() {
        assert!(is_refusal("Error: LinkageError …\njava.lang.UnsupportedClassVersionError: io/quarkus/… class file version 65.0"));
        assert!(is_refusal("Error: Could not create the Java Virtual Machine."));
        assert!(!is_refusal("ERROR: Port 8080 seems to be used by another process"));
    }
}
