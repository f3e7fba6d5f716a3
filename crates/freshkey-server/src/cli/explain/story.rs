//! What is known of a token, session or user, gathered from grants, events and configuration. Its JSON form is what programs read.

use crate::cli::admin::{Desk, OpenRealm, deadline, kind_word};
use crate::cli::explain::reasons;
use crate::cli::{Failure, store_failure};
use freshkey_core::brute_force::{LockState, lock_state};
use freshkey_core::client::Rotation;
use freshkey_core::event::EventKind;
use freshkey_core::grant::{Grant, SessionKind};
use freshkey_core::ids::{SessionId, UserKey};
use freshkey_core::user::User;
use freshkey_store::{EventFilter, GrantFilter, PAGE_ROWS_MAX, Page, StoredEvent};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Subject {
    Token,
    Session,
    User,
}

/// The story.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Story {
    pub(super) subject: Subject,
    pub(super) realm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<TokenFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<UserFacts>,
    pub(super) grants: Vec<GrantFacts>,
    /// Newest first.
    pub(super) events: Vec<EventFacts>,
    /// Whether there may be older ones.
    pub(super) events_omitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_refusal: Option<EventFacts>,
}

/// What a token says of itself, once its signature was found to be ours; nothing of its text.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenFacts {
    pub(super) kind: String,
    pub(super) algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issued_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
    /// Which token of its chain it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generation: Option<i64>,
    /// The newest token of its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) newest_generation: Option<i64>,
}

/// What would happen if the token were used now.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) usable: bool,
    /// The stable name of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    pub(super) words: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserFacts {
    pub(super) username: String,
    pub(super) id: String,
    pub(super) enabled: bool,
    /// When a lock for wrong passwords ends; `null` when it has to be lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) locked: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) required_actions: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GrantFacts {
    pub(super) sid: String,
    pub(super) kind: &'static str,
    pub(super) client_id: String,
    pub(super) generation: i64,
    pub(super) rotates: bool,
    pub(super) started_at: i64,
    pub(super) last_used_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dies_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dies_of: Option<&'static str>,
    /// Is it dead already, only not swept yet?
    pub(super) expired: bool,
    pub(super) would_end_by: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventFacts {
    pub(super) at_ms: i64,
    pub(super) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    /// The stable name of the refusal; absent when it was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) words: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<&'static str>,
    pub(super) correlation_id: String,
    pub(super) details: BTreeMap<String, String>,
    #[serde(skip)]
    user_id: Option<String>,
}

impl Story {
    pub(super) fn new(open: &OpenRealm, subject: Subject) -> Self {
        Self {
            subject,
            realm: open.documents.name.clone(),
            token: None,
            verdict: None,
            sid: None,
            user: None,
            grants: Vec::new(),
            events: Vec::new(),
            events_omitted: false,
            last_refusal: None,
        }
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.grants.is_empty() && self.events.is_empty()
    }

    pub(super) async fn add_grants(&mut self, desk: &Desk, open: &OpenRealm, filter: &GrantFilter) -> Result<(), Failure> {
        let grants = desk.store.grants(filter, &Page::first(PAGE_ROWS_MAX)).await.map_err(|error| store_failure(&error))?;
        let now = desk.now.seconds();
        self.grants = grants.iter().map(|grant| grant_facts(open, grant, &grants, now)).collect();
        if let Some(key) = grants.first().map(|grant| grant.user)
            && self.user.is_none()
        {
            self.add_user_with(desk, open, key).await?;
        }
        Ok(())
    }

    pub(super) async fn add_user_with(&mut self, desk: &Desk, open: &OpenRealm, key: UserKey) -> Result<(), Failure> {
        match desk.store.user(open.realm.key, key).await.map_err(|error| store_failure(&error))? {
            Some(user) => self.add_user(desk, open, user).await,
            None => Ok(()),
        }
    }

    pub(super) async fn add_user(&mut self, desk: &Desk, open: &OpenRealm, user: User) -> Result<(), Failure> {
        let failures =
            desk.store.login_failures(open.realm.key, user.key).await.map_err(|error| store_failure(&error))?.unwrap_or_default();
        let locked = match lock_state(&failures, &open.realm.settings.brute_force, desk.now) {
            LockState::Open => None,
            LockState::Temporary { until_s } => Some(format!("until {}", crate::cli::output::moment::shown(until_s))),
            LockState::Permanent => Some("until an administrator lifts it".to_owned()),
        };
        self.user = Some(UserFacts {
            username: user.username,
            id: user.id,
            enabled: user.enabled,
            locked,
            required_actions: user.required_actions,
        });
        Ok(())
    }

