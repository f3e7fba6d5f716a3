//! Measures what the budgets of the store name: bytes per offline session, CPU of a refresh's read, events, sweep, and the rate of an import.
//! `cargo run --release -p freshkey-store --example measure_store [users] [sessions]`, on a machine that does nothing else.
#![allow(
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads the clock and prints"
)]

use freshkey_core::change::Change;
use freshkey_core::documents::{ConfigItem, CredentialRecord, ItemKind, UserRecord};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, GroupKey, RealmKey, RoleKey, SessionId, UserKey, uuid_text};
use freshkey_core::user::User;
use freshkey_core::{Entropy, Now};
use freshkey_protocol::Secret;
use freshkey_store::db::{Db, Expect, Transaction, Value};
use freshkey_store::*;
use freshkey_testkit::databases::{TestPostgres, TestSqlite};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

struct SplitMix(AtomicU64);

impl Entropy for SplitMix {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

const BEGIN: i64 = 1_800_000_000;

fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

fn record(number: usize, entropy: &dyn Entropy) -> UserRecord {
    let id = freshkey_core::entropy::random_uuid(entropy);
    let key = |tag: u8, number: usize| {
        let mut bytes = [tag; 16];
        bytes[8..].copy_from_slice(&(number as u64).to_be_bytes());
        bytes
    };
    let user = User {
        key: UserKey::of(&id),
        id,
        username: format!("user{number:07}"),
        email: Some(format!("user{number:07}@example.org")),
        email_verified: true,
        first_name: Some("Firstname".into()),
        last_name: Some("Lastname".into()),
        enabled: true,
        not_before: 0,
        created_at_ms: BEGIN * 1000,
        attributes: [("department".to_owned(), vec!["physics".to_owned()])].into(),
        required_actions: Vec::new(),
        service_account_of: None,
        roles: (0..3).map(|role| RoleKey(key(1, (number + role) % 40))).collect(),
        groups: (0..2).map(|group| GroupKey(key(2, (number + group) % 100))).collect(),
    };
    let secret = r#"{"value":"pZGhq4l0hQ0yN2xgW4yG5TgCwXfGmM2g2p8Wl3o1J8s=","salt":"c2FsdHNhbHRzYWx0c2FsdA==","additionalParameters":{}}"#;
    let document = json!({"credentialData": r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}"#, "createdDate": BEGIN * 1000});
    let password = CredentialRecord {
        id: freshkey_core::entropy::random_uuid(entropy),
        kind: "password".into(),
        document,
        secret: Secret::new(secret.into()),
    };
    UserRecord { user, credentials: vec![password], other: serde_json::Value::Null }
}

fn audit(kind: EventKind, at_ms: i64) -> AuditRecord {
    let mut event = Event::new(at_ms, RealmKey(1), kind);
    event.client_id = Some("application".into());
    event.user_id = Some(uuid_text(&[7; 16]));
    event.sid = Some(SessionId([8; 16]));
    for name in ["refresh_token_id", "token_id", "updated_refresh_token_id"] {
        event.details.push((name, uuid_text(&[9; 16])));
    }
    event.details.push(("refresh_token_type", "Offline".into()));
    event.details.push(("scope", "openid email profile offline_access".into()));
    AuditRecord { event, reason: None, address: Some("192.0.2.7".into()), correlation_id: uuid_text(&[6; 16]) }
}

async fn open(url: &str, entropy: &Arc<SplitMix>) -> Store {
    let sealing_key = SealingKey::from_bytes(&Secret::new([1; 32])).unwrap();
    Store::open(StoreOptions { db: DbOptions::from_url(url).unwrap(), sealing_key, entropy: entropy.clone() }).await.unwrap()
}

async fn measure(url: &str, users: usize, sessions: usize) {
    let entropy = Arc::new(SplitMix(AtomicU64::new(1)));
    let store = open(url, &entropy).await;
    store.migrate(Now::from_seconds(BEGIN)).await.unwrap();
    println!("\n{:?}", store.engine());
    let client = ClientKey::of("6e1f8cf5-7b5e-4a43-8e2a-0d8f2f5a3b11");
    let item =
        ConfigItem { kind: ItemKind::Client, id: client.to_string(), name: "application".into(), document: json!({}), secrets: None };
    let new = NewRealm { name: "main".into(), document: json!({}), items: vec![item] };
    let RealmCreated::Yes(realm) = store.create_realm(&new, &audit(EventKind::AdminChange, 0)).await.unwrap() else { return };

    let mut keys = Vec::new();
    let begun = Instant::now();
    for chunk in 0..users.div_ceil(10_000) {
        let records: Vec<_> = (chunk * 10_000..users.min((chunk + 1) * 10_000)).map(|number| record(number, &*entropy)).collect();
        assert_eq!(store.import_users(realm, &records, EmailRule::Unique).await, Ok(Imported::Yes));
        keys.extend(records.iter().map(|record| record.user.key));
    }
    println!("import: {users} users in {:.1} s", begun.elapsed().as_secs_f64());

    let before = size(url, store).await;
    let store = open(url, &entropy).await;
    let grants: Vec<Grant> = (0..sessions)
        .map(|number| {
            let user = keys[(u64::from_be_bytes(freshkey_core::entropy::random_bytes(&*entropy)) % keys.len() as u64) as usize];
            let at = BEGIN + i64::try_from(number / 10).unwrap();
            let sid = SessionId::generate(Now::from_milliseconds(at * 1000 + (number % 10) as i64 * 100), user, &*entropy);
            Grant {
                id: GrantId { sid, kind: SessionKind::Offline, client, family: Family::FIRST },
                realm,
                user,
                generation: 0,
                predecessor_uses: 0,
                session_started_at: at,
                started_at: at,
                rotated_at: at,
                last_used_at: at,
                auth_time: None,
                notes: Default::default(),
            }
        })
        .collect();
    let begun = Instant::now();
    for chunk in grants.chunks(500) {
        let changes: Vec<_> =
            chunk.iter().map(|grant| Change::BeginGrant { grant: Box::new(grant.clone()), offline_grants_max: Some(100) }).collect();
        assert_eq!(store.record(&changes, &audit(EventKind::Login, 0)).await, Ok(freshkey_core::change::Applied::Yes));
    }
    println!("grants begun: {:.1} µs each", begun.elapsed().as_secs_f64() * 1e6 / sessions as f64);
    // Nothing of these transactions but grants may count.
    let db = Db::open(&DbOptions::from_url(url).unwrap()).await.unwrap();
    let _ = db.write(Transaction::new().then("DELETE FROM event", Vec::new(), Expect::Any)).await.unwrap();
    if url.starts_with("postgres") {
        for table in ["client_grant", "client_grant_pkey", "client_grant_by_user"] {
            let rows = db.read("SELECT pg_relation_size($1::TEXT::REGCLASS)", &[Value::from(table)]).await.unwrap();
            println!("  {table}: {:.1} bytes per session", rows[0].int(0).unwrap() as f64 / sessions as f64);
        }
        let rows = db.read("SELECT pg_total_relation_size('client_grant')", &[]).await.unwrap();
        println!("disk: {:.1} bytes per session", rows[0].int(0).unwrap() as f64 / sessions as f64);
    }
    db.close().await.unwrap();
    let after = size(url, store).await;
    if let (Some(before), Some(after)) = (before, after) {
        println!("disk: {:.1} bytes per session", (after - before) as f64 / sessions as f64);
    }

    let store = open(url, &entropy).await;
    for round in 0..3 {
        let reads = 50_000.min(sessions);
        let (begun, cpu) = (Instant::now(), cpu_ns());
        for number in 0..reads {
            let grant = &grants[(number * 7919) % grants.len()];
            let context = store.refresh_context(realm, grant.id.sid, SessionKind::Offline).await.unwrap();
            assert!(context.user.is_some_and(|user| user.roles.len() == 3 && user.groups.len() == 2));
        }
        println!(
            "refresh_context {round}: {:.2} µs CPU of this thread, {:.2} µs",
            (cpu_ns() - cpu) as f64 / 1e3 / reads as f64,
            begun.elapsed().as_secs_f64() * 1e6 / reads as f64
        );
    }
    let (begun, cpu, count) = (Instant::now(), process_cpu_s(), 100_000);
    for number in 0..count {
        let _ = store.record(&[], &audit(EventKind::RefreshToken, BEGIN * 1000 + number)).await.unwrap();
    }
    store.flush().await.unwrap();
    println!(
        "events: {:.2} µs CPU of the process each, {:.2} µs",
        (process_cpu_s() - cpu) * 1e6 / count as f64,
        begun.elapsed().as_secs_f64() * 1e6 / count as f64
    );

    let (begun, cpu) = (Instant::now(), process_cpu_s());
    let online = Cutoff { used_before: 0, begun_before: None };
    let policy = SweepPolicy {
        grants: [(realm, GrantCutoffs { online, offline: Cutoff { used_before: BEGIN + sessions as i64 / 20, begun_before: None } })]
            .into(),
        events_before_ms: None,
        failures_before_ms: 0,
        rows_per_step: 200,
    };
    let swept = store.sweep(Now::from_seconds(BEGIN), &policy).await.unwrap();
    println!("sweep: {} of {sessions} grants in {:.2} s, {:.2} s CPU", swept.grants, begun.elapsed().as_secs_f64(), process_cpu_s() - cpu);
}

fn process_cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Of a file, once its log is in it.
async fn size(url: &str, store: Store) -> Option<u64> {
    store.close().await.unwrap();
    url.strip_prefix("sqlite:").map(|path| std::fs::metadata(path).unwrap().len())
}

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let (users, sessions) = (numbers.next().unwrap_or(100_000), numbers.next().unwrap_or(200_000));
    let file = TestSqlite::new();
    measure(&file.url(), users, sessions).await;
    let database = TestPostgres::shared().await.database().await;
    measure(&database.url, users, sessions).await;
}
