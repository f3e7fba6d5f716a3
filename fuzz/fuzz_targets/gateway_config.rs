//! T-050, T-073: the gateway's configuration. Whatever is written, nothing is in force without a default, an issuer, an audience and algorithms.
#![no_main]

use freshkey_gateway::config::read_for_service;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(loaded) = read_for_service(text) else { return };
    assert!(text.contains("deny") && text.contains("trusted_proxies"));
    let policy = loaded.policy;
    assert!(!policy.issuers.is_empty() && !policy.applications.is_empty());
    assert!(policy.issuers.iter().all(|issuer| !issuer.audiences.is_empty() && !issuer.algorithms.is_empty()));
});
