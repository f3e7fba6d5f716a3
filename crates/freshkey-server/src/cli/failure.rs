//! How a command ends when the store did not do its part.

pub use freshkey_service::failure::{ExitStatus, Failure};

use freshkey_store::db::StoreError;

/// What the store says, and what to do about it.
pub fn store_failure(error: &StoreError) -> Failure {
    let detail = match error {
        StoreError::SchemaTooNew { .. } | StoreError::SchemaTooOld { .. } | StoreError::Misconfigured { .. } => String::new(),
        _ if error.detail().is_empty() => String::new(),
        _ => format!(": {}", error.detail()),
    };
    let failure = Failure::new(ExitStatus::Database, format!("{error}{detail}"));
    match error {
        StoreError::SchemaTooNew { .. } => {
            failure.with_hint("run the release that migrated the database, or a newer one; nothing was changed")
        }
        StoreError::SchemaTooOld { .. } => {
            failure.with_hint("run `freshkey-server migrate` with the same configuration, or set store.migrate = true")
        }
        StoreError::Unavailable(_) => failure.with_hint("check that the database runs, and store.url"),
        _ => failure,
    }
}
