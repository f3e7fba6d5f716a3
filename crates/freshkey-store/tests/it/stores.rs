//! How a test gets a migrated [`Store`] on either engine, and the small things that the suites of the upper layer store in it.

use freshkey_core::change::{Applied, Change};
use freshkey_core::documents::{CredentialRecord, UserRecord};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, GroupKey, RealmKey, RoleKey, SessionId, UserKey};
use freshkey_core::user::User;
use freshkey_core::{Entropy, Now};
use freshkey_protocol::Secret;
use freshkey_store::{AuditRecord, DbOptions, EmailRule, NewRealm, RealmCreated, SealingKey, Store, StoreOptions, UserCreated};
use freshkey_testkit::databases::TestSqlite;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const KEY: [u8; 32] = [7; 32];

/// A store of one test.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) _file: Option<TestSqlite>,
}

impl TestStore {
    pub(crate) async fn open(url: String, file: Option<TestSqlite>) -> Self {
        let store = open(&url, KEY).await;
        store.migrate(now()).await.expect("migrated");
        Self { store, url, _file: file }
    }

    /// A second node of a cluster, or a second process at the same file.
    pub(crate) async fn another_node(&self) -> Store {
        open(&self.url, KEY).await
    }
}

pub(crate) async fn open(url: &str, key: [u8; 32]) -> Store {
    let sealing_key = SealingKey::from_bytes(&Secret::new(key)).expect("a key");
    let db = DbOptions::from_url(url).expect("the address is right");
    Store::open(StoreOptions { db, sealing_key, entropy: Arc::new(Counting) }).await.expect("the store opens")
}

pub(crate) mod sqlite {
    use super::{TestSqlite, TestStore};

    pub(crate) async fn open() -> TestStore {
        let file = TestSqlite::new();
        TestStore::open(file.url(), Some(file)).await
    }
}

pub(crate) mod postgres {
    use super::TestStore;
    use freshkey_testkit::databases::TestPostgres;

    pub(crate) async fn open() -> TestStore {
        let database = TestPostgres::shared().await.database().await;
        TestStore::open(database.url, None).await
    }
}

/// Different bytes at every call, in the whole process: nodes of one test must not number their events alike.
pub(crate) struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(1);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let number = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&number.to_be_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) fn now() -> Now {
    Now::from_seconds(NOW)
}

pub(crate) fn audit(kind: EventKind) -> AuditRecord {
    audit_in(RealmKey(1), kind)
}

pub(crate) fn audit_in(realm: RealmKey, kind: EventKind) -> AuditRecord {
    AuditRecord {
        event: Event::new(NOW * 1000, realm, kind),
        reason: None,
        address: Some("192.0.2.7".into()),
        correlation_id: "c-1".into(),
    }
}

pub(crate) async fn realm(store: &Store, name: &str) -> RealmKey {
    let new = NewRealm { name: name.into(), document: json!({"realm": name}), items: Vec::new() };
    match store.create_realm(&new, &audit(EventKind::AdminChange)).await.expect("written") {
        RealmCreated::Yes(key) => key,
        RealmCreated::NameTaken => panic!("{name} is taken"),
    }
}

pub(crate) fn user(name: &str) -> User {
    let id = id_of(name);
    User {
        key: UserKey::of(&id),
        id,
        username: name.into(),
        email: Some(format!("{name}@example.org")),
        email_verified: true,
        first_name: Some("Ann".into()),
        last_name: None,
        enabled: true,
        not_before: 0,
        created_at_ms: 1_700_000_000_123,
        attributes: [("colour".to_owned(), vec!["red".to_owned(), "blue".to_owned()])].into(),
        required_actions: Vec::new(),
        service_account_of: None,
        roles: vec![RoleKey([1; 16]), RoleKey([2; 16])],
        groups: vec![GroupKey([3; 16])],
    }
}

/// A UUID that depends on the text alone.
pub(crate) fn id_of(text: &str) -> String {
    freshkey_core::ids::uuid_text(&UserKey::of(&format!("text {text}")).0)
}

pub(crate) fn record(user: User) -> UserRecord {
    UserRecord { user, credentials: Vec::new(), other: serde_json::Value::Null }
}

pub(crate) fn credential(kind: &str, id: &str, secret: &str) -> CredentialRecord {
    CredentialRecord { id: id.into(), kind: kind.into(), document: json!({"userLabel": "mine"}), secret: Secret::new(secret.into()) }
}

pub(crate) async fn create(store: &Store, realm: RealmKey, record: &UserRecord) {
    let created = store.create_user(realm, record, EmailRule::Unique, &audit_in(realm, EventKind::AdminChange)).await;
    assert_eq!(created, Ok(UserCreated::Yes));
}

/// A realm with one user: what most tests need.
pub(crate) async fn realm_with_user(store: &Store) -> (RealmKey, User) {
    let key = realm(store, "first").await;
    let ann = user("ann");
    create(store, key, &record(ann.clone())).await;
    (key, ann)
}

pub(crate) fn grant(realm: RealmKey, user: &User, kind: SessionKind, number: u8) -> Grant {
    Grant {
        id: GrantId { sid: sid(number), kind, client: ClientKey([9; 16]), family: Family::FIRST },
        realm,
        user: user.key,
        generation: 0,
        predecessor_uses: 0,
        session_started_at: NOW,
        started_at: NOW,
        rotated_at: NOW,
        last_used_at: NOW,
        auth_time: None,
        notes: [("clientHost".to_owned(), "host".to_owned())].into(),
    }
}

pub(crate) fn sid(number: u8) -> SessionId {
    let mut bytes = [0xa0; 16];
    bytes[15] = number;
    SessionId(bytes)
}

pub(crate) fn begin(grant: &Grant) -> Change {
    Change::BeginGrant { grant: Box::new(grant.clone()), offline_grants_max: None }
}

/// Records changes of which none is a guard that could fail.
pub(crate) async fn apply(store: &Store, changes: &[Change]) {
    assert_eq!(store.record(changes, &audit(EventKind::Login)).await, Ok(Applied::Yes));
}

pub(crate) async fn stored(store: &Store, grant: &Grant) -> Option<Grant> {
    let context = store.refresh_context(grant.realm, grant.id.sid, grant.id.kind).await.expect("readable");
    context.grant(&grant.id).cloned()
}
