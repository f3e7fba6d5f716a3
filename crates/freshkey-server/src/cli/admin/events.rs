//! `admin events`: the audit log, newest first.

use super::values::parse_page_rows;
use super::{Desk, OpenRealm, RealmOption, find_user};
use crate::cli::output::Listed;
use crate::cli::output::moment::{Since, parse_since, shown_ms};
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::event::EventKind;
use freshkey_core::ids::SessionId;
use freshkey_store::{EventFilter, PAGE_ROWS_MAX, Page, StoredEvent};
use serde::Serialize;
use std::collections::BTreeMap;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  freshkey-server admin --data DIR events --realm UA --since 1h --refused
  freshkey-server admin --data DIR events --realm UA --user demo --kind REFRESH_TOKEN --json
  freshkey-server admin --data DIR events --realm UA --kind ADMIN_CHANGE --kind KEY_CHANGE")]
pub(super) struct Arguments {
    #[command(flatten)]
    realm: RealmOption,
    /// Of this user only: name, id or e-mail address.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Of this client only.
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
    /// Of this session only.
    #[arg(long, value_name = "SID", value_parser = parse_sid)]
    sid: Option<SessionId>,
    /// Of these kinds only, for instance LOGIN, REFRESH_TOKEN, REFRESH_TOKEN_REUSE, ADMIN_CHANGE.
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Vec<EventKind>,
    /// Not before: a duration (1h, 2d), a day or a moment in UTC.
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    since: Option<Since>,
    /// Before: a duration (1h, 2d), a day or a moment in UTC.
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    until: Option<Since>,
    /// Refusals only.
    #[arg(long)]
    refused: bool,
    /// At most so many.
    #[arg(long, value_name = "ROWS", default_value = "100", value_parser = parse_page_rows)]
    limit: usize,
}

/// All kinds, for reading their names.
const KINDS: [EventKind; 14] = [
    EventKind::Login,
    EventKind::RefreshToken,
    EventKind::RefreshTokenReuse,
    EventKind::OfflineUpgrade,
    EventKind::DatabaseRegression,
    EventKind::ClientLogin,
    EventKind::TokenRequest,
    EventKind::IntrospectToken,
    EventKind::RevokeGrant,
    EventKind::UserInfoRequest,
    EventKind::Logout,
    EventKind::UserLocked,
    EventKind::AdminChange,
    EventKind::KeyChange,
];

/// An event as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    at: String,
    at_ms: i64,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// Why it was refused; absent when it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    correlation_id: String,
    details: BTreeMap<String, String>,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let open = desk.realm(&arguments.realm).await?;
    let filter = filter(desk, &open, arguments).await?;
    let mut rows = Vec::new();
    let mut page = Page::first(PAGE_ROWS_MAX);
    while rows.len() < arguments.limit {
        let events = desk.store.events(&filter, &page).await.map_err(|error| store_failure(&error))?;
        let last = events.last().map(|event| event.key);
        let is_full = events.len() == PAGE_ROWS_MAX;
        rows.extend(events.into_iter().filter(|event| fits(event, arguments)).map(Row::from));
        match last {
            Some(key) if is_full => page = Page::after(key, PAGE_ROWS_MAX),
            _ => break,
        }
    }
    let is_cut = rows.len() > arguments.limit;
    rows.truncate(arguments.limit);
    desk.output.list(&rows, "no such events")?;
    if is_cut {
        desk.output.hint("there are older ones; see them with --limit, or with --until and the time of the last line");
    }
    Ok(())
}

async fn filter(desk: &Desk, open: &OpenRealm, arguments: &Arguments) -> Result<EventFilter, Failure> {
    let user_id = match &arguments.user {
        None => None,
        // Events outlive the user; then the id is what is left.
        Some(name) => Some(find_user(desk, &open.realm, name).await?.map_or_else(|| name.clone(), |user| user.id)),
    };
    let now = desk.now.seconds();
    let ms = |since: Since| since.seconds(now).saturating_mul(1000);
    let base = EventFilter::realm(open.realm.key);
    let (from_ms, to_ms) = (arguments.since.map_or(base.from_ms, ms), arguments.until.map_or(base.to_ms, ms));
    if from_ms >= to_ms {
        return Err(Failure::new(ExitStatus::Usage, "--since is not before --until"));
    }
    let kind = match arguments.kind.as_slice() {
        [kind] => Some(*kind),
        _ => None,
    };
    Ok(EventFilter { from_ms, to_ms, kind, client_id: arguments.client.clone(), user_id, sid: arguments.sid, ..base })
}

/// What the store's filter can't say.
fn fits(event: &StoredEvent, arguments: &Arguments) -> bool {
    let is_wanted_kind = arguments.kind.is_empty() || arguments.kind.iter().any(|kind| kind.as_str() == event.kind);
    is_wanted_kind && (!arguments.refused || event.reason.is_some())
}

impl From<StoredEvent> for Row {
    fn from(event: StoredEvent) -> Self {
        Self {
            at: shown_ms(event.key.at_ms),
            at_ms: event.key.at_ms,
            kind: event.kind,
            client_id: event.client_id,
            user_id: event.user_id,
            sid: event.sid.map(|sid| sid.to_string()),
            reason: event.reason,
            address: event.address,
            correlation_id: event.correlation_id,
            details: event.details.into_iter().collect(),
        }
    }
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["at", "kind", "outcome", "client", "user", "session", "address", "details"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let outcome = self.reason.clone().unwrap_or_else(|| "ok".to_owned());
        let details: Vec<String> = self.details.iter().map(|(name, value)| format!("{name}={value}")).collect();
        vec![
            self.at.clone(),
            self.kind.clone(),
            outcome,
            text(&self.client_id),
            text(&self.user_id),
            text(&self.sid),
            text(&self.address),
            details.join(" "),
        ]
    }
}

fn parse_kind(text: &str) -> Result<EventKind, String> {
    let wanted = text.to_ascii_uppercase().replace('-', "_");
    KINDS.into_iter().find(|kind| kind.as_str() == wanted).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.as_str()).collect();
        format!("no kind of event; there are {}", names.join(", "))
    })
}

/// Reads a session id. For clap.
pub(super) fn parse_sid(text: &str) -> Result<SessionId, String> {
    SessionId::parse(text).ok_or_else(|| "expected a session id, for instance 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 (lower case)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_by_its_name_in_any_case() {
        for kind in KINDS {
            assert_eq!(parse_kind(kind.as_str()), Ok(kind));
            assert_eq!(parse_kind(&kind.as_str().to_lowercase().replace('_', "-")), Ok(kind));
        }
        assert!(parse_kind("REFRESH").is_err());
    }
}
