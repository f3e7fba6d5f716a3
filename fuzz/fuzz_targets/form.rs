//! T-050: form bodies. What is read must read back the same after being written.
#![no_main]

use freshkey_protocol::form::encode_pairs;
use freshkey_protocol::token_request::{GrantType, PasswordRequest, RefreshRequest};
use freshkey_protocol::{Form, PresentedCredentials};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(form) = Form::parse(body) else { return };
    let _ = form.duplicates();
    let _ = GrantType::from_form(&form);
    let _ = RefreshRequest::from_form(&form);
    let _ = PasswordRequest::from_form(&form);
    let _ = PresentedCredentials::collect(None, &form);

    let written = encode_pairs(form.iter());
    match Form::parse(written.as_bytes()) {
        Ok(again) => assert!(again.iter().eq(form.iter())),
        // Escaping makes a body up to three times as long.
        Err(error) => assert_eq!(error, freshkey_protocol::FormError::BodyTooLong),
    }
});
