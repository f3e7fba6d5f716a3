//! `admin user show`: what tokens would say of a user, and why.

use super::devices;
use crate::cli::admin::role::{role_names, role_text};
use crate::cli::admin::{Desk, OpenRealm, people};
use crate::cli::output::moment::{shown, shown_from, shown_ms};
use crate::cli::{Failure, store_failure};
use freshkey_core::brute_force::{LockState, LoginFailures, lock_state};
use freshkey_core::keycloak::users::{Credentials, write_user};
use freshkey_core::scopes::effective_roles;
use freshkey_core::user::User;
use serde_json::{Value, json};

pub(super) async fn run(desk: &Desk, open: &OpenRealm, name: &str) -> Result<(), Failure> {
    let user = people::user(desk, &open.realm, name).await?;
    let record = desk.store.user_record(open.realm.key, user.key).await.map_err(|error| store_failure(&error))?;
    let failures = desk.store.login_failures(open.realm.key, user.key).await.map_err(|error| store_failure(&error))?.unwrap_or_default();
    let effective = effective(open, &user);
    let mut shown_user = record.as_ref().map_or(Value::Null, |found| write_user(&open.realm, &found.record, Credentials::LeftOut));
    let lock = lock(desk, open, &failures);
    if let Some(fields) = shown_user.as_object_mut() {
        fields.insert("effectiveRoles".to_owned(), json!(effective));
        fields.insert("oneTimeCodeDevices".to_owned(), record.as_ref().map_or_else(|| json!([]), |found| devices::shown(&found.record)));
        fields.insert("wrongPasswords".to_owned(), json!(failures.count));
        fields.insert("locked".to_owned(), json!(lock.is_some()));
    }
    let codes = record.as_ref().map(|found| devices::described(&found.record)).unwrap_or_default();
    let mut facts = facts(desk, open, &user, &effective, lock.as_deref(), &failures);
    facts.insert(facts.len() - 2, ("one-time codes", codes));
    desk.output.facts(&shown_user, &facts)
}

fn facts(
    desk: &Desk,
    open: &OpenRealm,
    user: &User,
    effective: &[String],
    lock: Option<&str>,
    failures: &LoginFailures,
) -> Vec<(&'static str, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let direct = role_names(&open.realm, &user.roles);
    let mut groups: Vec<&str> = user.groups.iter().filter_map(|key| open.realm.groups.get(*key)).map(|node| node.path.as_str()).collect();
    groups.sort_unstable();
    let attributes: Vec<String> = user.attributes.iter().map(|(name, values)| format!("{name}={}", values.join(", "))).collect();
    let verified = if user.email.is_some() && !user.email_verified { " (not proven)" } else { "" };
    let wrong = if failures.count > 0 {
        format!("{}, the last at {}", failures.count, shown_ms(failures.last_failure_at_ms))
    } else {
        String::new()
    };
    let stale =
        if user.not_before > 0 { format!("issued before {}", shown_from(user.not_before, desk.now.seconds())) } else { String::new() };
    vec![
        ("name", user.username.clone()),
        ("id", user.id.clone()),
        ("enabled", if user.enabled { "yes" } else { "no" }.to_owned()),
        ("e-mail", text(&user.email) + verified),
        ("given name", text(&user.first_name)),
        ("family name", text(&user.last_name)),
        ("created", shown(user.created_at_ms.div_euclid(1000))),
        ("roles", direct.join(" ")),
        ("effective roles", effective.join(" ")),
        ("groups", groups.join(" ")),
        ("attributes", attributes.join("; ")),
        ("must do", user.required_actions.join(" ")),
        ("dead tokens", stale),
        ("wrong passwords", wrong),
        ("locked", lock.unwrap_or_default().to_owned()),
    ]
}

/// All roles: direct ones, those of groups, and what composites bring along.
fn effective(open: &OpenRealm, user: &User) -> Vec<String> {
    effective_roles(&open.realm, user).iter().map(|index| role_text(open.realm.roles.role(index))).collect()
}

fn lock(desk: &Desk, open: &OpenRealm, failures: &LoginFailures) -> Option<String> {
    match lock_state(failures, &open.realm.settings.brute_force, desk.now) {
        LockState::Open => None,
        LockState::Temporary { until_s } => Some(format!("until {}", shown_from(until_s, desk.now.seconds()))),
        LockState::Permanent => Some("until an administrator lifts it".to_owned()),
    }
}
