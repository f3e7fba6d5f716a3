//! The tools that `freshkey setup` supplies, for tests with the real ones. What the machine has is used if it is new enough; what is missing is unpacked
//! or built below a folder of its own, and nothing of it is installed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Apt, ensure_programs, tools_folder};
use crate::steps::execute;
use crate::workspace;

/// The release of Debian whose kubectl, docker and git are new enough. They are fetched by a list of our own, which the machine's own lists never see.
const RELEASE: &str = "trixie";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The first git that sends a token as `Bearer` by itself.
const GIT_MIN: (u32, u32) = (2, 46);
/// The name of such a git in the folder: tests want the machine's own one too.
const GIT_WITH_AUTHTYPE: &str = "git-with-authtype";
/// The first releases of the AWS tools that read `endpoint_url` from their settings.
const AWS_MIN: [(u32, u32); 2] = [(1, 29), (2, 13)];
const AWS_PACKAGE: &str = "awscli>=1.29,<2";
/// A machine's tool may be one that works in its owner's home only. In this one no tool can make a folder of its own.
const NO_HOME: &str = "/dev/null";

/// Where the tools are that the machine lacks: in front of its own on the path of the tests.
pub(crate) fn folder() -> PathBuf {
    tools_folder().join("bin")
}

/// Brings what is missing. Touches nothing when everything is there.
pub(crate) fn ensure() -> Result<(), String> {
    ensure_programs(&[("curl", "curl"), ("git", "git"), ("python3", "python3"), ("perl", "perl"), ("ps", "procps")])?;
    // The keyring of a desktop, on a bus of its own.
    ensure_programs(&[("gnome-keyring-daemon", "gnome-keyring"), ("dbus-run-session", "dbus-daemon"), ("dbus-send", "dbus-bin")])?;
    let path = path();
    let from_debian: Vec<&str> = [("kubectl", is_kubectl_fit(&path)), ("docker", is_docker_fit(&path))]
        .into_iter()
        .filter_map(|(name, is_fit)| (!is_fit).then_some(if name == "docker" { "docker-cli" } else { name }))
        .collect();
    let needs_git = !is_git_fit(&path, "git") && !is_git_fit(&path, GIT_WITH_AUTHTYPE);
    if !from_debian.is_empty() || needs_git {
        let newer = Newer::open()?;
        newer.unpack(&from_debian)?;
        if needs_git {
            build_git(&newer)?;
        }
    }
    if is_git_fit(&path, "git") && !is_git_fit(&path, GIT_WITH_AUTHTYPE) {
        link(&workspace::find_program("git").unwrap_or_default(), GIT_WITH_AUTHTYPE)?;
    }
    if !is_aws_fit(&path) {
        install_aws()?;
    }
    println!("tools that are supplied: {}", folder().display());
    Ok(())
}

fn path() -> OsString {
    let machine = env::var_os("PATH").unwrap_or_default();
    env::join_paths(std::iter::once(folder()).chain(env::split_paths(&machine))).unwrap_or(machine)
}

/// What a tool says; `None` when it isn't there or fails.
fn said(path: &OsString, program: &str, arguments: &[&str]) -> Option<String> {
    let program = env::split_paths(path).map(|folder| folder.join(program)).find(|program| program.is_file())?;
    let output = Command::new(program).args(arguments).env_clear().env("PATH", path).env("HOME", NO_HOME).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    output.status.success().then(|| String::from_utf8_lossy(&text).into_owned())
}

/// It tells a helper for which cluster it is called.
fn is_kubectl_fit(path: &OsString) -> bool {
    said(path, "kubectl", &["config", "set-credentials", "--help"]).is_some_and(|help| help.contains("--exec-provide-cluster-info"))
}

fn is_docker_fit(path: &OsString) -> bool {
    said(path, "docker", &["--version"]).is_some()
}

fn is_git_fit(path: &OsString, name: &str) -> bool {
    let version = said(path, name, &["--version"]).and_then(|text| version_after(&text, "git version "));
    version.is_some_and(|version| version >= GIT_MIN)
}

