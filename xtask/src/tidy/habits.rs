//! Habits that a reader notices: nothing left open, nothing tied to one machine, no printing, no waiting in tests.

use std::ops::Range;

use super::source::RustSource;
use super::tree::TextFile;
use super::{Finding, Tree};

/// Written in pieces, so that this file keeps its own rule.
const MACHINE_PATHS: [&str; 5] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/fa", "rm/"), concat!("/tmp/st", "udio"), concat!("/tmp/br", "ief")];
const OPEN_ENDS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
const PRINTING_FILE: &str = "output.rs";

/// Absolute paths that exist only where something was written. Files made by tools count too.
pub(super) fn no_machine_paths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for path in MACHINE_PATHS {
            for (at, _) in file.text.match_indices(path) {
                if is_start_of_path(&file.text, at) {
                    let message = format!("`{path}` is a path of one machine");
                    findings.push(Finding::new(&file.path, file.line_at(at), message));
                }
            }
        }
    }
    findings
}

/// `/a/b` starts a path in `"/a/b"` and in `=/a/b`, but not in `home/a/b` or `$HOME/a/b`.
fn is_start_of_path(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_none_or(|before| !before.is_alphanumeric() && !"._-})*~".contains(before))
}

/// A process that another test starts from the same binary, to kill it for instance. It runs there, and only there.
const CHILD_OF_A_TEST: &str = "#[ignore = \"the child of ";
/// A test that takes minutes and programs of its own: `cargo xtask test --long` runs it, and no other run counts it.
const LONG_TEST: &str = "#[ignore = \"the long mode runs it";

/// Macros that panic in place of code, tests that are switched off, and open ends without an issue number.
pub(super) fn nothing_unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust_files() {
        let mut finding = |at: usize, message: String| {
            findings.push(Finding::new(&file.path, file.line_at(at), message));
        };
        for (at, word) in source.words() {
            let after = source.code[at + word.len()..].trim_start();
            if matches!(word, "todo" | "unimplemented") && after.starts_with('!') {
                finding(at, format!("`{word}!` in place of code"));
            }
        }
        for pattern in ["#[ignore", "#![ignore"] {
            for (at, _) in source.code.match_indices(pattern) {
                if ![CHILD_OF_A_TEST, LONG_TEST].iter().any(|reason| file.text[at..].starts_with(reason)) {
                    finding(at, "a test is switched off".to_owned());
                }
            }
        }
        for comment in &source.comments {
            for (at, word) in open_ends(file, comment) {
                finding(at, format!("{word} without an issue number"));
            }
        }
    }
    findings
}

/// `TODO(#12)` is an agreement, a name in backticks is a mention; anything else is an open end.
fn open_ends(file: &TextFile, comment: &Range<usize>) -> Vec<(usize, &'static str)> {
    let text = &file.text[comment.clone()];
    OPEN_ENDS
        .into_iter()
        .flat_map(|word| text.match_indices(word).map(move |(at, _)| (at, word)))
        .filter(|(at, word)| {
            let after = text[at + word.len()..].trim_start_matches(['(', ':', ' ']);
            let names_issue = after.strip_prefix('#').is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()));
            !names_issue && !text[..*at].ends_with('`')
        })
        .map(|(at, word)| (comment.start + at, word))
        .collect()
}

/// Data goes to standard output through one file of a crate, so that its form is decided once.
pub(super) fn printing_in_one_place(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust_files() {
        if file.path.ends_with(&format!("/{PRINTING_FILE}")) {
            continue;
        }
        for (at, word) in source.words() {
            let is_macro = source.code[at + word.len()..].starts_with('!');
            if matches!(word, "println" | "print") && is_macro && file.is_product_code(at) {
                let message = format!("`{word}!` outside {PRINTING_FILE}");
                findings.push(Finding::new(&file.path, file.line_at(at), message));
            }
        }
    }
    findings
}

/// In tests time is moved, not waited for. The test kit may poll for another process.
pub(super) fn tests_never_sleep(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust_files().filter(|(file, _)| !file.path.starts_with("xtask/")) {
        for at in sleeps(source) {
            if file.is_test_code(at) {
                let message = "a test sleeps: move the clock, or wait for an event";
                findings.push(Finding::new(&file.path, file.line_at(at), message));
            }
        }
    }
    findings
}

fn sleeps(source: &RustSource) -> impl Iterator<Item = usize> {
    source
        .words()
        .into_iter()
        .filter(|(at, word)| {
            let is_call = source.code[at + word.len()..].trim_start().starts_with('(');
            matches!(*word, "sleep" | "sleep_ms" | "sleep_until") && is_call
        })
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "crates/freshkey-core/src/a.rs";
    const TESTS: &str = "crates/freshkey-core/src/tests.rs";

    #[test]
    fn a_path_of_one_machine_is_a_finding_in_any_file() {
        for path in MACHINE_PATHS {
            let text = format!("first\nsee \"{path}x\" here");
            let found = no_machine_paths(&Tree::sample(&[("docs/a.md", &text)]));
            assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2], "{path}");
            let relative = format!("see some{path}x and ${{HOME}}{path}x");
            assert!(no_machine_paths(&Tree::sample(&[("docs/a.md", &relative)])).is_empty());
        }
    }

    #[test]
    fn open_ends_are_findings() {
        for text in [
            "fn a() { todo!() }",
            "fn a() { unimplemented! (\"b\") }",
            "#[ignore = \"slow\"]\nfn a() {}",
            concat!("// TO", "DO: later"),
            concat!("/* FIX", "ME */"),
        ] {
            assert_eq!(nothing_unfinished(&Tree::sample(&[(CODE, text)])).len(), 1, "{text}");
        }
    }

    #[test]
    fn mentions_and_agreements_are_fine() {
        for text in [
            concat!("// TO", "DO(#12): later"),
            concat!("// No `TO", "DO` here."),
            "#[ignore = \"the child of t_001\"]\nfn a() {}",
            "#[ignore = \"the long mode runs it: minutes\"]\nfn a() {}",
            "const A: &str = \"todo!()\"; // todo! is a macro",
            "let todo = 1;",
        ] {
            assert!(nothing_unfinished(&Tree::sample(&[(CODE, text)])).is_empty(), "{text}");
        }
    }

    #[test]
    fn printing_is_a_finding_outside_its_file() {
        let text = "fn a() { println!(\"b\"); eprintln!(\"c\"); }";
        assert_eq!(printing_in_one_place(&Tree::sample(&[(CODE, text)])).len(), 1);
        for path in ["crates/freshkey-server/src/admin/output.rs", TESTS, "xtask/src/a.rs"] {
            assert!(printing_in_one_place(&Tree::sample(&[(path, text)])).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_test_that_sleeps_is_a_finding() {
        let text = "fn a() { tokio::time::sleep(second).await; }";
        assert_eq!(tests_never_sleep(&Tree::sample(&[(TESTS, text)])).len(), 1);
        for path in [CODE, "crates/freshkey-testkit/src/lib.rs"] {
            assert!(tests_never_sleep(&Tree::sample(&[(path, text)])).is_empty(), "{path}");
        }
    }
}
