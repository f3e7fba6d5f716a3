//! Client assertions (RFC 7523): keys that clients register, and what they sign with them.

use super::ISSUER;
use freshkey_protocol::jose::{Algorithm, Family, HeaderType, Jwk, JwkSet, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// A key of a client.
pub struct AssertionKey(SigningKey);

impl AssertionKey {
    /// A new key pair.
    pub fn generate(algorithm: Algorithm) -> Self {
        let kind = match algorithm.family() {
            Family::RsaPkcs1 | Family::RsaPss => KeyKind::Rsa2048,
            Family::EdDsa => KeyKind::Ed25519,
            Family::Ecdsa => match algorithm {
                Algorithm::Es384 => KeyKind::P384,
                Algorithm::Es512 => KeyKind::P521,
                _ => KeyKind::P256,
            },
            Family::Hmac => panic!("an HMAC key is a secret, not a pair"),
        };
        let der = generate_private_key(kind).unwrap();
        Self(SigningKey::from_private_key_der(algorithm, der.expose()).unwrap())
    }

    /// The client's secret as a key.
    pub fn of_secret(algorithm: Algorithm, secret: &str) -> Self {
        Self(SigningKey::from_hmac_secret(KeyId::parse("client-secret").unwrap(), algorithm, secret.as_bytes()).unwrap())
    }

    /// What the client registers as `jwks.string`.
    pub fn jwks(&self) -> String {
        let jwk = Jwk::of_verifying_key(&self.0.verifying_key().unwrap(), Vec::new()).unwrap();
        serde_json::to_string(&JwkSet { keys: vec![jwk], ignored: 0 }).unwrap()
    }

    pub fn sign(&self, claims: &Value) -> String {
        sign_compact(&self.0, HeaderType::Jwt, claims.to_string().as_bytes()).unwrap()
    }
}

/// Good claims, with a `jti` that was never used.
pub fn assertion_claims(client_id: &str, now_s: i64) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    json!({ "iss": client_id, "sub": client_id, "aud": ISSUER, "iat": now_s, "exp": now_s + 60, "jti": format!("assertion-{id}") })
}
