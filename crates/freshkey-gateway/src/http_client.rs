//! A small client for what the gateway itself asks: keys, discovery, introspection. It follows no redirect, uses no proxy, and makes a new connection
//! for every question, so that a replaced authority counts from the next question on.

use bytes::Bytes;
use freshkey_service::tls::{TlsError, client_config};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Asks other servers.
#[derive(Debug)]
pub struct HttpClient {
    ca_file: Option<PathBuf>,
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
    /// A client that trusts these authorities, or those of the machine.
    #[must_use]
    pub fn new(ca_file: Option<PathBuf>) -> Self {
        Self { ca_file }
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
        let bare_host = host.trim_start_matches('[').trim_end_matches(']');
        match scheme {
            "https" => {
                let stream = connect(bare_host, uri.port_u16().unwrap_or(443)).await?;
                let config = client_config(self.ca_file.as_deref(), &[]).map_err(ClientError::Authorities)?;
                let name = ServerName::try_from(bare_host.to_owned()).map_err(|_| ClientError::BadUrl)?;
                let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(ClientError::Connect)?;
                converse(stream, request, bytes_max).await
            }
            "http" if is_this_machine(bare_host) => {
                converse(connect(bare_host, uri.port_u16().unwrap_or(80)).await?, request, bytes_max).await
            }
            "http" => Err(ClientError::NotEncrypted),
            _ => Err(ClientError::BadUrl),
        }
    }
}

/// Whether a host is this machine by its own words. A name that merely resolves to it doesn't count.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, ClientError> {
    TcpStream::connect((host, port)).await.map_err(ClientError::Connect)
}

async fn converse<S>(stream: S, request: Request<Full<Bytes>>, bytes_max: usize) -> Result<Vec<u8>, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(ClientError::Broken)?;
    let conversation = tokio::spawn(connection);
    let answer = async {
        let response = sender.send_request(request).await.map_err(ClientError::Broken)?;
        if response.status() != StatusCode::OK {
            return Err(ClientError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), bytes_max).collect().await.map_err(|_| ClientError::Body)?;
        Ok(body.to_bytes().to_vec())
    }
    .await;
    conversation.abort();
    answer
}
