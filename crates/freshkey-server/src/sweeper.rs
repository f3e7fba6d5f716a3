//! Removes what is dead, gently, in the background. What counts as dead follows from the realms' settings; a refresh never depends on it.

use crate::app::App;
use crate::limits::{SWEEP_INTERVAL, SWEEP_ROWS_PER_STEP};
use freshkey_core::Now;
use freshkey_core::grant::SessionKind;
use freshkey_core::lifetimes::{ClientLifetimes, Lifetimes};
use freshkey_core::realm::Realm;
use freshkey_store::{Cutoff, GrantCutoffs, StoreError, SweepPolicy, SweepPosition, Swept};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::sleep;

const DAY_S: i64 = 24 * 60 * 60;

/// Wrong guesses older than this matter to nobody: the longest time after which Keycloak's settings forget them is shorter.
const FAILURES_KEPT_S: i64 = 30 * DAY_S;

/// Dead rows stay this much longer than they must: a clock that is wrong by a day kills nothing.
const SAFETY_S: i64 = DAY_S;

/// Sweeps now and then, for ever. Several nodes may do so at the same time; each row is deleted once.
pub async fn run(app: Arc<App>) {
    loop {
        sleep(SWEEP_INTERVAL).await;
        match sweep(&app).await {
            Ok(swept) => tell(&swept),
            Err(error) => tracing::warn!(error = %error, detail = error.detail(), "the database could not be swept"),
        }
    }
}

/// One sweep, in small steps, with a pause after each so that requests come first.
pub async fn sweep(app: &App) -> Result<Swept, StoreError> {
    let now = app.clock.now();
    let policy = policy(app, now).await?;
    let (mut total, mut position) = (Swept::default(), Some(SweepPosition::START));
    while let Some(from) = position {
        let (swept, next) = app.store.sweep_step(now, &policy, from).await?;
        add(&mut total, &swept);
        position = next;
        tokio::task::yield_now().await;
    }
    Ok(total)
}

async fn policy(app: &App, now: Now) -> Result<SweepPolicy, StoreError> {
    let mut grants = HashMap::new();
    let mut events_kept_s = 0;
    for entry in app.store.realm_list().await? {
        // A realm that can't be read keeps everything until it can.
        match app.realms.get(&entry.name).await {
            Ok(Some(served)) => {
                grants.insert(entry.key, cutoffs(&served.realm, now));
                events_kept_s = events_kept_s.max(served.realm.settings.events_kept_s);
            }
            Ok(None) => {}
            Err(StoreError::Inconsistent { .. }) => events_kept_s = i64::MAX,
            Err(error) => return Err(error),
        }
    }
    let events_before_ms =
        (events_kept_s > 0 && events_kept_s < i64::MAX).then(|| now.milliseconds().saturating_sub(events_kept_s.saturating_mul(1000)));
    Ok(SweepPolicy {
        grants,
        events_before_ms,
        failures_before_ms: now.milliseconds() - FAILURES_KEPT_S * 1000,
        rows_per_step: SWEEP_ROWS_PER_STEP,
    })
}

fn cutoffs(realm: &Realm, now: Now) -> GrantCutoffs {
    GrantCutoffs { online: cutoff(realm, SessionKind::Online, now), offline: cutoff(realm, SessionKind::Offline, now) }
}

/// The longest that any client of the realm lets a grant live.
fn cutoff(realm: &Realm, kind: SessionKind, now: Now) -> Cutoff {
    let own = ClientLifetimes::default();
    let of_clients = realm.clients.values().map(|client| &client.lifetimes);
    let lifetimes = std::iter::once(&own).chain(of_clients).map(|client| Lifetimes::resolve(kind, &realm.settings.lifetimes, client));
    let (mut idle_s, mut max_s) = (0, Some(0));
    for lifetimes in lifetimes {
        // Both the session and the client session must be alive; a row is dead when either is, so the longer one is the safe bound.
        let granularity_s = lifetimes.last_used_granularity_s();
        idle_s = idle_s.max(lifetimes.session_idle_end(0, granularity_s)).max(lifetimes.client_session_idle_end(0, granularity_s));
        max_s = match (max_s, lifetimes.session_end(0)) {
            (Some(longest), Some(this)) => Some(this.max(longest)),
            _ => None,
        };
    }
    let before = |age_s: i64| now.seconds().saturating_sub(age_s).saturating_sub(SAFETY_S);
    Cutoff { used_before: before(idle_s), begun_before: max_s.map(before) }
}

