//! T-050: `Authorization: Basic` and `Bearer`, alone and beside a form.
#![no_main]

use freshkey_protocol::client_credentials::BasicCredentials;
use freshkey_protocol::{BearerToken, Form, PresentedCredentials};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&[u8], &[u8])| {
    let (header, body) = data;
    let _ = BearerToken::parse(header);
    let read = BasicCredentials::parse(header);
    let form = Form::parse(body).unwrap_or_default();
    let presented = PresentedCredentials::collect(Some(header), &form);
    if read.is_ok() || form.contains("client_id") {
        assert!(presented.client_id().is_some());
    }
});
