//! Ours: the product's own server on loopback, in this process, with a clock that stands still until a scenario lets time go by.

use super::{take_added_keys, take_added_scopes, texts};
use crate::realm::REALM;
use crate::script::Change;
use freshkey_core::Now;
use freshkey_core::documents::{ConfigItem, ItemKind, RealmDocuments};
use freshkey_core::entropy::random_uuid;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::grant::SessionKind;
use freshkey_core::ids::RealmKey;
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::defaults::GeneratedKey;
use freshkey_core::keycloak::edit::{self, Edit, MappedTo, Membership, RoleName, ScopeAssignment, UserChange};
use freshkey_core::keycloak::import::plan_import;
use freshkey_protocol::Secret;
use freshkey_protocol::jose::{Algorithm, KeyKind, generate_private_key};
use freshkey_server::app::App;
use freshkey_server::clock::{Clock as _, FixedClock, SystemEntropy};
use freshkey_server::envelope::Envelope;
use freshkey_server::realms::BaseUrls;
use freshkey_server::router::router;
use freshkey_server::server::{Assembly, assemble};
use freshkey_server::telemetry::Observer;
use freshkey_service::listener::{Listener, Phase};
use freshkey_service::network::TrustedProxies;
use freshkey_store::{
    AuditRecord, DbOptions, EmailRule, GrantFilter, Imported, NewRealm, RealmChange, RealmChanged, RealmCreated, SealingKey, Store,
    StoreOptions, UserChanged, VersionedUser,
};
use freshkey_testkit::databases::{TestPostgres, TestSqlite};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use tokio::sync::watch;

/// When every scenario begins.
const START: i64 = 1_800_000_000;

/// Made once: an RSA key takes its time.
static RSA_KEY: LazyLock<Secret<Vec<u8>>> = LazyLock::new(|| generate_private_key(KeyKind::Rsa2048).expect("a key"));

/// Where the server keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A database of a PostgreSQL server that belongs to this process.
    Postgres,
}

/// A server and its database.
pub struct Freshkey {
    engine: Engine,
    running: Running,
}

struct Running {
    app: Arc<App>,
    clock: Arc<FixedClock>,
    base: String,
    /// Dropped with the server, which ends it.
    _phase: watch::Sender<Phase>,
    _file: Option<TestSqlite>,
}

impl Freshkey {
    /// A server without a realm.
    pub async fn start(engine: Engine) -> Result<Self, String> {
        Ok(Self { engine, running: Running::start(engine).await? })
    }

    pub(super) fn base_url(&self) -> &str {
        &self.running.base
    }

    pub(super) fn now(&self) -> i64 {
        self.running.clock.now().seconds()
    }

    pub(super) async fn wait(&mut self, seconds: u32) -> Result<(), String> {
        self.running.clock.advance_s(i64::from(seconds));
        self.running.follow().await
    }

    /// A fresh database each time, so that nothing of one scenario is seen by the next.
    pub(super) async fn load(&mut self, realm: &Value) -> Result<(), String> {
        self.running = Running::start(self.engine).await?;
        self.running.load(realm).await
    }

    pub(super) async fn arrange(&mut self, change: &Change) -> Result<Option<String>, String> {
        self.running.arrange(change).await
    }
}

