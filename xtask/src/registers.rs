//! The two registers, threats and quirks: how a row is read, and how the tests that exist are written into it.
//! What a row says is a person's work; only the names of tests are filled in by machine.

use std::collections::{BTreeMap, BTreeSet};

/// Where the threats are registered.
pub(crate) const THREATS: &str = "docs/security/threats.md";
/// Where Keycloak's oddities are registered.
pub(crate) const QUIRKS: &str = "docs/compat/quirks.md";

/// Number of a register entry → names of its tests.
pub(crate) type TestNames = BTreeMap<u32, BTreeSet<String>>;

/// What stands in a row's place for tests: names, and the words of a person about what is missing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) tests: BTreeSet<String>,
    pub(crate) remark: String,
}

impl Evidence {
    /// Reads `` `t_001_a`, `t_001_b` · open: the second engine `` and its shorter forms.
    pub(crate) fn parse(cell: &str) -> Self {
        let mut tests = BTreeSet::new();
        let mut rest = cell.trim();
        while let Some(quoted) = rest.strip_prefix('`') {
            let Some((name, after)) = quoted.split_once('`') else {
                break;
            };
            tests.insert(name.to_owned());
            rest = after.trim_start_matches([',', ' ']);
        }
        let remark = rest.trim_start_matches('·').trim().to_owned();
        Self { tests, remark }
    }

    /// Takes over the tests that exist. A bare word such as `open` has served its time when there is a test.
    pub(crate) fn with_tests(self, tests: Option<&BTreeSet<String>>, empty: &str) -> Self {
        let tests = tests.cloned().unwrap_or_default();
        let is_bare = self.remark == empty;
        let remark = match (tests.is_empty(), is_bare || self.remark.is_empty()) {
            (true, true) => empty.to_owned(),
            (false, true) => String::new(),
            (_, false) => self.remark,
        };
        Self { tests, remark }
    }

    pub(crate) fn render(&self) -> String {
        let names: Vec<String> = self.tests.iter().map(|name| format!("`{name}`")).collect();
        match (names.is_empty(), self.remark.is_empty()) {
            (true, _) => self.remark.clone(),
            (false, true) => names.join(", "),
            (false, false) => format!("{} · {}", names.join(", "), self.remark),
        }
    }
}

/// One row of the threat register.
#[derive(Debug)]
pub(crate) struct Threat {
    pub(crate) line: usize,
    pub(crate) number: u32,
    pub(crate) part: String,
    pub(crate) when: String,
    pub(crate) evidence: Evidence,
    pub(crate) cells: usize,
}

/// Columns of a row: id, part, threat, invariant, source, when, test.
pub(crate) const THREAT_CELLS: usize = 7;

/// Every row of the register, in its order.
pub(crate) fn parse_threats(text: &str) -> Vec<Threat> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, line)| parse_threat(index + 1, line)).collect()
}

fn parse_threat(line: usize, text: &str) -> Option<Threat> {
    let number = text.strip_prefix("| T-")?.get(..3)?.parse().ok()?;
    let cells = row_cells(text);
    let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
    Some(Threat {
        line,
        number,
        part: cell(1).to_owned(),
        when: cell(5).to_owned(),
        evidence: Evidence::parse(cell(6)),
        cells: cells.len(),
    })
}

fn row_cells(row: &str) -> Vec<&str> {
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(str::trim).collect()
}

/// The register with the names of existing tests in its last column.
pub(crate) fn render_threats(text: &str, tests: &TestNames) -> String {
    rewrite(text, |line| {
        let row = parse_threat(0, line)?;
        let (before, _) = line.trim_end().trim_end_matches('|').rsplit_once('|')?;
        let evidence = row.evidence.with_tests(tests.get(&row.number), "open");
        Some(format!("{before}| {} |", evidence.render()))
    })
}

/// One entry of the quirk register.
#[derive(Debug)]
pub(crate) struct Quirk {
    pub(crate) line: usize,
    pub(crate) number: u32,
    pub(crate) evidence: Option<Evidence>,
}

const QUIRK_HEADING: &str = "### KC-";
const QUIRK_TEST: &str = "- Test: ";

/// Every entry of the register, in its order.
pub(crate) fn parse_quirks(text: &str) -> Vec<Quirk> {
    let mut quirks: Vec<Quirk> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(number) = quirk_number(line) {
            quirks.push(Quirk { line: index + 1, number, evidence: None });
        } else if let (Some(cell), Some(quirk)) = (line.strip_prefix(QUIRK_TEST), quirks.last_mut()) {
            quirk.evidence = Some(Evidence::parse(cell));
        }
    }
    quirks
}

fn quirk_number(line: &str) -> Option<u32> {
    line.strip_prefix(QUIRK_HEADING)?.get(..3)?.parse().ok()
}

/// The register with the names of existing tests in each entry's line `Test`.
pub(crate) fn render_quirks(text: &str, tests: &TestNames) -> String {
    let mut current = None;
    rewrite(text, |line| {
        current = quirk_number(line).or(current);
        let cell = line.strip_prefix(QUIRK_TEST)?;
        let evidence = Evidence::parse(cell).with_tests(tests.get(&current?), "to come");
        Some(format!("{QUIRK_TEST}{}", evidence.render()))
    })
}

fn rewrite(text: &str, mut change: impl FnMut(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len());
    for line in text.lines() {
        match change(line) {
            Some(changed) => result.push_str(&changed),
            None => result.push_str(line),
        }
        result.push('\n');
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "| T-004 | S | Replay | It is refused | RFC 9700 | now | open |\n";

    fn names(number: u32, tests: &[&str]) -> TestNames {
        let set = tests.iter().map(|name| (*name).to_owned()).collect();
        TestNames::from([(number, set)])
    }

    #[test]
    fn a_new_test_takes_the_place_of_open() {
        let filled = render_threats(ROW, &names(4, &["t_004_b", "t_004_a"]));
        assert_eq!(filled, "| T-004 | S | Replay | It is refused | RFC 9700 | now | `t_004_a`, `t_004_b` |\n");
        assert_eq!(render_threats(&filled, &names(4, &[])), ROW);
    }

    #[test]
    fn a_remark_outlives_the_tests() {
        let row = ROW.replace("open |", "open: two nodes |");
        let filled = render_threats(&row, &names(4, &["t_004_a"]));
        assert!(filled.ends_with("| `t_004_a` · open: two nodes |\n"), "{filled}");
        assert_eq!(render_threats(&filled, &names(4, &["t_004_a"])), filled);
        assert_eq!(render_threats(&filled, &names(5, &["t_005_a"])), row);
    }

    #[test]
    fn quirks_get_their_tests_and_keep_observed_only() {
        let text = "### KC-001 One\n- Test: to come\n\n### KC-002 Two\n- Test: observed only\n";
        let filled = render_quirks(text, &names(1, &["kc_001_one"]));
        assert_eq!(filled, "### KC-001 One\n- Test: `kc_001_one`\n\n### KC-002 Two\n- Test: observed only\n");
        let quirks = parse_quirks(&filled);
        assert_eq!(quirks.iter().map(|quirk| quirk.number).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_row_is_read_with_its_line_and_cells() {
        let rows = parse_threats(&format!("# Threats\n\n{ROW}"));
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].line, rows[0].number, rows[0].cells), (3, 4, THREAT_CELLS));
        assert_eq!((rows[0].part.as_str(), rows[0].when.as_str()), ("S", "now"));
        assert_eq!(rows[0].evidence.remark, "open");
    }
}
