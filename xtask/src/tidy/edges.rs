//! Who may depend on whom. The compiler keeps an edge that isn't there; these rules keep it from being added.

use serde_json::Value;

use super::{Finding, Tree};

const TESTKIT: &str = "freshkey-testkit";
const BENCH: &str = "freshkey-bench";
const COMPAT: &str = "freshkey-compat";

/// Each of our crates, and those of ours that its product code may use.
const EDGES: &[(&str, &[&str])] = &[
    ("freshkey-protocol", &[]),
    ("freshkey-core", &["freshkey-protocol"]),
    ("freshkey-store", &["freshkey-core", "freshkey-protocol"]),
    ("freshkey-service", &[]),
    ("freshkey-server", &["freshkey-store", "freshkey-core", "freshkey-protocol", "freshkey-service"]),
    ("freshkey-client", &["freshkey-protocol"]),
    ("freshkey-cli", &["freshkey-client", "freshkey-protocol"]),
    ("freshkey-gateway", &["freshkey-protocol", "freshkey-service"]),
    ("freshkey-python", &["freshkey-client", "freshkey-protocol"]),
];

const WEB: &[&str] = &["axum", "hyper", "hyper-util", "http", "tower"];
const RUNTIME: &[&str] = &["tokio", "tokio-rustls", "rustls"];
const DATABASES: &[&str] = &["rusqlite", "tokio-postgres", "tokio-postgres-rustls", "sqlx"];
const RANDOM: &[&str] = &["rand", "getrandom", "fastrand", "uuid"];
const CLOCKS: &[&str] = &["chrono", "time", "jiff"];

/// What a crate may know in spite of that. The server reads the database of a Keycloak in `keycloak_database` alone: its schema is not the store's.
const ALLOWED: &[(&str, &str)] = &[("freshkey-server", "tokio-postgres")];

/// What a crate must never know.
const FORBIDDEN: &[(&str, &[&[&str]])] = &[
    ("freshkey-protocol", &[WEB, RUNTIME, DATABASES, CLOCKS]),
    ("freshkey-core", &[WEB, RUNTIME, DATABASES, RANDOM, CLOCKS]),
    ("freshkey-store", &[WEB]),
    ("freshkey-service", &[WEB, DATABASES, RANDOM, CLOCKS]),
    ("freshkey-server", &[DATABASES]),
    ("freshkey-client", &[DATABASES]),
    ("freshkey-cli", &[DATABASES]),
    ("freshkey-gateway", &[DATABASES]),
    ("freshkey-python", &[DATABASES, WEB, CLOCKS, RANDOM]),
];

/// Edges between our own crates.
pub(super) fn between_our_crates(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages(&tree.metadata) {
        let Some(allowed) = allowed_edges(package.name) else {
            let message = format!("{} is a new crate: add its edges to this rule", package.name);
            findings.push(Finding::new(&manifest(package.name), 0, message));
            continue;
        };
        for dependency in package.product_dependencies() {
            if dependency.starts_with("freshkey-") && !allowed.contains(&dependency) {
                let message = format!("{} must not depend on {dependency}", package.name);
                findings.push(Finding::new(&manifest(package.name), 0, message));
            }
        }
    }
    findings
}

/// Edges to crates of others.
pub(super) fn to_foreign_crates(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages(&tree.metadata) {
        let forbidden = FORBIDDEN.iter().find(|(name, _)| *name == package.name);
        let Some((_, groups)) = forbidden else {
            continue;
        };
        for dependency in package.product_dependencies() {
            let is_allowed = ALLOWED.contains(&(package.name, dependency));
            if !is_allowed && groups.iter().any(|group| group.contains(&dependency)) {
                let message = format!("{} must never know {dependency}", package.name);
                findings.push(Finding::new(&manifest(package.name), 0, message));
            }
        }
    }
    findings
}

