//! `cargo xtask test`: everything that has to be green, in one command, on a fresh machine too.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::steps::{Steps, execute};
use crate::{docs, provision, python, tidy, workspace};

const FUZZ_SECONDS: u32 = 60;
/// No input may take longer, sanitizers and all.
const FUZZ_INPUT_SECONDS_MAX: u32 = 10;

/// Install what the tests need, then run every check of this repository.
///
/// The steps: tools, tidy, docs, format, clippy, tests, those of the Python package, and the server's again on PostgreSQL. A failed step does
/// not stop the next one. The last line sums up: `N passed, N failed`; the exit code tells the same.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Install nothing and leave out the second pass on PostgreSQL, and what can't run without an installation.
    #[arg(long, conflicts_with = "long")]
    pub(crate) quick: bool,

    /// Also let a cluster of PostgreSQL fail over under load, which needs etcd and Patroni; send ten million random requests through the gateway, and
    /// compare ten million verdicts with and without its cache; and run every fuzz target for one minute, which needs a nightly toolchain. What is
    /// missing is fetched. Takes about an hour and a half longer.
    #[arg(long)]
    pub(crate) long: bool,

    /// Run only the tests of the Python package, against the programs in `target/debug`.
    #[arg(long, conflicts_with_all = ["quick", "long"])]
    pub(crate) python: bool,

    /// Run only tests whose names contain one of these, and none of the checks before them. With --long, run only the long steps of these names:
    /// failover, gateway, fuzz, or that of a fuzz target.
    pub(crate) filter: Vec<String>,
}

/// Runs the steps and reports.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut steps = Steps::default();
    let is_filtered = !arguments.filter.is_empty();
    if arguments.python {
        steps.run("libraries of Python", python::ensure);
        steps.run("programs", || execute(workspace::cargo().args(["build", "--workspace", "--bins"])));
        steps.run("tests of the Python package", || python::test(&arguments.filter, None));
        return steps.finish();
    }
    if !(arguments.long && is_filtered) {
        let path = if arguments.quick { provision::path_with_postgres() } else { tools(&mut steps) };
        if !is_filtered {
            checks(&mut steps);
        }
        tests(&mut steps, arguments, path.as_ref());
    }
    if arguments.long {
        long(&mut steps, &arguments.filter);
    }
    steps.finish()
}

/// What takes minutes: all of it, or what is named.
fn long(steps: &mut Steps, names: &[String]) {
    let selection = match Selection::of(names, fuzz_targets()) {
        Ok(selection) => selection,
        Err(unknown) => {
            steps.run("long", || Err(unknown));
            return;
        }
    };
    if selection.failover {
        failover(steps);
    }
    if selection.gateway {
        gateway_at_length(steps);
    }
    if let Some(targets) = &selection.fuzz {
        fuzz(steps, targets);
    }
}

/// Long steps to run.
#[derive(Debug, PartialEq, Eq)]
struct Selection {
    failover: bool,
    gateway: bool,
    /// The targets; `None` when nothing is to be fuzzed.
    fuzz: Option<Vec<String>>,
}

impl Selection {
    /// The steps of these names, or all without a name. A name that none has is an error: a run of nothing must not look green.
    fn of(names: &[String], targets: Vec<String>) -> Result<Self, String> {
        let is_known = |name: &String| ["failover", "gateway", "fuzz"].contains(&name.as_str()) || targets.contains(name);
        if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
            return Err(format!(
                "there is no long step {unknown}\nhint: failover, gateway, fuzz, or a file in fuzz/fuzz_targets without .rs"
            ));
        }
        let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        let (failover, gateway, all_targets) = (is_wanted("failover"), is_wanted("gateway"), is_wanted("fuzz"));
        let chosen: Vec<String> = targets.into_iter().filter(|target| all_targets || is_wanted(target)).collect();
        Ok(Self { failover, gateway, fuzz: (all_targets || !chosen.is_empty()).then_some(chosen) })
    }
}

fn tools(steps: &mut Steps) -> Option<OsString> {
    steps.run("tools", provision::ensure);
    steps.run("tools that are supplied", provision::delivery_tools::ensure);
    steps.run("proxies before the gateway", provision::fronts::ensure);
    steps.run("clients in Python", provision::python_clients::ensure);
    steps.run("libraries of Python", python::ensure);
    steps.run("browser", provision::browser::ensure);
    provision::path_with_postgres()
}

fn checks(steps: &mut Steps) {
    steps.run("tidy", tidy::check);
    steps.run("docs", docs::check);
    steps.run("format", || execute(workspace::cargo().args(["fmt", "--all", "--check"])));
    steps.run("clippy", || {
        let mut clippy = workspace::cargo();
        clippy.args(["clippy", "--workspace", "--all-targets"]);
        execute(clippy.args(["--", "-D", "warnings"]))
    });
}

