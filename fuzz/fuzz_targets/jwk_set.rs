//! T-030, T-050: key sets, keys and certificates from outside.
#![no_main]

use freshkey_protocol::jose::{Algorithm, Jwk, JwkSet, PublicKey, SigningKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Jwk::parse(data);
    let _ = PublicKey::from_spki_der(data);
    let _ = PublicKey::from_certificate_der(data);
    let _ = SigningKey::from_private_key_der(Algorithm::Es256, data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = PublicKey::from_text(text);
    }
    let Ok(set) = JwkSet::parse(data) else { return };
    for jwk in &set.keys {
        let spki = jwk.public_key.to_spki_der();
        assert_eq!(PublicKey::from_spki_der(&spki).as_ref(), Ok(&jwk.public_key));
        let _ = jwk.verifying_key(jwk.public_key.default_algorithm());
    }
});
