//! `freshkey-server explain`: whose a token or session is, what was done with it, why the last refusal happened, and when it dies. It reads, and changes
//! nothing. A token that it is given never comes out again, nor any part of one (T-054).

mod print;
mod reasons;
mod story;
mod token;

use super::admin::{Desk, OpenRealm, Place, Printing, block_on, find_user, not_found};
use super::output::Format;
use super::{ExitStatus, Failure, store_failure};
use crate::limits::STANDARD_INPUT_BYTES_MAX;
use freshkey_core::ids::SessionId;
use freshkey_protocol::Secret;
use freshkey_store::GrantFilter;
use std::io::Read as _;
use story::{Story, Subject};

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  freshkey-server explain --data DIR demo
  freshkey-server explain --data DIR 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071
  freshkey-server explain --data DIR - < refresh-token.txt
  freshkey-server explain --config /etc/freshkey.toml --realm UA --json - < refresh-token.txt

Give a token on standard input: on the command line others on this machine could read it. The exit code is 0 when the question could be answered, whatever the answer,
and 7 when there is nothing to tell of."
)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    printing: Printing,
    /// The realm; found by itself when left out.
    #[arg(long, value_name = "NAME")]
    realm: Option<String>,
    /// How many events are shown, newest first.
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    events: usize,
    /// A token, a session id, or a user (name, id or e-mail address); - reads it from standard input.
    #[arg(value_name = "TOKEN|SID|USER")]
    subject: String,
}

/// Opens the database and tells the story.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let output = arguments.printing.output();
    let subject = Secret::new(if arguments.subject == "-" { from_standard_input()? } else { arguments.subject.clone() });
    block_on(async {
        let desk = Desk::open(&arguments.place, output).await?;
        let told = tell(&desk, arguments, subject.expose()).await;
        desk.close().await;
        told
    })
}

async fn tell(desk: &Desk, arguments: &Arguments, subject: &str) -> Result<(), Failure> {
    let story = if token::looks_like_one(subject) {
        token::explain(desk, arguments, subject).await?
    } else if let Some(sid) = SessionId::parse(subject) {
        of_session_or_user(desk, arguments, sid, subject).await?
    } else {
        of_user(desk, arguments, subject).await?
    };
    match desk.output.format() {
        Format::Json => desk.output.json(&story),
        Format::Human => desk.output.raw(print::text(&story, desk.now.seconds()).as_bytes()),
    }
}

/// The ids of users have the shape of session ids.
async fn of_session_or_user(desk: &Desk, arguments: &Arguments, sid: SessionId, text: &str) -> Result<Story, Failure> {
    for open in realms(desk, arguments).await? {
        let mut story = Story::new(&open, Subject::Session);
        story.sid = Some(sid.to_string());
        story.add_grants(desk, &open, &GrantFilter::session(open.realm.key, sid)).await?;
        story.add_session_events(desk, &open, sid, arguments.events).await?;
        if story.is_empty() {
            continue;
        }
        story.add_user_of_events(desk, &open).await?;
        return Ok(story);
    }
    of_user(desk, arguments, text).await
}

async fn of_user(desk: &Desk, arguments: &Arguments, name: &str) -> Result<Story, Failure> {
    for open in realms(desk, arguments).await? {
        if let Some(user) = find_user(desk, &open.realm, name).await? {
            let mut story = Story::new(&open, Subject::User);
            story.add_grants(desk, &open, &GrantFilter::user(open.realm.key, user.key)).await?;
            story.add_user_events(desk, &open, &user.id, arguments.events).await?;
            story.add_user(desk, &open, user).await?;
            return Ok(story);
        }
        // A user who was removed has left events.
        let mut story = Story::new(&open, Subject::User);
        story.add_user_events(desk, &open, name, arguments.events).await?;
        if !story.is_empty() {
            return Ok(story);
        }
    }
    Err(not_found("token, session or user of that name")
        .with_hint("a token goes on standard input: `explain … - < token.txt`; sessions leave events for as long as the realm keeps them"))
}

/// The realm that was named, or all.
async fn realms(desk: &Desk, arguments: &Arguments) -> Result<Vec<OpenRealm>, Failure> {
    if let Some(name) = &arguments.realm {
        return Ok(vec![desk.realm_named(name).await?]);
    }
    let mut realms = Vec::new();
    for entry in desk.store.realm_list().await.map_err(|error| store_failure(&error))? {
        realms.push(desk.realm_named(&entry.name).await?);
    }
    Ok(realms)
}

fn from_standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let limit = u64::try_from(STANDARD_INPUT_BYTES_MAX).unwrap_or(u64::MAX);
    std::io::stdin()
        .lock()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(ExitStatus::Failed, format!("standard input cannot be read: {error}")))?;
    Ok(text.trim().to_owned())
}
