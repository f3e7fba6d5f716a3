//! The shape of files: short enough to read in one sitting, named for what is in them, introduced by a comment.

use super::source::RustSource;
use super::tree::TextFile;
use super::{Finding, Tree};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 100;
const VAGUE_NAMES: [&str; 9] = ["util", "utils", "helper", "helpers", "common", "misc", "type", "types", "stuff"];

/// Tests are not counted: a table may be long.
pub(super) fn file_length(tree: &Tree) -> Vec<Finding> {
    let files = tree.rust_files().filter(|(file, _)| !file.is_test_file());
    files
        .filter_map(|(file, source)| {
            let lines = file.text.lines().count() - test_lines(file, source);
            let message = format!("{lines} lines without tests, more than {FILE_LINES_MAX}: split it");
            (lines > FILE_LINES_MAX).then(|| Finding::new(&file.path, 0, message))
        })
        .collect()
}

fn test_lines(file: &TextFile, source: &RustSource) -> usize {
    let mut counted_to = 0;
    let mut lines = 0;
    for region in source.test_regions() {
        if region.start >= counted_to {
            lines += file.line_at(region.end) - file.line_at(region.start);
            counted_to = region.end;
        }
    }
    lines
}

/// A function fits on a screen or two.
pub(super) fn function_length(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust_files() {
        for (name, span) in source.functions() {
            let first = file.line_at(span.start);
            let lines = file.line_at(span.end) - first + 1;
            if lines > FUNCTION_LINES_MAX && !file.is_test_code(span.start) {
                let message = format!("`{name}` has {lines} lines, more than {FUNCTION_LINES_MAX}");
                findings.push(Finding::new(&file.path, first, message));
            }
        }
    }
    findings
}

/// The first line of a file says what the file is. A `tests.rs` stands beside what it tests and needs no introduction.
pub(super) fn module_comment(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter(|(file, _)| !file.path.ends_with("/tests.rs"))
        .filter(|(file, _)| !file.text.trim_start().starts_with("//!"))
        .map(|(file, _)| Finding::new(&file.path, 1, "the module does not start with `//!`"))
        .collect()
}

/// Folders count as well as files, and a `mod.rs` only lists what is beside it.
pub(super) fn file_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust_files() {
        let parts = file.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
        for part in parts.filter(|part| VAGUE_NAMES.contains(part)) {
            let message = format!("`{part}` does not say what is in it");
            findings.push(Finding::new(&file.path, 0, message));
        }
        if file.path.ends_with("/mod.rs") && !source.functions().is_empty() {
            findings.push(Finding::new(&file.path, 0, "a mod.rs with logic: name the file after it"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/freshkey-core/src/a.rs";

    #[test]
    fn a_long_file_is_a_finding_unless_its_tests_make_it_long() {
        let long = "\n".repeat(501);
        assert_eq!(file_length(&Tree::sample(&[(PATH, &long)])).len(), 1);
        let tested = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{{long}}}\n");
        assert!(file_length(&Tree::sample(&[(PATH, &tested)])).is_empty());
        let file = "crates/freshkey-core/src/a/tests.rs";
        assert!(file_length(&Tree::sample(&[(file, &long)])).is_empty());
    }

    #[test]
    fn a_long_function_is_a_finding_with_its_first_line() {
        let body = "\n".repeat(100);
        let text = format!("\nfn short() {{}}\nfn long() {{{body}}}\n");
        let found = function_length(&Tree::sample(&[(PATH, &text)]));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [3]);
        let test = format!("#[cfg(test)] mod tests {{ fn long() {{{body}}} }}");
        assert!(function_length(&Tree::sample(&[(PATH, &test)])).is_empty());
    }

    #[test]
    fn a_module_without_introduction_is_a_finding() {
        assert_eq!(module_comment(&Tree::sample(&[(PATH, "use a;\n//! late")])).len(), 1);
        for (path, text) in [(PATH, "\n//! First.\n"), ("crates/freshkey-core/src/a/tests.rs", "use a;")] {
            assert!(module_comment(&Tree::sample(&[(path, text)])).is_empty(), "{path}");
        }
    }

    #[test]
    fn vague_names_and_busy_module_files_are_findings() {
        for path in ["crates/freshkey-core/src/utils.rs", "crates/freshkey-server/tests/common/a.rs"] {
            assert_eq!(file_names(&Tree::sample(&[(path, "")])).len(), 1, "{path}");
        }
        let module = "crates/freshkey-core/src/a/mod.rs";
        assert_eq!(file_names(&Tree::sample(&[(module, "fn a() {}")])).len(), 1);
        assert!(file_names(&Tree::sample(&[(module, "mod a;"), (PATH, "fn a() {}")])).is_empty());
    }
}
