//! What is dead goes, a little at a time; what lives stays.

use freshkey_core::Now;
use freshkey_core::brute_force::LoginFailures;
use freshkey_core::change::{Change, OnceKind};
use freshkey_core::client_auth::FirstUse;
use freshkey_core::documents::{ConfigItem, ItemKind};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, RealmKey};
use freshkey_core::user::User;
use freshkey_store::{
    AuditRecord, Cutoff, EventFilter, GrantCutoffs, GrantFilter, NewRealm, Page, RealmChanged, RealmCreated, Store, SweepPolicy,
    SweepPosition, Swept,
};
use serde_json::json;

use super::engine;
use crate::stores::{NOW, apply, audit, begin, create, grant, now, record, user};

const CLIENT: &str = "client-one";

async fn realm_with_client(store: &Store, name: &str) -> RealmKey {
    let client = ConfigItem { kind: ItemKind::Client, id: CLIENT.into(), name: CLIENT.into(), document: json!({}), secrets: None };
    let new = NewRealm { name: name.into(), document: json!({}), items: vec![client] };
    match store.create_realm(&new, &audit(EventKind::AdminChange)).await.expect("written") {
        RealmCreated::Yes(key) => key,
        RealmCreated::NameTaken => panic!("taken"),
    }
}

fn of_client(realm: RealmKey, user: &User, kind: SessionKind, number: u8) -> Grant {
    let grant = grant(realm, user, kind, number);
    Grant { id: GrantId { client: ClientKey::of(CLIENT), ..grant.id }, ..grant }
}

fn policy(realm: RealmKey, rows_per_step: usize) -> SweepPolicy {
    let online = Cutoff { used_before: NOW - 100, begun_before: Some(NOW - 1000) };
    let offline = Cutoff { used_before: NOW - 10_000, begun_before: None };
    SweepPolicy {
        grants: [(realm, GrantCutoffs { online, offline })].into(),
        events_before_ms: Some((NOW - 50) * 1000),
        failures_before_ms: (NOW - 50) * 1000,
        rows_per_step,
    }
}

async fn left(store: &Store, realm: RealmKey) -> Vec<u8> {
    let grants = store.grants(&GrantFilter::realm(realm), &Page::first(100)).await.expect("readable");
    grants.iter().map(|grant| grant.id.sid.0[15]).collect()
}

#[tokio::test]
async fn dead_and_orphaned_grants_go_and_living_ones_stay() {
    let test = engine::open().await;
    let realm = realm_with_client(&test.store, "first").await;
    let other_realm = realm_with_client(&test.store, "second").await;
    let (ann, bob) = (user("ann"), user("bob"));
    for (realm, user) in [(realm, &ann), (realm, &bob), (other_realm, &ann)] {
        create(&test.store, realm, &record(user.clone())).await;
    }
    let (a, b) = (SessionKind::Online, SessionKind::Offline);
    let used = |kind, number, ago: i64, begun_ago: i64| Grant {
        last_used_at: NOW - ago,
        session_started_at: NOW - begun_ago,
        ..of_client(realm, &ann, kind, number)
    };
    let grants = [
        used(a, 1, 100, 1000),
        used(a, 2, 101, 200),
        used(a, 3, 10, 1001),
        used(b, 4, 10_000, 1_000_000),
        used(b, 5, 10_001, 10_001),
        grant(realm, &ann, a, 6),
        of_client(realm, &bob, b, 7),
        Grant { last_used_at: 1, ..of_client(other_realm, &ann, a, 8) },
    ];
    for grant in &grants {
        apply(&test.store, &[begin(grant)]).await;
    }
    // As an interrupted restore could leave it: a user without its grants' consent.
    let db = crate::engines::open(&test.url).await;
    let gone = freshkey_store::db::Transaction::new().then(
        "DELETE FROM user_account WHERE username = 'bob'",
        Vec::new(),
        freshkey_store::db::Expect::Rows(1),
    );
    assert!(db.write(gone).await.expect("written").is_committed());
    for (rows_per_step, expected) in [(3, Swept { grants: 3, orphaned_grants: 2, ..Swept::default() }), (100, Swept::default())] {
        let policy = SweepPolicy { events_before_ms: None, ..policy(realm, rows_per_step) };
        assert_eq!(test.store.sweep(now(), &policy).await, Ok(expected));
    }
    assert_eq!(left(&test.store, realm).await, [1, 4]);
    assert_eq!(left(&test.store, other_realm).await, [8], "its policy was not given");
}

