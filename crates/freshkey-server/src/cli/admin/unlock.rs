//! `admin unlock`: forgets wrong passwords.

use super::{Deed, Desk, RealmOption, people};
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::event::EventKind;
use serde_json::json;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  freshkey-server admin --data DIR unlock demo --realm UA
  freshkey-server admin --data DIR unlock --all --realm UA")]
pub(super) struct Arguments {
    #[command(flatten)]
    realm: RealmOption,
    /// The user: name, id or e-mail address.
    #[arg(required_unless_present = "all")]
    user: Option<String>,
    /// Every user of the realm.
    #[arg(long, conflicts_with = "user")]
    all: bool,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let open = desk.realm(&arguments.realm).await?;
    let user = match (&arguments.user, arguments.all) {
        (Some(name), _) => Some(people::user(desk, &open.realm, name).await?),
        (None, true) => None,
        (None, false) => return Err(Failure::new(ExitStatus::Usage, "no user was named").with_hint("name a user, or say --all")),
    };
    let name = user.as_ref().map_or("every user", |user| user.username.as_str());
    let deed = user.as_ref().map_or_else(|| Deed::new("user.unlock", "*"), |user| Deed::to_user("user.unlock", user));
    let record = desk.record(open.realm.key, EventKind::AdminChange, &deed);
    let key = user.as_ref().map(|user| user.key);
    desk.store.clear_login_failures(open.realm.key, key, &record).await.map_err(|error| store_failure(&error))?;
    desk.output.done(
        &format!("wrong passwords of {name} are forgotten"),
        &json!({ "action": "user.unlock", "realm": open.documents.name, "user": user.map(|user| user.username) }),
    )
}