impl Running {
    async fn start(engine: Engine) -> Result<Self, String> {
        let (url, file) = match engine {
            Engine::Sqlite => {
                let file = TestSqlite::new();
                (file.url(), Some(file))
            }
            Engine::Postgres => (TestPostgres::shared().await.database().await.url, None),
        };
        let db = DbOptions::from_url(&url).map_err(text)?;
        let sealing_key = SealingKey::from_bytes(&Secret::new([7; 32])).map_err(text)?;
        let store = Store::open(StoreOptions { db, sealing_key, entropy: Arc::new(SystemEntropy) }).await.map_err(text)?;
        store.migrate(Now::from_seconds(START)).await.map_err(text)?;

        let clock = Arc::new(FixedClock::at(Now::from_seconds(START)));
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None, 64).await.map_err(text)?;
        let base = format!("http://{}", listener.local_address().map_err(text)?);
        let assembly = Assembly {
            store: Arc::new(store),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(SystemEntropy),
            urls: BaseUrls { public: base.clone(), backchannel: None },
            path_prefix: String::new(),
            trusted_proxies: TrustedProxies::new(Vec::new()),
            hash_concurrency: 2,
            outgoing: freshkey_server::outgoing::Outgoing::default(),
        };
        let app = assemble(assembly).await.map_err(text)?;
        let observer = Observer::silent(Arc::clone(&clock) as _, Arc::new(SystemEntropy));
        let envelope = Arc::new(Envelope::new(router(Arc::clone(&app)), Arc::new(observer)));
        let (sender, phase) = watch::channel(Phase::Serving);
        tokio::spawn(listener.serve(envelope, phase));
        Ok(Self { app, clock, base, _phase: sender, _file: file })
    }

    async fn load(&self, realm: &Value) -> Result<(), String> {
        let mut realm = realm.clone();
        let scopes = take_added_scopes(&mut realm);
        let keys = take_added_keys(&mut realm);
        let file = realm.to_string();
        let (now, entropy) = (self.clock.now(), SystemEntropy);
        let mut plans = plan_import(file.as_bytes(), now, &entropy).map_err(text)?;
        let mut plan = plans.pop().ok_or("the realm's file has no realm")?;
        if let Some(algorithm) = plan.missing_key() {
            plan.add_key(algorithm, GeneratedKey { pkcs8: RSA_KEY.clone(), certificate: None }, &entropy);
        }
        let users = plan.users(&entropy).collect::<Result<Vec<_>, _>>().map_err(text)?;
        let users: Vec<_> = users.into_iter().map(|user| user.record).collect();
        let store = &self.app.store;
        let new = plan.into_realm();
        let new = NewRealm { name: new.name, document: new.document, items: new.items };
        let RealmCreated::Yes(key) = store.create_realm(&new, &self.audit(RealmKey(0))).await.map_err(text)? else {
            return Err("the realm is there already".to_owned());
        };
        if store.import_users(key, &users, EmailRule::Unique).await.map_err(text)? != Imported::Yes {
            return Err("two users are alike".to_owned());
        }
        for name in keys {
            let algorithm =
                Algorithm::parse(&name).filter(|algorithm| *algorithm == Algorithm::Es256).ok_or("only ES256 keys can be added")?;
            let pkcs8 = generate_private_key(KeyKind::P256).map_err(|error| format!("{error:?}"))?;
            let key = GeneratedKey { pkcs8, certificate: None };
            self.configure(|documents| edit::add_key(documents, algorithm, Some(key), &entropy).map_err(text)).await?;
        }
        for scope in scopes {
            self.add_scope(scope).await?;
        }
        self.follow().await
    }

    async fn add_scope(&self, mut scope: Value) -> Result<(), String> {
        let [roles, defaults, optionals] = ["roles", "default", "optional"].map(|field| texts(&scope, field));
        if let Some(scope) = scope.as_object_mut() {
            scope.retain(|field, _| !matches!(field.as_str(), "roles" | "default" | "optional"));
        }
        let name = scope["name"].as_str().unwrap_or_default().to_owned();
        let id = random_uuid(&SystemEntropy);
        scope["id"] = id.clone().into();
        let item = ConfigItem { kind: ItemKind::ClientScope, id, name: name.clone(), document: scope, secrets: None };
        self.configure(|_| Ok(Edit { changed: vec![item], ..Edit::default() })).await?;
        for role in roles {
            let mapped = |documents: &RealmDocuments| {
                edit::set_scope_mapping(documents, MappedTo::ClientScope(&name), &RoleName::of_realm(&role), Membership::In).map_err(text)
            };
            self.configure(mapped).await?;
        }
        for (clients, assignment) in [(defaults, ScopeAssignment::Default), (optionals, ScopeAssignment::Optional)] {
            for client in clients {
                self.configure(|documents| edit::assign_scope(documents, &client, &name, assignment).map_err(text)).await?;
            }
        }
        Ok(())
    }

    async fn arrange(&self, change: &Change) -> Result<Option<String>, String> {
        let now = self.clock.now();
        let mut secret = None;
        match change {
            Change::Realm(field, value) => self.set_realm(field, value).await?,
            Change::RealmNotBefore => self.set_realm("notBefore", &now.seconds().into()).await?,
            Change::Client(client, field, value) => self.set_client(client, field, value).await?,
            Change::ClientNotBefore(client) => self.set_client(client, "notBefore", &now.seconds().into()).await?,
            Change::RotateSecret(client) => {
                self.configure(|documents| {
                    let (edit, fresh) = edit::rotate_client_secret(documents, client, 0, now, &SystemEntropy).map_err(text)?;
                    secret = Some(fresh.expose().clone());
                    Ok(edit)
                })
                .await?;
            }
            Change::DeleteClient(client) => self.configure(|documents| edit::remove_client(documents, client).map_err(text)).await?,
            Change::User(user, field, value) => self.change_user(user, user_change(field, value)?).await?,
            Change::Attribute(user, name, values) => {
                let values = values.iter().map(|value| (*value).to_owned()).collect();
                self.change_user(user, UserChange::Attribute((*name).to_owned(), values)).await?;
            }
            Change::GiveRole(user, role) => self.change_user(user, UserChange::AddRole(RoleName::of_realm(role))).await?,
            Change::TakeRole(user, role) => self.change_user(user, UserChange::RemoveRole(RoleName::of_realm(role))).await?,
            Change::JoinGroup(user, path) => self.change_user(user, UserChange::AddGroup((*path).to_owned())).await?,
            Change::LeaveGroup(user, path) => self.change_user(user, UserChange::RemoveGroup((*path).to_owned())).await?,
            Change::DeleteUser(user) => {
                let (realm, user) = self.user(user).await?;
                let _ = self.app.store.delete_user(realm, user.record.user.key, &self.audit(realm)).await.map_err(text)?;
            }
            Change::EndSessions(user) => {
                let (realm, user) = self.user(user).await?;
                // As an administrator of Keycloak does it for the sessions that it lists: offline ones stay.
                let online = GrantFilter { kind: Some(SessionKind::Online), ..GrantFilter::user(realm, user.record.user.key) };
                self.app.store.end_grants(&online, &self.audit(realm)).await.map_err(text)?;
            }
        }
        self.follow().await?;
        Ok(secret)
    }

    async fn set_realm(&self, field: &str, value: &Value) -> Result<(), String> {
        self.configure(|documents| edit::set_realm(documents, &[(field, &argument(value))]).map_err(text)).await
    }

    async fn set_client(&self, client_id: &str, field: &str, value: &Value) -> Result<(), String> {
        self.configure(|documents| edit::set_client(documents, client_id, &[(field, &argument(value))]).map_err(text)).await
    }

    async fn change_user(&self, username: &str, change: UserChange) -> Result<(), String> {
        let (realm, mut user) = self.user(username).await?;
        let documents = self.documents().await?;
        let (snapshot, _) = build_realm(&documents).map_err(text)?;
        user.record.user = edit::change_user(&snapshot, &user.record.user, &[change]).map_err(text)?;
        match self.app.store.put_user(realm, &user.record, user.version, EmailRule::Unique, &self.audit(realm)).await.map_err(text)? {
            UserChanged::Yes => Ok(()),
            other => Err(format!("the user {username} was not changed: {other:?}")),
        }
    }

    async fn user(&self, username: &str) -> Result<(RealmKey, VersionedUser), String> {
        let realm = self.documents().await?.key;
        let missing = || format!("there is no user {username}");
        let user = self.app.store.user_by_name(realm, username).await.map_err(text)?.ok_or_else(missing)?;
        let record = self.app.store.user_record(realm, user.key).await.map_err(text)?.ok_or_else(missing)?;
        Ok((realm, record))
    }

    async fn documents(&self) -> Result<RealmDocuments, String> {
        let loaded = self.app.store.load_realm(REALM).await.map_err(text)?;
        loaded.ok_or_else(|| "the realm is not loaded".to_owned())
    }

    async fn configure(&self, change: impl FnOnce(&RealmDocuments) -> Result<Edit, String>) -> Result<(), String> {
        let documents = self.documents().await?;
        let edit = change(&documents)?;
        let change = RealmChange { name: None, document: edit.document, put: edit.changed, remove: edit.removed };
        match self.app.store.change_realm(documents.key, documents.version, &change, &self.audit(documents.key)).await.map_err(text)? {
            RealmChanged::Yes => Ok(()),
            other => Err(format!("the realm was not changed: {other:?}")),
        }
    }

    /// Lets the server notice a change of configuration or time at once, as it does four times a second.
    async fn follow(&self) -> Result<(), String> {
        self.app.realms.check().await.map(drop).map_err(text)
    }

    fn audit(&self, realm: RealmKey) -> AuditRecord {
        let event = Event::new(self.clock.now().milliseconds(), realm, EventKind::AdminChange);
        AuditRecord { event, reason: None, address: None, correlation_id: "compat".to_owned() }
    }
}

fn user_change(field: &str, value: &Value) -> Result<UserChange, String> {
    let (words, flag) = (value.as_str().map(str::to_owned), value.as_bool().unwrap_or_default());
    Ok(match field {
        "enabled" => UserChange::Enabled(flag),
        "email" => UserChange::Email(words),
        "emailVerified" => UserChange::EmailVerified(flag),
        "firstName" => UserChange::FirstName(words),
        "lastName" => UserChange::LastName(words),
        other => return Err(format!("no change of a user's {other}")),
    })
}

/// As `admin … --set field=VALUE` takes it.
fn argument(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