    /// The user of a session whose grants are gone is known from its events.
    pub(super) async fn add_user_of_events(&mut self, desk: &Desk, open: &OpenRealm) -> Result<(), Failure> {
        let id = self.events.iter().find_map(|event| event.user_id.clone());
        match id {
            Some(id) if self.user.is_none() => self.add_user_with(desk, open, UserKey::of(&id)).await,
            _ => Ok(()),
        }
    }

    /// Events of a session, and what administrators did to its user meanwhile: that too can end a session.
    pub(super) async fn add_session_events(&mut self, desk: &Desk, open: &OpenRealm, sid: SessionId, most: usize) -> Result<(), Failure> {
        let filter = EventFilter { sid: Some(sid), ..EventFilter::realm(open.realm.key) };
        let mut events = events(desk, &filter, most).await?;
        let user_id = events.iter().find_map(|event| event.user_id.clone()).or_else(|| self.user.as_ref().map(|user| user.id.clone()));
        if let (Some(user_id), Some(oldest)) = (user_id, events.last()) {
            let filter = EventFilter {
                user_id: Some(user_id),
                kind: Some(EventKind::AdminChange),
                from_ms: oldest.key.at_ms,
                ..EventFilter::realm(open.realm.key)
            };
            events.extend(self::events(desk, &filter, most).await?);
        }
        self.put_events(events, most);
        Ok(())
    }

    pub(super) async fn add_user_events(&mut self, desk: &Desk, open: &OpenRealm, user_id: &str, most: usize) -> Result<(), Failure> {
        let filter = EventFilter { user_id: Some(user_id.to_owned()), ..EventFilter::realm(open.realm.key) };
        let events = events(desk, &filter, most).await?;
        self.put_events(events, most);
        Ok(())
    }

    fn put_events(&mut self, mut events: Vec<StoredEvent>, most: usize) {
        events.sort_by_key(|event| std::cmp::Reverse(event.key));
        events.dedup_by(|a, b| a.key == b.key);
        self.events_omitted = events.len() >= most;
        events.truncate(most);
        self.events = events.into_iter().map(EventFacts::from).collect();
        self.last_refusal = self.events.iter().find(|event| event.reason.is_some()).cloned();
    }
}

async fn events(desk: &Desk, filter: &EventFilter, most: usize) -> Result<Vec<StoredEvent>, Failure> {
    desk.store.events(filter, &Page::first(most.min(PAGE_ROWS_MAX))).await.map_err(|error| store_failure(&error))
}

fn grant_facts(open: &OpenRealm, grant: &Grant, siblings: &[Grant], now: i64) -> GrantFacts {
    let end = deadline(&open.realm, grant, siblings);
    let client = open.realm.client_by_key(grant.id.client);
    let rotates = client.is_some_and(|client| open.realm.rotation(client) == Rotation::On);
    GrantFacts {
        sid: grant.id.sid.to_string(),
        kind: kind_word(grant.id.kind),
        client_id: client.map_or_else(|| grant.id.client.to_string(), |client| client.client_id.clone()),
        generation: grant.generation,
        rotates,
        started_at: grant.started_at,
        last_used_at: grant.last_used_at,
        dies_at: end.map(|end| end.at),
        dies_of: end.map(|end| end.cause),
        expired: end.is_none_or(|end| end.at <= now),
        would_end_by: would_end_by(grant.id.kind, rotates),
    }
}

/// What ends a grant besides its age.
fn would_end_by(kind: SessionKind, rotates: bool) -> Vec<&'static str> {
    let mut ways = vec![
        "logging out or revoking with one of its tokens",
        "`admin session end`",
        "`admin user set --log-out`, or removing the user or the client",
    ];
    if rotates {
        ways.push("use of an older token of the chain after its grace window");
    }
    if kind == SessionKind::Offline {
        ways.push("a newer offline grant beyond the realm's limit");
    }
    ways
}

impl From<StoredEvent> for EventFacts {
    fn from(event: StoredEvent) -> Self {
        let said = event.reason.as_deref().map(reasons::explained);
        Self {
            at_ms: event.key.at_ms,
            kind: event.kind,
            client_id: event.client_id,
            address: event.address,
            words: said.map(|said| said.words),
            advice: said.and_then(|said| said.advice),
            reason: event.reason,
            correlation_id: event.correlation_id,
            details: event.details.into_iter().collect(),
            user_id: event.user_id,
        }
    }
}
