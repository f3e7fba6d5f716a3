//! The one place from which this server calls somebody because a realm's configuration names a URL (T-051). Whether it may is decided by
//! `freshkey_core::outgoing`; here is only the call: to an address that was judged, once, without following anybody anywhere else.

use crate::config::OutgoingSettings;
use crate::limits::{FETCH_TIMEOUT, FETCHED_BYTES_MAX, FETCHES_MAX};
use bytes::Bytes;
use freshkey_core::outgoing::{AllowedHost, FetchedScheme, FetchedUrl, NotCalled, check_addresses, check_url};
use freshkey_service::tls::{self, TlsError};
use http::header::{ACCEPT, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Fetches what realms name.
pub struct Outgoing {
    allowed: Vec<AllowedHost>,
    authorities: Vec<CertificateDer<'static>>,
    /// Made when it is first needed: most servers call nobody, and the authorities of the machine take a while to read.
    tls: OnceLock<Option<TlsConnector>>,
    places: Semaphore,
}

/// Why nothing was fetched: for the log, never for the caller.
#[derive(Debug)]
pub enum NotFetched {
    /// It may not be.
    Forbidden(NotCalled),
    /// The name could not be looked up, or nobody could be reached.
    Unreachable(std::io::Error),
    /// The conversation failed.
    Conversation(Box<dyn std::error::Error + Send + Sync>),
    /// The certificates that this machine trusts can't be read.
    NoAuthorities,
    /// Something else than 200: a redirect, too, which is never followed.
    Answered(StatusCode),
    /// More bytes than there may be.
    TooLarge,
    /// It took too long.
    TooSlow,
}

impl fmt::Display for NotFetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(reason) => write!(f, "{reason}"),
            Self::Unreachable(error) => write!(f, "it cannot be reached: {error}"),
            Self::Conversation(error) => write!(f, "the conversation failed: {error}"),
            Self::NoAuthorities => f.write_str("the certificates that this machine trusts cannot be read"),
            Self::Answered(status) if status.is_redirection() => write!(f, "it answers {status}, and no redirect is followed"),
            Self::Answered(status) => write!(f, "it answers {status}"),
            Self::TooLarge => write!(f, "the answer has more than {FETCHED_BYTES_MAX} bytes"),
            Self::TooSlow => write!(f, "it took more than {} s", FETCH_TIMEOUT.as_secs()),
        }
    }
}

impl std::error::Error for NotFetched {}

impl Outgoing {
    /// Ready to call. The file with further authorities is read now, so that a mistake is told at the start.
    pub fn new(settings: &OutgoingSettings) -> Result<Self, TlsError> {
        let authorities = settings.ca_file.as_deref().map(tls::read_certificates).transpose()?.unwrap_or_default();
        Ok(Self { allowed: settings.allowed_hosts.clone(), authorities, tls: OnceLock::new(), places: Semaphore::new(FETCHES_MAX) })
    }

    /// What is there at a URL, if it may be asked for and is answered in time.
    pub async fn fetch(&self, url: &FetchedUrl) -> Result<Bytes, NotFetched> {
        timeout(FETCH_TIMEOUT, self.fetch_some_time(url)).await.unwrap_or(Err(NotFetched::TooSlow))
    }

    async fn fetch_some_time(&self, url: &FetchedUrl) -> Result<Bytes, NotFetched> {
        check_url(url, &self.allowed).map_err(NotFetched::Forbidden)?;
        // Never closed.
        let _place = self.places.acquire().await.map_err(|_| NotFetched::TooSlow)?;
        let found: Vec<IpAddr> =
            lookup_host((url.host(), url.port())).await.map_err(NotFetched::Unreachable)?.map(|address| address.ip()).collect();
        let addresses = check_addresses(url, &found, &self.allowed).map_err(NotFetched::Forbidden)?;
        let addresses: Vec<SocketAddr> = addresses.iter().map(|address| SocketAddr::new(*address, url.port())).collect();
        // By address: the name is not looked up again.
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(NotFetched::Unreachable)?;
        match url.scheme() {
            FetchedScheme::Http => converse(url, stream).await,
            FetchedScheme::Https => {
                let connector =
                    self.tls.get_or_init(|| tls::public_connector(&self.authorities)).as_ref().ok_or(NotFetched::NoAuthorities)?;
                let name = ServerName::try_from(url.host().to_owned()).map_err(conversation)?;
                converse(url, connector.connect(name, stream).await.map_err(conversation)?).await
            }
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(url: &FetchedUrl, stream: S) -> Result<Bytes, NotFetched> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(conversation)?;
    let connection = AbortOnDrop(tokio::spawn(connection));
    let request = Request::get(url.target()).header(HOST, url.authority()).header(ACCEPT, "application/json").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.map_err(conversation)?).await.map_err(conversation)?;
    if response.status() != StatusCode::OK {
        return Err(NotFetched::Answered(response.status()));
    }
    let body = Limited::new(response.into_body(), FETCHED_BYTES_MAX).collect().await;
    drop(connection);
    match body {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(NotFetched::TooLarge),
        Err(error) => Err(NotFetched::Conversation(error)),
    }
}

fn conversation(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> NotFetched {
    NotFetched::Conversation(error.into())
}

/// A connection ends with the conversation, also with one that took too long.
struct AbortOnDrop(tokio::task::JoinHandle<Result<(), hyper::Error>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Default for Outgoing {
    /// To whom everybody may call: public addresses, by https.
    fn default() -> Self {
        Self { allowed: Vec::new(), authorities: Vec::new(), tls: OnceLock::new(), places: Semaphore::new(FETCHES_MAX) }
    }
}

#[cfg(test)]
mod tests;
