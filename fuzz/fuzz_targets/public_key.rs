//! T-030, T-050: keys and certificates that clients register. What is accepted can be written and read again as the same key.
#![no_main]

use freshkey_protocol::jose::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let parsed = [
        PublicKey::from_spki_der(bytes).ok(),
        PublicKey::from_certificate_der(bytes).ok(),
        std::str::from_utf8(bytes).ok().and_then(|text| PublicKey::from_text(text).ok()),
    ];
    for key in parsed.into_iter().flatten() {
        assert!(PublicKey::from_spki_der(&key.to_spki_der()).is_ok_and(|again| again == key));
    }
});
