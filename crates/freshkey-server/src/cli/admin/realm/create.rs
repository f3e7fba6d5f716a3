//! `admin realm create`.

use super::{Fields, refused};
use crate::cli::admin::keys::generate;
use crate::cli::admin::values::parse_name;
use crate::cli::admin::{Deed, Desk};
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::event::EventKind;
use freshkey_core::ids::RealmKey;
use freshkey_core::keycloak::defaults::{self, GeneratedKeys};
use freshkey_core::keycloak::edit::{applied, set_realm};
use freshkey_core::keycloak::import::plan_import;
use freshkey_protocol::jose::Algorithm;
use freshkey_store::{NewRealm, RealmCreated};
use serde_json::json;

/// Name of the realm with the platform's settings.
const PLATFORM: &str = "UA";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name, as it stands in every URL.
    #[arg(value_parser = parse_name)]
    name: String,
    #[command(flatten)]
    fields: Fields,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let name = arguments.name.as_str();
    check_name(desk, name)?;
    let keys = GeneratedKeys { rsa: generate(Algorithm::Rs256)?, p256: None, ed25519: None };
    let made = if name == PLATFORM { defaults::realm_ua(&[], &desk.entropy, keys) } else { defaults::new_realm(name, &desk.entropy, keys) };
    let mut documents = made.into_documents(RealmKey(0), 0);
    if !arguments.fields.is_empty() {
        let edit = set_realm(&documents, &arguments.fields.pairs()).map_err(|error| refused(&error))?;
        documents = applied(&documents, &edit);
    }
    let new = NewRealm { name: documents.name, document: documents.document, items: documents.items };
    let record =
        desk.record(RealmKey(0), EventKind::AdminChange, &Deed::new("realm.create", name).with("changed", arguments.fields.names()));
    match desk.store.create_realm(&new, &record).await.map_err(|error| store_failure(&error))? {
        RealmCreated::Yes(_) => desk.output.done(&format!("realm {name:?} is there"), &json!({ "action": "realm.create", "realm": name })),
        RealmCreated::NameTaken => Err(exists(name)),
    }
}

/// There is a realm of this name.
pub(super) fn exists(name: &str) -> Failure {
    Failure::new(ExitStatus::Conflict, format!("there is a realm {name:?} already"))
        .with_hint(format!("`realm set` changes it; `realm remove {name} --yes` makes room, after an export"))
}

/// A name that an import would refuse is refused here too.
fn check_name(desk: &Desk, name: &str) -> Result<(), Failure> {
    let file = json!({ "realm": name, "enabled": true }).to_string();
    plan_import(file.as_bytes(), desk.now, &desk.entropy).map(drop).map_err(|error| Failure::new(ExitStatus::Usage, error.to_string()))
}