fn tests(steps: &mut Steps, arguments: &Arguments, path: Option<&OsString>) {
    let cargo_test = |selection: &[&str]| {
        let mut command = workspace::cargo();
        command.arg("test").args(selection);
        if let Some(path) = path {
            command.env("PATH", path);
        }
        if !arguments.filter.is_empty() {
            command.arg("--").args(&arguments.filter);
        }
        command
    };
    steps.run("tests", || execute(&mut cargo_test(&["--workspace", "--no-fail-fast"])));
    if arguments.quick && !python::is_ready() {
        println!("\nwithout the tests of the Python package: what they need is not installed yet");
    } else {
        steps.run("tests of the Python package", || python::test(&arguments.filter, path));
    }
    if !arguments.quick {
        steps.run("tests on PostgreSQL", || {
            let mut command = cargo_test(&["--package", "freshkey-server", "--no-fail-fast"]);
            execute(command.env("FRESHKEY_TEST_ENGINE", "postgres"))
        });
    }
}

/// The tests that are ignored otherwise: they take minutes, and programs that no other test wants.
fn failover(steps: &mut Steps) {
    let mut is_ready = false;
    steps.run("failover tools", || provision::ensure_failover_tools().map(|()| is_ready = true));
    if !is_ready {
        return;
    }
    steps.run("failover", || {
        let mut command = workspace::cargo();
        command.args(["test", "--package", "freshkey-server", "--test", "failover", "--", "--ignored", "--nocapture"]);
        if let Some(path) = provision::path_for_failover() {
            command.env("PATH", path);
        }
        execute(&mut command)
    });
}

/// The gateway's ignored tests: the same as in every run, a hundred and five hundred times as often, with optimisations.
fn gateway_at_length(steps: &mut Steps) {
    steps.run("gateway, ten million cases", || {
        let mut command = workspace::cargo();
        command.args(["test", "--release", "--package", "freshkey-gateway", "--lib", "--test", "differential"]);
        execute(command.args(["--", "--ignored", "--nocapture"]))
    });
}

fn fuzz(steps: &mut Steps, targets: &[String]) {
    if targets.is_empty() {
        steps.run("fuzz", || Err("there are no targets under fuzz/fuzz_targets".to_owned()));
        return;
    }
    let mut ready = false;
    steps.run("fuzz tools", || provision::ensure_fuzz_tools().map(|()| ready = true));
    if !ready {
        return;
    }
    for target in targets {
        steps.run(&format!("fuzz {target}"), || {
            let mut command = Command::new("cargo");
            command.current_dir(workspace::root());
            command.args(["+nightly", "fuzz", "run", target, "--"]);
            command.arg(format!("-max_total_time={FUZZ_SECONDS}"));
            execute(command.arg(format!("-timeout={FUZZ_INPUT_SECONDS_MAX}")))
        });
    }
}

/// One target for each file in the folder that cargo-fuzz prescribes.
fn fuzz_targets() -> Vec<String> {
    let folder = workspace::root().join("fuzz/fuzz_targets");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut targets: Vec<String> = entries.filter_map(|entry| target_name(&entry.ok()?.path())).collect();
    targets.sort();
    targets
}

fn target_name(path: &Path) -> Option<String> {
    if path.extension()? != "rs" {
        return None;
    }
    Some(path.file_stem()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_step_is_chosen_by_its_whole_name_and_a_name_of_none_is_an_error() {
        let of = |names: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            Selection::of(&owned(names), owned(&["form", "gateway_token"]))
        };
        let fuzz = |targets: &[&str]| Some(targets.iter().map(|target| (*target).to_owned()).collect::<Vec<_>>());
        let all = fuzz(&["form", "gateway_token"]);
        assert_eq!(of(&[]), Ok(Selection { failover: true, gateway: true, fuzz: all.clone() }));
        assert_eq!(of(&["gateway"]), Ok(Selection { failover: false, gateway: true, fuzz: None }));
        assert_eq!(of(&["failover", "form"]), Ok(Selection { failover: true, gateway: false, fuzz: fuzz(&["form"]) }));
        assert_eq!(of(&["fuzz"]), Ok(Selection { failover: false, gateway: false, fuzz: all }));
        assert!(of(&["failover", "nobody"]).is_err_and(|error| error.contains("nobody")));
        assert_eq!(
            Selection::of(&[], Vec::new()).map(|selection| selection.fuzz),
            Ok(Some(Vec::new())),
            "without targets the step says so"
        );
    }

    #[test]
    fn only_rust_files_are_fuzz_targets() {
        let named = |path: &str| target_name(Path::new(path));
        assert_eq!(named("fuzz_targets/form.rs").as_deref(), Some("form"));
        assert_eq!(named("fuzz_targets/form.rs.orig"), None);
        assert_eq!(named("fuzz_targets/README"), None);
    }
}
