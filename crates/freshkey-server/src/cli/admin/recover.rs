//! `admin recover`: decides about grants of which the database has forgotten acknowledged rotations: after a failover that lost commits, or a restored
//! backup (T-095). Until somebody decides, such a grant answers 503.

use super::people::Names;
use super::session::{client_name, grant_text, parse_grant};
use super::{Deed, Desk, OpenRealm, RealmOption, kind_word, not_found};
use crate::cli::output::Listed;
use crate::cli::output::moment::shown;
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::event::EventKind;
use freshkey_core::grant::GrantId;
use freshkey_store::{PAGE_ROWS_MAX, Page, RegressedGrant, RegressedRow, Stepped};
use serde::Serialize;
use serde_json::json;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  freshkey-server admin --data DIR recover list --realm UA
  freshkey-server admin --data DIR recover end --all --realm UA
  freshkey-server admin --data DIR recover step-forward --all --realm UA

End is the safe choice: the person signs in again. Step forward when the tokens are known to be in the right hands, for instance after a failover in
which the last second of commits was lost: the newest token that was presented then becomes the valid one."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the grants that wait for a decision.
    List,
    /// End grants, and take them off the list.
    End(Choice),
    /// Step grants forward to the newest token that was presented, and take them off the list.
    StepForward(Choice),
}

#[derive(Debug, clap::Args)]
struct Choice {
    /// Grants, as `recover list` names them.
    #[arg(value_name = "GRANT", value_parser = parse_grant, required_unless_present = "all")]
    grants: Vec<GrantId>,
    /// All that are listed.
    #[arg(long, conflicts_with = "grants")]
    all: bool,
}

/// A grant that waits, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    grant: String,
    kind: &'static str,
    client_id: String,
    user: String,
    stored_generation: i64,
    seen_generation: i64,
    noticed_at: i64,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let open = desk.realm(&arguments.realm).await?;
    let waiting = waiting(desk, &open).await?;
    match &arguments.verb {
        Verb::List => list(desk, &open, &waiting).await,
        Verb::End(choice) => {
            for (grant, _) in choice.of(&waiting)? {
                let record = desk.record(open.realm.key, EventKind::AdminChange, &deed("recover.end", &grant.id));
                desk.store.end_regressed_grant(grant, &record).await.map_err(|error| store_failure(&error))?;
            }
            tell(desk, &open, "recover.end", "ended", &choice.of(&waiting)?)
        }
        Verb::StepForward(choice) => {
            for (grant, row) in choice.of(&waiting)? {
                step(desk, &open, grant, row).await?;
            }
            tell(desk, &open, "recover.step-forward", "stepped forward", &choice.of(&waiting)?)
        }
    }
}

/// The grants of this realm that wait. One that has ended meanwhile is taken off the list.
async fn waiting(desk: &Desk, open: &OpenRealm) -> Result<Vec<(RegressedGrant, RegressedRow)>, Failure> {
    let mut waiting = Vec::new();
    let mut page = Page::first(PAGE_ROWS_MAX);
    loop {
        let found = desk.store.regressed_grants(&page).await.map_err(|error| store_failure(&error))?;
        let last = found.last().map(|grant| grant.id);
        let is_full = found.len() == PAGE_ROWS_MAX;
        for grant in found {
            match grant.row.clone() {
                Some(row) if row.realm == open.realm.key => waiting.push((grant, row)),
                Some(_) => {}
                None => desk.store.clear_regressed_grant(&grant.id).await.map_err(|error| store_failure(&error))?,
            }
        }
        match last {
            Some(id) if is_full => page = Page::after(id, PAGE_ROWS_MAX),
            _ => return Ok(waiting),
        }
    }
}

async fn list(desk: &Desk, open: &OpenRealm, waiting: &[(RegressedGrant, RegressedRow)]) -> Result<(), Failure> {
    let mut names = Names::new(desk, open.realm.key);
    let mut rows = Vec::with_capacity(waiting.len());
    for (grant, row) in waiting {
        rows.push(Row {
            grant: grant_text(&grant.id),
            kind: kind_word(grant.id.kind),
            client_id: client_name(&open.realm, grant.id.client),
            user: names.get(row.user).await?.map_or_else(|| row.user.to_string(), |user| user.username.clone()),
            stored_generation: row.generation,
            seen_generation: grant.seen_generation,
            noticed_at: grant.noticed_at,
        });
    }
    desk.output.list(&rows, "nothing waits for a decision")
}

async fn step(desk: &Desk, open: &OpenRealm, grant: &RegressedGrant, row: &RegressedRow) -> Result<(), Failure> {
    let deed =
        deed("recover.step-forward", &grant.id).with("from", row.generation.to_string()).with("to", grant.seen_generation.to_string());
    let record = desk.record(open.realm.key, EventKind::AdminChange, &deed);
    let stepped = desk
        .store
        .set_generation(&grant.id, row.generation, grant.seen_generation, &record)
        .await
        .map_err(|error| store_failure(&error))?;
    match stepped {
        Stepped::Yes => Ok(()),
        Stepped::No => {
            Err(Failure::new(ExitStatus::Conflict, format!("grant {} moved or ended at the same moment", grant_text(&grant.id)))
                .with_hint("look again with `recover list`; what came before it in the list is done"))
        }
    }
}

fn deed(action: &'static str, id: &GrantId) -> Deed {
    Deed::to_session(action, id.sid).with("grant", grant_text(id))
}

fn tell(desk: &Desk, open: &OpenRealm, action: &str, done: &str, grants: &[&(RegressedGrant, RegressedRow)]) -> Result<(), Failure> {
    let names: Vec<String> = grants.iter().map(|(grant, _)| grant_text(&grant.id)).collect();
    desk.output.done(&format!("{} {done}", names.len()), &json!({ "action": action, "realm": open.documents.name, "grants": names }))
}

impl Choice {
    /// The chosen ones of those that wait; one that doesn't wait is an error before anything is changed.
    fn of<'w>(&self, waiting: &'w [(RegressedGrant, RegressedRow)]) -> Result<Vec<&'w (RegressedGrant, RegressedRow)>, Failure> {
        if self.all {
            return Ok(waiting.iter().collect());
        }
        let find = |id: &GrantId| {
            let found = waiting.iter().find(|(grant, _)| grant.id == *id);
            found.ok_or_else(|| {
                not_found(&format!("grant {} that waits for a decision", grant_text(id))).with_hint("`recover list` shows those that do")
            })
        };
        self.grants.iter().map(find).collect()
    }
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["grant", "client", "user", "stored", "seen", "noticed"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.grant.clone(),
            self.client_id.clone(),
            self.user.clone(),
            self.stored_generation.to_string(),
            self.seen_generation.to_string(),
            shown(self.noticed_at),
        ]
    }
}
