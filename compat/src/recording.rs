//! What a server answered, in files that people read and review.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The version of Keycloak whose answers are kept.
pub const KEYCLOAK_VERSION: &str = "26.7.3";

/// Everything that a scenario brought about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Its name.
    pub scenario: String,
    /// In order.
    pub exchanges: Vec<Recorded>,
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its name.
    pub name: String,
    /// As the scenario has it.
    pub request: Value,
    /// As [`crate::normal`] left it.
    pub answer: Value,
}

impl Recording {
    /// Reads the recording of a scenario.
    pub fn read(scenario: &str) -> Result<Self, String> {
        let path = path_of(scenario);
        let hint = "hint: cargo xtask reference up && cargo xtask reference record";
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}\n{hint}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}\n{hint}", path.display()))
    }

    /// Writes it.
    pub fn write(&self) -> Result<(), String> {
        let path = path_of(&self.scenario);
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        std::fs::write(&path, text + "\n").map_err(failed)
    }
}

/// Where recordings are kept.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings").join(KEYCLOAK_VERSION)
}

fn path_of(scenario: &str) -> PathBuf {
    directory().join(format!("{scenario}.json"))
}