fn is_aws_fit(path: &OsString) -> bool {
    let version = said(path, "aws", &["--version"]).and_then(|text| version_after(&text, "aws-cli/"));
    version.is_some_and(|version| AWS_MIN.iter().any(|min| version.0 == min.0 && version >= *min))
}

/// `git version 2.39.5` is 2.39, and `aws-cli/1.45.11 Python/3.11` is 1.45.
fn version_after(text: &str, prefix: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_once(prefix)?.1.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The lists and packages of a newer Debian, in a folder of their own.
struct Newer {
    folder: PathBuf,
}

/// The archive that the machine's own packages come from: the newer release is in the same place.
fn archive() -> Option<String> {
    let asked = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"];
    let output = Command::new("apt-get").args(asked).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.trim_end_matches('/')).find(|line| line.ends_with("/debian")).map(str::to_owned)
}

impl Newer {
    fn open() -> Result<Self, String> {
        if workspace::find_program("apt-get").is_none() || !Path::new(KEYRING).is_file() {
            return Err(by_hand("this machine has no packages of Debian"));
        }
        let archive = archive().ok_or_else(|| by_hand("apt-get names no archive of Debian"))?;
        let newer = Self { folder: tools_folder().join("newer") };
        for name in ["lists/partial", "cache/archives/partial", "packages"] {
            make_folder(&newer.folder.join(name))?;
        }
        let lines = ["deb", "deb-src"].map(|kind| format!("{kind} [signed-by={KEYRING}] {archive} {RELEASE} main\n"));
        write(&newer.folder.join("sources.list"), &lines.concat())?;
        execute(newer.apt("apt-get").arg("update")).map_err(|reason| by_hand(&reason))?;
        Ok(newer)
    }

    /// apt with nothing of the machine's own settings in it but the keys that it trusts.
    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let at = |name: &str| self.folder.join(name).display().to_string();
        for setting in [
            format!("Dir::Etc::SourceList={}", at("sources.list")),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            "Dir::Etc::PreferencesParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", at("lists")),
            "Dir::State::Status=/dev/null".to_owned(),
            format!("Dir::Cache={}", at("cache")),
            "APT::Sandbox::User=".to_owned(),
        ] {
            command.arg("-o").arg(setting);
        }
        command.arg("--quiet").current_dir(self.folder.join("packages"));
        command
    }

    /// Unpacks the programs of packages that need nothing but the C library.
    fn unpack(&self, packages: &[&str]) -> Result<(), String> {
        for package in packages {
            println!("unpacking {package} of Debian {RELEASE} (nothing is installed)");
            execute(self.apt("apt-get").args(["download", package])).map_err(|reason| by_hand(&reason))?;
            let file = self.found(&format!("{package}_"), ".deb")?;
            let unpacked = self.folder.join(package);
            execute(Command::new("dpkg").arg("-x").args([&file, &unpacked]))?;
            let program = package.strip_suffix("-cli").unwrap_or(package);
            link(&unpacked.join("usr/bin").join(program), program)?;
        }
        Ok(())
    }

    fn found(&self, prefix: &str, suffix: &str) -> Result<PathBuf, String> {
        let entries = fs::read_dir(self.folder.join("packages")).map_err(|error| error.to_string())?;
        let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_meant = |path: &PathBuf| {
            path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name.starts_with(prefix) && name.ends_with(suffix)
            })
        };
        files.find(is_meant).ok_or_else(|| format!("apt has downloaded no {prefix}*{suffix}"))
    }
}

