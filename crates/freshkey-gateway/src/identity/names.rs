//! The names of identity headers in every spelling. Applications read headers through interfaces that know no difference between cases, nor between
//! a dash and an underscore, or any other sign (CGI, WSGI, PHP); so a caller's header is compared as they would (T-071).

use crate::policy::Application;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Every header that begins so is ours.
pub const IDENTITY_PREFIX: &str = "x-freshkey-";

/// The signed assertion.
pub const ASSERTION_HEADER: HeaderName = HeaderName::from_static("x-freshkey-assertion");

/// The headers that only the gateway may set, for all of its applications together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityNames(Vec<String>);

impl IdentityNames {
    /// The names of these applications.
    #[must_use]
    pub fn of(applications: &[Application]) -> Self {
        let mut names: Vec<String> =
            applications.iter().flat_map(|application| &application.identity).map(|header| header.name.as_str().to_owned()).collect();
        names.retain(|name| !is_like_prefix(name.as_bytes()));
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// Whether an application could take a header of this name for one of ours.
    #[must_use]
    pub fn covers(&self, name: &[u8]) -> bool {
        is_like_prefix(name) || self.0.iter().any(|own| is_like(own.as_bytes(), name))
    }

    /// Whether any of these headers is one that only we may set.
    fn are_in(&self, headers: &HeaderMap) -> bool {
        headers.keys().any(|name| self.covers(name.as_str().as_bytes()))
    }

    /// Removes what only we may set.
    pub fn strip(&self, headers: &mut HeaderMap) {
        if self.are_in(headers) {
            let taken: Vec<HeaderName> = headers.keys().filter(|name| self.covers(name.as_str().as_bytes())).cloned().collect();
            for name in taken {
                headers.remove(&name);
            }
        }
    }
}

fn is_like_prefix(name: &[u8]) -> bool {
    name.get(..IDENTITY_PREFIX.len()).is_some_and(|start| is_like(IDENTITY_PREFIX.as_bytes(), start))
}

/// Whether two names are the same to who takes every sign for the same sign.
pub(super) fn is_like(own: &[u8], other: &[u8]) -> bool {
    let folded = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    own.len() == other.len() && own.iter().zip(other).all(|(one, two)| folded(*one) == folded(*two))
}

/// Headers of one connection (RFC 9110 §7.6.1), and those that a caller names as such; none of them goes further.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    const ALWAYS: [HeaderName; 6] = [
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value: &HeaderValue| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect();
        for name in named {
            headers.remove(&name);
        }
        headers.remove(header::CONNECTION);
    }
    for name in ALWAYS {
        headers.remove(name);
    }
}
