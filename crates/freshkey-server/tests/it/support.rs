//! The server in process: real router, real database (SQLite, or PostgreSQL with `FRESHKEY_TEST_ENGINE=postgres`), a clock that stands still.
//!
//! A [`TestServer`] is one or more nodes on one database, with the realm `UA` and the user `demo`.

mod answer;
mod assertions;
mod cast;
mod entropy;
mod realm;

pub use answer::{Answer, Request};
pub use assertions::{AssertionKey, assertion_claims};
pub use cast::payload;
pub use realm::{DEMO, PASSWORD, UA_SECRET};

use axum::Router;
use base64::Engine as _;
use entropy::SeededEntropy;
use freshkey_core::Now;
use freshkey_core::documents::RealmDocuments;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::{RealmKey, UserKey};
use freshkey_core::keycloak::edit::{self, Edit, UserChange};
use freshkey_protocol::Claims;
use freshkey_protocol::jose::CompactJws;
use freshkey_server::app::App;
use freshkey_server::clock::FixedClock;
use freshkey_server::config::OutgoingSettings;
use freshkey_server::outgoing::Outgoing;
use freshkey_server::realms::BaseUrls;
use freshkey_server::router::router;
use freshkey_server::server::{Assembly, assemble};
use freshkey_service::network::{Network, TrustedProxies};
use freshkey_store::{AuditRecord, DbOptions, EventFilter, Page, RealmChange, RealmChanged, SealingKey, Store, StoreOptions, StoredEvent};
use freshkey_testkit::databases::{TestPostgres, TestSqlite};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// When every test begins.
pub const START: i64 = 1_800_000_000;

/// The issuer of the realm `UA`.
pub const ISSUER: &str = "https://id.example/realms/UA";

/// A day, in seconds.
pub const DAY: i64 = 86_400;

/// How long a request waits for a database that is there: long enough for a slow machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// What secrets in the database are sealed with.
const SEALING_KEY: [u8; 32] = [7; 32];

/// The path of the token endpoint.
pub const TOKEN: &str = "/realms/UA/protocol/openid-connect/token";

/// One or more nodes on one database.
pub struct TestServer {
    pub clock: Arc<FixedClock>,
    pub realm: RealmKey,
    pub nodes: Vec<Node>,
    /// For what tests make themselves.
    entropy: SeededEntropy,
    /// Nodes that ever were: a restarted one does not draw the same random bytes again.
    started_count: u64,
    url: String,
    /// How long a request waits for the database.
    deadline: Duration,
    /// Whom nodes that are added may call.
    pub outgoing: OutgoingSettings,
    /// Removed with the test.
    _file: Option<TestSqlite>,
}

/// One node.
pub struct Node {
    pub app: Arc<App>,
    router: Router,
    polls: AtomicBool,
}

/// Which engine a test runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// The engine of this run.
    pub fn of_this_run() -> Self {
        match std::env::var("FRESHKEY_TEST_ENGINE").as_deref() {
            Ok("postgres") => Self::Postgres,
            Ok("sqlite") | Err(_) => Self::Sqlite,
            Ok(other) => panic!("FRESHKEY_TEST_ENGINE is sqlite or postgres, not {other}"),
        }
    }
}

impl TestServer {
    /// One node on the engine of this run.
    pub async fn start() -> Self {
        Self::with_nodes(Engine::of_this_run(), 1).await
    }

    /// Several nodes on one PostgreSQL: the only place where races count.
    pub async fn cluster(nodes: usize) -> Self {
        Self::with_nodes(Engine::Postgres, nodes).await
    }

    /// One node on this engine, whatever engine the run is on.
    pub async fn on(engine: Engine) -> Self {
        Self::with_nodes(engine, 1).await
    }

