//! `admin session`: every grant that can refresh, and its end (T-021).
//!
//! A session (one sign-in) holds grants: one for each client, kind (online or offline) and chain. A grant is named `SID/KIND/CLIENT/CHAIN`, as the JSON lists show it.

use super::events::parse_sid;
use super::people::{self, Names};
use super::values::parse_page_rows;
use super::{Deed, Desk, OpenRealm, RealmOption, deadline, kind_word, not_found};
use crate::cli::output::Listed;
use crate::cli::output::moment::{shown, shown_from};
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::change::{Applied, Change};
use freshkey_core::event::EventKind;
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, SessionId, parse_uuid};
use freshkey_core::realm::Realm;
use freshkey_store::{GrantFilter, PAGE_ROWS_MAX, Page};
use serde::Serialize;
use serde_json::json;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List grants, the oldest session first.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR session list --realm UA --user demo
  freshkey-server admin --data DIR session list --realm UA --user demo --offline --json")]
    List(ListArguments),
    /// Show one session with all its grants.
    Show {
        /// The session id.
        #[arg(value_parser = parse_sid)]
        sid: SessionId,
    },
    /// End sessions: all of one, one grant, or all of a user. Their refresh tokens are dead at once.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR session end 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --realm UA
  freshkey-server admin --data DIR session end 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --client ua-grant --offline
  freshkey-server admin --data DIR session end --user demo --realm UA
  freshkey-server admin --data DIR session end --user demo --client ua-grant --offline

A grant named in full (`grant` of `session list --json`) ends alone. The end of an offline grant takes the online grant along that it came
from, which could otherwise make it anew. Access tokens that are out already live until they expire.")]
    End(EndArguments),
}

#[derive(Debug, clap::Args)]
struct ListArguments {
    /// Of this user only: name, id or e-mail address.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    choice: Choice,
    /// At most so many.
    #[arg(long, value_name = "ROWS", default_value = "100", value_parser = parse_page_rows)]
    limit: usize,
    /// The grant after which the page begins: the last one of the page before.
    #[arg(long, value_name = "GRANT", value_parser = parse_grant)]
    after: Option<GrantId>,
}

#[derive(Debug, clap::Args)]
struct EndArguments {
    /// Session ids, or grants named in full.
    #[arg(value_name = "SID|GRANT", value_parser = parse_target, required_unless_present = "user", conflicts_with = "user")]
    targets: Vec<Target>,
    /// All sessions of this user: name, id or e-mail address.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    choice: Choice,
}

/// Some of the grants of a session or user.
#[derive(Debug, clap::Args)]
struct Choice {
    /// Of this client only.
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
    /// Offline grants only.
    #[arg(long, conflicts_with = "online")]
    offline: bool,
    /// Online grants only.
    #[arg(long)]
    online: bool,
}

/// What is to end.
#[derive(Debug, Clone, Copy)]
enum Target {
    Session(SessionId),
    Grant(GrantId),
}

/// A grant as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    grant: String,
    sid: String,
    kind: &'static str,
    /// `client_id`, or the key of a client that is gone.
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    user_id: String,
    generation: i64,
    session_started_at: i64,
    started_at: i64,
    last_used_at: i64,
    /// When it dies if nobody uses it; absent when its client is gone, so that nobody can.
    #[serde(skip_serializing_if = "Option::is_none")]
    dies_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dies_of: Option<&'static str>,
    #[serde(skip)]
    now: i64,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let open = desk.realm(&arguments.realm).await?;
    match &arguments.verb {
        Verb::List(list) => list_grants(desk, &open, list).await,
        Verb::Show { sid } => show(desk, &open, *sid).await,
        Verb::End(end) => match &end.user {
            Some(user) => end_user(desk, &open, user, &end.choice).await,
            None => end_targets(desk, &open, end).await,
        },
    }
}

async fn list_grants(desk: &Desk, open: &OpenRealm, arguments: &ListArguments) -> Result<(), Failure> {
    let user = match &arguments.user {
        Some(name) => Some(people::user(desk, &open.realm, name).await?.key),
        None => None,
    };
    let filter = GrantFilter { user, ..arguments.choice.filter(&open.realm)? };
    let page = Page { after: arguments.after, rows: arguments.limit };
    let grants = desk.store.grants(&filter, &page).await.map_err(|error| store_failure(&error))?;
    let rows = rows(desk, open, &grants).await?;
    desk.output.list(&rows, "no such grants")?;
    if let Some(last) = grants.last().filter(|_| grants.len() == arguments.limit) {
        desk.output.hint(&format!("there may be more; the next page begins with --after {}", grant_text(&last.id)));
    }
    Ok(())
}

