//! The differences that are known, each with the quirk that explains it (`docs/compat/quirks.md`).

use crate::compare::Difference;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The file, built in.
const FILE: &str = include_str!("../differences.json");

/// The register of quirks, built in.
const QUIRKS: &str = include_str!("../../docs/compat/quirks.md");

/// One or many places with one explanation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// `KC-nnn`.
    pub quirk: String,
    /// `scenario/exchange#/pointer`, with `*` for any run of characters.
    #[serde(rename = "where")]
    pub place: String,
}

/// What became of the differences of a run.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Explained, with the quirk.
    pub explained: Vec<(Difference, String)>,
    /// Not explained by anything.
    pub unexplained: Vec<Difference>,
    /// Explanations of nothing: the difference is gone, and so must be the entry.
    pub stale: Vec<Known>,
}

/// Reads the register.
pub fn known() -> Result<Vec<Known>, String> {
    serde_json::from_str(FILE).map_err(|error| format!("differences.json: {error}"))
}

/// What a quirk is about: the rest of its heading in the register.
pub fn title(quirk: &str) -> Option<&'static str> {
    let headings = QUIRKS.lines().filter_map(|line| line.strip_prefix("### "));
    headings.filter_map(|heading| heading.split_once(' ')).find(|(id, _)| *id == quirk).map(|(_, title)| title)
}

/// Explains differences. `is_whole` says that every scenario was run, so that an entry without a difference is stale.
pub fn judge(differences: Vec<Difference>, known: &[Known], is_whole: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let mut used = BTreeSet::new();
    for difference in differences {
        let place = format!("{}#{}", difference.exchange, difference.at);
        let mut explanations = known.iter().enumerate().filter(|(_, known)| matches(&known.place, &place));
        match explanations.next() {
            Some((first, explanation)) => {
                used.insert(first);
                used.extend(explanations.map(|(index, _)| index));
                verdict.explained.push((difference, explanation.quirk.clone()));
            }
            None => verdict.unexplained.push(difference),
        }
    }
    if is_whole {
        verdict.stale = known.iter().enumerate().filter(|(index, _)| !used.contains(index)).map(|(_, known)| known.clone()).collect();
    }
    verdict
}

/// Whether a pattern with `*` covers the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|position| rest.is_char_boundary(*position)).any(|position| matches(after, &rest[position..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(exchange: &str, at: &str) -> Difference {
        Difference { exchange: exchange.to_owned(), at: at.to_owned(), keycloak: None, freshkey: None }
    }

    fn entry(quirk: &str, place: &str) -> Known {
        Known { quirk: quirk.to_owned(), place: place.to_owned() }
    }

    #[test]
    fn every_explanation_names_a_quirk_of_the_register() {
        for known in known().expect("the register of differences") {
            assert!(title(&known.quirk).is_some(), "{} explains {} and is no quirk", known.quirk, known.place);
        }
        assert_eq!(title("KC-000"), None);
    }

    #[test]
    fn patterns_cover_whole_places() {
        assert!(matches("a/b#/c", "a/b#/c"));
        assert!(!matches("a/b#/c", "a/b#/c/d"));
        assert!(matches("a/*#/c*", "a/b and more#/c/d"));
        assert!(!matches("*#/x", "a/b#/xy"));
    }

    #[test]
    fn what_no_entry_covers_is_unexplained_and_an_entry_without_difference_is_stale() {
        let known = [entry("KC-001", "a/*#/status"), entry("KC-002", "b/*")];
        let verdict = judge(vec![difference("a/one", "/status"), difference("a/one", "/body")], &known, true);
        assert_eq!(verdict.explained.len(), 1);
        assert_eq!(verdict.unexplained, [difference("a/one", "/body")]);
        assert_eq!(verdict.stale.len(), 1);
        assert!(judge(Vec::new(), &known, false).stale.is_empty(), "a part of the scenarios proves nothing about the rest");
    }
}
