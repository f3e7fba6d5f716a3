//! Keycloak's words, translated to ours and back. No other module of this crate knows them.

pub mod credential;
pub mod defaults;
pub mod edit;
pub mod export;
pub mod fields;
pub mod given;
pub mod import;
pub mod mappers;
pub mod one_time_code;
pub mod password_policy;
pub mod problems;
pub mod representation;
mod secrets;
pub mod sessions;
pub mod snapshot;
pub mod stored_credential;
pub mod tables;
pub mod users;
pub mod wording;

#[cfg(test)]
mod testing;

pub use problems::{BrokenValue, ConfigError, ConfigWarning, WarningReason};
pub use snapshot::build_realm;
