//! T-050, T-070: a request as another proxy describes it in headers.
#![no_main]

use freshkey_gateway::request::{CanonicalRequest, Host};
use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&[u8], &str, &str)| {
    let (method, host, target) = data;
    let Ok(method) = Method::from_bytes(method) else { return };
    let Ok(host) = Host::parse(host) else { return };
    assert!(host.authority().starts_with(host.name()));
    assert!(!host.authority().bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'@' || byte == b'/'));
    let headers = HeaderMap::new();
    let Ok(request) = CanonicalRequest::of_parts(&method, host, target, &headers) else { return };
    // Such a proxy passes on what it has: what is accepted as it came must be what was read.
    if request.path.was_canonical() {
        assert_eq!(request.target(), target);
    }
});
