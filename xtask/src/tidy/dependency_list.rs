//! A dependency is a decision: it has a line in `docs/dependencies.md`, and a line without dependency is out of date.

use std::collections::BTreeSet;

use super::edges::packages;
use super::{Finding, Tree};

const LIST: &str = "docs/dependencies.md";

/// Compares what the members declare with the first column of the list.
pub(super) fn every_dependency_is_explained(tree: &Tree) -> Vec<Finding> {
    let packages = packages(&tree.metadata);
    let foreign = |name: &&str| !name.starts_with("freshkey-");
    let product: BTreeSet<&str> =
        packages.iter().filter(|package| package.is_product()).flat_map(|package| package.all_dependencies().filter(foreign)).collect();
    let all: BTreeSet<&str> = packages.iter().flat_map(|package| package.all_dependencies().filter(foreign)).collect();

    let text = tree.text(LIST).unwrap_or_default();
    let listed: Vec<(usize, &str)> = text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, listed_name(line)?))).collect();
    let missing = product
        .iter()
        .filter(|name| !listed.iter().any(|(_, listed)| listed == *name))
        .map(|name| Finding::new(LIST, 0, format!("{name} has no line: what for, and why this one?")));
    let stale = listed
        .iter()
        .filter(|(_, name)| !all.contains(name))
        .map(|(line, name)| Finding::new(LIST, *line, format!("nothing depends on {name} any more")));
    missing.chain(stale).collect()
}

/// The name in a table row that starts with ``| `name` |``.
fn listed_name(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("| `")?.split_once('`')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(list: &str) -> Vec<Finding> {
        let mut tree = Tree::sample(&[(LIST, list)]);
        tree.metadata = json!({"packages": [
            {"name": "freshkey-core", "dependencies": [
                {"name": "freshkey-protocol", "kind": null},
                {"name": "serde", "kind": null},
                {"name": "insta", "kind": "dev"},
            ]},
        ]});
        every_dependency_is_explained(&tree)
    }

    #[test]
    fn a_dependency_without_a_line_is_a_finding() {
        let found = check("| `insta` | snapshots |\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].message.starts_with("serde"), "{found:?}");
    }

    #[test]
    fn a_line_without_a_dependency_is_a_finding() {
        let found = check("| `insta` | a |\n| `serde` | b |\n| `gone` | c |\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
    }

    #[test]
    fn a_complete_list_is_fine() {
        assert!(check("| `insta` | a |\n| `serde` | b |\n").is_empty());
    }
}
