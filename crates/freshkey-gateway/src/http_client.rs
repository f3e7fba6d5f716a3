//! A small client for what the gateway itself asks: keys, discovery, introspection. It follows no redirect and uses no proxy. The file of authorities is
//! read for every new connection, so that it can be replaced at any time; connections are kept for a short time, and only where there are many questions.

use crate::limits::KEPT_CONNECTION_AGE_MAX;
use bytes::Bytes;
use freshkey_service::tls::{TlsError, client_config};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// Asks other servers. A question may be asked twice: when a connection that was kept turns out to be dead, a new one carries it.
#[derive(Debug)]
pub struct HttpClient {
    ca_file: Option<PathBuf>,
    kept: Mutex<Vec<Connection>>,
    kept_max: usize,
}

/// A connection on which nothing is under way.
#[derive(Debug)]
struct Connection {
    /// Scheme and authority.
    origin: String,
    since: Instant,
    sender: SendRequest<Full<Bytes>>,
}

/// A question was not answered.
#[derive(Debug)]
pub enum ClientError {
    /// Not a URL that can be asked.
    BadUrl,
    /// In clear to another machine.
    NotEncrypted,
    /// The authorities cannot be read.
    Authorities(TlsError),
    /// No connection.
    Connect(std::io::Error),
    /// The conversation broke off.
    Broken(hyper::Error),
    /// Another status than 200.
    Status(StatusCode),
    /// The answer is too long or broke off.
    Body,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadUrl => f.write_str("not a URL with http or https and a host"),
            Self::NotEncrypted => f.write_str("http is for this machine's own addresses only; use https"),
            Self::Authorities(error) => error.fmt(f),
            Self::Connect(error) => write!(f, "no connection: {error}"),
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
            Self::Status(status) => write!(f, "the answer was {status}"),
            Self::Body => f.write_str("the answer is too long, or broke off"),
        }
    }
}

impl HttpClient {
    /// A client that trusts these authorities, or those of the machine, and makes a new connection for every question.
    #[must_use]
    pub fn new(ca_file: Option<PathBuf>) -> Self {
        Self::keeping(ca_file, 0)
    }

    /// The same, with so many connections that are kept for the next questions.
    #[must_use]
    pub fn keeping(ca_file: Option<PathBuf>, connections_max: usize) -> Self {
        Self { ca_file, kept: Mutex::default(), kept_max: connections_max }
    }

    /// Gets a document.
    pub async fn get(&self, url: &str, bytes_max: usize) -> Result<Vec<u8>, ClientError> {
        self.ask(Method::GET, url, &[(header::ACCEPT, HeaderValue::from_static("application/json"))], Bytes::new(), bytes_max).await
    }

    /// Sends something, and takes the answer.
    pub async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: &[(http::HeaderName, HeaderValue)],
        body: Bytes,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ClientError> {
        let uri: Uri = url.parse().map_err(|_| ClientError::BadUrl)?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(ClientError::BadUrl) };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut request = Request::builder().method(method).uri(target);
        let authority = uri.authority().map_or(host, |authority| authority.as_str());
        request = request.header(header::HOST, authority);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(|_| ClientError::BadUrl)?;
        let origin = format!("{scheme}://{authority}");
        while let Some(kept) = self.take_kept(&origin) {
            match self.converse(kept, request.clone(), bytes_max).await {
                // The other end has closed it, as it may at any time.
                Err(ClientError::Broken(error)) if error.is_canceled() || error.is_closed() || error.is_incomplete_message() => {}
                outcome => return outcome,
            }
        }
        let bare_host = host.trim_start_matches('[').trim_end_matches(']');
        let sender = match scheme {
            "https" => {
                let stream = connect(bare_host, uri.port_u16().unwrap_or(443)).await?;
                let config = client_config(self.ca_file.as_deref(), &[]).map_err(ClientError::Authorities)?;
                let name = ServerName::try_from(bare_host.to_owned()).map_err(|_| ClientError::BadUrl)?;
                begin(TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(ClientError::Connect)?).await?
            }
            "http" if is_this_machine(bare_host) => begin(connect(bare_host, uri.port_u16().unwrap_or(80)).await?).await?,
            "http" => return Err(ClientError::NotEncrypted),
            _ => return Err(ClientError::BadUrl),
        };
        self.converse(Connection { origin, since: Instant::now(), sender }, request, bytes_max).await
    }

    /// Asks, and keeps the connection when the answer has come in full.
    async fn converse(&self, mut connection: Connection, request: Request<Full<Bytes>>, bytes_max: usize) -> Result<Vec<u8>, ClientError> {
        connection.sender.ready().await.map_err(ClientError::Broken)?;
        let response = connection.sender.send_request(request).await.map_err(ClientError::Broken)?;
        if response.status() != StatusCode::OK {
            return Err(ClientError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), bytes_max).collect().await.map_err(|_| ClientError::Body)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < self.kept_max {
            kept.push(connection);
        }
        drop(kept);
        Ok(body.to_bytes().to_vec())
    }

    fn take_kept(&self, origin: &str) -> Option<Connection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|connection| !connection.sender.is_closed() && connection.since.elapsed() < KEPT_CONNECTION_AGE_MAX);
        let place = kept.iter().position(|connection| connection.origin == origin)?;
        Some(kept.swap_remove(place))
    }
}

/// Whether a host is this machine by its own words. A name that merely resolves to it doesn't count.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, ClientError> {
    TcpStream::connect((host, port)).await.map_err(ClientError::Connect)
}

/// The other half of the connection runs beside, until nobody holds this one any more.
async fn begin<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(ClientError::Broken)?;
    tokio::spawn(connection);
    Ok(sender)
}
