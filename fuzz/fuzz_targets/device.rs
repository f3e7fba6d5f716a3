//! T-050: the start of a sign-in on another device. Whoever polls never does so without a pause.
#![no_main]

use freshkey_protocol::DeviceAuthorization;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Some(start) = DeviceAuthorization::parse(body) else { return };
    assert!((1..=60).contains(&start.interval_s));
    assert!(!start.device_code.expose().is_empty() && !start.user_code.is_empty() && !start.verification_uri.is_empty());
});
