//! `cargo xtask dist`: the programs as they are shipped, with their manual pages and completions. `freshkey` is one static file: what is started a
//! thousand times a day should not look for libraries each time.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::{steps, workspace};

/// Where a static program can be linked: the C library of GNU is complete enough for names and files.
const STATIC_TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// Build `freshkey` and `freshkey-server` as they are shipped, into `target/dist`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask dist
  cp target/dist/bin/freshkey ~/.local/bin/")]
pub(crate) struct Arguments {}

/// Builds everything and says where it is.
pub(crate) fn run(_arguments: &Arguments) -> ExitCode {
    match programs().and_then(|folder| texts(&folder).map(|()| folder)) {
        Ok(folder) => {
            println!("{}", folder.display());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("dist: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Builds both programs into `target/dist/bin`, and gives back `target/dist`. Standard output stays clean.
pub(crate) fn programs() -> Result<PathBuf, String> {
    let target = workspace::target_directory()?;
    let folder = target.join("dist");
    fs::create_dir_all(folder.join("bin")).map_err(|error| error.to_string())?;
    let mut server = workspace::cargo();
    build(server.args(["build", "--release", "--package", "freshkey-server", "--bin", "freshkey-server"]))?;
    let host = host()?;
    let mut client = workspace::cargo();
    client.args(["build", "--release", "--package", "freshkey-cli", "--bin", "freshkey"]);
    let built = if STATIC_TARGETS.contains(&host.as_str()) {
        let flags = r#"["-C", "target-feature=+crt-static", "-C", "relocation-model=static"]"#;
        client.args(["--target", &host, "--config", &format!("target.{host}.rustflags={flags}")]);
        target.join(&host).join("release/freshkey")
    } else {
        target.join("release/freshkey")
    };
    build(&mut client)?;
    for program in [built, target.join("release/freshkey-server")] {
        let place = folder.join("bin").join(program.file_name().unwrap_or_default());
        // One that runs can't be overwritten, but it can be replaced.
        let _ = fs::remove_file(&place);
        fs::copy(&program, &place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    Ok(folder)
}

fn build(command: &mut Command) -> Result<(), String> {
    eprintln!("$ {}", steps::describe(command));
    let status = command.stdout(std::io::stderr()).status().map_err(|error| format!("cargo did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err("the release build failed".to_owned()) }
}

fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| "rustc does not name its host".to_owned())
}

/// What the programs say of themselves.
fn texts(folder: &std::path::Path) -> Result<(), String> {
    for name in ["freshkey", "freshkey-server"] {
        let program = folder.join("bin").join(name);
        write(&program, &["man"], &folder.join("man").join(format!("{name}.1")))?;
        for shell in SHELLS {
            write(&program, &["completions", shell], &folder.join("completions").join(format!("{name}.{shell}")))?;
        }
    }
    Ok(())
}

fn write(program: &std::path::Path, arguments: &[&str], place: &std::path::Path) -> Result<(), String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).output().map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() || output.stdout.is_empty() {
        return Err(format!("`{}` printed nothing", steps::describe(&command)));
    }
    fs::create_dir_all(place.parent().unwrap_or(place)).map_err(|error| error.to_string())?;
    fs::write(place, output.stdout).map_err(|error| format!("{}: {error}", place.display()))
}
