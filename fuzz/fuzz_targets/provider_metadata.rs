//! T-050: another server's discovery document. Nothing is taken from one that names another issuer, and no URL has a character that a request line can't have.
#![no_main]

use freshkey_protocol::limits::PROVIDER_URL_BYTES_MAX;
use freshkey_protocol::{ProviderMetadata, ProviderMetadataError};
use libfuzzer_sys::fuzz_target;

const ISSUER: &str = "https://a.b";

fuzz_target!(|body: &[u8]| {
    let document = match ProviderMetadata::parse(ISSUER, body) {
        Ok(document) => document,
        Err(ProviderMetadataError::OtherIssuer(said)) => {
            assert_ne!(said, ISSUER);
            // The same document, asked for by its own name, may lack something else, but it is its.
            assert!(!matches!(ProviderMetadata::parse(&said, body), Err(ProviderMetadataError::OtherIssuer(_))));
            return;
        }
        Err(_) => return,
    };
    assert_eq!(document.issuer, ISSUER);
    let optional = [
        document.authorization_endpoint.as_deref(),
        document.device_authorization_endpoint.as_deref(),
        document.revocation_endpoint.as_deref(),
        document.end_session_endpoint.as_deref(),
        document.userinfo_endpoint.as_deref(),
        document.jwks_uri.as_deref(),
    ];
    for url in optional.into_iter().flatten().chain([document.token_endpoint.as_str()]) {
        assert!(url.len() <= PROVIDER_URL_BYTES_MAX && url.bytes().all(|byte| byte.is_ascii_graphic()));
    }
});
