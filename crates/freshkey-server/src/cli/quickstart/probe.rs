//! A client of the server that was just started: comes over the network as every other, trusting nothing but the local authority.

use super::credentials::Credentials;
use crate::cli::{ExitStatus, Failure};
use bytes::Bytes;
use freshkey_service::tls;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// One connection.
pub(super) struct Probe {
    requests: SendRequest<Full<Bytes>>,
}

impl Probe {
    /// Connects the way that a client on this machine does.
    pub(super) async fn connect(listening: SocketAddr, hostname: &str, authority: &Path) -> Result<Self, Failure> {
        let connector = tls::connector(authority).map_err(|error| Failure::new(ExitStatus::Material, error.to_string()))?;
        let name = ServerName::try_from(hostname.to_owned()).map_err(|error| failed("connect", &error))?;
        let connecting = async {
            let stream = TcpStream::connect(reachable(listening)).await.map_err(|error| failed("connect", &error))?;
            let stream = connector.connect(name, stream).await.map_err(|error| failed("connect", &error))?;
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed("connect", &error))
        };
        let (requests, connection) = timeout(PATIENCE, connecting).await.map_err(|error| failed("connect", &error))??;
        tokio::spawn(connection);
        Ok(Self { requests })
    }

    /// Ready means that the discovery document answers.
    pub(super) async fn expect_discovery(&mut self, host: &str, realm: &str) -> Result<(), Failure> {
        let request = Request::get(format!("/realms/{realm}/.well-known/openid-configuration")).header(HOST, host).body(Full::default());
        let (status, _) = self.ask(request, "read the discovery document").await?;
        if status == StatusCode::OK { Ok(()) } else { Err(failed("read the discovery document", &status)) }
    }

    /// Signs the demo user in, for a refresh token to begin with. `None` when the password is not the one in the file any more.
    pub(super) async fn sign_in(&mut self, host: &str, realm: &str, credentials: &Credentials) -> Result<Option<String>, Failure> {
        let form = format!(
            "grant_type=password&client_id=ua-grant&username={}&password={}",
            encoded(&credentials.user.username),
            encoded(credentials.user.password.expose())
        );
        let request = Request::post(format!("/realms/{realm}/protocol/openid-connect/token"))
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)));
        let (status, body) = self.ask(request, "sign in").await?;
        if status != StatusCode::OK {
            tracing::warn!(status = status.as_u16(), "the demo user could not sign in: the password or the client ua-grant was changed");
            return Ok(None);
        }
        let answer: serde_json::Value = serde_json::from_slice(&body).map_err(|error| failed("sign in", &error))?;
        Ok(answer.get("refresh_token").and_then(serde_json::Value::as_str).map(str::to_owned))
    }

    async fn ask(&mut self, request: http::Result<Request<Full<Bytes>>>, what: &str) -> Result<(StatusCode, Bytes), Failure> {
        let request = request.map_err(|error| failed(what, &error))?;
        let exchange = async {
            // The connection may still be busy with the end of the last answer.
            self.requests.ready().await.map_err(|error| failed(what, &error))?;
            let response = self.requests.send_request(request).await.map_err(|error| failed(what, &error))?;
            let (parts, body) = Response::into_parts(response);
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| failed(what, &error))?;
            Ok((parts.status, body.to_bytes()))
        };
        timeout(PATIENCE, exchange).await.map_err(|error| failed(what, &error))?
    }
}

/// An address that a server listens on everywhere is reached at home.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    SocketAddr::new(ip, listening.port())
}

/// Percent-encodes what is not a letter or digit.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

fn failed(what: &str, why: &dyn Display) -> Failure {
    Failure::new(ExitStatus::Failed, format!("the server was started but does not answer: could not {what}: {why}"))
}
