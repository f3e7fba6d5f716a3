//! `admin client secret`: shows and rotates the secret of a confidential client.

use super::show::find;
use crate::cli::admin::change::change_realm;
use crate::cli::admin::{Deed, Desk, RealmOption, not_found};
use crate::cli::output::moment::{parse_duration_s, shown_from};
use crate::cli::{Failure, store_failure};
use freshkey_core::event::EventKind;
use freshkey_core::keycloak::edit::{client_secret, rotate_client_secret};
use freshkey_store::AuditRecord;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Print the secret, alone on standard output. That it was looked at is in the audit log.
    Show {
        /// The OAuth client_id.
        client_id: String,
    },
    /// Make a new secret, and print it alone on standard output.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR client secret rotate ua --realm UA
  freshkey-server admin --data DIR client secret rotate ua --realm UA --overlap 1d

With --overlap the old secret is accepted for that time too, so that programs can be changed over one by one.")]
    Rotate {
        /// The OAuth client_id.
        client_id: String,
        /// How long the old secret is accepted too: 0 (not at all) to a year.
        #[arg(long, value_name = "DURATION", default_value = "0", value_parser = parse_duration_s)]
        overlap: i64,
    },
}

pub(super) async fn run(desk: &Desk, realm: &RealmOption, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Show { client_id } => show(desk, realm, client_id).await,
        Verb::Rotate { client_id, overlap } => rotate(desk, realm, client_id, *overlap).await,
    }
}

async fn show(desk: &Desk, realm: &RealmOption, client_id: &str) -> Result<(), Failure> {
    let open = desk.realm(realm).await?;
    let (_, item) = find(&open, client_id)?;
    let secret = client_secret(item).ok_or_else(|| {
        not_found(&format!("secret of client {client_id:?}")).with_hint(format!("`client set {client_id} --confidential` makes one"))
    })?;
    let record: AuditRecord = desk.record(open.realm.key, EventKind::AdminChange, &Deed::to_client("client.secret.show", client_id));
    // Recorded before it is shown.
    let _ = desk.store.record(&[], &record).await.map_err(|error| store_failure(&error))?;
    desk.output.secret(client_id, &secret)
}

async fn rotate(desk: &Desk, realm: &RealmOption, client_id: &str, overlap_s: i64) -> Result<(), Failure> {
    let (_, secret) = change_realm(desk, realm, EventKind::AdminChange, |_, draft| {
        let secret = draft.edit_with(|documents| rotate_client_secret(documents, client_id, overlap_s, desk.now, &desk.entropy))?;
        Ok((secret, Deed::to_client("client.secret.rotate", client_id).with("overlap_s", overlap_s.to_string())))
    })
    .await?;
    let now = desk.now.seconds();
    desk.output.say(&match overlap_s {
        0 => format!("client {client_id:?} has a new secret; the old one is dead"),
        _ => format!(
            "client {client_id:?} has a new secret; the old one is accepted until {}",
            shown_from(now.saturating_add(overlap_s), now)
        ),
    });
    desk.output.secret(client_id, &secret)
}