    /// Ends all nodes in good order, and leaves the database to a process of its own: its address, and a file with its sealing key.
    pub async fn hand_over(&mut self, key_file: &std::path::Path) -> String {
        for node in self.nodes.drain(..) {
            Store::clone(&node.app.store).close().await.unwrap();
        }
        std::fs::write(key_file, base64::engine::general_purpose::STANDARD.encode(SEALING_KEY)).unwrap();
        std::fs::set_permissions(key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        self.url.clone()
    }

    /// One node on a PostgreSQL server of the test's own, which it may kill.
    pub async fn on_server(postgres: &TestPostgres) -> Self {
        // A node that waits for the dead waits shorter here.
        Self::at(postgres.database().await.url, None, Duration::from_secs(1), 1).await
    }

    async fn with_nodes(engine: Engine, count: usize) -> Self {
        match engine {
            Engine::Sqlite => {
                let file = TestSqlite::new();
                Self::at(file.url(), Some(file), DEADLINE, count).await
            }
            Engine::Postgres => Self::at(TestPostgres::shared().await.database().await.url, None, DEADLINE, count).await,
        }
    }

    async fn at(url: String, file: Option<TestSqlite>, deadline: Duration, count: usize) -> Self {
        let clock = Arc::new(FixedClock::at(Now::from_seconds(START)));
        let store = open(&url, deadline, 0).await;
        store.migrate(Now::from_seconds(START)).await.unwrap();
        let realm = realm::make(&store, Now::from_seconds(START)).await;
        store.close().await.unwrap();
        let mut server = Self {
            clock,
            realm,
            nodes: Vec::new(),
            entropy: SeededEntropy::of_node(5000),
            started_count: 0,
            url,
            deadline,
            outgoing: OutgoingSettings::default(),
            _file: file,
        };
        for _ in 0..count {
            server.add_node().await;
        }
        server
    }

    /// One more node, as a freshly started process would be.
    pub async fn add_node(&mut self) {
        self.started_count += 1;
        let number = self.started_count;
        let store = Arc::new(open(&self.url, self.deadline, number).await);
        let assembly = Assembly {
            store,
            clock: Arc::clone(&self.clock) as _,
            entropy: Arc::new(SeededEntropy::of_node(number)),
            urls: BaseUrls { public: "https://id.example".into(), backchannel: None },
            path_prefix: String::new(),
            trusted_proxies: TrustedProxies::new(vec![Network::parse("10.0.0.0/8").unwrap()]),
            hash_concurrency: 2,
            outgoing: Outgoing::new(&self.outgoing).unwrap(),
        };
        let app = assemble(assembly).await.unwrap();
        self.nodes.push(Node { router: router(Arc::clone(&app)), app, polls: AtomicBool::new(true) });
    }

    /// All nodes end, as if the machine had been switched off, and one starts anew.
    pub async fn restart(&mut self) {
        self.nodes.clear();
        self.add_node().await;
    }

    /// Time goes by, and the nodes check their configuration as they always do.
    pub async fn advance_s(&self, seconds: i64) {
        self.clock.advance_s(seconds);
        for node in &self.nodes {
            node.app.realms.check().await.unwrap();
        }
    }

    /// The first node's store.
    pub fn store(&self) -> &Store {
        &self.nodes[0].app.store
    }

    pub fn get(&self, path: &str) -> Request<'_> {
        self.nodes[0].get(path)
    }

