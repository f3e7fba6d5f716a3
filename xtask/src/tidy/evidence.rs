//! The registers of threats and quirks against the tests that exist: a promise without a test shows, and so does a test
//! that belongs to no promise.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Tree};
use crate::registers::{self, Evidence, QUIRKS, THREAT_CELLS, THREATS, TestNames};

/// Parts of the product (letters of the register) that are complete: there a row of today may not be bare `open`.
const PARTS_BUILT: &[&str] = &["S", "C", "G", "P"];
const PARTS: &str = "SCGP";
/// What an entry may say in place of a test.
const QUIRK_REMARKS: [&str; 2] = ["to come", "observed only"];

/// The names of tests by number: with the prefix `t_`, `t_017_replayed` stands under 17.
///
/// Identifiers count wherever code has them, so that a suite which a macro runs for two engines is found too.
pub(crate) fn test_names(tree: &Tree, prefix: &str) -> TestNames {
    let mut names = BTreeMap::new();
    for (_, source) in tree.rust_files() {
        let mut before = "";
        for (_, word) in source.words() {
            if let (Some(number), true) = (test_number(word, prefix), before != "mod") {
                let known: &mut BTreeSet<String> = names.entry(number).or_default();
                known.insert(word.to_owned());
            }
            before = word;
        }
    }
    for name in tree.files.iter().filter(|file| file.path.starts_with("python/tests/")).flat_map(|file| python_tests(&file.text)) {
        if let Some(number) = test_number(name.trim_start_matches("test_"), prefix) {
            names.entry(number).or_default().insert(name.to_owned());
        }
    }
    names
}

/// The functions of a file of Python that pytest runs.
fn python_tests(text: &str) -> impl Iterator<Item = &str> {
    let definitions = text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ")
    });
    definitions.filter_map(|rest| rest.split_once('(')).map(|(name, _)| name).filter(|name| name.starts_with("test_"))
}

/// `t_017_words` has the number 17; `t_017` and `t_17_words` are no names of tests.
fn test_number(name: &str, prefix: &str) -> Option<u32> {
    let (number, words) = name.strip_prefix(prefix)?.split_once('_')?;
    let is_number = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || words.is_empty() {
        return None;
    }
    number.parse().ok()
}

/// Rows are well formed and numbered without gaps; names of tests agree in both directions.
pub(super) fn threats_and_tests_agree(tree: &Tree) -> Vec<Finding> {
    let text = tree.text(THREATS).unwrap_or_default();
    let rows = registers::parse_threats(text);
    let tests = test_names(tree, "t_");
    let mut findings = Vec::new();
    let mut finding = |line: usize, message: String| {
        findings.push(Finding::new(THREATS, line, message));
    };
    if let Some(message) = misnumbered(rows.iter().map(|row| row.number)) {
        finding(0, message);
    }
    for row in &rows {
        let id = format!("T-{:03}", row.number);
        if row.cells != THREAT_CELLS {
            finding(row.line, format!("{id} has {} cells, not {THREAT_CELLS}", row.cells));
        }
        if row.part.is_empty() || !row.part.chars().all(|part| PARTS.contains(part)) {
            finding(row.line, format!("{id} names no part of {PARTS}"));
        }
        if !matches!(row.when.as_str(), "now" | "later") {
            finding(row.line, format!("{id} is due neither now nor later"));
        }
        for message in disagreements(&row.evidence, tests.get(&row.number)) {
            finding(row.line, format!("{id}: {message}"));
        }
        let is_built = row.part.chars().all(|part| PARTS_BUILT.contains(&part.to_string().as_str()));
        if is_built && row.when == "now" && row.evidence.remark == "open" {
            finding(row.line, format!("{id} has no test, and no reason why"));
        }
        if row.evidence.tests.is_empty() && !row.evidence.remark.starts_with("open") {
            finding(row.line, format!("{id} names no test and is not `open`"));
        }
    }
    for number in tests.keys() {
        if !rows.iter().any(|row| row.number == *number) {
            finding(0, format!("tests are named after T-{number:03}, which has no row"));
        }
    }
    findings
}

