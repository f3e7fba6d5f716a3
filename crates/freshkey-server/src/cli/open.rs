//! Opens the database that a command works on: the one of a configuration file, or the one in a quickstart's directory.

use super::{ExitStatus, Failure, store_failure};
use crate::clock::SystemEntropy;
use crate::config::{ConfigProblems, Layers, Settings, StoreSettings};
use freshkey_store::db::{DbOptions, StoreError};
use freshkey_store::{SealingKey, Store, StoreOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of a quickstart's directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDirectory(pub(crate) PathBuf);

impl DataDirectory {
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("freshkey.db")
    }

    pub(crate) fn sealing_key(&self) -> PathBuf {
        self.0.join("sealing.key")
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.0.join("credentials.env")
    }

    /// Opens the database that a quickstart has made here. It must be there, with the schema of this release.
    pub(crate) async fn open_existing(&self) -> Result<Store, Failure> {
        if !self.database().exists() {
            let message = format!("there is no database in {}: {} does not exist", self.0.display(), self.database().display());
            return Err(Failure::new(ExitStatus::Database, message)
                .with_hint("`freshkey-server quickstart --data DIR` makes one; --config FILE names another"));
        }
        let store = self.open(Missing::IsAnError).await?;
        store.check().await.map_err(|error| schema(&error, &format!("run `freshkey-server migrate --data {}`", self.0.display())))?;
        Ok(store)
    }

    /// Opens the database here, whatever its schema.
    pub(crate) async fn open(&self, missing: Missing) -> Result<Store, Failure> {
        let path = self.sealing_key();
        let sealing_key = match missing {
            Missing::IsMade => SealingKey::from_file_or_new(&path, &SystemEntropy),
            Missing::IsAnError => SealingKey::from_file(&path),
        };
        let sealing_key = sealing_key.map_err(|error| material(&error))?;
        let options = DbOptions::from_url(&format!("sqlite:{}", self.database().display())).map_err(|error| store_failure(&error))?;
        let options = StoreOptions { db: options, sealing_key, entropy: Arc::new(SystemEntropy) };
        Store::open(options).await.map_err(|error| store_failure(&error))
    }
}

/// What to do about a file that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Make it.
    IsMade,
    /// Refuse.
    IsAnError,
}

/// Reads a configuration file and the environment.
pub(crate) fn layers(file: Option<&Path>) -> Layers {
    let layers = match file {
        Some(path) => Layers::defaults().with_file(path),
        None => Layers::defaults(),
    };
    layers.with_environment(std::env::vars_os())
}

/// Reads the settings, or says everything that is wrong with them.
pub(crate) fn settings(layers: Layers) -> Result<Settings, Failure> {
    Settings::from_layers(layers).map_err(|problems| misconfigured(&problems))
}

/// Opens the database of a configuration file. It must have the schema of this release.
pub(crate) async fn open_configured(file: &Path) -> Result<Store, Failure> {
    let settings = settings(layers(Some(file)))?;
    let store = open_store(&settings.store, &settings.sealing.key_file).await?;
    store.check().await.map_err(|error| schema(&error, &format!("run `freshkey-server migrate --config {}`", file.display())))?;
    Ok(store)
}

/// Opens a configured database, whatever its schema.
pub(crate) async fn open_store(settings: &StoreSettings, sealing_key_file: &Path) -> Result<Store, Failure> {
    let options = store_options(settings, sealing_key_file)?;
    Store::open(options).await.map_err(|error| store_failure(&error))
}

/// What a configured database is opened with.
pub(crate) fn store_options(settings: &StoreSettings, sealing_key_file: &Path) -> Result<StoreOptions, Failure> {
    let sealing_key = SealingKey::from_file(sealing_key_file).map_err(|error| material(&error))?;
    Ok(StoreOptions { db: db_options(settings)?, sealing_key, entropy: Arc::new(SystemEntropy) })
}

fn db_options(settings: &StoreSettings) -> Result<DbOptions, Failure> {
    let mut options = DbOptions::from_url(settings.url.expose())
        .map_err(|error| Failure::new(ExitStatus::Configuration, format!("store.url: {error}")))?;
    options.deadline = settings.deadline;
    options.root_ca_file.clone_from(&settings.ca_file);
    if let Some(connections) = settings.read_connections {
        options.read_connections = connections;
    }
    if let Some(connections) = settings.write_connections {
        options.write_connections = connections;
    }
    Ok(options)
}

/// A failure to get at the schema, with what cures a wrong one.
pub(crate) fn schema(error: &StoreError, cure: &str) -> Failure {
    match error {
        StoreError::SchemaTooOld { .. } => store_failure(error).with_hint(cure),
        StoreError::Misconfigured { .. } => material(error),
        _ => store_failure(error),
    }
}

/// A file beside the database can't be used; the store's own words say which and why.
pub(crate) fn material(error: &StoreError) -> Failure {
    Failure::new(ExitStatus::Material, error.to_string())
}

fn misconfigured(problems: &ConfigProblems) -> Failure {
    Failure::new(ExitStatus::Configuration, format!("the configuration cannot be used:\n  {problems}"))
        .with_hint("`freshkey-server config default` prints every key with its meaning")
}
