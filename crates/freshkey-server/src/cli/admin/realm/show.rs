//! `admin realm show`: the settings that matter for tokens, in words.

use crate::cli::admin::{Desk, OpenRealm};
use crate::cli::output::Format;
use crate::cli::output::moment::span;
use crate::cli::{Failure, store_failure};
use freshkey_core::brute_force::Protection;
use freshkey_core::client::Rotation;
use freshkey_core::keycloak::build_realm;
use freshkey_core::keys::KeyStatus;
use freshkey_store::UserFilter;
use std::collections::BTreeSet;

pub(super) async fn run(desk: &Desk, name: &str) -> Result<(), Failure> {
    let open = desk.realm_named(name).await?;
    if desk.output.format() == Format::Json {
        // The document is stored without its secrets.
        return desk.output.json(&open.documents.document);
    }
    let users = desk.store.count_users(open.realm.key, &UserFilter::default()).await.map_err(|error| store_failure(&error))?;
    let mut facts = settings(&open);
    facts.insert(2, ("users", users.to_string()));
    desk.output.facts(&open.documents.document, &facts)?;
    if let Ok((_, warnings)) = build_realm(&open.documents) {
        warnings.iter().for_each(|warning| desk.output.warn(&warning.to_string()));
    }
    Ok(())
}

fn settings(open: &OpenRealm) -> Vec<(&'static str, String)> {
    let realm = &open.realm;
    let settings = &realm.settings;
    let lifetimes = &settings.lifetimes;
    let active = realm.keys.iter().filter(|key| key.status == KeyStatus::Active).map(|key| key.signing.algorithm().as_str());
    let active: BTreeSet<&str> = active.collect();
    let rotation = match settings.rotation.default {
        Rotation::Off => "off: a refresh token can be used repeatedly".to_owned(),
        Rotation::On => format!(
            "on: {} uses beyond the first, the same answer for {} after a lost reply",
            settings.rotation.reuse_max,
            span(settings.rotation.grace_s)
        ),
    };
    let no_end = || "no absolute end".to_owned();
    vec![
        ("realm", settings.name.clone()),
        ("enabled", if settings.enabled { "yes" } else { "no" }.to_owned()),
        ("clients", realm.clients.len().to_string()),
        ("access tokens", span(lifetimes.access_token_lifespan_s)),
        ("sessions", format!("{} unused, {} in all", span(lifetimes.session_idle_s), span(lifetimes.session_max_s))),
        (
            "offline sessions",
            format!(
                "{} unused, {}",
                span(lifetimes.offline_session_idle_s),
                lifetimes.offline_session_max_s.map_or_else(no_end, |max| format!("{} in all", span(max)))
            ),
        ),
        ("rotation", rotation),
        (
            "offline grants",
            settings.offline_grants_max.map_or_else(|| "no limit".to_owned(), |most| format!("at most {most} for a user and client")),
        ),
        ("guessing", if settings.brute_force.protection == Protection::On { "slowed down" } else { "not slowed down" }.to_owned()),
        ("password policy", settings.password_policy.source().to_owned()),
        ("active keys", active.into_iter().collect::<Vec<_>>().join(" ")),
        ("events kept", span(settings.events_kept_s)),
        ("version", open.documents.version.to_string()),
    ]
}
