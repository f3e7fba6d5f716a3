//! Where things are: settings, what is kept, and what lives as long as the session does (XDG Base Directory Specification).

use crate::failure::{Failure, FailureKind};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// The three directories, each `freshkey` within what the variables or their defaults name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Settings: the file of profiles.
    pub config: PathBuf,
    /// What is kept, sealed: the accounts.
    pub state: PathBuf,
    /// The socket of the agent, and token files that tools read. Gone when the user has logged out of the machine.
    pub runtime: PathBuf,
}

impl Directories {
    /// Reads the variables by `variable`. Paths that are not absolute are ignored, as the specification demands.
    pub fn find(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, Failure> {
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let of_home = |name: &str, below: &str| match (absolute(name), absolute("HOME")) {
            (Some(base), _) => Ok(base.join("freshkey")),
            (None, Some(home)) => Ok(home.join(below).join("freshkey")),
            (None, None) => Err(Failure::new(FailureKind::Failed, format!("neither {name} nor HOME names a directory"))
                .with_hint("set HOME to an absolute path")),
        };
        let user = rustix::process::getuid().as_raw();
        let runtime = absolute("XDG_RUNTIME_DIR").map(|base| base.join("freshkey")).unwrap_or_else(|| runtime_without_variable(user));
        Ok(Self { config: of_home("XDG_CONFIG_HOME", ".config")?, state: of_home("XDG_STATE_HOME", ".local/state")?, runtime })
    }

    /// Of this process.
    pub fn of_environment() -> Result<Self, Failure> {
        Self::find(|name| std::env::var_os(name).map(PathBuf::from))
    }

    /// The file of profiles.
    #[must_use]
    pub fn profiles_file(&self) -> PathBuf {
        self.config.join("profiles.toml")
    }

    /// The socket of the agent.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("agent.sock")
    }
}

fn runtime_without_variable(user: u32) -> PathBuf {
    let of_session = PathBuf::from(format!("/run/user/{user}"));
    if of_session.is_dir() { of_session.join("freshkey") } else { PathBuf::from(format!("/tmp/freshkey-{user}")) }
}

/// Makes a directory that nobody else can enter, or checks that it is one.
pub fn private(path: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| Failure::file(path, "made", &error))?;
    check_private(path)
}

/// Whether the directory is ours and nobody else can enter it (T-061). A link is not followed: it could be anybody's.
pub fn check_private(path: &Path) -> Result<(), Failure> {
    let found = fs::symlink_metadata(path).map_err(|error| Failure::file(path, "read", &error))?;
    let us = rustix::process::geteuid().as_raw();
    let shown = path.display();
    if !found.is_dir() {
        return Err(Failure::new(FailureKind::Untrusted, format!("{shown} is not a directory")));
    }
    if found.uid() != us {
        return Err(Failure::new(FailureKind::Untrusted, format!("{shown} belongs to the user {}, not to you ({us})", found.uid()))
            .with_hint("set XDG_RUNTIME_DIR to a directory of yours"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(Failure::new(FailureKind::Untrusted, format!("others can enter {shown} (mode {:o})", found.mode() & 0o777))
            .with_hint(format!("run `chmod 700 {shown}`")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn found(variables: &[(&str, &str)]) -> Result<Directories, Failure> {
        Directories::find(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, path)| PathBuf::from(path)))
    }

    #[test]
    fn the_variables_and_their_defaults_are_followed() {
        let of_home = found(&[("HOME", "/home/ann"), ("XDG_RUNTIME_DIR", "/run/user/7")]).expect("found");
        assert_eq!(of_home.profiles_file(), Path::new("/home/ann/.config/freshkey/profiles.toml"));
        assert_eq!(of_home.state, Path::new("/home/ann/.local/state/freshkey"));
        assert_eq!(of_home.socket(), Path::new("/run/user/7/freshkey/agent.sock"));
        let set = found(&[("HOME", "/home/ann"), ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "relative")]).expect("found");
        assert_eq!((set.config.as_path(), set.state.as_path()), (Path::new("/c/freshkey"), Path::new("/home/ann/.local/state/freshkey")));
        assert!(found(&[]).expect_err("no home").message.contains("HOME"));
    }

    #[test]
    fn t_061_a_directory_that_others_can_enter_or_that_is_a_link_is_refused() {
        let place = tempfile::tempdir().expect("a directory");
        let made = place.path().join("freshkey");
        private(&made).expect("made");
        assert_eq!(fs::metadata(&made).expect("there").mode() & 0o777, 0o700);
        fs::set_permissions(&made, fs::Permissions::from_mode(0o750)).expect("changed");
        assert_eq!(private(&made).expect_err("open").kind, FailureKind::Untrusted);
        let link = place.path().join("link");
        fs::set_permissions(&made, fs::Permissions::from_mode(0o700)).expect("changed");
        std::os::unix::fs::symlink(&made, &link).expect("linked");
        assert_eq!(check_private(&link).expect_err("a link").kind, FailureKind::Untrusted);
    }

    #[test]
    fn t_061_a_directory_of_another_user_is_refused() {
        // Only root can give a directory away; what others find at `/proc/1` is not theirs either.
        let other = if rustix::process::geteuid().is_root() {
            let place = tempfile::tempdir().expect("a directory").keep();
            std::os::unix::fs::chown(&place, Some(65_534), None).expect("given away");
            place
        } else {
            PathBuf::from("/proc/1")
        };
        let error = check_private(&other).expect_err("another's");
        assert!(error.message.contains("belongs to"), "{error}");
        if rustix::process::geteuid().is_root() {
            fs::remove_dir(other).expect("removed");
        }
    }
}
