//! The recording, a PostgreSQL with Keycloak's tables in it, and a database of ours beside it.

use crate::support::{Answer, Engine, Request};
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_core::Now;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::RealmKey;
use freshkey_protocol::Secret;
use freshkey_protocol::jose::{Algorithm, HeaderType, KeyId, SigningKey, sign_compact};
use freshkey_server::clock::{FixedClock, SystemEntropy};
use freshkey_server::keycloak_database::{Address, Connected, MoveError, Moved, Movement, Progress, Sessions, Source, Step};
use freshkey_server::realms::BaseUrls;
use freshkey_server::router::router;
use freshkey_server::server::{Assembly, assemble};
use freshkey_service::network::TrustedProxies;
use freshkey_store::{AuditRecord, DbOptions, SealingKey, ServiceAccounts, Store, StoreOptions, UserFilter};
use freshkey_testkit::databases::{TestPostgres, TestSqlite};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TABLES: &str = include_str!("../../fixtures/keycloak-26.7.3/realms.sql");
const TOKENS: &str = include_str!("../../fixtures/keycloak-26.7.3/tokens.json");

/// Tokens that a Keycloak issued, and the moment in which its tables were recorded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    pub taken_at: i64,
    pub base: String,
    /// Private keys of clients, PKCS#8 in base64.
    keys: HashMap<String, String>,
    pub tokens: Vec<RecordedToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedToken {
    pub name: String,
    pub realm: String,
    pub client: String,
    pub refresh_token: String,
    pub access_token: String,
}

impl Recording {
    pub fn read() -> Self {
        serde_json::from_str(TOKENS).unwrap()
    }

    pub fn token(&self, name: &str) -> &RecordedToken {
        self.tokens.iter().find(|token| token.name == name).unwrap_or_else(|| panic!("a token named {name}"))
    }

    /// How a client of the recording proves itself.
    fn proof(&self, realm: &str, client: &str) -> Vec<(&'static str, String)> {
        let of_client = |client: &str| ("client_id", client.to_owned());
        match client {
            "secret-a" => vec![of_client(client), ("client_secret", "secret-of-a".into())],
            "secret-b" => vec![of_client(client), ("client_secret", "secret-of-b".into())],
            "shared-a" => self.assertion(realm, client, &hmac_key("a-shared-secret-of-more-than-32-bytes")),
            "shared-b" => self.assertion(realm, client, &hmac_key("b-shared-secret-of-more-than-32-bytes")),
            "jwt-a" | "jwt-b" => {
                let der = STANDARD.decode(&self.keys[client]).unwrap();
                self.assertion(realm, client, &SigningKey::from_private_key_der(Algorithm::Rs256, &der).unwrap())
            }
            _ => vec![of_client(client)],
        }
    }

    fn assertion(&self, realm: &str, client: &str, key: &SigningKey) -> Vec<(&'static str, String)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = format!("assertion-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let claims = json!({ "iss": client, "sub": client, "aud": format!("{}/realms/{realm}", self.base), "iat": self.taken_at,
            "exp": self.taken_at + 60, "jti": id });
        vec![
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into()),
            ("client_assertion", sign_compact(key, HeaderType::Jwt, claims.to_string().as_bytes()).unwrap()),
        ]
    }
}

fn hmac_key(secret: &str) -> SigningKey {
    SigningKey::from_hmac_secret(KeyId::parse("client-secret").unwrap(), Algorithm::Hs256, secret.as_bytes()).unwrap()
}

impl RecordedToken {
    pub fn is_offline(&self) -> bool {
        crate::support::claims(&self.refresh_token).typ.as_deref() == Some("Offline")
    }
}

/// A database with Keycloak's tables.
pub struct Keycloak {
    pub url: String,
}

impl Keycloak {
    /// With the recording in it.
    pub async fn load() -> Self {
        let keycloak = Self::empty().await;
        keycloak.execute(TABLES).await;
        keycloak
    }

    /// With nothing in it.
    pub async fn empty() -> Self {
        Self { url: TestPostgres::shared().await.database().await.url }
    }

    pub async fn execute(&self, sql: &str) {
        let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        let _ = driver.await;
    }

    pub async fn connect(&self) -> Connected {
        Address::parse(&self.url, None, None).unwrap().connect().await.unwrap()
    }
}

