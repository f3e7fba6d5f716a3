//! Requests that another proxy passes on: what goes on is what came. So it must be in its one form already, and have nothing in it that we would remove.

use crate::gate::Snapshot;
use crate::reason::Ambiguity;
use crate::request::CanonicalRequest;
use http::HeaderName;

/// By which some applications let a request's method be changed, after it was judged.
const OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
];

pub(super) fn check_unchangeable<'r>(request: CanonicalRequest<'r>, snapshot: &Snapshot) -> Result<CanonicalRequest<'r>, Ambiguity> {
    if !request.path.was_canonical() {
        return Err(Ambiguity::Encoding);
    }
    if snapshot.identity_names.are_in(request.headers) {
        return Err(Ambiguity::IdentityHeader);
    }
    if OVERRIDES.iter().any(|name| request.headers.contains_key(name)) {
        return Err(Ambiguity::Method);
    }
    Ok(request)
}
