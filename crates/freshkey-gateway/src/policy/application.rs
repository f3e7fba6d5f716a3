//! An application: its hosts, its rules, and what it is told about the caller.

use super::{Access, FactId, HostPattern, PathPattern};
use crate::request::{CanonicalRequest, CredentialForm};
use http::{HeaderName, Method, Uri};
use std::path::PathBuf;

/// Something that is protected.
#[derive(Debug)]
pub struct Application {
    /// Its name in logs and metrics.
    pub name: String,
    /// The hosts under which it is reached.
    pub hosts: Vec<HostPattern>,
    /// Its rules; the first that fits decides, and when none fits the answer is no.
    pub rules: Vec<Rule>,
    /// Where requests go; only the reverse proxy needs it.
    pub upstream: Option<Upstream>,
    /// What is passed on about the caller.
    pub identity: Vec<IdentityHeader>,
    /// For whom its signed assertions are; `None` when there are none.
    pub assertion_audience: Option<String>,
    /// Whether the token itself is passed on.
    pub passes_token: bool,
}

/// Who may do what.
#[derive(Debug)]
pub struct Rule {
    /// Its name in logs: what the configuration says, or its number.
    pub name: String,
    /// Hosts; empty means every host of the application.
    pub hosts: Vec<HostPattern>,
    /// Paths.
    pub paths: Vec<PathPattern>,
    /// Methods; empty means every one. `GET` includes `HEAD`.
    pub methods: Vec<Method>,
    /// Who.
    pub access: Access,
    /// Where the token may be.
    pub credential_form: CredentialForm,
}

/// A claim that is passed on as a header.
#[derive(Debug, Clone)]
pub struct IdentityHeader {
    /// The header.
    pub name: HeaderName,
    /// The claim.
    pub fact: FactId,
    /// How values are written.
    pub encoding: IdentityEncoding,
}

/// How the values of a claim become one header. In each form no value can be taken for two (T-071).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityEncoding {
    /// Values with commas between them; in a value everything but plain ASCII is percent-encoded, the comma too.
    #[default]
    Percent,
    /// A JSON array, or a JSON text for a claim that is one; in ASCII.
    Json,
}

/// Where the requests of an application go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Scheme, host and port.
    pub origin: Uri,
    /// The authorities that may have signed its certificate; the machine's without.
    pub ca_file: Option<PathBuf>,
    /// What is spoken.
    pub protocol: UpstreamProtocol,
    /// The host that it is told.
    pub host: UpstreamHost,
    /// How long it may take to begin its answer, in milliseconds.
    pub timeout_ms: u64,
}

/// What is spoken with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UpstreamProtocol {
    /// HTTP/1.1, or HTTP/2 where TLS agrees on it.
    #[default]
    Negotiated,
    /// HTTP/2 from the first byte, without TLS too: gRPC.
    Http2,
}

/// The `Host` that an application sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UpstreamHost {
    /// The one that the caller asked for.
    #[default]
    Kept,
    /// Its own.
    Upstream,
}

impl Application {
    /// Whether it is reached under a host.
    #[must_use]
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| pattern.fits(host))
    }
}

impl Rule {
    /// Whether it is about this request.
    #[must_use]
    pub fn fits(&self, request: &CanonicalRequest<'_>) -> bool {
        let is_host = self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.fits(request.host.name()));
        is_host && self.has_method(request.method) && self.paths.iter().any(|pattern| pattern.fits(&request.path))
    }

    fn has_method(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method) || (*method == Method::HEAD && self.methods.contains(&Method::GET))
    }
}