/// A database of ours, on the engine of this run.
pub struct Ours {
    pub store: Arc<Store>,
    _file: Option<TestSqlite>,
}

impl Ours {
    pub async fn make() -> Self {
        let file = (Engine::of_this_run() == Engine::Sqlite).then(TestSqlite::new);
        let url = match &file {
            Some(file) => file.url(),
            None => TestPostgres::shared().await.database().await.url,
        };
        let sealing_key = SealingKey::from_bytes(&Secret::new([7; 32])).unwrap();
        let options = StoreOptions { db: DbOptions::from_url(&url).unwrap(), sealing_key, entropy: Arc::new(SystemEntropy) };
        let store = Store::open(options).await.unwrap();
        store.migrate(Now::from_seconds(0)).await.unwrap();
        Self { store: Arc::new(store), _file: file }
    }

    /// Moves realms here at this moment.
    pub async fn take_over(&self, keycloak: &Keycloak, realms: &[&str], at: i64) {
        for realm in realms {
            self.try_to_take_over(keycloak, realm, at, &mut Unhindered).await.unwrap();
        }
    }

    /// Moves a realm here, and may be stopped.
    pub async fn try_to_take_over(
        &self,
        keycloak: &Keycloak,
        realm: &str,
        at: i64,
        progress: &mut dyn Progress,
    ) -> Result<Moved, MoveError> {
        let mut connected = keycloak.connect().await;
        let source = connected.source().await?;
        let movement = self.movement(&source, at);
        let plan = movement.plan(realm, progress).await?;
        movement.carry_out(&plan, &audit, progress).await
    }

    pub fn movement<'m>(&'m self, source: &'m Source<'m>, at: i64) -> Movement<'m> {
        let now = Now::from_seconds(at);
        Movement { source, store: &self.store, now, entropy: &SystemEntropy, sessions: Sessions::Taken }
    }

    /// A server under the address that the recorded Keycloak had.
    pub async fn serve(&self, at: i64) -> Served {
        let assembly = Assembly {
            store: Arc::clone(&self.store),
            clock: Arc::new(FixedClock::at(Now::from_seconds(at))),
            entropy: Arc::new(SystemEntropy),
            urls: BaseUrls { public: Recording::read().base, backchannel: None },
            path_prefix: String::new(),
            trusted_proxies: TrustedProxies::new(Vec::new()),
            hash_concurrency: 2,
            outgoing: freshkey_server::outgoing::Outgoing::default(),
        };
        Served { router: router(assemble(assembly).await.unwrap()) }
    }
}

/// Every user, service accounts included.
pub fn everybody() -> UserFilter {
    UserFilter { service_accounts: ServiceAccounts::Listed, ..UserFilter::default() }
}

pub fn audit(realm: RealmKey, action: &'static str) -> AuditRecord {
    let event = Event::new(0, realm, EventKind::AdminChange).with("actor", "test").with("action", action);
    AuditRecord { event, reason: None, address: None, correlation_id: "test".into() }
}

/// Nothing stops the move.
pub struct Unhindered;

impl Progress for Unhindered {
    fn step(&mut self, _: Step, _: u64, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A server in this process.
pub struct Served {
    router: Router,
}

impl Served {
    /// Refreshes a token as the client of `of` would.
    pub async fn refresh(&self, recording: &Recording, of: &RecordedToken, refresh_token: &str) -> Answer {
        let mut form = vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", refresh_token.to_owned())];
        form.extend(recording.proof(&of.realm, &of.client));
        self.token(&of.realm, &form).await
    }

    /// Signs in at the public client.
    pub async fn sign_in(&self, realm: &str, username: &str, password: &str) -> Answer {
        let pairs = [("grant_type", "password"), ("client_id", "public-a"), ("username", username), ("password", password)];
        self.token(realm, &pairs.map(|(name, value)| (name, value.to_owned()))).await
    }

    pub async fn userinfo(&self, realm: &str, access_token: &str) -> Answer {
        Request::new(&self.router, "GET", &format!("/realms/{realm}/protocol/openid-connect/userinfo")).bearer(access_token).send().await
    }

    async fn token(&self, realm: &str, form: &[(&str, String)]) -> Answer {
        let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Request::new(&self.router, "POST", &format!("/realms/{realm}/protocol/openid-connect/token")).form(&pairs).send().await
    }
}
