//! Clients that publish their keys at a URL (`jwks.url`).

use crate::support::{Answer, AssertionKey, START, TestServer, assertion_claims, join_all};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use freshkey_core::Now;
use freshkey_core::outgoing::AllowedHost;
use freshkey_protocol::client_credentials::JWT_BEARER_ASSERTION;
use freshkey_protocol::jose::Algorithm;
use freshkey_server::clock::{SystemClock, SystemEntropy};
use freshkey_server::config::OutgoingSettings;
use freshkey_server::envelope::Envelope;
use freshkey_server::listener::PROTOCOLS;
use freshkey_server::local_ca::LocalCa;
use freshkey_server::telemetry::Observer;
use freshkey_service::listener::{Listener, Phase};
use freshkey_service::tls::ServedCertificate;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

/// Where a client publishes its keys: at `localhost`, by https, under an authority of its own.
struct Publisher {
    said: Arc<Mutex<(StatusCode, String)>>,
    calls: Arc<AtomicUsize>,
    called: Arc<Notify>,
    address: SocketAddr,
    ca: LocalCa,
    _directory: TempDir,
    /// Dropped with the publisher, which ends it.
    _phase: watch::Sender<Phase>,
}

impl Publisher {
    async fn of(key: &AssertionKey) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ca = LocalCa::open_or_make(directory.path(), "localhost", freshkey_server::clock::Clock::now(&SystemClock)).unwrap();
        let certificate = ServedCertificate::load(&ca.certificate, &ca.key).unwrap();
        let listener =
            Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), Some(certificate.acceptor(PROTOCOLS).unwrap()), 64).await.unwrap();
        let address = listener.local_address().unwrap();
        let said = Arc::new(Mutex::new((StatusCode::OK, key.jwks())));
        let (calls, called) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let handler = {
            let (said, calls, called) = (Arc::clone(&said), Arc::clone(&calls), Arc::clone(&called));
            move || {
                calls.fetch_add(1, Ordering::SeqCst);
                called.notify_one();
                let said = said.lock().unwrap().clone();
                async move { said }
            }
        };
        let router = Router::new().route("/keys", get(handler));
        let observer = Observer::silent(Arc::new(SystemClock), Arc::new(SystemEntropy));
        let phase = watch::Sender::new(Phase::Serving);
        tokio::spawn(listener.serve(Arc::new(Envelope::new(router, Arc::new(observer))), phase.subscribe()));
        Self { said, calls, called, address, ca, _directory: directory, _phase: phase }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/keys", self.address.port())
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn says(&self, status: StatusCode, text: String) {
        *self.said.lock().unwrap() = (status, text);
    }

    /// A server that may call it, and trusts its authority, with the client `app` whose keys are there.
    async fn server(&self) -> TestServer {
        let mut server = TestServer::start().await;
        server.outgoing = OutgoingSettings {
            allowed_hosts: vec![AllowedHost::parse(&format!("localhost:{}", self.address.port())).unwrap()],
            ca_file: Some(self.ca.ca_certificate.clone()),
        };
        server.restart().await;
        add_client(&server, &self.url()).await;
        server
    }
}

async fn add_client(server: &TestServer, url: &str) {
    let attributes = json!({ "use.jwks.url": "true", "jwks.url": url });
    server.add_client(json!({ "clientId": "app", "clientAuthenticatorType": "client-jwt", "attributes": attributes })).await;
    server.enable_service_account("app").await;
}

async fn ask(server: &TestServer, key: &AssertionKey) -> Answer {
    let assertion = key.sign(&assertion_claims("app", server.now().seconds()));
    let form = [("grant_type", "client_credentials"), ("client_assertion_type", JWT_BEARER_ASSERTION), ("client_assertion", &assertion)];
    server.token(&form).await
}

const NO_KEYS: &str = "400 invalid_client: Unable to load public key";
const WRONG_KEY: &str = "400 invalid_client: Client authentication with signed JWT failed: Signature on JWT token failed validation";

