//! Tests of the JOSE layer. The keys under `fixtures` were made with OpenSSL for these tests and guard nothing.

mod corpus;
mod forms;
mod jwks;
mod keys;
mod standards;

use super::{Algorithm, JwsError, KeyId, KeyKind, SigningKey, VerifyingKey, generate_private_key};
use super::{CompactJws, KeyRing};
use crate::base64url;

const RSA_2048_PKCS1: &str = include_str!("fixtures/rsa_2048_pkcs1.pem");
const RSA_2048_PKCS8: &str = include_str!("fixtures/rsa_2048_pkcs8.pem");
const RSA_2048_PUBLIC: &str = include_str!("fixtures/rsa_2048_public.pem");
const RSA_2048_CERTIFICATE: &str = include_str!("fixtures/rsa_2048_certificate.pem");
const P256_PKCS8: &str = include_str!("fixtures/p256_pkcs8.pem");
const P256_SEC1: &str = include_str!("fixtures/p256_sec1.pem");
const P256_CERTIFICATE: &str = include_str!("fixtures/p256_certificate.pem");
const ED25519_PKCS8: &str = include_str!("fixtures/ed25519_pkcs8.pem");
// Computed with OpenSSL from the fixtures.
const RSA_2048_KEY_ID: &str = "e6tDhpUoqaFZi2A2c4SfrDjfzD0zpULAigtCSIeEs_E";
const P256_KEY_ID: &str = "ppP2eWkd9DbTV21YvzUksLnAjlK5LpGKYQqJNQ9xxHE";
const ED25519_KEY_ID: &str = "_bR1oJ5Zic3RX9zx3Ytpea20umOUMrwWd7pD5n5q5xo";
const HMAC_SECRET: &[u8; 64] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn id(text: &str) -> KeyId {
    KeyId::parse(text).unwrap()
}

fn rsa(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_private_key_text(algorithm, RSA_2048_PKCS8).unwrap()
}

fn hmac(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_hmac_secret(id("hmac"), algorithm, HMAC_SECRET).unwrap()
}

/// A key for an algorithm, from a fixture where there is one.
fn key_for(algorithm: Algorithm) -> SigningKey {
    let generated = |kind| {
        let der = generate_private_key(kind).unwrap();
        SigningKey::from_private_key_der(algorithm, der.expose()).unwrap()
    };
    match algorithm {
        Algorithm::Es256 => SigningKey::from_private_key_text(algorithm, P256_PKCS8).unwrap(),
        Algorithm::Es384 => generated(KeyKind::P384),
        Algorithm::Es512 => generated(KeyKind::P521),
        Algorithm::EdDsa => SigningKey::from_private_key_text(algorithm, ED25519_PKCS8).unwrap(),
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => hmac(algorithm),
        _ => rsa(algorithm),
    }
}

/// A token with any header, signed over whatever it says.
fn signed(key: &SigningKey, header: &str, payload: &[u8]) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload));
    let mut signature = Vec::new();
    key.sign(input.as_bytes(), &mut signature).unwrap();
    format!("{input}.{}", base64url::encode(&signature))
}

/// What a verifier with one key says.
fn verdict(token: impl AsRef<[u8]>, key: &VerifyingKey) -> Result<Vec<u8>, JwsError> {
    CompactJws::parse(token.as_ref())?.verify(key).map(|payload| payload.as_bytes().to_vec())
}

/// What a verifier with a ring of keys says.
fn ring_verdict(token: impl AsRef<[u8]>, ring: &KeyRing) -> Result<Vec<u8>, JwsError> {
    ring.verify(&CompactJws::parse(token.as_ref())?).map(|payload| payload.as_bytes().to_vec())
}
