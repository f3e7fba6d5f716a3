//! `cargo xtask tidy`: the rules of the house that the compiler can't keep. One function a rule, each with a test that
//! shows it failing. They read text, not types: quick, and good enough to catch a slip.

mod core_purity;
mod dependency_list;
mod edges;
mod evidence;
mod exceptions;
mod habits;
mod keycloak;
mod python;
mod secrets;
mod shape;
mod source;
mod sql;
mod tree;

use std::process::ExitCode;

pub(crate) use evidence::test_names;
pub(crate) use tree::Tree;

/// Check the rules that keep the house in shape.
///
/// Each finding is one line: `path:line: what is wrong [rule]`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// List the rules and their exceptions instead of checking them.
    #[arg(long)]
    pub(crate) list: bool,
}

/// Something that breaks a rule. Line 0 stands for the whole file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

struct Rule {
    name: &'static str,
    says: &'static str,
    check: fn(&Tree) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule { name: "edges", says: "our crates depend on each other only as ARCHITECTURE draws it", check: edges::between_our_crates },
    Rule { name: "foreign", says: "no crate depends on what it must never know", check: edges::to_foreign_crates },
    Rule {
        name: "dependency-list",
        says: "every dependency has its line in docs/dependencies.md",
        check: dependency_list::every_dependency_is_explained,
    },
    Rule { name: "sql-place", says: "SQL text stands only in the store", check: sql::only_in_the_store },
    Rule { name: "sql-built", says: "no statement is built from pieces (T-043)", check: sql::never_built },
    Rule { name: "keycloak-words", says: "Keycloak's words stand only under keycloak/", check: keycloak::words_stay_in_their_folder },
    Rule { name: "core-purity", says: "the core names no clock, randomness, async or IO", check: core_purity::names_nothing_from_outside },
    Rule { name: "python", says: "no token logic in Python, and no program is started there (T-086)", check: python::no_token_logic },
    Rule { name: "secrets", says: "secrets are never compared with == (T-023)", check: secrets::no_plain_comparison },
    Rule { name: "threats", says: "tests named t_nnn and the threat register agree", check: evidence::threats_and_tests_agree },
    Rule { name: "quirks", says: "citations KC-nnn, tests kc_nnn and the quirk register agree", check: evidence::quirks_and_tests_agree },
    Rule { name: "machine-paths", says: "no path of one particular machine", check: habits::no_machine_paths },
    Rule {
        name: "unfinished",
        says: "nothing is left open without an issue number, no test is switched off",
        check: habits::nothing_unfinished,
    },
    Rule { name: "printing", says: "product code prints only in a file named output.rs", check: habits::printing_in_one_place },
    Rule { name: "sleeping", says: "tests never sleep", check: habits::tests_never_sleep },
    Rule { name: "file-length", says: "a file has at most 500 lines, its tests not counted", check: shape::file_length },
    Rule { name: "function-length", says: "a function has at most 100 lines", check: shape::function_length },
    Rule { name: "module-comment", says: "every module starts with //!", check: shape::module_comment },
    Rule { name: "file-names", says: "files are named for what is in them", check: shape::file_names },
];

/// Prints the rules or the findings.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.list {
        list();
        return ExitCode::SUCCESS;
    }
    match check() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tidy: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    for rule in RULES {
        println!("{:<16} {}", rule.name, rule.says);
    }
    for exception in exceptions::EXCEPTIONS {
        let exceptions::Exception { rule, path, reason } = exception;
        println!("except {path} from {rule}: {reason}");
    }
}

/// Prints every finding and fails when there is one.
pub(crate) fn check() -> Result<(), String> {
    let tree = Tree::read()?;
    let findings = findings(&tree, exceptions::EXCEPTIONS);
    for (rule, finding) in &findings {
        let Finding { path, line, message } = finding;
        println!("{path}:{line}: {message} [{rule}]");
    }
    for note in evidence::open_rows(&tree) {
        println!("{note}");
    }
    if findings.is_empty() {
        println!("{} rules kept in {} files", RULES.len(), tree.files.len());
        Ok(())
    } else {
        Err(format!("{} findings", findings.len()))
    }
}

fn findings(tree: &Tree, allowed: &[exceptions::Exception]) -> Vec<(&'static str, Finding)> {
    let mut used = vec![false; allowed.len()];
    let mut remaining = Vec::new();
    for rule in RULES {
        for finding in (rule.check)(tree) {
            let permit = allowed.iter().position(|exception| exception.covers(rule.name, &finding.path));
            match permit {
                Some(index) => used[index] = true,
                None => remaining.push((rule.name, finding)),
            }
        }
    }
    for (exception, _) in allowed.iter().zip(used).filter(|(_, used)| !used) {
        let message = format!("the exception from rule {} is not needed any more", exception.rule);
        remaining.push(("exceptions", Finding::new(exception.path, 0, message)));
    }
    remaining
}

#[cfg(test)]
mod tests {
    use super::exceptions::Exception;
    use super::*;

    const SLEEPY: &[(&str, &str)] = &[("crates/freshkey-core/src/tests.rs", "//! Tests.\nfn waits() { std::thread::sleep(second); }\n")];

    #[test]
    fn an_exception_silences_one_rule_in_one_file() {
        let tree = Tree::sample(SLEEPY);
        let allowed = [Exception { rule: "sleeping", path: "crates/freshkey-core/src/tests.rs", reason: "a sample" }];
        assert_eq!(findings(&tree, &[]).len(), 1);
        assert!(findings(&tree, &allowed).is_empty());
    }

    #[test]
    fn an_exception_that_nothing_needs_is_a_finding() {
        let allowed = [Exception { rule: "sleeping", path: "crates/freshkey-core/src/gone.rs", reason: "a sample" }];
        let found = findings(&Tree::sample(&[]), &allowed);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1.path, "crates/freshkey-core/src/gone.rs");
    }

    #[test]
    fn rule_names_are_unique_and_every_exception_names_a_rule() {
        let mut names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
        for exception in exceptions::EXCEPTIONS {
            assert!(names.contains(&exception.rule), "{}", exception.rule);
            assert!(!exception.reason.is_empty());
        }
    }
}
