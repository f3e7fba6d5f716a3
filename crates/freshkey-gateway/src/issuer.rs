//! An issuer whose tokens are believed, and what is asked of them.

use crate::http_client::HttpClient;
use freshkey_protocol::Secret;
use freshkey_protocol::jose::Algorithm;
use std::path::PathBuf;

/// What the configuration says of an issuer.
#[derive(Debug)]
pub struct Issuer {
    /// Exactly what `iss` must be.
    pub name: String,
    /// One of them must be in `aud`.
    pub audiences: Vec<String>,
    /// The algorithms of its signatures; never an HMAC, since whoever checks one can make one.
    pub algorithms: Vec<Algorithm>,
    /// The clients to which tokens may have been issued (`azp`); empty means any.
    pub parties: Vec<String>,
    /// How far clocks may be apart, in seconds.
    pub skew_s: i64,
    /// Whether a token without `sub` is refused.
    pub needs_subject: bool,
    /// Where its keys come from.
    pub keys: KeySource,
    /// Whether it is asked if a token has been revoked.
    pub introspection: Option<Introspection>,
}

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySource {
    /// Where.
    pub address: KeyAddress,
    /// The authorities that may have signed the certificate there; the machine's without.
    pub ca_file: Option<PathBuf>,
    /// Seconds between two looks.
    pub refresh_s: u32,
    /// Seconds for which known keys go on when the provider is away.
    pub kept_s: u32,
}

/// How keys are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAddress {
    /// Through the discovery document of the issuer.
    Discovered,
    /// At this URL.
    Url(String),
    /// In this file.
    File(PathBuf),
}

/// How an issuer is asked about a token (RFC 7662).
#[derive(Debug)]
pub struct Introspection {
    /// Where.
    pub url: String,
    /// Who asks.
    pub client_id: String,
    /// The secret of who asks.
    pub client_secret: IntrospectionSecret,
    /// The way there.
    pub client: HttpClient,
}

/// A secret without `Debug`, of which two can be compared.
pub struct IntrospectionSecret(pub Secret<String>);

impl std::fmt::Debug for IntrospectionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}
