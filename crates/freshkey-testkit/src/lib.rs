//! What the tests of several crates share: databases, running programs, a home for a user of the client, and a provider that misbehaves on request.

pub mod databases;
pub mod home;
pub mod programs;
pub mod provider;
