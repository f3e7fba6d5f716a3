//! A provider in trouble: it restarts, changes its keys, is away for ten minutes, and is asked for keys that nobody has. The clock of the runtime is paused
//! and is the gateway's, too: waiting takes no time.

use crate::proxy::CONFIGURATION;
use crate::support::{Application, Gateway, Provider, START_S, claims, key_set};
use freshkey_gateway::clock::Clock;
use freshkey_gateway::config::load;
use freshkey_gateway::gate::{Gate, IssuerState, Snapshot};
use freshkey_gateway::identity::IdentityNames;
use freshkey_gateway::keys::{FetchError, FetchKeys, IssuerKeys, run};
use freshkey_gateway::limits::KEY_FETCH_INTERVAL;
use freshkey_gateway::reason::Reason;
use freshkey_gateway::request::CanonicalRequest;
use freshkey_protocol::jose::{HeaderType, SigningKey, sign_compact};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance};

const ISSUER: &str = "https://id.test";

/// A provider that publishes these keys, or is away; and when it was asked.
#[derive(Clone, Default)]
struct Source {
    published: Arc<Mutex<Option<String>>>,
    asked_at: Arc<Mutex<Vec<Instant>>>,
}

impl Source {
    fn publish(&self, keys: &[&SigningKey]) {
        *self.published.lock().expect("unharmed") = Some(key_set(keys));
    }

    fn go_away(&self) {
        *self.published.lock().expect("unharmed") = None;
    }
}

impl FetchKeys for Source {
    async fn fetch(&mut self) -> Result<Vec<u8>, FetchError> {
        self.asked_at.lock().expect("unharmed").push(Instant::now());
        self.published.lock().expect("unharmed").clone().map(String::into_bytes).ok_or(FetchError::NoAddress)
    }
}

/// The clock of the runtime.
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now_ms(&self) -> i64 {
        START_S * 1000 + i64::try_from(self.0.elapsed().as_millis()).expect("a while")
    }
}

/// A gate whose keys come from there, and have come.
async fn gate(source: &Source) -> Arc<Gate> {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("gateway.toml");
    let text = CONFIGURATION.replace("issuer = \"http://{provider}\"", &format!("issuer = \"{ISSUER}\""));
    std::fs::write(&path, text.replace("{provider}", "127.0.0.1:9").replace("{application}", "127.0.0.1:9")).expect("written");
    let loaded = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    let keys = Arc::new(IssuerKeys::default());
    let issuer = Arc::clone(&loaded.policy.issuers[0]);
    let state = IssuerState::with_keys(&issuer, Arc::clone(&keys));
    let source = source.clone();
    tokio::spawn(async move { run(&keys, &issuer, source).await });
    let snapshot = Snapshot {
        issuers: vec![state],
        identity_names: IdentityNames::of(&loaded.policy.applications),
        trusted_proxies: loaded.trusted_proxies,
        signer: None,
        realm: loaded.realm,
        policy: loaded.policy,
    };
    let gate = Gate::new(snapshot, 1000, Arc::new(RuntimeClock(Instant::now())));
    while !gate.snapshot().is_ready() {
        tokio::task::yield_now().await;
    }
    Arc::new(gate)
}

async fn judge(gate: &Gate, token: &str) -> Result<(), Reason> {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("api.test"));
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).expect("a header"));
    let request = CanonicalRequest::parse(&Method::GET, None, "/api/x", &headers).expect("a request");
    gate.judge(&gate.snapshot(), &request).await.outcome.map(|_| ())
}

/// A token that nobody has seen before.
fn token(gate: &Gate, key: &SigningKey) -> String {
    let now_ms = gate.now_ms();
    let claims =
        json!({ "iss": ISSUER, "sub": "u1", "aud": "api", "iat": now_ms / 1000, "exp": now_ms / 1000 + 300, "jti": now_ms.to_string() });
    sign_compact(key, HeaderType::Jwt, claims.to_string().as_bytes()).expect("signed")
}

