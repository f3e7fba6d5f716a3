//! The story for people.

use super::story::{EventFacts, GrantFacts, Story, Subject};
use crate::cli::output::moment::{shown_from, shown_ms};
use crate::cli::output::table::{columns, facts};

/// The whole text.
pub(super) fn text(story: &Story, now: i64) -> String {
    let mut text = String::new();
    section(&mut text, "", &facts(&head(story, now)));
    if let Some(verdict) = &story.verdict {
        let usable = if verdict.usable { "yes" } else { "no" };
        let reason = verdict.reason.clone().unwrap_or_default();
        let lines = [
            ("usable now", usable.to_owned()),
            ("because", verdict.words.clone()),
            ("reason", reason),
            ("what helps", verdict.advice.clone().unwrap_or_default()),
        ];
        section(&mut text, "", &facts(&lines));
    }
    section(&mut text, "Grants", &grants(&story.grants, now));
    section(&mut text, "What would end them", &endings(&story.grants));
    section(&mut text, "Last refusal", &refusal(story.last_refusal.as_ref()));
    section(&mut text, "Events, newest first", &events(&story.events));
    if story.events_omitted {
        text.push_str("older ones: more with --events, all with `admin events --since`\n");
    }
    text
}

fn section(text: &mut String, heading: &str, body: &str) {
    if body.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    if !heading.is_empty() {
        text.push_str(heading);
        text.push('\n');
    }
    text.push_str(body);
}

fn head(story: &Story, now: i64) -> Vec<(&'static str, String)> {
    let mut lines = vec![("realm", story.realm.clone())];
    if let Some(token) = &story.token {
        let signed = format!("{} token, signed by a key of this realm ({})", token.kind, token.algorithm);
        let moment = |at: Option<i64>| at.map_or_else(String::new, |at| shown_from(at, now));
        let generation = token.generation.map_or_else(String::new, |own| match token.newest_generation {
            Some(newest) => format!("{own} of a chain whose newest is {newest}"),
            None => format!("{own} of a chain that has ended"),
        });
        let no_end = if token.expires_at.is_none() { "never by itself".to_owned() } else { moment(token.expires_at) };
        lines.extend([("token", signed), ("issued", moment(token.issued_at)), ("expires", no_end), ("generation", generation)]);
        lines.extend([("client", token.client_id.clone().unwrap_or_default()), ("scope", token.scope.clone().unwrap_or_default())]);
        lines.push(("issuer", token.issuer.clone().unwrap_or_default()));
    }
    lines.push(("session", story.sid.clone().unwrap_or_default()));
    match &story.user {
        Some(user) => {
            let state = if user.enabled { "" } else { ", switched off" };
            lines.push(("user", format!("{} ({}){state}", user.username, user.id)));
            lines.push(("locked", user.locked.clone().unwrap_or_default()));
            lines.push(("must do", user.required_actions.join(" ")));
        }
        None if story.subject != Subject::Session => lines.push(("user", "gone, or never known".to_owned())),
        None => {}
    }
    lines
}

fn grants(grants: &[GrantFacts], now: i64) -> String {
    if grants.is_empty() {
        return "none: nothing here can refresh any more\n".to_owned();
    }
    let cells = |grant: &GrantFacts| {
        let dies = match (grant.dies_at, grant.dies_of) {
            (Some(at), Some(cause)) if grant.expired => format!("{} of {cause}: dead", shown_from(at, now)),
            (Some(at), Some(cause)) => format!("{} of {cause}", shown_from(at, now)),
            _ => "its client is gone".to_owned(),
        };
        let chain = if grant.rotates || grant.generation > 0 { grant.generation.to_string() } else { String::new() };
        vec![
            grant.sid.clone(),
            grant.kind.to_owned(),
            grant.client_id.clone(),
            chain,
            shown_from(grant.started_at, now),
            shown_from(grant.last_used_at, now),
            dies,
        ]
    };
    columns(&["session", "kind", "client", "generation", "started", "last used", "dies"], grants.iter().map(cells))
}

fn endings(grants: &[GrantFacts]) -> String {
    let mut ways: Vec<&str> = grants.iter().flat_map(|grant| grant.would_end_by.iter().copied()).collect();
    ways.sort_unstable();
    ways.dedup();
    ways.iter().map(|way| format!("- {way}\n")).collect()
}

fn refusal(refusal: Option<&EventFacts>) -> String {
    let Some(event) = refusal else { return String::new() };
    facts(&[
        ("at", shown_ms(event.at_ms)),
        ("what", event.kind.clone()),
        ("from", event.address.clone().unwrap_or_default()),
        ("reason", event.reason.clone().unwrap_or_default()),
        ("because", event.words.unwrap_or_default().to_owned()),
        ("what helps", event.advice.unwrap_or_default().to_owned()),
        ("correlation", event.correlation_id.clone()),
    ])
}

fn events(events: &[EventFacts]) -> String {
    if events.is_empty() {
        return String::new();
    }
    let cells = |event: &EventFacts| {
        let decision = event.reason.clone().unwrap_or_else(|| "ok".to_owned());
        let who = event.details.get("actor").map_or_else(|| event.address.clone().unwrap_or_default(), Clone::clone);
        let what = event.details.get("action").cloned().unwrap_or_default();
        vec![shown_ms(event.at_ms), event.kind.clone(), decision, event.client_id.clone().unwrap_or_default(), who, what]
    };
    columns(&["at", "what", "decision", "client", "from", ""], events.iter().map(cells))
}
