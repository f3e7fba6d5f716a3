//! Which Java runs Keycloak: `JAVA_HOME`, or else the newest one that is found. The next one serves when the first is refused.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Failure;
use crate::workspace;

/// The oldest that Keycloak 26 supports.
const MAJOR_MIN: u32 = 17;
/// Where distributions put them, each in a folder of its own.
const FOLDERS: [&str; 2] = ["/usr/lib/jvm", "/opt/java"];

/// An installed Java.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Java {
    pub(super) home: PathBuf,
    pub(super) major: u32,
}

/// All that will do, the first choice first.
pub(super) fn candidates() -> Result<Vec<Java>, Failure> {
    let named = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let named = match named {
        Some(home) => Some(at(&home).ok_or_else(|| Failure::Missing(format!("JAVA_HOME is {}, where there is no Java", home.display())))?),
        None => None,
    };
    let chosen = in_order(named, found());
    if chosen.is_empty() {
        return Err(Failure::Missing(format!(
            "Keycloak needs Java {MAJOR_MIN} or later, and there is none\nhint: sudo apt-get install --no-install-recommends openjdk-{MAJOR_MIN}-jre-headless"
        )));
    }
    Ok(chosen)
}

/// What `JAVA_HOME` names goes first, whatever is newer.
fn in_order(named: Option<Java>, mut found: Vec<Java>) -> Vec<Java> {
    found.sort_by_key(|java| Reverse(java.major));
    let mut chosen: Vec<Java> = Vec::new();
    for java in named.into_iter().chain(found) {
        if java.major >= MAJOR_MIN && chosen.iter().all(|other| other.home != java.home) {
            chosen.push(java);
        }
    }
    chosen
}

fn found() -> Vec<Java> {
    let mut homes: Vec<PathBuf> = Vec::new();
    for folder in FOLDERS {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        homes.extend(entries.map(|entry| entry.path()));
    }
    // Usually a link to a link to HOME/bin/java.
    let on_path = workspace::find_program("java").and_then(|java| fs::canonicalize(java).ok());
    homes.extend(on_path.and_then(|java| Some(java.parent()?.parent()?.to_path_buf())));
    homes.iter().filter_map(|home| at(home)).collect()
}

/// The Java in this folder. The path is the real one, so that two links to it are one.
fn at(home: &Path) -> Option<Java> {
    let home = fs::canonicalize(home).ok()?;
    let program = home.join("bin/java");
    if !program.is_file() {
        return None;
    }
    let released = fs::read_to_string(home.join("release")).ok().and_then(|text| major_in_release(&text));
    let major = released.or_else(|| {
        let output = Command::new(program).arg("-version").output().ok()?;
        major_in_answer(&String::from_utf8_lossy(&output.stderr))
    })?;
    Some(Java { home, major })
}

/// Of the file `release`, which has a line such as `JAVA_VERSION="17.0.15"`.
fn major_in_release(text: &str) -> Option<u32> {
    let version = text.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    major(version.trim().trim_matches('"'))
}

/// Of what `java -version` says: `openjdk version "17.0.15" 2025-04-15`.
fn major_in_answer(text: &str) -> Option<u32> {
    major(text.split('"').nth(1)?)
}

/// `17.0.15` and `17-ea` are 17; `1.8.0_402` is 8.
fn major(version: &str) -> Option<u32> {
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit()).map(str::parse);
    match numbers.next()?.ok()? {
        1 => numbers.next()?.ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn java(home: &str, major: u32) -> Java {
        Java { home: home.into(), major }
    }

    #[test]
    fn the_major_version_is_read_from_every_spelling() {
        for (version, expected) in [("17.0.15", 17), ("25", 25), ("21-ea", 21), ("1.8.0_402", 8), ("11.0.2+9", 11)] {
            assert_eq!(major(version), Some(expected), "{version}");
        }
        assert_eq!(major("unknown"), None);
        assert_eq!(major(""), None);
    }

    #[test]
    fn the_version_is_found_among_other_lines() {
        assert_eq!(major_in_release("IMPLEMENTOR=\"x\"\nJAVA_VERSION_DATE=\"2025-04-15\"\nJAVA_VERSION=\"21.0.2\"\n"), Some(21));
        assert_eq!(major_in_answer("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK …"), Some(17));
        assert_eq!(major_in_release("nothing"), None);
        assert_eq!(major_in_answer("java: not found"), None);
    }

    #[test]
    fn the_newest_goes_first_and_old_ones_are_left_out() {
        let found = vec![java("/a", 17), java("/b", 11), java("/c", 25), java("/a", 17)];
        assert_eq!(in_order(None, found), [java("/c", 25), java("/a", 17)]);
    }

    #[test]
    fn the_one_that_a_person_named_goes_before_newer_ones() {
        let found = vec![java("/c", 25), java("/a", 17)];
        assert_eq!(in_order(Some(java("/a", 17)), found), [java("/a", 17), java("/c", 25)]);
        assert_eq!(in_order(Some(java("/old", 8)), Vec::new()), []);
    }
}
