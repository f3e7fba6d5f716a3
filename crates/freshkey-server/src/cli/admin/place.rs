//! Where the database is: the folder of a quickstart, or what a configuration file says.

use crate::cli::open::{DataDirectory, open_configured};
use crate::cli::{ExitStatus, Failure};
use freshkey_store::Store;
use std::path::PathBuf;

/// What can be typed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Place {
    /// The folder of a quickstart, with the database and the sealing key in it. Goes before --config.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Database")]
    data: Option<PathBuf>,
    /// The configuration file of the server.
    #[arg(long, global = true, value_name = "FILE", env = "FRESHKEY_CONFIG", help_heading = "Database")]
    config: Option<PathBuf>,
}

impl Place {
    /// Opens the database. It has to exist, with the schema of this release; nothing is made or migrated here.
    pub(crate) async fn open(&self) -> Result<Store, Failure> {
        match (&self.data, &self.config) {
            (Some(folder), _) => DataDirectory(folder.clone()).open_existing().await,
            (None, Some(file)) => open_configured(file).await,
            (None, None) => Err(Failure::new(ExitStatus::Usage, "no database was named")
                .with_hint("add --data DIR (the folder of a quickstart) or --config FILE")),
        }
    }
}