/// Its package needs a newer C library than older releases have, so it is built: without its documents, scripts and translations.
fn build_git(newer: &Newer) -> Result<(), String> {
    println!("building git {}.{} or later (nothing is installed)", GIT_MIN.0, GIT_MIN.1);
    let mut packages = vec![("make", "make"), ("cc", "gcc"), ("xz", "xz-utils")];
    packages.push(("curl-config", "libcurl4-openssl-dev"));
    ensure_programs(&packages)?;
    if !Path::new("/usr/include/zlib.h").is_file() {
        Apt::find().ok_or_else(|| by_hand("git needs the headers of zlib"))?.install(&["zlib1g-dev"])?;
    }
    execute(newer.apt("apt-get").args(["source", "--download-only", "git"])).map_err(|reason| by_hand(&reason))?;
    let source = newer.folder.join("git");
    make_folder(&source)?;
    let archive = newer.found("git_", ".orig.tar.xz")?;
    execute(Command::new("tar").arg("-xJf").arg(archive).arg("-C").arg(&source).arg("--strip-components=1"))?;
    let mut make = Command::new("make");
    make.current_dir(&source).args(["--silent", "-j2", "CFLAGS=-O1", "NO_OPENSSL=1", "NO_EXPAT=1"]);
    make.args(["NO_GETTEXT=1", "NO_PERL=1", "NO_PYTHON=1", "NO_TCLTK=1", "git", "git-remote-https"]);
    execute(&mut make)?;
    let script = format!("#!/bin/sh\nGIT_EXEC_PATH='{0}' exec '{0}/git' \"$@\"\n", source.display());
    make_folder(&folder())?;
    let file = folder().join(GIT_WITH_AUTHTYPE);
    write(&file, &script)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())
}

fn install_aws() -> Result<(), String> {
    println!("installing {AWS_PACKAGE} into a folder of its own");
    let place = tools_folder().join("aws");
    make_venv(&place)?;
    let mut pip = Command::new(place.join("bin/pip"));
    execute(pip.args(["install", "--quiet", AWS_PACKAGE])).map_err(|reason| by_hand(&reason))?;
    link(&place.join("bin/aws"), "aws")
}

/// A Python environment in a folder of its own.
pub(super) fn make_venv(place: &Path) -> Result<(), String> {
    let venv = || execute(Command::new("python3").args(["-m", "venv", "--clear"]).arg(place));
    // Debian's Python comes without it.
    venv().or_else(|_| ensure_programs(&[("python3-venv has no program of its own", "python3-venv")]).and_then(|()| venv()))
}

pub(super) fn link(target: &Path, name: &str) -> Result<(), String> {
    make_folder(&folder())?;
    let link = folder().join(name);
    let _ = fs::remove_file(&link);
    symlink(target, &link).map_err(|error| format!("cannot make {}: {error}", link.display()))
}

pub(super) fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("cannot create {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn by_hand(reason: &str) -> String {
    format!(
        "{reason}\nthe tests of what is supplied need kubectl 1.26, docker's command line, git {}.{} as `{GIT_WITH_AUTHTYPE}`, and the AWS tools {}.{}\n\
         hint: put them on PATH with your package manager",
        GIT_MIN.0, GIT_MIN.1, AWS_MIN[0].0, AWS_MIN[0].1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_a_tool_says() {
        assert_eq!(version_after("git version 2.39.5 (Apple Git-154)", "git version "), Some((2, 39)));
        assert_eq!(version_after("aws-cli/1.45.11 Python/3.11.7 Linux/6.1", "aws-cli/"), Some((1, 45)));
        assert_eq!(version_after("something else 1.2", "aws-cli/"), None);
    }

    #[test]
    fn a_tool_is_looked_for_on_the_path_that_is_given() {
        assert_eq!(said(&"/nowhere".into(), "git", &["--version"]), None);
        assert!(said(&path(), "sh", &["-c", "echo $HOME"]).is_some_and(|text| text.trim() == NO_HOME));
    }

    #[test]
    fn apt_for_another_release_reads_and_writes_nothing_of_the_machines() {
        let newer = Newer { folder: PathBuf::from("/folder") };
        let line = crate::steps::describe(newer.apt("apt-get").arg("update"));
        for setting in
            ["SourceList=/folder/sources.list", "SourceParts=/dev/null", "Lists=/folder/lists", "Status=/dev/null", "Cache=/folder/cache"]
        {
            assert!(line.contains(setting), "{line}");
        }
    }
}
