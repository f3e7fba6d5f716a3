//! `freshkey-gateway check`: can a configuration be used? Nothing is started, nobody is asked.

use super::{ExitStatus, Failure, output};
use crate::config::{Loaded, load};
use crate::fronts::Upstreams;
use freshkey_service::tls::{ServedCertificate, TlsError, client_config};
use std::path::{Path, PathBuf};

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  freshkey-gateway check gateway.toml
  freshkey-gateway check /etc/freshkey/gateway.toml && systemctl reload-or-restart freshkey-gateway")]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = loaded(&arguments.file)?;
    check_files(&loaded).map_err(|error| Failure::new(ExitStatus::Material, error.to_string()))?;
    let policy = &loaded.policy;
    let rules: usize = policy.applications.iter().map(|application| application.rules.len()).sum();
    let summary = format!(
        "the configuration can be used: {} issuers, {} applications, {rules} rules\n",
        policy.issuers.len(),
        policy.applications.len()
    );
    output::print(summary.as_bytes())
}

/// The configuration, or everything that is wrong with it.
pub(super) fn loaded(path: &Path) -> Result<Loaded, Failure> {
    load(path).map_err(|problems| {
        Failure::new(ExitStatus::Configuration, format!("the configuration cannot be used:\n  {problems}"))
            .with_hint("`freshkey-gateway config default` prints every key with its meaning")
    })
}

/// The files that a start would read.
fn check_files(loaded: &Loaded) -> Result<(), TlsError> {
    if let Some(files) = loaded.settings.proxy.as_ref().and_then(|proxy| proxy.tls.as_ref()) {
        ServedCertificate::load(&files.certificate, &files.key)?;
    }
    for issuer in &loaded.policy.issuers {
        client_config(issuer.keys.ca_file.as_deref(), &[])?;
    }
    Upstreams::default().take_over(&loaded.policy)
}
