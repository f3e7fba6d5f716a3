//! T-050, T-075: an issuer's keys as they are fetched.
#![no_main]

use freshkey_gateway::keys::KeySet;
use freshkey_protocol::jose::{Algorithm, KeyId};
use libfuzzer_sys::fuzz_target;

const ALLOWED: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

fuzz_target!(|data: &[u8]| {
    let Ok(set) = KeySet::parse(data, &ALLOWED) else { return };
    assert!(set.key_ids().next().is_some());
    for id in set.key_ids() {
        let Ok(id) = KeyId::parse(id) else { continue };
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
            if let Some(key) = set.find(Some(&id), algorithm) {
                assert!(ALLOWED.contains(&key.algorithm()) && key.algorithm() == algorithm && *key.key_id() == id);
            }
        }
    }
});