async fn show(desk: &Desk, open: &OpenRealm, sid: SessionId) -> Result<(), Failure> {
    let grants = all(desk, &GrantFilter::session(open.realm.key, sid)).await?;
    if grants.is_empty() {
        let hint = format!("if it lived once, `freshkey-server explain … {sid}` says what became of it");
        return Err(not_found(&format!("session {sid} in realm {:?}", open.documents.name)).with_hint(hint));
    }
    desk.output.list(&rows(desk, open, &grants).await?, "")
}

async fn end_user(desk: &Desk, open: &OpenRealm, name: &str, choice: &Choice) -> Result<(), Failure> {
    let user = people::user(desk, &open.realm, name).await?;
    let filter = GrantFilter { user: Some(user.key), ..choice.filter(&open.realm)? };
    let deed = Deed::to_user("session.end", &user)
        .with("client", choice.client.as_deref().unwrap_or_default())
        .with("kind", choice.kind().map_or("", kind_word));
    let record = desk.record(open.realm.key, EventKind::AdminChange, &deed);
    let ended = desk.store.end_grants(&filter, &record).await.map_err(|error| store_failure(&error))?;
    tell(desk, open, &ended)
}

async fn end_targets(desk: &Desk, open: &OpenRealm, arguments: &EndArguments) -> Result<(), Failure> {
    let mut ended = Vec::new();
    for target in &arguments.targets {
        let (sid, found) = match *target {
            Target::Session(sid) => (sid, all(desk, &GrantFilter { sid: Some(sid), ..arguments.choice.filter(&open.realm)? }).await?),
            Target::Grant(id) => {
                let of_session = all(desk, &GrantFilter::session(open.realm.key, id.sid)).await?;
                (id.sid, of_session.into_iter().filter(|grant| grant.id == id).collect())
            }
        };
        if found.is_empty() {
            let failure = not_found(&format!("such grant of session {sid} in realm {:?}", open.documents.name));
            return Err(failure.with_hint(format!("`admin … session show {sid}` lists what it has; {} ended so far", ended.len())));
        }
        ended.extend(end_found(desk, open, sid, found).await?);
    }
    tell(desk, open, &ended)
}

/// Ends these grants of one session in one transaction.
async fn end_found(desk: &Desk, open: &OpenRealm, sid: SessionId, found: Vec<Grant>) -> Result<Vec<Grant>, Failure> {
    let names: Vec<String> = found.iter().map(|grant| grant_text(&grant.id)).collect();
    let record = desk.record(open.realm.key, EventKind::AdminChange, &Deed::to_session("session.end", sid).with("grants", names.join(" ")));
    let changes: Vec<Change> = found.iter().map(|grant| Change::EndGrant(grant.id)).collect();
    match desk.store.record(&changes, &record).await.map_err(|error| store_failure(&error))? {
        Applied::Yes => Ok(found),
        // Ending has no condition that somebody else could break.
        Applied::Raced => {
            Err(Failure::new(ExitStatus::Conflict, format!("session {sid} changed at the same moment")).with_hint("run the command again"))
        }
    }
}

fn tell(desk: &Desk, open: &OpenRealm, ended: &[Grant]) -> Result<(), Failure> {
    let names: Vec<String> = ended.iter().map(|grant| grant_text(&grant.id)).collect();
    let count = ended.len();
    let sentence = match count {
        0 => "there was nothing to end".to_owned(),
        1 => "1 grant ended".to_owned(),
        _ => format!("{count} grants ended"),
    };
    desk.output.done(&sentence, &json!({ "action": "session.end", "realm": open.documents.name, "ended": names }))
}

/// All grants of a session or user; there are few.
pub(super) async fn all(desk: &Desk, filter: &GrantFilter) -> Result<Vec<Grant>, Failure> {
    let mut grants = Vec::new();
    let mut page = Page::first(PAGE_ROWS_MAX);
    loop {
        let found = desk.store.grants(filter, &page).await.map_err(|error| store_failure(&error))?;
        let last = found.last().map(|grant| grant.id);
        let is_full = found.len() == PAGE_ROWS_MAX;
        grants.extend(found);
        match last {
            Some(id) if is_full => page = Page::after(id, PAGE_ROWS_MAX),
            _ => return Ok(grants),
        }
    }
}

