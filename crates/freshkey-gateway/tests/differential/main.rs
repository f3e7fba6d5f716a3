//! What the verdict saw is what the application got (T-069): random requests over raw sockets, through a gateway, to an application that gives back the
//! bytes that reached it. Paths and headers are compared with what the gateway says it judged, with a model of what it may change, and with the ways in
//! which other servers read a path.

mod dice;
mod requests;
mod upstream;
mod verdicts;
mod wire;

use dice::Dice;
use freshkey_gateway::clock::FixedClock;
use freshkey_gateway::config::load;
use freshkey_gateway::service::Service;
use freshkey_protocol::jose::{Algorithm, HeaderType, Jwk, JwkSet, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use metrics_exporter_prometheus::PrometheusBuilder;
use requests::{Sent, Tokens};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;
use upstream::Upstream;
use verdicts::Verdicts;
use wire::{Connection, Head};

const START_S: i64 = 1_800_000_000;

/// Longer than any answer takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

const CONFIGURATION: &str = r#"
default = "deny"
trusted_proxies = []
[proxy]
listen = "127.0.0.1:0"
tls = "off"
[[issuers]]
issuer = "https://id.test"
audiences = ["api"]
algorithms = ["ES256"]
jwks_file = "keys.json"
[[applications]]
name = "api"
hosts = ["api.test", "*.apps.test"]
upstream = { url = "http://{upstream}" }
[[applications.rules]]
name = "public"
paths = ["/public", "/public/**"]
allow = "public"
[[applications.rules]]
name = "admin"
paths = ["/admin/**"]
roles = { any = ["admin"] }
[[applications.rules]]
name = "api"
paths = ["/api/**"]
methods = ["GET", "POST"]
allow = "authenticated"
"#;

/// A gateway before an application that tells everything.
struct World {
    service: Service,
    upstream: Upstream,
    tokens: Tokens,
    verdicts: &'static Verdicts,
    _directory: TempDir,
}

impl World {
    async fn start() -> Self {
        let verdicts = Verdicts::listen();
        let upstream = Upstream::start().await;
        let directory = TempDir::new().expect("a directory");
        let der = generate_private_key(KeyKind::P256).expect("a key");
        let key = SigningKey::from_private_key_der(Algorithm::Es256, der.expose()).expect("a key");
        let key = key.with_key_id(KeyId::parse("k").expect("an id"));
        let jwk = Jwk::of_verifying_key(&key.verifying_key().expect("a key"), Vec::new()).expect("public");
        let keys = serde_json::to_string(&JwkSet { keys: vec![jwk], ignored: 0 }).expect("JSON");
        std::fs::write(directory.path().join("keys.json"), keys).expect("written");
        let path = directory.path().join("gateway.toml");
        std::fs::write(&path, CONFIGURATION.replace("{upstream}", &upstream.address.to_string())).expect("written");
        let loaded = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let service = Service::start(loaded, Arc::new(FixedClock::at_s(START_S)), metrics).await.expect("started");
        for _ in 0..2000 {
            if service.gate.snapshot().is_ready() {
                break;
            }
            let _ = timeout(Duration::from_millis(5), std::future::pending::<()>()).await;
        }
        let token = |user: &str, role: &str, ends_in_s: i64| {
            let claims = json!({
                "iss": "https://id.test", "aud": "api", "sub": user, "preferred_username": user, "iat": START_S - 9, "typ": "Bearer",
                "exp": START_S + ends_in_s, "realm_access": { "roles": [role] },
            });
            sign_compact(&key, HeaderType::Jwt, claims.to_string().as_bytes()).expect("signed")
        };
        let tokens =
            Tokens { alice: token("alice", "reader", 300), root: token("root", "admin", 300), expired: token("eve", "admin", -60) };
        Self { service, upstream, tokens, verdicts, _directory: directory }
    }

    fn address(&self) -> SocketAddr {
        self.service.addresses.proxy.expect("a proxy")
    }

    /// One caller: sends so many requests, one after the other, and compares. Answers with how many reached the application.
    async fn call(&self, seed: u64, cases: u64) -> u64 {
        let mut dice = Dice::new(seed);
        let mut connection = Connection::open(self.address()).await;
        let mut passed = 0;
        for case in 0..cases {
            let sent = Sent::random(&mut dice, &self.tokens);
            let answer = timeout(PATIENCE, connection.ask(&sent.bytes)).await;
            let shown = || format!("seed {seed}, case {case}: {}", String::from_utf8_lossy(&sent.bytes).escape_debug());
            let answer = answer.unwrap_or_else(|_| panic!("no answer in {PATIENCE:?}: {}", shown()));
            let answer = answer.unwrap_or_else(|error| panic!("{error}: {}", shown()));
            if answer.head.value("x-upstream").is_some() {
                passed += 1;
                self.compare(&sent, &answer.body).unwrap_or_else(|difference| {
                    panic!("{difference}: {}\nbut the application got {}", shown(), String::from_utf8_lossy(&answer.body).escape_debug())
                });
            } else {
                assert!((400..500).contains(&answer.status()), "{} for {}", answer.head.first, shown());
            }
            if answer.is_last {
                connection = Connection::open(self.address()).await;
            }
        }
        passed
    }

    /// What the application got against what was sent, what was judged, and what may be changed in between.
    fn compare(&self, sent: &Sent, got: &[u8]) -> Result<(), String> {
        let (head, body) = Head::split(got).ok_or("no head")?;
        let (method, target) = head.request_line().ok_or("no request line")?;
        let verdict = self.verdicts.take(head.value("x-request-id").ok_or("no id")?).ok_or("nobody judged this")?;
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        same("path", path, &verdict.path)?;
        same("method", method, &verdict.method)?;
        same("method as sent", method, &sent.method)?;
        same("query", query.unwrap_or("-"), sent.query().unwrap_or("-"))?;
        let host = head.only("host")?;
        same("host", host.split(':').next().unwrap_or_default(), &verdict.host)?;
        wire::every_reading_is_the_same(path)?;
        let area = path.split('/').nth(1).unwrap_or_default();
        same("rule", area, &verdict.rule)?;
        self.check_caller(sent, &head, area)?;
        let expected = sent.expected_headers(&head, host, area == "public");
        let got = head.sorted();
        if got != expected {
            return Err(format!("headers {got:?}, not {expected:?}"));
        }
        if body != sent.body { Err("another body".to_owned()) } else { Ok(()) }
    }

    fn check_caller(&self, sent: &Sent, head: &Head, area: &str) -> Result<(), String> {
        let user = head.value("x-freshkey-user");
        match area {
            "public" if user.is_none() => Ok(()),
            "admin" if user == Some("root") && sent.has_token(&self.tokens.root) => Ok(()),
            "api" if user == Some("alice") && sent.has_token(&self.tokens.alice) => Ok(()),
            "api" if user == Some("root") && sent.has_token(&self.tokens.root) => Ok(()),
            _ => Err(format!("{area} was opened for {user:?}")),
        }
    }
}

fn same(what: &str, one: &str, two: &str) -> Result<(), String> {
    if one == two { Ok(()) } else { Err(format!("{what}: {one:?} is not {two:?}")) }
}

/// Sends so many requests over several connections at once.
async fn run(cases: u64, callers: u64, seed: u64) {
    let world = Arc::new(World::start().await);
    let passed = Arc::new(AtomicU64::new(0));
    let mut running = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (world, passed) = (Arc::clone(&world), Arc::clone(&passed));
        running.spawn(async move {
            passed.fetch_add(world.call(seed + caller, cases / callers).await, Ordering::SeqCst);
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("nothing differs");
    }
    let (passed, reached) = (passed.load(Ordering::SeqCst), world.upstream.requests.load(Ordering::SeqCst));
    assert_eq!(passed, reached, "a request reached the application for which nobody had an answer");
    assert!(passed > cases / 10 && passed < cases * 9 / 10, "both kinds are asked: {passed} of {cases} passed");
    eprintln!("{cases} requests, {passed} passed on, none differs");
}

#[tokio::test]
async fn t_069_the_application_gets_the_path_and_headers_that_were_judged() {
    run(20_000, 8, 1).await;
}

/// As many as `FRESHKEY_CASES` says, ten million without. `cargo xtask test --long` runs it with optimisations.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long mode runs it: minutes, with optimisations"]
async fn t_069_ten_million_requests_arrive_as_they_were_judged() {
    let cases: u64 = std::env::var("FRESHKEY_CASES").map_or(Ok(10_000_000), |text| text.parse()).expect("FRESHKEY_CASES is a number");
    // Blocks, so that what is remembered of verdicts stays small and a failure is found again by its seed.
    const BLOCK: u64 = 250_000;
    for block in 0..cases.div_ceil(BLOCK) {
        run(BLOCK.min(cases - block * BLOCK), 16, 1_000 + block * 16).await;
    }
}
