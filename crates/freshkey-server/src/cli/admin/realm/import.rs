//! `admin realm import`: from an export of Keycloak's or Freshkey's, or straight from the database of a Keycloak. Either way the realm is made switched
//! off and is switched on at the end: whoever is interrupted leaves a realm that nobody can sign in to, and never half of one that works.

mod database;
mod file;
mod progress;

use crate::cli::admin::Desk;
use crate::cli::admin::keys::generate;
use crate::cli::{ExitStatus, Failure};
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::import::{ImportReport, PlannedRealm, Sightings};
use freshkey_protocol::jose::Algorithm;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "\
Examples:
  freshkey-server admin --data DIR realm import realm-export.json --dry-run
  freshkey-server admin --data DIR realm import realm-export.json
  kc.sh export --realm shop --file /dev/stdout | freshkey-server admin --data DIR realm import -
  PGPASSWORD=… freshkey-server admin --data DIR realm import --from-keycloak-database postgres://keycloak@db.example/keycloak --realm shop

Nothing is changed when the file has an error. Fields that are not known, or known and not used, are listed, kept, and exported again.

From a database (Keycloak 26, PostgreSQL) the sessions come along: nobody signs in again where the issuer stays the same. Keycloak has to be
stopped first. An import that was interrupted goes on when the same command is run again.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file: one realm, or a list of realms; - for standard input.
    #[arg(required_unless_present = "from_keycloak_database", conflicts_with = "from_keycloak_database")]
    file: Option<PathBuf>,
    /// Read and check everything, report, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: database::Options,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.file {
        Some(_) if arguments.database.are_given() => {
            Err(Failure::new(ExitStatus::Usage, "a file was named, and options that are for a database")
                .with_hint("a file has its realms whole; --realm, --without-sessions and the like go with --from-keycloak-database"))
        }
        Some(path) => file::run(desk, path, arguments.dry_run).await,
        None => database::run(desk, &arguments.database, arguments.dry_run).await,
    }
}

/// A realm may lack a key for new tokens; what was warned of for want of it is true no more.
fn add_missing_key(desk: &Desk, plan: &mut PlannedRealm) -> Result<Option<Algorithm>, Failure> {
    let Some(algorithm) = plan.missing_key() else { return Ok(None) };
    plan.add_key(algorithm, generate(algorithm)?, &desk.entropy);
    let (_, warnings) = build_realm(plan.documents()).map_err(|error| Failure::new(ExitStatus::Failed, error.to_string()))?;
    plan.report.warnings = warnings;
    Ok(Some(algorithm))
}

/// How fields are told of that are known, kept and not used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// By name: whoever wrote the file may have meant something by each.
    Listed,
    /// As a number: a realm as Keycloak has it has a hundred of them.
    Counted,
}

/// Says what the reader of an import ought to know.
fn report(desk: &Desk, report: &ImportReport, kept: Kept) {
    for note in &report.notes {
        desk.output.say(&format!("  {note}"));
    }
    if report.notes_omitted > 0 {
        desk.output.say(&format!("  and {} more like these", report.notes_omitted));
    }
    for warning in &report.warnings {
        desk.output.warn(&warning.to_string());
    }
    match kept {
        Kept::Listed => sightings(desk, "fields that are kept and not used:", &report.kept),
        Kept::Counted if report.kept.is_empty() => {}
        Kept::Counted => desk.output.say(&format!("  {} known fields are kept and not used (--json lists them)", report.kept.len())),
    }
    sightings(desk, "fields that are unknown, and kept:", &report.unknown);
}

fn sightings(desk: &Desk, heading: &str, fields: &BTreeMap<String, Sightings>) {
    if fields.is_empty() {
        return;
    }
    desk.output.say(heading);
    for (path, seen) in fields {
        desk.output.say(&format!("  {path} ({} times, first in {})", seen.count, seen.first));
    }
}

fn summary(plan: &PlannedRealm, users: usize, dry_run: bool) -> Value {
    let fields = |fields: &BTreeMap<String, Sightings>| -> Value {
        fields.iter().map(|(path, seen)| json!({ "field": path, "count": seen.count, "first": seen.first })).collect()
    };
    json!({
        "action": "realm.import",
        "realm": plan.name(),
        "users": users,
        "dryRun": dry_run,
        "unknown": fields(&plan.report.unknown),
        "kept": fields(&plan.report.kept),
        "warnings": plan.report.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "notes": plan.report.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "notesOmitted": plan.report.notes_omitted,
    })
}
