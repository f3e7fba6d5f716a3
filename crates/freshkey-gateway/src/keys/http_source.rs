//! Keys over HTTP or from a file. The file of authorities is read again for every fetch, so that it can be replaced at any time.

use super::KeySetError;
use crate::http_client::{ClientError, HttpClient};
use crate::issuer::{Issuer, KeyAddress};
use freshkey_protocol::limits::{JWK_SET_BYTES_MAX, PROVIDER_METADATA_BYTES_MAX};
use freshkey_protocol::{ProviderMetadata, ProviderMetadataError};
use std::fmt;

/// Keys could not be fetched.
#[derive(Debug)]
pub enum FetchError {
    /// Nothing came, or not what was asked for.
    Client(ClientError),
    /// The discovery document is of no use.
    Discovery(ProviderMetadataError),
    /// The discovery document names no keys.
    NoAddress,
    /// The file cannot be read.
    File(std::io::Error),
    /// It took too long.
    TooSlow,
    /// What came are no keys.
    Garbage(KeySetError),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Discovery(error) => write!(f, "the discovery document cannot be used ({error:?})"),
            Self::NoAddress => f.write_str("the discovery document has no jwks_uri"),
            Self::File(error) => write!(f, "the file of keys cannot be read: {error}"),
            Self::TooSlow => f.write_str("it took too long"),
            Self::Garbage(error) => error.fmt(f),
        }
    }
}

/// Brings the keys of one issuer.
pub trait FetchKeys: Send {
    /// Fetches the set.
    fn fetch(&mut self) -> impl Future<Output = Result<Vec<u8>, FetchError>> + Send;
}

/// Where the keys of one issuer come from.
#[derive(Debug)]
pub struct HttpSource {
    address: KeyAddress,
    issuer: String,
    client: HttpClient,
    discovered: Option<String>,
}

impl HttpSource {
    /// The source that the configuration names.
    #[must_use]
    pub fn new(issuer: &Issuer) -> Self {
        let client = HttpClient::new(issuer.keys.ca_file.clone());
        Self { address: issuer.keys.address.clone(), issuer: issuer.name.clone(), client, discovered: None }
    }

    /// The address is asked for anew after every failure: it may be what has changed.
    async fn fetch_discovered(&mut self) -> Result<Vec<u8>, FetchError> {
        let url = match self.discovered.take() {
            Some(url) => url,
            None => self.discover().await?,
        };
        let keys = self.client.get(&url, JWK_SET_BYTES_MAX).await.map_err(FetchError::Client)?;
        self.discovered = Some(url);
        Ok(keys)
    }

    async fn discover(&self) -> Result<String, FetchError> {
        let url = ProviderMetadata::url_of(&self.issuer);
        let document = self.client.get(&url, PROVIDER_METADATA_BYTES_MAX).await.map_err(FetchError::Client)?;
        let metadata = ProviderMetadata::parse(&self.issuer, &document).map_err(FetchError::Discovery)?;
        metadata.jwks_uri.ok_or(FetchError::NoAddress)
    }
}

impl FetchKeys for HttpSource {
    async fn fetch(&mut self) -> Result<Vec<u8>, FetchError> {
        match &self.address {
            KeyAddress::File(path) => std::fs::read(path).map_err(FetchError::File),
            KeyAddress::Url(url) => self.client.get(url, JWK_SET_BYTES_MAX).await.map_err(FetchError::Client),
            KeyAddress::Discovered => self.fetch_discovered().await,
        }
    }
}