/// Lets time pass, with a fresh and a known token in every second that must both be good, and strangers who ask for keys that nobody has.
async fn all_is_well(gate: &Arc<Gate>, key: &SigningKey, seconds: u64, strangers: u64) {
    let known = token(gate, key);
    let mut asking = JoinSet::new();
    let began = Instant::now();
    for second in 0..seconds {
        for number in 0..strangers {
            let (gate, token) = (Arc::clone(gate), token(gate, &Provider::key(&format!("random-{second}-{number}"))));
            asking.spawn(async move { judge(&gate, &token).await });
        }
        assert_eq!(judge(gate, &token(gate, key)).await, Ok(()), "a fresh token in second {second}");
        if second < 300 {
            assert_eq!(judge(gate, &known).await, Ok(()), "a known token in second {second}");
        }
        while began.elapsed() < Duration::from_secs(second + 1) {
            advance(Duration::from_millis(100)).await;
            tokio::task::yield_now().await;
        }
    }
    for outcome in asking.join_all().await {
        assert_eq!(outcome, Err(Reason::UnknownKey));
    }
}

#[tokio::test(start_paused = true)]
async fn t_099_a_provider_in_trouble_costs_no_good_token_and_is_asked_seldom() {
    let (source, first, second, third) = (Source::default(), Provider::key("k1"), Provider::key("k2"), Provider::key("k3"));
    source.publish(&[&first]);
    let gate = gate(&source).await;
    all_is_well(&gate, &first, 20, 0).await;
    // It restarts.
    source.go_away();
    all_is_well(&gate, &first, 20, 0).await;
    source.publish(&[&first]);
    all_is_well(&gate, &first, 40, 0).await;
    // It changes its key. The first token with the new one passes, and what was signed with the old one stays good while that is published.
    source.publish(&[&first, &second]);
    assert_eq!(judge(&gate, &token(&gate, &second)).await, Ok(()));
    all_is_well(&gate, &first, 10, 0).await;
    source.publish(&[&second]);
    all_is_well(&gate, &second, 60, 2).await;
    assert_eq!(judge(&gate, &token(&gate, &first)).await, Err(Reason::UnknownKey), "withdrawn a minute ago");
    // It is away for ten minutes, and everybody asks for something.
    source.go_away();
    all_is_well(&gate, &second, 600, 2).await;
    // What was signed with a key that it has never published is refused, and passes when it is back: within the least time between two fetches.
    assert_eq!(judge(&gate, &token(&gate, &third)).await, Err(Reason::UnknownKey));
    source.publish(&[&second, &third]);
    let back_at = Instant::now();
    assert_eq!(judge(&gate, &token(&gate, &third)).await, Ok(()));
    assert!(back_at.elapsed() <= KEY_FETCH_INTERVAL);
    all_is_well(&gate, &second, 10, 2).await;
    let asked = source.asked_at.lock().expect("unharmed");
    for pair in asked.windows(2) {
        assert!(pair[1] - pair[0] >= KEY_FETCH_INTERVAL, "{:?}", pair[1] - pair[0]);
    }
    assert!(asked.len() > 100, "while it is away it is asked again and again: {}", asked.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_075_a_flood_of_unknown_keys_through_the_proxy_fetches_little_and_delays_no_good_token() {
    const STRANGERS: usize = 400;
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Arc::new(Gateway::start(CONFIGURATION, &provider, &application).await);
    let (fetches, began) = (provider.fetches.load(Ordering::SeqCst), Instant::now());
    let stranger = Provider::start().await;
    let mut asking = JoinSet::new();
    for number in 0..STRANGERS {
        stranger.rotate(&format!("random-{number}"));
        let (asked, token) = (Arc::clone(&gateway), stranger.sign(&claims(&provider)));
        asking.spawn(async move { asked.get_with("/api/whoami", &token).await.status });
        if number % 10 == 0 {
            assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 200, "in the middle of it");
        }
    }
    assert_eq!(asking.join_all().await, vec![401; STRANGERS]);
    let most = began.elapsed().as_secs() / KEY_FETCH_INTERVAL.as_secs() + 2;
    let fetched = provider.fetches.load(Ordering::SeqCst) - fetches;
    assert!(u64::try_from(fetched).expect("small") <= most, "{fetched} fetches in {:?}", began.elapsed());
}
