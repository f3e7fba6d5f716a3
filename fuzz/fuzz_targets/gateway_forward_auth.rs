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
    // Such a proxy passes on what it has: what is accepted as it came must be what was read, but for the case of hexadecimal digits in the path.
    if request.path.was_canonical() {
        let (read, came) = (request.target(), target);
        let path_bytes = request.path.as_str().len();
        assert_eq!(read[path_bytes..], came[path_bytes..]);
        assert_eq!(read[..path_bytes], with_upper_digits(&came[..path_bytes]));
    }
});

fn with_upper_digits(path: &str) -> String {
    let mut digits_left = 0;
    let upper = |character: char| match character {
        '%' => {
            digits_left = 2;
            character
        }
        _ if digits_left > 0 => {
            digits_left -= 1;
            character.to_ascii_uppercase()
        }
        _ => character,
    };
    path.chars().map(upper).collect()
}
