//! `freshkey-server migrate`: brings the schema to what this release needs, or says what that would do.

use super::open::{self, DataDirectory, Missing};
use super::{ExitStatus, Failure, process, store_failure, terminal};
use crate::clock::{Clock as _, SystemClock};
use freshkey_store::Store;
use std::path::PathBuf;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Migrations are safe beside running servers of the release before. There is no way back: keep a backup.")]
pub struct Arguments {
    /// The configuration file of the server.
    #[arg(long, value_name = "FILE", env = "FRESHKEY_CONFIG", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The directory of a quickstart.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only say what would be done.
    #[arg(long)]
    plan: bool,
}

/// Migrates.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    process::small_runtime()?.block_on(migrate(arguments))
}

async fn migrate(arguments: &Arguments) -> Result<(), Failure> {
    let store = open_store(arguments).await?;
    let failed = |error| open::schema(&error, "run this command once more");
    let (steps, done) = if arguments.plan {
        (store.plan().await.map_err(failed)?, "would run")
    } else {
        (store.migrate(SystemClock.now()).await.map_err(failed)?, "ran")
    };
    let mut text: String = steps.iter().map(|step| format!("{done} {:04} {}\n", step.version, step.name)).collect();
    if text.is_empty() {
        text.push_str("the schema is up to date\n");
    }
    terminal::print(&text)?;
    store.close().await.map_err(|error| store_failure(&error))
}

async fn open_store(arguments: &Arguments) -> Result<Store, Failure> {
    match (&arguments.data, &arguments.config) {
        (Some(directory), _) => DataDirectory(directory.clone()).open(Missing::IsAnError).await,
        (None, Some(file)) => {
            let settings = open::settings(open::layers(Some(file)))?;
            open::open_store(&settings.store, &settings.sealing.key_file).await
        }
        (None, None) => Err(Failure::new(ExitStatus::Usage, "no database was named").with_hint("name it with --config FILE or --data DIR")),
    }
}