/// The test kit, the benchmark, the comparison with Keycloak and the chores may use everything that is no tool itself; nobody's product code uses them.
fn allowed_edges(package: &str) -> Option<&'static [&'static str]> {
    const ALL: &[&str] =
        &["freshkey-protocol", "freshkey-core", "freshkey-store", "freshkey-service", "freshkey-server", "freshkey-client"];
    if [BENCH, COMPAT].contains(&package) {
        return Some(&["freshkey-protocol", "freshkey-core", "freshkey-store", "freshkey-service", "freshkey-server", TESTKIT]);
    }
    if [TESTKIT, "xtask"].contains(&package) {
        return Some(ALL);
    }
    let (_, allowed) = EDGES.iter().find(|(name, _)| *name == package)?;
    Some(allowed)
}

fn manifest(package: &str) -> String {
    match package {
        "xtask" => "xtask/Cargo.toml".to_owned(),
        COMPAT => "compat/Cargo.toml".to_owned(),
        "freshkey-python" => "python/Cargo.toml".to_owned(),
        _ => format!("crates/{package}/Cargo.toml"),
    }
}

pub(super) struct Package<'tree> {
    pub(super) name: &'tree str,
    dependencies: Vec<(&'tree str, Option<&'tree str>)>,
}

impl Package<'_> {
    /// Without those for tests. Build scripts count: what they use is needed to build the product.
    pub(super) fn product_dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter(|(_, kind)| *kind != Some("dev")).map(|(name, _)| *name)
    }

    pub(super) fn all_dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().map(|(name, _)| *name)
    }

    pub(super) fn is_product(&self) -> bool {
        self.name.starts_with("freshkey-") && self.name != TESTKIT
    }
}

pub(super) fn packages(metadata: &Value) -> Vec<Package<'_>> {
    let packages = metadata.get("packages").and_then(Value::as_array);
    packages
        .into_iter()
        .flatten()
        .filter_map(|package| {
            let listed = package.get("dependencies")?.as_array()?;
            let dependencies = listed.iter().filter_map(|one| Some((one.get("name")?.as_str()?, one.get("kind")?.as_str()))).collect();
            Some(Package { name: package.get("name")?.as_str()?, dependencies })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(name: &str, dependency: &str, kind: &Value) -> Tree {
        Tree {
            files: Vec::new(),
            metadata: json!({"packages": [
                {"name": name, "dependencies": [{"name": dependency, "kind": kind}]}
            ]}),
        }
    }

    #[test]
    fn an_edge_that_points_upwards_is_refused() {
        for (name, dependency) in [
            ("freshkey-protocol", "freshkey-core"),
            ("freshkey-core", "freshkey-store"),
            ("freshkey-store", "freshkey-server"),
            ("freshkey-server", "freshkey-testkit"),
            ("freshkey-gateway", "freshkey-core"),
        ] {
            let found = between_our_crates(&tree(name, dependency, &Value::Null));
            assert_eq!(found.len(), 1, "{name} → {dependency}");
        }
    }

    #[test]
    fn drawn_edges_and_test_dependencies_are_fine() {
        for (name, dependency, kind) in [
            ("freshkey-server", "freshkey-store", Value::Null),
            ("freshkey-core", "freshkey-testkit", json!("dev")),
            ("freshkey-testkit", "freshkey-server", Value::Null),
            ("freshkey-core", "serde", Value::Null),
        ] {
            let found = between_our_crates(&tree(name, dependency, &kind));
            assert!(found.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn a_crate_that_the_rule_does_not_know_is_a_finding() {
        assert_eq!(between_our_crates(&tree("freshkey-new", "serde", &Value::Null)).len(), 1);
    }

    #[test]
    fn forbidden_knowledge_is_refused_outside_tests() {
        for (name, dependency) in
            [("freshkey-core", "tokio"), ("freshkey-protocol", "axum"), ("freshkey-store", "hyper"), ("freshkey-server", "rusqlite")]
        {
            let of_product = to_foreign_crates(&tree(name, dependency, &Value::Null));
            assert_eq!(of_product.len(), 1, "{name} → {dependency}");
            assert!(to_foreign_crates(&tree(name, dependency, &json!("dev"))).is_empty());
        }
        assert_eq!(to_foreign_crates(&tree("freshkey-server", "tokio-postgres", &Value::Null)).len(), 0);
        assert_eq!(to_foreign_crates(&tree("freshkey-core", "tokio-postgres", &Value::Null)).len(), 1);
    }
}
