//! What the tests of several crates share: a clock that stands still, seeded entropy, databases, servers.

pub mod databases;