/// Entries are numbered without gaps and have a test or say why not; citations and tests have an entry.
pub(super) fn quirks_and_tests_agree(tree: &Tree) -> Vec<Finding> {
    let text = tree.text(QUIRKS).unwrap_or_default();
    let quirks = registers::parse_quirks(text);
    let tests = test_names(tree, "kc_");
    let mut findings = Vec::new();
    for (quirk, expected) in quirks.iter().zip(1..) {
        let mut finding = |message: String| {
            let id = quirk.number;
            findings.push(Finding::new(QUIRKS, quirk.line, format!("KC-{id:03} {message}")));
        };
        if quirk.number != expected {
            finding(format!("stands where KC-{expected:03} is expected"));
        }
        let Some(evidence) = &quirk.evidence else {
            finding("has no line `- Test: `".to_owned());
            continue;
        };
        for message in disagreements(evidence, tests.get(&quirk.number)) {
            finding(message);
        }
        if evidence.tests.is_empty() && !QUIRK_REMARKS.contains(&evidence.remark.as_str()) {
            finding(format!("names no test and says none of {QUIRK_REMARKS:?}"));
        }
    }
    let known = |number: u32| quirks.iter().any(|quirk| quirk.number == number);
    for (path, line, number) in cited_quirks(tree) {
        if !known(number) {
            findings.push(Finding::new(path, line, format!("KC-{number:03} has no entry in {QUIRKS}")));
        }
    }
    for number in tests.keys().filter(|number| !known(**number)) {
        let message = format!("tests are named after KC-{number:03}, which has no entry");
        findings.push(Finding::new(QUIRKS, 0, message));
    }
    findings
}

/// Numbers given twice or left out. Their order is free: a new row stands with its kind.
fn misnumbered(numbers: impl Iterator<Item = u32>) -> Option<String> {
    let mut sorted: Vec<u32> = numbers.collect();
    sorted.sort_unstable();
    let mut places = sorted.into_iter().zip(1..);
    let (number, place) = places.find(|(number, place)| number != place)?;
    Some(format!("T-{place:03} is missing or T-{number:03} stands twice"))
}

fn disagreements(evidence: &Evidence, existing: Option<&BTreeSet<String>>) -> Vec<String> {
    let none = BTreeSet::new();
    let existing = existing.unwrap_or(&none);
    let gone = evidence.tests.difference(existing);
    let unlisted = existing.difference(&evidence.tests);
    gone.map(|name| format!("`{name}` does not exist"))
        .chain(unlisted.map(|name| format!("`{name}` is not listed: run `cargo xtask docs`")))
        .collect()
}

/// `KC-` and three digits, in code, comments and texts of the product and its tests.
fn cited_quirks(tree: &Tree) -> Vec<(&str, usize, u32)> {
    let mut cited = Vec::new();
    for (file, _) in tree.rust_files().filter(|(file, _)| file.path.starts_with("crates/")) {
        for (at, _) in file.text.match_indices("KC-") {
            let digits = file.text.get(at + 3..at + 6).unwrap_or_default();
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            if let (true, Ok(number)) = (is_number, digits.parse()) {
                cited.push((file.path.as_str(), file.line_at(at), number));
            }
        }
    }
    cited
}

