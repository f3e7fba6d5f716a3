//! What is to be measured: the order that `cargo xtask bench` gives.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The order. `xtask/src/bench.rs` writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The release build of `freshkey-server`.
    pub(crate) server: PathBuf,
    /// Where databases, configuration and logs go. Emptied first.
    pub(crate) directory: PathBuf,
    pub(crate) engines: Vec<Engine>,
    /// Offline sessions stored, ascending.
    pub(crate) sessions: Vec<usize>,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) connections: usize,
    pub(crate) users: usize,
    /// `None` on a machine with one core: nothing is pinned then.
    pub(crate) cores: Option<Cores>,
    /// The document that takes the table.
    pub(crate) write: Option<PathBuf>,
    /// What was typed.
    pub(crate) command: String,
}

/// Which core does what.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) driver: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Algorithm of access and ID tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Signature {
    Rs256,
    Es256,
    Eddsa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rotation {
    Off,
    On,
}

impl Plan {
    /// Seconds that a round is not counted for.
    pub(crate) fn warm_up_s(&self) -> f64 {
        (self.seconds / 2.0).clamp(0.2, 2.0)
    }

    pub(crate) fn server_core(&self) -> Option<usize> {
        self.cores.map(|cores| cores.server)
    }
}

impl Engine {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl Signature {
    /// The name in JOSE headers and in the realm's settings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Eddsa => "EdDSA",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256, Self::Eddsa].into_iter().find(|signature| signature.as_str() == text)
    }

    /// The file that the seeder keeps the private key in.
    pub(crate) fn key_file(self) -> &'static str {
        match self {
            Self::Rs256 => "rs256.der",
            Self::Es256 => "es256.der",
            Self::Eddsa => "eddsa.der",
        }
    }
}

impl Rotation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
        }
    }
}
