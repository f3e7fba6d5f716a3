//! `freshkey-server config`: is the configuration right, what is in force, and what is there to configure.

use super::{Failure, open, terminal};
use crate::config::{DEFAULT_TOML, Settings, TlsSettings, reference_page};
use clap::Subcommand;
use freshkey_service::tls::ServedCertificate;
use freshkey_store::SealingKey;
use std::path::PathBuf;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say everything that is wrong with the configuration, and with the files that it names.
    Check(Source),
    /// Print the values in force as TOML, each with its origin. Passwords are left out.
    Show(Source),
    /// Print every key with its default and its meaning.
    Default,
    /// Print the same as a page in Markdown.
    Reference,
}

/// Where the configuration is.
#[derive(Debug, clap::Args)]
struct Source {
    /// The configuration file. The environment counts, too.
    #[arg(long, value_name = "FILE", env = "FRESHKEY_CONFIG")]
    config: Option<PathBuf>,
}

/// Checks, shows or prints.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.action {
        Action::Check(source) => check(source),
        Action::Show(source) => show(source),
        Action::Default => terminal::print(DEFAULT_TOML),
        Action::Reference => terminal::print(&reference_page()),
    }
}

fn check(source: &Source) -> Result<(), Failure> {
    let settings = open::settings(open::layers(source.config.as_deref()))?;
    for doubt in settings.doubts() {
        terminal::say(&format!("warning: {doubt}"));
    }
    check_files(&settings)?;
    terminal::print("the configuration can be used\n")
}

/// The files that a start would read. The database is not opened: a check is safe at any time.
fn check_files(settings: &Settings) -> Result<(), Failure> {
    SealingKey::from_file(&settings.sealing.key_file).map_err(|error| open::material(&error))?;
    if let TlsSettings::Files { certificate, key } = &settings.server.tls {
        ServedCertificate::load(certificate, key)
            .map_err(|error| Failure::new(super::ExitStatus::Material, format!("server.tls: {error}")))?;
    }
    Ok(())
}

/// Shows what there is even if it can't be used: that is when one looks.
fn show(source: &Source) -> Result<(), Failure> {
    let layers = open::layers(source.config.as_deref());
    let text = layers.show();
    terminal::print(&text)?;
    open::settings(layers).map(drop)
}
