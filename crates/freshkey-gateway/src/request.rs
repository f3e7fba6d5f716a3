//! The canonical request: one type, made by one parser. What it says is what is judged, and what is passed on.

mod credential;
mod host;
mod path;
#[cfg(test)]
mod tests;

pub use credential::{Credential, CredentialForm, credential, query_credential};
pub use host::Host;
pub use path::CanonicalPath;

use crate::limits::METHOD_BYTES_MAX;
use crate::reason::Ambiguity;
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};

/// A request in its one form. Nothing in it can be read in two ways.
#[derive(Debug)]
pub struct CanonicalRequest<'r> {
    /// The method, in upper case.
    pub method: &'r Method,
    /// The host it is for, without a port.
    pub host: Host<'r>,
    /// The path.
    pub path: CanonicalPath<'r>,
    /// What follows the first question mark; passed on as it is, and judged by no rule.
    pub query: Option<&'r str>,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The one value of `Authorization`.
    pub authorization: Option<&'r HeaderValue>,
}

impl<'r> CanonicalRequest<'r> {
    /// Reads the parts of a request. `authority` is that of an HTTP/2 request, or of a target in absolute form.
    pub fn parse(method: &'r Method, authority: Option<&'r str>, target: &'r str, headers: &'r HeaderMap) -> Result<Self, Ambiguity> {
        check_method(method)?;
        let host = Host::of_request(authority, headers)?;
        Self::of_parts(method, host, target, headers)
    }

    /// The same for a request as an HTTP library has it.
    pub fn of_http(method: &'r Method, version: Version, uri: &'r Uri, headers: &'r HeaderMap) -> Result<Self, Ambiguity> {
        let authority = uri.authority().map(http::uri::Authority::as_str);
        if version < Version::HTTP_2 && authority.is_some() {
            // A target in absolute form is for forward proxies; here it would be a second host.
            return Err(Ambiguity::Target);
        }
        if headers.get_all(header::TRANSFER_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
            return Err(Ambiguity::Framing);
        }
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        Self::parse(method, authority, target, headers)
    }

    /// The same for a request that a proxy describes.
    pub fn of_parts(method: &'r Method, host: Host<'r>, target: &'r str, headers: &'r HeaderMap) -> Result<Self, Ambiguity> {
        check_method(method)?;
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let authorization = values.next();
        if values.next().is_some() {
            return Err(Ambiguity::DuplicateHeader);
        }
        let (path, query) = path::parse_target(target)?;
        Ok(Self { method, host, path, query, headers, authorization })
    }

    /// The target to pass on: the canonical path, and the query.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = String::with_capacity(self.path.as_str().len() + self.query.map_or(0, |query| query.len() + 1));
        target.push_str(self.path.as_str());
        if let Some(query) = self.query {
            target.push('?');
            target.push_str(query);
        }
        target
    }
}

/// Methods are case sensitive, and applications differ about it; upper case is what all of them read alike (RFC 9110 §9.1).
fn check_method(method: &Method) -> Result<(), Ambiguity> {
    let name = method.as_str();
    let is_plain = name.len() <= METHOD_BYTES_MAX && name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'-' | b'_'));
    let is_refused = *method == Method::CONNECT || *method == Method::TRACE;
    if is_plain && !is_refused { Ok(()) } else { Err(Ambiguity::Method) }
}
