//! Requests that another proxy passes on: what goes on is what came. So it must be in its one form already, and have nothing in it that we would remove.

use crate::gate::Snapshot;
use crate::identity::{is_foreign_description, is_override};
use crate::reason::Ambiguity;
use crate::request::CanonicalRequest;
use http::HeaderName;

/// Refuses what would have to be changed. `described_in` are the headers in which the proxy itself describes the request: it sets them.
pub(super) fn check_unchangeable<'r>(
    request: CanonicalRequest<'r>,
    snapshot: &Snapshot,
    described_in: &[HeaderName],
) -> Result<CanonicalRequest<'r>, Ambiguity> {
    if !request.path.was_canonical() {
        return Err(Ambiguity::Encoding);
    }
    for name in request.headers.keys() {
        if snapshot.identity_names.covers(name.as_str().as_bytes()) {
            return Err(Ambiguity::IdentityHeader);
        }
        if described_in.contains(name) {
            continue;
        }
        if is_override(name.as_str()) {
            return Err(Ambiguity::Method);
        }
        if is_foreign_description(name.as_str()) {
            return Err(Ambiguity::Description);
        }
    }
    Ok(request)
}
