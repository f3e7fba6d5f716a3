//! T-050, T-072: the gateway's verifier. Nobody here has the key, so nothing is ever verified.
#![no_main]

use freshkey_gateway::config::read_for_service;
use freshkey_gateway::keys::KeySet;
use freshkey_gateway::policy::Policy;
use freshkey_gateway::token::verify;
use freshkey_protocol::jose::Algorithm;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

// The key of RFC 7515 §A.3.
const KEYS: &[u8] = br#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const POLICY: &str = r#"
default = "deny"
trusted_proxies = []
[[issuers]]
issuer = "https://a.test"
audiences = ["api"]
algorithms = ["ES256"]
[[applications]]
name = "api"
hosts = ["*"]
[[applications.rules]]
paths = ["/**"]
allow = "authenticated"
"#;

static WORLD: LazyLock<(Policy, [Option<Arc<KeySet>>; 1])> = LazyLock::new(|| {
    let policy = read_for_service(POLICY).expect("a policy").policy;
    (policy, [Some(Arc::new(KeySet::parse(KEYS, &[Algorithm::Es256]).expect("a set")))])
});

fuzz_target!(|token: &str| {
    let (policy, keys) = &*WORLD;
    assert!(verify(policy, keys, token, 1_800_000_000).is_err());
});
