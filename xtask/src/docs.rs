//! `cargo xtask docs`: rewrites the parts of the documents that a machine knows better. For now these are the names of
//! the tests in the registers of threats and of quirks.

use std::fs;
use std::process::ExitCode;

use crate::registers::{self, QUIRKS, THREATS};
use crate::tidy::{Tree, test_names};
use crate::workspace;

/// Fill in the generated parts of the documents.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail when a document is out of date.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes or checks.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let result = if arguments.check { check() } else { write() };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("docs: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Fails with the names of the documents that differ from what would be written.
pub(crate) fn check() -> Result<(), String> {
    let outdated: Vec<&str> =
        generate(&Tree::read()?).into_iter().filter(|document| document.before != document.after).map(|document| document.path).collect();
    if outdated.is_empty() {
        println!("the generated parts are up to date");
        return Ok(());
    }
    Err(format!("out of date: {}\nhint: run `cargo xtask docs`", outdated.join(", ")))
}

fn write() -> Result<(), String> {
    for document in generate(&Tree::read()?) {
        if document.before == document.after {
            println!("unchanged  {}", document.path);
            continue;
        }
        let path = workspace::root().join(document.path);
        fs::write(&path, &document.after).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        println!("rewritten  {}", document.path);
    }
    Ok(())
}

struct Document {
    path: &'static str,
    before: String,
    after: String,
}

fn generate(tree: &Tree) -> Vec<Document> {
    let threats = tree.text(THREATS).map(|before| Document {
        path: THREATS,
        after: registers::render_threats(before, &test_names(tree, "t_")),
        before: before.to_owned(),
    });
    let quirks = tree.text(QUIRKS).map(|before| Document {
        path: QUIRKS,
        after: registers::render_quirks(before, &test_names(tree, "kc_")),
        before: before.to_owned(),
    });
    [threats, quirks].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_registers_get_the_tests_that_exist() {
        let tree = Tree::sample(&[
            ("crates/freshkey-core/src/a/tests.rs", "#[test]\nfn t_001_once() {}\nfn kc_002_wins() {}"),
            (THREATS, "| T-001 | S | a | b | c | now | open |\n"),
            (QUIRKS, "### KC-002 Form\n- Test: to come\n"),
        ]);
        let after: Vec<String> = generate(&tree).into_iter().map(|document| document.after).collect();
        assert_eq!(after, ["| T-001 | S | a | b | c | now | `t_001_once` |\n", "### KC-002 Form\n- Test: `kc_002_wins`\n"]);
    }
}