/// How far the registers have come, one line each: told, not judged.
pub(super) fn open_rows(tree: &Tree) -> Vec<String> {
    let threats = registers::parse_threats(tree.text(THREATS).unwrap_or_default());
    let due: Vec<_> = threats.iter().filter(|row| row.when == "now").collect();
    let open = due.iter().filter(|row| row.evidence.tests.is_empty()).count();
    let quirks = registers::parse_quirks(tree.text(QUIRKS).unwrap_or_default());
    let untested = quirks.iter().filter(|quirk| {
        let evidence = quirk.evidence.as_ref();
        evidence.is_some_and(|evidence| evidence.remark == "to come")
    });
    vec![
        format!("threats: {open} of {} rows that are due have no test yet", due.len()),
        format!("quirks: {} of {} have no test yet", untested.count(), quirks.len()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = "crates/freshkey-core/src/tests.rs";

    fn threats(register: &str, tests: &str) -> Vec<Finding> {
        threats_and_tests_agree(&Tree::sample(&[(TESTS, tests), (THREATS, register)]))
    }

    fn quirks(register: &str, tests: &str) -> Vec<Finding> {
        quirks_and_tests_agree(&Tree::sample(&[(TESTS, tests), (QUIRKS, register)]))
    }

    #[test]
    fn a_register_that_agrees_with_the_tests_is_fine() {
        let register = "| T-001 | SG | a | b | c | now | `t_001_a` |\n| T-002 | S | a | b | c | later | open (why) |\n";
        assert_eq!(threats(register, "fn t_001_a() {}"), []);
        let register = "### KC-001 A\n- Test: `kc_001_a`\n### KC-002 B\n- Test: observed only\n";
        assert_eq!(quirks(register, "// KC-002\nmod kc_001_b;\nfn kc_001_a() {}"), []);
    }

    #[test]
    fn a_test_in_python_counts_as_well() {
        let row = "| T-001 | P | a | b | c | now | `test_t_001_a` |\n";
        for (path, text, findings) in [
            ("python/tests/test_a.py", "async def test_t_001_a(x: int) -> None:", 0),
            ("python/tests/test_a.py", "# test_t_001_a(", 1),
            ("python/freshkey/a.py", "def test_t_001_a():", 1),
        ] {
            assert_eq!(threats_and_tests_agree(&Tree::sample(&[(path, text), (THREATS, row)])).len(), findings, "{path}");
        }
    }

    #[test]
    fn a_test_without_a_row_is_a_finding() {
        assert_eq!(threats("", "fn t_007_a() {}").len(), 1);
        assert_eq!(quirks("", "fn kc_007_a() {}").len(), 1);
    }

    #[test]
    fn a_row_that_names_a_missing_test_is_a_finding() {
        let row = "| T-001 | S | a | b | c | now | `t_001_gone` |\n";
        assert_eq!(threats(row, "").len(), 1);
        assert_eq!(quirks("### KC-001 A\n- Test: `kc_001_gone`\n", "").len(), 1);
    }

    #[test]
    fn a_test_that_its_row_does_not_list_is_a_finding() {
        let row = "| T-001 | S | a | b | c | now | `t_001_a` |\n";
        let found = threats(row, "fn t_001_a() {}\nfn t_001_b() {}");
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("t_001_b"), "{found:?}");
    }

    #[test]
    fn malformed_rows_are_findings() {
        for row in [
            "| T-002 | S | a | b | c | now | open |",
            "| T-001 | S | a | b | c | now | open |\n| T-001 | S | a | b | c | now | open |",
            "| T-001 | X | a | b | c | now | open |",
            "| T-001 | S | a | b | c | soon | open |",
            "| T-001 | S | a | b | c | now | done |",
            "| T-001 | S | a | b | c | d | now | open |",
        ] {
            assert!(!threats(row, "").is_empty(), "{row}");
        }
    }

    #[test]
    fn a_cited_quirk_without_entry_is_a_finding() {
        let found = quirks("### KC-001 A\n- Test: to come\n", "\n// See KC-001 and KC-017.\n");
        assert_eq!(found, [Finding::new(TESTS, 2, format!("KC-017 has no entry in {QUIRKS}"))]);
    }

    #[test]
    fn an_entry_needs_a_line_for_its_test() {
        assert_eq!(quirks("### KC-001 A\nwords\n", "").len(), 1);
        assert_eq!(quirks("### KC-001 A\n- Test: maybe\n", "").len(), 1);
    }
}
