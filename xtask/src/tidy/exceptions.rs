//! The files that may break a rule, each with its reason. One that is not needed any more is itself a finding.

/// One file, one rule, one reason.
pub(super) struct Exception {
    pub(super) rule: &'static str,
    pub(super) path: &'static str,
    pub(super) reason: &'static str,
}

impl Exception {
    pub(super) fn covers(&self, rule: &str, path: &str) -> bool {
        self.rule == rule && self.path == path
    }
}

pub(super) const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "sleeping",
        path: "crates/freshkey-server/src/listener/tests.rs",
        reason: "the clock of the runtime is paused there: its sleep moves that clock and takes no time",
    },
    Exception {
        rule: "sleeping",
        path: "crates/freshkey-server/tests/failover/main.rs",
        reason: "machines stand still for a time that a cluster of other programs measures with its own clocks",
    },
    Exception {
        rule: "sleeping",
        path: "crates/freshkey-server/tests/failover/cluster.rs",
        reason: "what a cluster of other programs has decided is only known by asking again",
    },
    Exception {
        rule: "sql-place",
        path: "crates/freshkey-server/src/keycloak_database/sql.rs",
        reason: "whole constants that read the database of a Keycloak: its schema is not ours, and the store runs none of them",
    },
];
