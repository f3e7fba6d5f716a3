//! Fills a database in the way that the product fills it: a realm `UA` with all its defaults, users with roles, groups and attributes,
//! and offline sessions, each begun through the store.

use crate::plan::Signature;
use crate::process;
use crate::sessions::ENTRY_BYTES;
use freshkey_core::change::{Applied, Change};
use freshkey_core::documents::{RealmDocuments, UserRecord};
use freshkey_core::entropy::{random_bytes, random_uuid};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, RealmKey, SessionId, UserKey};
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::defaults::{GeneratedKey, GeneratedKeys, realm_ua};
use freshkey_core::keycloak::edit::{Edit, RoleName, UserChange, add_group, change_user, new_user};
use freshkey_core::keycloak::users::password_record;
use freshkey_core::passwords::{self, HashWorkspace, PlainPassword};
use freshkey_core::realm::Realm;
use freshkey_core::{Entropy, Now};
use freshkey_protocol::Secret;
use freshkey_protocol::jose::{KeyKind, generate_private_key};
use freshkey_store::{
    AuditRecord, DbOptions, EmailRule, Imported, NewRealm, RealmChange, RealmChanged, RealmCreated, SealingKey, Store, StoreOptions,
};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The realm, the client of the sessions, and the one user who can sign in.
pub(crate) const REALM: &str = "UA";
pub(crate) const CLIENT: &str = "ua-grant";
pub(crate) const USERNAME: &str = "user000000";
pub(crate) const PASSWORD: &str = "of the benchmark only";

const GROUPS: [&str; 2] = ["/physics", "/staff"];
const REALM_ROLES: [&str; 2] = ["admin", "member"];
const CLIENT_ROLES: [&str; 2] = ["view-applications", "view-consent"];
/// Sessions in one transaction.
const CHUNK: usize = 500;
/// The sessions were begun, and last used, over this time: recent enough for "last used" not to be due.
const BEGUN_WITHIN_MS: i64 = 12 * 60 * 60 * 1000;

/// What to fill with how much.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) url: String,
    pub(crate) sealing_key: PathBuf,
    /// Where the private keys and the list of sessions go.
    pub(crate) directory: PathBuf,
    pub(crate) users: usize,
    pub(crate) sessions: usize,
    pub(crate) stage: Stage,
}

/// In two stages, so that what the sessions take on the disk can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    Users,
    Sessions,
}

/// Entropy of the system.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        #[allow(clippy::expect_used, reason = "a benchmark without randomness ends here")]
        aws_lc_rs::rand::fill(buffer).expect("the random source of the operating system works");
    }
}

/// The name of the list of sessions.
pub(crate) const SESSIONS_FILE: &str = "sessions";

pub(crate) fn main() -> Result<(), String> {
    let order: Order = process::order()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(seed(&order))
}

pub(crate) fn now() -> Now {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now::from_milliseconds(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// Opens the database of an order.
pub(crate) async fn open(url: &str, sealing_key: &Path) -> Result<Store, String> {
    let mut db = DbOptions::from_url(url).map_err(told("the address of the database"))?;
    db.deadline = std::time::Duration::from_secs(60);
    let sealing_key = SealingKey::from_file_or_new(sealing_key, &SystemEntropy).map_err(told("the sealing key"))?;
    Store::open(StoreOptions { db, sealing_key, entropy: Arc::new(SystemEntropy) }).await.map_err(told("the database cannot be opened"))
}

/// The documents and the snapshot of the realm.
pub(crate) async fn load(store: &Store) -> Result<(RealmDocuments, Realm), String> {
    let documents = store.load_realm(REALM).await.map_err(told("the realm cannot be read"))?.ok_or("there is no realm")?;
    let (realm, _) = build_realm(&documents).map_err(told("the realm cannot be used"))?;
    Ok((documents, realm))
}

/// Writes an edit of the realm.
pub(crate) async fn change(store: &Store, documents: &RealmDocuments, edit: Edit) -> Result<(), String> {
    let change = RealmChange { name: None, document: edit.document, put: edit.changed, remove: edit.removed };
    let changed = store.change_realm(documents.key, documents.version, &change, &audit(documents.key)).await;
    if changed == Ok(RealmChanged::Yes) { Ok(()) } else { Err(format!("the realm cannot be changed: {changed:?}")) }
}

/// An audit record of something that the benchmark does.
pub(crate) fn audit(realm: RealmKey) -> AuditRecord {
    let event = Event::new(now().milliseconds(), realm, EventKind::AdminChange).with("actor", "benchmark");
    AuditRecord { event, reason: None, address: None, correlation_id: random_uuid(&SystemEntropy) }
}

/// Puts what was tried before an error.
pub(crate) fn told<E: Debug>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error:?}")
}

