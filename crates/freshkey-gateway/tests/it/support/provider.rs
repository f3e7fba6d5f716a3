//! A provider: it has keys, publishes them, and signs whatever a test wants.

use freshkey_protocol::jose::{Algorithm, HeaderType, Jwk, JwkSet, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    pub(crate) published: Arc<Mutex<String>>,
    pub(crate) fetches: Arc<AtomicUsize>,
    pub(crate) introspections: Arc<AtomicUsize>,
    /// Every connection that was made to it.
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    breaks_off: Arc<AtomicBool>,
    introspection: Arc<Mutex<String>>,
    key: Mutex<SigningKey>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        Self::with_key(Self::key("k1")).await
    }

    pub(crate) async fn with_key(key: SigningKey) -> Self {
        let published = Arc::new(Mutex::new(key_set(&[&key])));
        let fetches = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let address = listener.local_addr().expect("bound");
        let introspections = Arc::new(AtomicUsize::new(0));
        let introspection = Arc::new(Mutex::new(r#"{"active":true}"#.to_owned()));
        let places = [(Arc::clone(&published), Arc::clone(&fetches)), (Arc::clone(&introspection), Arc::clone(&introspections))];
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepted = Arc::clone(&connections);
        let breaks_off = Arc::new(AtomicBool::new(false));
        let broken_off = Arc::clone(&breaks_off);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepted");
                let (places, broken_off) = (places.clone(), Arc::clone(&broken_off));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (text, count) = &places[usize::from(request.uri().path() == "/introspect")];
                    count.fetch_add(1, Ordering::SeqCst);
                    let body = text.lock().expect("unharmed").clone();
                    let is_broken_off = broken_off.swap(false, Ordering::SeqCst);
                    async move {
                        if is_broken_off {
                            Err(io::ErrorKind::BrokenPipe.into())
                        } else {
                            Ok::<_, io::Error>(Response::new(Full::new(Bytes::from(body))))
                        }
                    }
                });
                let conversation = tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                accepted.lock().expect("unharmed").push(conversation.abort_handle());
            }
        });
        Self { address, published, fetches, introspections, connections, breaks_off, introspection, key: Mutex::new(key) }
    }

    /// A fresh key.
    pub(crate) fn key(id: &str) -> SigningKey {
        let der = generate_private_key(KeyKind::P256).expect("a key");
        let key = SigningKey::from_private_key_der(Algorithm::Es256, der.expose()).expect("a key");
        key.with_key_id(KeyId::parse(id).expect("an id"))
    }

    /// Signs with another key from now on, and publishes that one only.
    pub(crate) fn rotate(&self, id: &str) {
        let key = Self::key(id);
        *self.published.lock().expect("unharmed") = key_set(&[&key]);
        *self.key.lock().expect("unharmed") = key;
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.lock().expect("unharmed").len()
    }

    /// Reads the next request, and closes its connection instead of answering.
    pub(crate) fn break_off_once(&self) {
        self.breaks_off.store(true, Ordering::SeqCst);
    }

    /// Closes every connection without a word.
    pub(crate) fn hang_up(&self) {
        self.connections.lock().expect("unharmed").iter().for_each(AbortHandle::abort);
    }

    /// What it says from now on when it is asked about a token.
    pub(crate) fn answer_introspection(&self, answer: &str) {
        answer.clone_into(&mut self.introspection.lock().expect("unharmed"));
    }

    /// `iss` of its tokens.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let key = self.key.lock().expect("unharmed");
        sign_compact(&key, HeaderType::Jwt, claims.to_string().as_bytes()).expect("signed")
    }

    /// A good token.
    pub(crate) fn token(&self) -> String {
        self.sign(&claims(self))
    }
}

/// The claims of a good token.
pub(crate) fn claims(provider: &Provider) -> Value {
    json!({
        "iss": provider.issuer(), "sub": "u1", "aud": "api", "exp": super::START_S + 300, "iat": super::START_S, "typ": "Bearer", "azp": "app",
        "preferred_username": "alice", "groups": ["staff", "a,admin"], "realm_access": { "roles": ["reader"] }, "scope": "openid api",
    })
}

pub(crate) fn key_set(keys: &[&SigningKey]) -> String {
    let jwk = |key: &&SigningKey| Jwk::of_verifying_key(&key.verifying_key().expect("a key"), Vec::new()).expect("public");
    serde_json::to_string(&JwkSet { keys: keys.iter().map(jwk).collect(), ignored: 0 }).expect("written")
}
