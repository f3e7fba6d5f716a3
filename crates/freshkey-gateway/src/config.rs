//! The configuration: TOML files, read whole, checked whole, and turned into settings and a policy. What is not safe is refused with the words to write.

mod applications;
mod file;
mod issuers;
mod load;
mod problems;
mod settings;
#[cfg(test)]
mod tests;

pub use load::{Loaded, load, load_for_service, read_for_service};
pub use problems::{ConfigProblem, ConfigProblems};
pub use settings::{ForwardAuthHeaders, ForwardAuthSettings, ProxySettings, Settings, TlsFiles};

/// Every key with its meaning and its default: the one source of the reference page, too.
pub const DEFAULT_TOML: &str = include_str!("../config/default.toml");

/// The reference page, in Markdown. The defaults are its only source.
#[must_use]
pub fn reference_page() -> String {
    format!("# Configuration of the gateway\n\nAs `freshkey-gateway config default` prints it.\n\n```toml\n{DEFAULT_TOML}```\n")
}