async fn seed(order: &Order) -> Result<(), String> {
    let store = open(&order.url, &order.sealing_key).await?;
    match order.stage {
        Stage::Users => {
            store.migrate(now()).await.map_err(told("the tables cannot be made"))?;
            make_realm(&store, &order.directory).await?;
            make_users(&store, order.users).await?;
        }
        Stage::Sessions => make_sessions(&store, order).await?,
    }
    store.close().await.map_err(told("the database cannot be closed"))
}

async fn make_realm(store: &Store, directory: &Path) -> Result<(), String> {
    let key = |kind, signature: Signature| -> Result<GeneratedKey, String> {
        let pkcs8 = generate_private_key(kind).map_err(told("a key cannot be made"))?;
        write_private(&directory.join(signature.key_file()), &pkcs8)?;
        Ok(GeneratedKey { pkcs8, certificate: None })
    };
    let keys = GeneratedKeys {
        rsa: key(KeyKind::Rsa2048, Signature::Rs256)?,
        p256: Some(key(KeyKind::P256, Signature::Es256)?),
        ed25519: Some(key(KeyKind::Ed25519, Signature::Eddsa)?),
    };
    let realm = realm_ua(&["https://app.example.org/*"], &SystemEntropy, keys);
    let new = NewRealm { name: realm.name, document: realm.document, items: realm.items };
    let created = store.create_realm(&new, &audit(RealmKey(0))).await;
    if !matches!(created, Ok(RealmCreated::Yes(_))) {
        return Err(format!("the realm cannot be made: {created:?}"));
    }
    for group in GROUPS {
        let (documents, _) = load(store).await?;
        let edit = add_group(&documents, group, &SystemEntropy).map_err(told("a group cannot be made"))?;
        change(store, &documents, edit).await?;
    }
    Ok(())
}

/// The files lie in a directory of mode 0700 and hold keys of a realm that lives for minutes.
fn write_private(path: &Path, key: &Secret<Vec<u8>>) -> Result<(), String> {
    std::fs::write(path, key.expose()).map_err(|error| format!("{}: {error}", path.display()))
}

async fn make_users(store: &Store, count: usize) -> Result<(), String> {
    let (documents, realm) = load(store).await?;
    let mut users = Vec::with_capacity(count);
    for number in 0..count {
        users.push(user(&documents, &realm, number)?);
    }
    users[0].credentials.push(password(&realm)?);
    let imported = store.import_users(documents.key, &users, EmailRule::Unique).await;
    if imported == Ok(Imported::Yes) { Ok(()) } else { Err(format!("the users cannot be made: {imported:?}")) }
}