fn add(total: &mut Swept, swept: &Swept) {
    total.grants += swept.grants;
    total.orphaned_grants += swept.orphaned_grants;
    total.used_once += swept.used_once;
    total.revoked_access_tokens += swept.revoked_access_tokens;
    total.login_failures += swept.login_failures;
    total.events += swept.events;
    total.deleted_realms += swept.deleted_realms;
}

fn tell(swept: &Swept) {
    let counts = [
        ("grant", swept.grants),
        ("orphaned_grant", swept.orphaned_grants),
        ("used_once", swept.used_once),
        ("revoked_access_token", swept.revoked_access_tokens),
        ("login_failure", swept.login_failures),
        ("event", swept.events),
        ("deleted_realm", swept.deleted_realms),
    ];
    for (kind, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        metrics::counter!("freshkey_swept_rows_total", "kind" => kind).increment(count);
    }
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    if total > 0 {
        tracing::debug!(rows = total, "dead rows were removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use crate::key_material::generate_realm_keys;
    use freshkey_core::documents::ItemKind;
    use freshkey_core::ids::RealmKey;
    use freshkey_core::keycloak::build_realm;
    use freshkey_core::keycloak::defaults::realm_ua;
    use serde_json::{Value, json};

    const NOW_S: i64 = 1_800_000_000;

    /// Cut-offs of realm UA, with attributes of the client `ua`, as ages in days: rounded up, and without the safety margin.
    fn ages(attributes: Value, realm_fields: &[(&str, Value)]) -> [(i64, Option<i64>); 2] {
        let now = Now::from_seconds(NOW_S);
        let keys = generate_realm_keys("UA", now).expect("made");
        let mut documents = realm_ua(&[], &SystemEntropy, keys).into_documents(RealmKey(1), 1);
        for (field, value) in realm_fields {
            documents.document[*field] = value.clone();
        }
        let client = documents.items.iter_mut().find(|item| item.kind == ItemKind::Client && item.name == "ua").expect("a client");
        client.document["attributes"] = attributes;
        let (realm, _) = build_realm(&documents).expect("usable");
        let cutoffs = cutoffs(&realm, now);
        let days = |before: i64| (NOW_S - before - SAFETY_S) / DAY_S;
        [cutoffs.online, cutoffs.offline].map(|cutoff| (days(cutoff.used_before), cutoff.begun_before.map(days)))
    }

    #[test]
    fn nothing_is_dead_before_its_realm_lets_it_die() {
        // A week and thirty days; thirty days (and the coarseness of "last used", a day) and no end.
        assert_eq!(ages(json!({}), &[]), [(7, Some(30)), (31, None)]);
        let limited = [("offlineSessionMaxLifespanEnabled", json!(true)), ("offlineSessionMaxLifespan", json!(60 * DAY_S))];
        assert_eq!(ages(json!({}), &limited), [(7, Some(30)), (31, Some(60))]);
    }

    #[test]
    fn the_client_with_the_longest_lives_counts() {
        let longer = json!({ "client.session.idle.timeout": (9 * DAY_S).to_string(), "client.offline.session.idle.timeout": (90 * DAY_S).to_string() });
        let [online, offline] = ages(longer, &[]);
        assert_eq!((online.0, offline.0), (9, 91));
        let shorter = json!({ "client.session.idle.timeout": "60", "client.offline.session.idle.timeout": "60" });
        assert_eq!(ages(shorter, &[]), ages(json!({}), &[]));
    }
}
