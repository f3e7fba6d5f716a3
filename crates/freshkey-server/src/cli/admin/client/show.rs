//! `admin client list` and `client show`.

use crate::cli::Failure;
use crate::cli::admin::{Desk, OpenRealm, not_found};
use crate::cli::output::{Format, Listed};
use freshkey_core::client::{Client, ClientKind, Rotation};
use freshkey_core::documents::{ConfigItem, ItemKind};
use freshkey_core::keycloak::export::export_client;
use freshkey_core::keycloak::fields::nearest;
use serde::Serialize;

/// A client as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    client_id: String,
    id: String,
    kind: &'static str,
    enabled: bool,
    direct_grants: bool,
    service_account: bool,
    offline_access: bool,
}

pub(super) fn list(desk: &Desk, open: &OpenRealm) -> Result<(), Failure> {
    let mut clients: Vec<&Client> = open.realm.clients.values().map(AsRef::as_ref).collect();
    clients.sort_by(|a, b| a.client_id.cmp(&b.client_id));
    let rows: Vec<Row> = clients.into_iter().map(Row::from).collect();
    desk.output.list(&rows, "there is no client")
}

pub(super) fn show(desk: &Desk, open: &OpenRealm, client_id: &str) -> Result<(), Failure> {
    let (client, item) = find(open, client_id)?;
    if desk.output.format() == Format::Json {
        // The stored document is without the secrets, and an item without secrets exports without them.
        return desk.output.json(&export_client(&ConfigItem { secrets: None, ..item.clone() }));
    }
    let rotation = match open.realm.rotation(client) {
        Rotation::On => "refresh tokens rotate",
        Rotation::Off => "refresh tokens can be used repeatedly",
    };
    let yes = |may: bool| if may { "yes" } else { "no" }.to_owned();
    let facts = [
        ("client", client.client_id.clone()),
        ("id", client.id.clone()),
        ("kind", kind(client).to_owned()),
        ("enabled", yes(client.enabled)),
        ("password grant", yes(client.direct_access_grants.is_yes())),
        ("service account", yes(client.service_accounts.is_yes())),
        ("full scope", yes(client.full_scope_allowed)),
        ("rotation", rotation.to_owned()),
        ("offline upgrade", yes(client.offline_upgrade_on_refresh.is_yes())),
        ("default scopes", client.default_scopes.join(" ")),
        ("optional scopes", client.optional_scopes.join(" ")),
        ("redirect URIs", client.redirect_uris.join(" ")),
        ("mappers", client.mappers.iter().map(|mapper| mapper.name.as_str()).collect::<Vec<_>>().join(", ")),
    ];
    desk.output.facts(&client.client_id, &facts)
}

/// A client as it is read and as it is stored.
pub(super) fn find<'r>(open: &'r OpenRealm, client_id: &str) -> Result<(&'r Client, &'r ConfigItem), Failure> {
    let missing = || {
        let failure = not_found(&format!("client {client_id:?} in realm {:?}", open.documents.name));
        let hint = nearest(open.realm.clients.keys().map(String::as_str), client_id).map(|name| format!("did you mean {name}?"));
        failure.with_hint(hint.unwrap_or_else(|| "`client list` shows those that there are".to_owned()))
    };
    let client = open.realm.clients.get(client_id).ok_or_else(missing)?;
    let item = open.documents.items.iter().find(|item| item.kind == ItemKind::Client && item.id == client.id).ok_or_else(missing)?;
    Ok((client, item))
}

fn kind(client: &Client) -> &'static str {
    match client.kind {
        ClientKind::Public => "public",
        ClientKind::Confidential => "confidential",
        ClientKind::BearerOnly => "bearer-only",
    }
}

impl From<&Client> for Row {
    fn from(client: &Client) -> Self {
        Self {
            client_id: client.client_id.clone(),
            id: client.id.clone(),
            kind: kind(client),
            enabled: client.enabled,
            direct_grants: client.direct_access_grants.is_yes(),
            service_account: client.service_accounts.is_yes(),
            offline_access: client.has_scope(freshkey_core::scopes::OFFLINE_ACCESS),
        }
    }
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["client", "kind", "enabled", "password grant", "service account", "offline"];

    fn cells(&self) -> Vec<String> {
        let yes = |may: bool| if may { "yes" } else { "no" }.to_owned();
        vec![
            self.client_id.clone(),
            self.kind.to_owned(),
            yes(self.enabled),
            yes(self.direct_grants),
            yes(self.service_account),
            yes(self.offline_access),
        ]
    }
}