    pub fn post(&self, path: &str) -> Request<'_> {
        self.nodes[0].post(path)
    }

    /// Signs `demo` in at the public client `ua-grant`.
    pub async fn sign_in(&self, scope: &str) -> Answer {
        let answer = self
            .post(TOKEN)
            .filled_form(&[
                ("grant_type", "password"),
                ("client_id", "ua-grant"),
                ("username", DEMO),
                ("password", PASSWORD),
                ("scope", scope),
            ])
            .send()
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    /// A refresh at `ua-grant`, whatever comes of it.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.nodes[0].refresh(refresh_token).await
    }

    /// A refresh at `ua-grant` that asks for a scope.
    pub async fn refresh_with(&self, refresh_token: &str, scope: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", refresh_token), ("scope", scope)];
        self.post(TOKEN).form(&form).send().await
    }

    /// Changes the realm's configuration, and lets every node notice.
    pub async fn configure(&self, change: impl FnOnce(&RealmDocuments) -> Edit) {
        let documents = self.store().load_realm("UA").await.unwrap().unwrap();
        let edit = change(&documents);
        let change = RealmChange { name: None, document: edit.document, put: edit.changed, remove: edit.removed };
        assert_eq!(self.store().change_realm(self.realm, documents.version, &change, &self.audit()).await.unwrap(), RealmChanged::Yes);
        for node in &self.nodes {
            node.app.realms.check().await.unwrap();
        }
    }

    /// Sets fields of the realm: `("revokeRefreshToken", "true")`.
    pub async fn set_realm(&self, assignments: &[(&str, &str)]) {
        self.configure(|documents| edit::set_realm(documents, assignments).unwrap()).await;
    }

    /// Sets fields of a client.
    pub async fn set_client(&self, client_id: &str, assignments: &[(&str, &str)]) {
        self.configure(|documents| edit::set_client(documents, client_id, assignments).unwrap()).await;
    }

    /// Changes `demo`. Nobody is told: the next request has to see it.
    pub async fn change_demo(&self, changes: &[UserChange]) {
        self.change_user(DEMO, changes).await;
    }

    /// Deletes `demo`.
    pub async fn delete_demo(&self) {
        let _ = self.store().delete_user(self.realm, self.demo().await, &self.audit()).await.unwrap();
    }

    /// The key of `demo`.
    pub async fn demo(&self) -> UserKey {
        self.store().user_by_name(self.realm, DEMO).await.unwrap().unwrap().key
    }

    /// Everything that was kept, newest first.
    pub async fn events(&self) -> Vec<StoredEvent> {
        for node in &self.nodes {
            node.app.store.flush().await.unwrap();
        }
        self.store().events(&EventFilter::realm(self.realm), &Page::first(1000)).await.unwrap()
    }

    /// An audit record for changes that a test makes.
    pub fn audit(&self) -> AuditRecord {
        let event = Event::new(START * 1000, self.realm, EventKind::AdminChange).with("actor", "test");
        AuditRecord { event, reason: None, address: None, correlation_id: "test".into() }
    }
}

impl Node {
    pub fn get(&self, path: &str) -> Request<'_> {
        Request::to(self, "GET", path)
    }

    pub fn post(&self, path: &str) -> Request<'_> {
        Request::to(self, "POST", path)
    }

    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        Request::to(self, method, path)
    }

    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post(TOKEN).form(&[("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", refresh_token)]).send().await
    }

    /// From now on this node cannot look for changes of the configuration.
    pub fn cut_off(&self) {
        self.polls.store(false, Ordering::Relaxed);
    }

    /// What the server does in the background, four times a second; here before each request, since time stands still between them.
    async fn poll(&self) {
        if self.polls.load(Ordering::Relaxed) {
            // While the store is away this fails, and the node acts as it does in the field.
            let _ = self.app.realms.check().await;
        }
    }
}

/// The claims of a token, not verified.
pub fn claims(token: &str) -> Claims {
    let payload = CompactJws::parse(token.as_bytes()).expect("a compact JWS").unverified_payload().unwrap();
    Claims::parse(&payload).unwrap()
}

async fn open(url: &str, deadline: Duration, node: u64) -> Store {
    let mut db = DbOptions::from_url(url).unwrap();
    db.deadline = deadline;
    let options = StoreOptions {
        db,
        sealing_key: SealingKey::from_bytes(&freshkey_protocol::Secret::new(SEALING_KEY)).unwrap(),
        entropy: Arc::new(SeededEntropy::of_node(1000 + node)),
    };
    Store::open(options).await.unwrap()
}

/// Runs all at the same time and gives the results in order.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        let mut open = false;
        for (future, output) in &mut pending {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(pending.iter_mut().map(|(_, output)| output.take().expect("ready")).collect())
        }
    })
    .await
}
