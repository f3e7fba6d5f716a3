//! T-029, T-050: payloads of tokens. Accepted times are within their range, and no name is lost.
#![no_main]

use freshkey_protocol::Claims;
use freshkey_protocol::claims::NUMERIC_DATE_MAX;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let Ok(claims) = Claims::parse(payload) else { return };
    for time in [claims.exp, claims.nbf, claims.iat, claims.auth_time].into_iter().flatten() {
        assert!((0..=NUMERIC_DATE_MAX).contains(&time));
    }
    for name in ["exp", "nbf", "iat", "auth_time", "iss", "sub", "aud", "jti", "typ", "azp", "sid"] {
        assert!(!claims.other.contains_key(name));
    }
});