#[tokio::test]
async fn expired_entries_old_events_and_forgotten_guesses_go() {
    let test = engine::open().await;
    let realm = realm_with_client(&test.store, "first").await;
    let users: Vec<User> = ["a", "b", "c", "d"].map(user).into();
    let failures = |ago: i64, locked_until_s, permanently_locked| LoginFailures {
        count: 1,
        last_failure_at_ms: (NOW - ago) * 1000,
        locked_until_s,
        permanently_locked,
        ..LoginFailures::default()
    };
    let rows = [failures(51, 0, false), failures(10, 0, false), failures(51, NOW + 9, false), failures(51, 0, true)];
    for (user, row) in users.iter().zip(rows) {
        apply(&test.store, &[Change::LoginFailures { realm, user: user.key, seen: None, becomes: Some(row) }]).await;
    }
    for (jti, until) in [("dead", NOW), ("alive", NOW + 1)] {
        apply(&test.store, &[Change::RevokeAccessToken { realm, jti: jti.into(), until }]).await;
        let early = Now::from_seconds(NOW - 5);
        assert_eq!(test.store.use_once(OnceKind::ClientAssertion, realm, jti, until, early).await, Ok(FirstUse::Yes));
    }
    let old = AuditRecord { event: Event { at_ms: (NOW - 50) * 1000 - 1, ..audit(EventKind::Logout).event }, ..audit(EventKind::Logout) };
    assert_eq!(test.store.record(&[], &old).await, Ok(freshkey_core::change::Applied::Yes));
    let before = test.store.events(&EventFilter::realm(realm), &Page::first(100)).await.expect("readable").len();
    let swept = test.store.sweep(now(), &policy(realm, 10)).await.expect("swept");
    assert_eq!(swept, Swept { used_once: 1, revoked_access_tokens: 1, login_failures: 1, events: 1, ..Swept::default() });
    assert!(test.store.access_token_context(realm, None, None, "alive").await.expect("readable").revoked);
    assert_eq!(test.store.login_failures(realm, users[0].key).await, Ok(None));
    assert_eq!(test.store.events(&EventFilter::realm(realm), &Page::first(100)).await.expect("readable").len(), before - 1);
}

#[tokio::test]
async fn a_deleted_realm_is_swept_to_the_last_row() {
    let test = engine::open().await;
    let realm = realm_with_client(&test.store, "first").await;
    let stays = realm_with_client(&test.store, "second").await;
    for name in ["ann", "bob", "cid"] {
        create(&test.store, realm, &record(user(name))).await;
        create(&test.store, stays, &record(user(name))).await;
    }
    apply(&test.store, &[begin(&of_client(realm, &user("ann"), SessionKind::Offline, 1))]).await;
    assert_eq!(test.store.delete_realm(realm, 1, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::Yes));
    let swept = test.store.sweep(now(), &SweepPolicy { events_before_ms: None, ..policy(stays, 2) }).await.expect("swept");
    assert_eq!((swept.orphaned_grants, swept.deleted_realms), (1, 3 + 6 + 3), "users, their roles, their groups");
    assert_eq!(test.store.count_users(realm, &Default::default()).await, Ok(0));
    assert_eq!(test.store.count_users(stays, &Default::default()).await, Ok(3));
    assert_eq!(test.store.sweep(now(), &SweepPolicy { events_before_ms: None, ..policy(stays, 2) }).await, Ok(Swept::default()));
}

#[tokio::test]
async fn t_052_no_step_deletes_more_than_its_budget() {
    let test = engine::open().await;
    let realm = realm_with_client(&test.store, "first").await;
    let ann = user("ann");
    create(&test.store, realm, &record(ann.clone())).await;
    let dead: Vec<Change> =
        (0..50).map(|number| begin(&Grant { last_used_at: 1, ..of_client(realm, &ann, SessionKind::Online, number) })).collect();
    apply(&test.store, &dead).await;
    for second in 0..30 {
        let old = AuditRecord { event: Event { at_ms: second, ..audit(EventKind::Logout).event }, ..audit(EventKind::Logout) };
        assert_eq!(test.store.record(&[], &old).await, Ok(freshkey_core::change::Applied::Yes));
    }
    let (mut position, mut steps, mut grants, mut events) = (Some(SweepPosition::START), 0, 0, 0);
    while let Some(from) = position {
        let (swept, next) = test.store.sweep_step(now(), &policy(realm, 8), from).await.expect("swept");
        assert!(swept.grants + swept.events <= 8, "{swept:?}");
        (position, steps, grants, events) = (next, steps + 1, grants + swept.grants, events + swept.events);
        assert!(steps < 100, "it ends");
    }
    assert_eq!((grants, events), (50, 30));
}
