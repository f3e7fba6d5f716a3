//! Pairwise subjects (OpenID Connect Core §8.1), computed as Keycloak's `SHA256PairwiseSubMapper` does, so that a migrated client
//! goes on knowing its users.

use crate::client::Client;
use crate::ids::uuid_text;
use md5::Md5;
use sha2::{Digest, Sha256};

/// The subject of a user for one sector: a version 3 UUID of SHA-256(sector ‖ user id ‖ salt).
///
/// MD5 only folds the hash into a UUID, as Java's `nameUUIDFromBytes` does. What keeps two sectors apart is SHA-256 and the salt.
pub(super) fn subject(sector: &str, user_id: &str, salt: &str) -> String {
    let hash = Sha256::new().chain_update(sector).chain_update(user_id).chain_update(salt).finalize();
    let mut bytes: [u8; 16] = Md5::digest(hash).into();
    bytes[6] = (bytes[6] & 0x0f) | 0x30;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    uuid_text(&bytes)
}

/// The sector of a client that configures none: the one host of its redirect URIs.
///
/// Keycloak refuses to save a client with several hosts or none. Should there be one, its `client_id` is the sector, because the user's own id
/// must not get out.
pub(super) fn sector_of(client: &Client) -> &str {
    let mut hosts = client.redirect_uris.iter().filter_map(|uri| host(uri));
    match hosts.next() {
        Some(first) if hosts.all(|other| other == first) => first,
        _ => &client.client_id,
    }
}

/// The host of an absolute URI (RFC 3986 §3.2.2), as written; `None` without scheme or host.
pub(crate) fn host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host_and_port.find(']') {
        Some(end) if host_and_port.starts_with('[') => &host_and_port[..=end],
        _ => host_and_port.split(':').next()?,
    };
    (!scheme.is_empty() && !host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_the_one_that_java_computes() {
        // Expected value: Python's hashlib, SHA-256 of the three texts, then MD5 with the bits of a version 3 UUID.
        assert_eq!(subject("client.example", "4f1c2d3e-0000-4000-8000-000000000001", "salt"), "452fd400-4d92-3e53-8204-056eb461337e");
    }

    #[test]
    fn hosts_are_found_in_absolute_uris_alone() {
        let cases = [
            ("https://app.example/*", Some("app.example")),
            ("https://user:pass@app.example:8443/x", Some("app.example")),
            ("https://[2001:db8::1]:8443/x", Some("[2001:db8::1]")),
            ("https://app.example?x=/y", Some("app.example")),
            ("/relative/*", None),
            ("*", None),
            ("https:///x", None),
            ("://x", None),
        ];
        for (uri, expected) in cases {
            assert_eq!(host(uri), expected, "{uri}");
        }
    }
}
