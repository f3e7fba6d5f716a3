//! A provider: a discovery document, keys, and tokens that say what a test wants.

use freshkey_protocol::jose::{Algorithm, HeaderType, Jwk, JwkSet, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::net::TcpListener;

/// The second at which every test begins.
pub(crate) const START_S: i64 = 1_800_000_000;

pub(crate) struct Provider {
    address: SocketAddr,
    published: Arc<Mutex<Value>>,
    key: Mutex<SigningKey>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let key = first_key();
        let published = Arc::new(Mutex::new(key_set(&key)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let address = listener.local_addr().expect("bound");
        let keys = Arc::clone(&published);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepted");
                let keys = Arc::clone(&keys);
                let service = service_fn(move |request: Request<Incoming>| {
                    let is_discovery = request.uri().path().ends_with("/.well-known/openid-configuration");
                    let issuer = format!("http://{address}");
                    let document =
                        json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/certs"), "token_endpoint": format!("{issuer}/token") });
                    let said = if is_discovery { document } else { keys.lock().expect("unharmed").clone() };
                    async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(said.to_string())))) }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, published, key: Mutex::new(key) }
    }

    /// `iss` of its tokens.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Signs with another key from now on, and publishes that one only.
    pub(crate) fn rotate(&self, id: &str) {
        let key = key(id);
        *self.published.lock().expect("unharmed") = key_set(&key);
        *self.key.lock().expect("unharmed") = key;
    }

    /// The claims of a good token, changed.
    pub(crate) fn claims(&self, changes: &Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer(), "sub": "u1", "aud": "api", "exp": START_S + 300, "iat": START_S, "typ": "Bearer", "azp": "app",
            "preferred_username": "alice", "groups": ["staff", "a,admin"], "realm_access": { "roles": ["reader"] },
        });
        claims.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        claims
    }

    /// A token with claims that are changed so.
    pub(crate) fn token_with(&self, changes: &Value) -> String {
        let claims = self.claims(changes).to_string();
        sign_compact(&self.key.lock().expect("unharmed"), HeaderType::Jwt, claims.as_bytes()).expect("signed")
    }

    /// A good token.
    pub(crate) fn token(&self) -> String {
        self.token_with(&json!({}))
    }

    /// A token whose claims are good, signed with a key that nobody publishes.
    pub(crate) fn token_of_stranger(&self, id: &str) -> String {
        sign_compact(&key(id), HeaderType::Jwt, self.claims(&json!({})).to_string().as_bytes()).expect("signed")
    }
}

/// Making one takes time, so that all providers begin with the same. They differ in their names.
fn first_key() -> SigningKey {
    static FIRST: OnceLock<Vec<u8>> = OnceLock::new();
    let der = FIRST.get_or_init(|| generate_private_key(KeyKind::Rsa2048).expect("a key").expose().clone());
    SigningKey::from_private_key_der(Algorithm::Rs256, der).expect("a key").with_key_id(KeyId::parse("k1").expect("an id"))
}

fn key(id: &str) -> SigningKey {
    let der = generate_private_key(KeyKind::Rsa2048).expect("a key");
    SigningKey::from_private_key_der(Algorithm::Rs256, der.expose()).expect("a key").with_key_id(KeyId::parse(id).expect("an id"))
}

fn key_set(key: &SigningKey) -> Value {
    let jwk = Jwk::of_verifying_key(&key.verifying_key().expect("a key"), Vec::new()).expect("public");
    serde_json::to_value(JwkSet { keys: vec![jwk], ignored: 0 }).expect("JSON")
}
