//! T-050: `Authorization` headers of resource requests. What is accepted is part of the header, and has no white space in it.
#![no_main]

use freshkey_protocol::BearerToken;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &[u8]| {
    let Ok(token) = BearerToken::parse(header) else { return };
    assert!(!token.as_str().is_empty());
    assert!(!token.as_str().contains(char::is_whitespace));
    assert!(header.windows(token.as_str().len()).any(|window| window == token.as_str().as_bytes()));
});
