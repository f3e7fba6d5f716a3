//! The configuration of `serve`: read once at the start, in four layers, checked as a whole.
//!
//! `config/default.toml` is the list of keys, their types, their defaults and their documentation. What is not in it does not exist.

mod layers;
mod problems;
mod reader;
mod reference;
mod settings;
#[cfg(test)]
mod tests;

pub use layers::{Layers, Origin};
pub use problems::{ConfigProblem, ConfigProblems};
pub use reference::reference_page;
pub(crate) use settings::default_hash_concurrency;
pub use settings::{
    LimitSettings, MigrateOnStart, OutgoingSettings, SealingSettings, ServerSettings, Settings, StoreSettings, TelemetrySettings,
    TlsSettings,
};

/// Every key with its default and its meaning.
pub const DEFAULT_TOML: &str = include_str!("../config/default.toml");
