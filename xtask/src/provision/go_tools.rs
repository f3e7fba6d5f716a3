//! Programs in Go that the gateway is measured beside: built from the module proxy in a folder of their own, each in one release.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::tools_folder;
use crate::workspace;

/// A program, and where it comes from.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    module: &'static str,
    pub(crate) release: &'static str,
}

pub(crate) const OAUTH2_PROXY: Tool = Tool { name: "oauth2-proxy", module: "github.com/oauth2-proxy/oauth2-proxy/v7", release: "7.15.6" };
pub(crate) const HEIMDALL: Tool = Tool { name: "heimdall", module: "github.com/dadrus/heimdall", release: "0.17.0" };

/// The program, built if it isn't there yet. Why not, on one line, otherwise.
pub(crate) fn ensure(tool: &Tool) -> Result<PathBuf, String> {
    let folder = tools_folder().join("go").join(format!("{}-{}", tool.name, tool.release));
    let program = folder.join(tool.name);
    if program.is_file() {
        return Ok(program);
    }
    let go = workspace::find_program("go").ok_or("Go is missing; with Go 1.25 or later on the path it is built by itself")?;
    let source = format!("{}@v{}", tool.module, tool.release);
    eprintln!("$ go install {source}");
    let output = Command::new(go).args(["install", &source]).env("GOBIN", &folder).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("go did not start: {error}"))?;
    if output.status.success() && program.is_file() {
        return Ok(program);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim();
    Err(format!("`go install {source}` failed: {}", without_addresses(last)))
}

/// Whose registry it was is nobody's business.
fn without_addresses(line: &str) -> String {
    line.split_whitespace().filter(|word| !word.contains("://")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_no_registry() {
        assert_eq!(without_addresses("reading https://proxy.example/x: 403 Forbidden"), "reading 403 Forbidden");
    }
}