#[tokio::test(flavor = "multi_thread")]
async fn published_keys_are_fetched_once_and_a_new_one_when_it_is_used() {
    let (first, second) = (AssertionKey::generate(Algorithm::Es256), AssertionKey::generate(Algorithm::Es256));
    let publisher = Publisher::of(&first).await;
    let server = publisher.server().await;
    for _ in 0..3 {
        let answer = ask(&server, &first).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(publisher.calls(), 1);

    publisher.says(StatusCode::OK, second.jwks());
    assert_eq!(ask(&server, &second).await.refusal(), WRONG_KEY, "asked less than ten seconds ago");
    assert_eq!(publisher.calls(), 1);
    server.advance_s(10).await;
    assert_eq!(ask(&server, &second).await.status, 200);
    assert_eq!(publisher.calls(), 2);
    assert_eq!(ask(&server, &first).await.refusal(), WRONG_KEY, "withdrawn");

    server.advance_s(300).await;
    publisher.called.notified().await;
    let asked = publisher.called.notified();
    assert_eq!(ask(&server, &second).await.status, 200, "nobody waits for what is only to be renewed");
    asked.await;
    assert_eq!(publisher.calls(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_051_strangers_with_made_up_keys_cause_one_fetch_in_ten_seconds() {
    let publisher = Publisher::of(&AssertionKey::generate(Algorithm::Es256)).await;
    let server = publisher.server().await;
    server.set_realm(&[("bruteForceProtected", "false")]).await;
    let strangers: Vec<AssertionKey> = (0..16).map(|_| AssertionKey::generate(Algorithm::Es256)).collect();
    for round in 1..=2 {
        let answers = join_all(strangers.iter().map(|stranger| ask(&server, stranger))).await;
        assert!(answers.iter().all(|answer| answer.refusal() == WRONG_KEY), "{}", answers[0].text());
        assert_eq!(publisher.calls(), round);
        server.advance_s(10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_known_serve_on_for_a_day_while_the_url_is_down() {
    let key = AssertionKey::generate(Algorithm::Es256);
    let publisher = Publisher::of(&key).await;
    let server = publisher.server().await;
    assert_eq!(ask(&server, &key).await.status, 200);
    for answer in
        [(StatusCode::INTERNAL_SERVER_ERROR, key.jwks()), (StatusCode::OK, "<html>".into()), (StatusCode::OK, r#"{"keys":[]}"#.into())]
    {
        publisher.says(answer.0, answer.1);
        server.advance_s(3600).await;
        assert_eq!(ask(&server, &key).await.status, 200);
    }
    server.advance_s(24 * 3600).await;
    assert_eq!(ask(&server, &key).await.refusal(), NO_KEYS);
    let events = server.events().await;
    assert!(events.iter().any(|event| event.reason.as_deref() == Some("client_assertion:keys_unavailable")), "{events:?}");
    publisher.says(StatusCode::OK, key.jwks());
    server.advance_s(10).await;
    assert_eq!(ask(&server, &key).await.status, 200, "and again when it is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_051_keys_inside_are_not_fetched_for_a_client_that_says_so() {
    let key = AssertionKey::generate(Algorithm::Es256);
    let publisher = Publisher::of(&key).await;
    let mut server = TestServer::start().await;
    // Trusted, so that nothing but the rule is in the way.
    server.outgoing.ca_file = Some(publisher.ca.ca_certificate.clone());
    server.restart().await;
    add_client(&server, &publisher.url()).await;
    let port = publisher.address.port();
    for url in [
        publisher.url(),
        format!("https://127.0.0.1:{port}/keys"),
        format!("http://localhost:{port}/keys"),
        format!("https://[::ffff:7f00:1]:{port}/keys"),
    ] {
        server.set_client("app", &[("attributes.jwks.url", url.as_str())]).await;
        assert_eq!(ask(&server, &key).await.refusal(), NO_KEYS, "{url}");
        server.advance_s(10).await;
    }
    assert_eq!(publisher.calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn kc_072_a_relative_url_of_keys_is_none() {
    let key = AssertionKey::generate(Algorithm::Es256);
    let server = TestServer::start().await;
    add_client(&server, "/keys").await;
    server.set_client("app", &[("rootUrl", "https://app.example")]).await;
    assert_eq!(ask(&server, &key).await.refusal(), "400 invalid_client: Client authentication method not available");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_051_a_listed_host_without_a_certificate_that_is_trusted_is_not_believed() {
    let key = AssertionKey::generate(Algorithm::Es256);
    let publisher = Publisher::of(&key).await;
    let mut server = publisher.server().await;
    server.outgoing.ca_file = None;
    server.restart().await;
    assert_eq!(ask(&server, &key).await.refusal(), NO_KEYS);
    assert_eq!(publisher.calls(), 0);
    assert_eq!(server.now(), Now::from_seconds(START));
}
