//! T-050, T-069: the gateway's one parser of requests. What it accepts is in its one form, and stays what it is when it is read again.
#![no_main]

use freshkey_gateway::request::{CanonicalRequest, CredentialForm, credential, query_credential};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let (Some(method), Some(target)) = (lines.next(), lines.next()) else { return };
    let (Ok(method), Ok(target)) = (Method::from_bytes(method), std::str::from_utf8(target)) else { return };
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..])) {
            headers.append(name, value);
        }
    }
    let Ok(request) = CanonicalRequest::parse(&method, None, target, &headers) else { return };
    let _ = credential(&request, CredentialForm::Bearer);
    let _ = credential(&request, CredentialForm::BearerOrS3);
    let _ = request.query.map(query_credential);
    let passed_on = request.target();
    let again = CanonicalRequest::parse(&method, None, &passed_on, &headers).expect("what is passed on can be read");
    assert!(again.path.was_canonical());
    assert_eq!(again.path.as_str(), request.path.as_str());
    assert_eq!(again.query, request.query);
    assert_eq!(again.host, request.host);
});
