//! Everything that is asked of both servers. One file for each endpoint or subject.

mod claims;
mod client_authentication;
mod documents;
mod input;
mod introspection;
mod lifetimes;
mod logout;
mod offline;
mod password;
mod refresh;
mod revocation;
mod rotation;
mod service;
mod userinfo;

use crate::script::Scenario;

/// All scenarios.
pub fn all() -> Vec<Scenario> {
    let groups = [
        documents::scenarios(),
        client_authentication::scenarios(),
        password::scenarios(),
        refresh::scenarios(),
        rotation::scenarios(),
        offline::scenarios(),
        lifetimes::scenarios(),
        service::scenarios(),
        claims::scenarios(),
        introspection::scenarios(),
        revocation::scenarios(),
        userinfo::scenarios(),
        logout::scenarios(),
        input::scenarios(),
    ];
    groups.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_at_least_300_exchanges_and_each_has_a_name_of_its_own() {
        let mut names = HashSet::new();
        for scenario in all() {
            for exchange in scenario.exchanges() {
                assert!(names.insert(format!("{}/{}", scenario.name, exchange.name)), "twice: {}/{}", scenario.name, exchange.name);
            }
        }
        assert!(names.len() >= 300, "{} exchanges", names.len());
    }
}