async fn rows(desk: &Desk, open: &OpenRealm, grants: &[Grant]) -> Result<Vec<Row>, Failure> {
    let mut names = Names::new(desk, open.realm.key);
    let mut rows = Vec::with_capacity(grants.len());
    for grant in grants {
        let user = names.get(grant.user).await?;
        let end = deadline(&open.realm, grant, grants);
        rows.push(Row {
            grant: grant_text(&grant.id),
            sid: grant.id.sid.to_string(),
            kind: kind_word(grant.id.kind),
            client_id: client_name(&open.realm, grant.id.client),
            username: user.map(|user| user.username.clone()),
            user_id: user.map_or_else(|| grant.user.to_string(), |user| user.id.clone()),
            generation: grant.generation,
            session_started_at: grant.session_started_at,
            started_at: grant.started_at,
            last_used_at: grant.last_used_at,
            dies_at: end.map(|end| end.at),
            dies_of: end.map(|end| end.cause),
            now: desk.now.seconds(),
        });
    }
    Ok(rows)
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["session", "kind", "client", "user", "started", "last used", "dies"];

    fn cells(&self) -> Vec<String> {
        let dies = self.dies_at.map_or_else(|| "with its client, which is gone".to_owned(), |at| shown_from(at, self.now));
        let user = self.username.clone().unwrap_or_else(|| self.user_id.clone());
        vec![self.sid.clone(), self.kind.to_owned(), self.client_id.clone(), user, shown(self.started_at), shown(self.last_used_at), dies]
    }
}

/// `client_id`, or the key of a client that is gone.
pub(super) fn client_name(realm: &Realm, key: ClientKey) -> String {
    realm.client_ids.get(&key).cloned().unwrap_or_else(|| key.to_string())
}

impl Choice {
    fn kind(&self) -> Option<SessionKind> {
        match (self.offline, self.online) {
            (true, _) => Some(SessionKind::Offline),
            (false, true) => Some(SessionKind::Online),
            (false, false) => None,
        }
    }

    fn filter(&self, realm: &Realm) -> Result<GrantFilter, Failure> {
        let client = match &self.client {
            None => None,
            Some(client_id) => match realm.clients.get(client_id) {
                Some(client) => Some(client.key),
                None => return Err(not_found(&format!("client {client_id:?} in realm {:?}", realm.settings.name))),
            },
        };
        Ok(GrantFilter { client, kind: self.kind(), ..GrantFilter::realm(realm.key) })
    }
}

/// The full name of a grant.
pub(super) fn grant_text(id: &GrantId) -> String {
    format!("{}/{}/{}/{}", id.sid, kind_word(id.kind), id.client, id.family)
}

/// Reads the full name of a grant. For clap.
pub(super) fn parse_grant(text: &str) -> Result<GrantId, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [sid, kind, client, family] = parts.as_slice() else { return Err(grant_expected()) };
    let kind = match *kind {
        "online" => SessionKind::Online,
        "offline" => SessionKind::Offline,
        _ => return Err(grant_expected()),
    };
    let id = SessionId::parse(sid).zip(parse_uuid(client).map(ClientKey)).zip(Family::parse(family));
    id.map(|((sid, client), family)| GrantId { sid, kind, client, family }).ok_or_else(grant_expected)
}

fn grant_expected() -> String {
    "expected a grant as `session list --json` names it: SID/online|offline/CLIENT/CHAIN".to_owned()
}

fn parse_target(text: &str) -> Result<Target, String> {
    if text.contains('/') { parse_grant(text).map(Target::Grant) } else { parse_sid(text).map(Target::Session) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_grant_reads_back() {
        let id = GrantId { sid: SessionId([7; 16]), kind: SessionKind::Offline, client: ClientKey([9; 16]), family: Family(-3) };
        assert_eq!(parse_grant(&grant_text(&id)), Ok(id));
        for text in [
            "",
            "a/b/c/d",
            "07070707-0707-0707-0707-070707070707",
            "07070707-0707-0707-0707-070707070707/OFFLINE/09090909-0909-0909-0909-090909090909/0000000000000000",
        ] {
            assert!(parse_grant(text).is_err(), "{text}");
        }
    }
}
