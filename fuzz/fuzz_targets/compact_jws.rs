//! T-016, T-027, T-050: tokens. Nothing but what the key signed may be accepted.
#![no_main]

use std::sync::{Arc, LazyLock};

use freshkey_protocol::BearerToken;
use freshkey_protocol::jose::{Algorithm, CompactJws, KeyId, KeyKind, KeyRing, SigningKey, generate_private_key};
use libfuzzer_sys::fuzz_target;

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let mut ring = KeyRing::new();
    let hmac = SigningKey::from_hmac_secret(KeyId::parse("k").unwrap(), Algorithm::Hs256, &[7; 32]).unwrap();
    ring.add_signing(Arc::new(hmac)).unwrap();
    for (algorithm, kind) in [(Algorithm::Es256, KeyKind::P256), (Algorithm::EdDsa, KeyKind::Ed25519)] {
        let der = generate_private_key(kind).unwrap();
        let key = SigningKey::from_private_key_der(algorithm, der.expose()).unwrap();
        ring.add_signing(Arc::new(key.with_key_id(KeyId::parse("k").unwrap()))).unwrap();
    }
    ring
});

fuzz_target!(|text: &[u8]| {
    let _ = BearerToken::parse(text);
    let Ok(jws) = CompactJws::parse(text) else { return };
    let _ = jws.unverified_payload();
    assert!(RING.verify(&jws).is_err());
});