/// The default role and two more, two client roles, two groups, three attributes.
fn user(documents: &RealmDocuments, realm: &Realm, number: usize) -> Result<UserRecord, String> {
    let name = format!("user{number:06}");
    let mut record = new_user(documents, realm, &name, now(), &SystemEntropy).map_err(told("a user cannot be made"))?;
    let mut changes: Vec<UserChange> = REALM_ROLES.iter().map(|role| UserChange::AddRole(RoleName::of_realm(role))).collect();
    changes.extend(CLIENT_ROLES.iter().map(|role| UserChange::AddRole(RoleName::of_client("account", role))));
    changes.extend(GROUPS.iter().map(|group| UserChange::AddGroup((*group).to_owned())));
    changes.extend([
        UserChange::Attribute("department".to_owned(), vec!["physics".to_owned()]),
        UserChange::Attribute("uid".to_owned(), vec![(10_000 + number).to_string()]),
        UserChange::Attribute("gid".to_owned(), vec!["1000".to_owned()]),
        UserChange::Email(Some(format!("{name}@example.org"))),
        UserChange::EmailVerified(true),
        UserChange::FirstName(Some("Given".to_owned())),
        UserChange::LastName(Some(format!("Family {number}"))),
    ]);
    record.user = change_user(realm, &record.user, &changes).map_err(told("a user cannot be made"))?;
    Ok(record)
}

fn password(realm: &Realm) -> Result<freshkey_core::documents::CredentialRecord, String> {
    let plain = PlainPassword::new(PASSWORD).map_err(told("the password"))?;
    let algorithm = realm.settings.password_policy.hash_algorithm();
    let hash = passwords::hash(plain, &algorithm, random_bytes::<16>(&SystemEntropy), &mut HashWorkspace::new());
    Ok(password_record(random_uuid(&SystemEntropy), &hash.map_err(told("the password"))?, now().milliseconds()))
}

async fn make_sessions(store: &Store, order: &Order) -> Result<(), String> {
    let (documents, realm) = load(store).await?;
    let client = realm.clients.get(CLIENT).ok_or("the realm lacks its client")?.key;
    let users = user_keys(store, documents.key).await?;
    let file = File::create(order.directory.join(SESSIONS_FILE)).map_err(|error| error.to_string())?;
    let mut list = BufWriter::new(file);
    let begin_ms = now().milliseconds() - BEGUN_WITHIN_MS;
    let mut made = 0;
    while made < order.sessions {
        let chunk = CHUNK.min(order.sessions - made);
        let mut changes = Vec::with_capacity(chunk);
        for number in made..made + chunk {
            // In the order of time, as they would have come; the users in no order.
            let at_ms = begin_ms + i64::try_from(number).unwrap_or(0) * BEGUN_WITHIN_MS / i64::try_from(order.sessions).unwrap_or(1);
            let user = users[number.wrapping_mul(7919) % users.len()];
            let grant = grant(documents.key, client, user, Now::from_milliseconds(at_ms));
            let entry = [grant.id.sid.0, user.0].concat();
            debug_assert_eq!(entry.len(), ENTRY_BYTES);
            list.write_all(&entry).map_err(|error| error.to_string())?;
            changes.push(Change::BeginGrant { grant: Box::new(grant), offline_grants_max: None });
        }
        let recorded = store.record(&changes, &audit(documents.key)).await;
        if recorded != Ok(Applied::Yes) {
            return Err(format!("sessions cannot be made: {recorded:?}"));
        }
        made += chunk;
        if made % 100_000 == 0 && made < order.sessions {
            eprintln!("  {made} sessions");
        }
    }
    list.flush().map_err(|error| error.to_string())
}

async fn user_keys(store: &Store, realm: RealmKey) -> Result<Vec<UserKey>, String> {
    let (mut keys, mut page) = (Vec::new(), freshkey_store::Page::first(1000));
    loop {
        let users =
            store.list_users(realm, &freshkey_store::UserFilter::default(), &page).await.map_err(told("the users cannot be read"))?;
        let Some(last) = users.last() else { return Ok(keys) };
        page = freshkey_store::Page::after(last.username.clone(), 1000);
        // Who signs in owns none: a sign-in ends the oldest offline grants beyond the realm's cap.
        keys.extend(users.iter().filter(|user| user.username != USERNAME).map(|user| user.key));
    }
}

fn grant(realm: RealmKey, client: ClientKey, user: UserKey, at: Now) -> Grant {
    let sid = SessionId::generate(at, user, &SystemEntropy);
    let at = at.seconds();
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
        notes: freshkey_core::grant::SessionNotes::new(),
    }
}
