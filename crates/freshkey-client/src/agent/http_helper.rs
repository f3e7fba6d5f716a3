//! The helper on loopback, for containers and others who can't reach the socket: `GET /token`, answered only to who shows the secret in a file that
//! the agent has written. Not for browsers: whatever looks like one is refused, and so is any name but the machine's own (DNS rebinding).

#[cfg(test)]
mod tests;

use super::serve::Agent;
use crate::clock::random;
use crate::directories::Directories;
use crate::failure::{Failure, FailureKind};
use crate::files;
use crate::limits::{
    AGENT_ANSWER_TIMEOUT, AGENT_REQUEST_TIMEOUT, HELPER_CALLERS_MAX, HELPER_HEADERS_MAX, HELPER_REQUEST_BYTES_MAX, SECRET_FILE_BYTES_MAX,
};
use freshkey_protocol::{Secret, base64url};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATH: &str = "/token";
/// The names that a caller may have used for this machine.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// Only browsers send these, and they can't be kept from sending them.
const OF_BROWSERS: [HeaderName; 2] = [ORIGIN, HeaderName::from_static("sec-fetch-site")];
/// Seconds to wait, told to a caller while the provider is away.
const RETRY_AFTER_S: &str = "5";

/// The address of a helper.
#[must_use]
pub(super) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}{PATH}")
}

/// The port in an address as [`url`] makes it.
#[must_use]
pub(super) fn port(text: &str) -> Option<u16> {
    text.strip_prefix("http://127.0.0.1:")?.strip_suffix(PATH)?.parse().ok().filter(|port| *port != 0)
}

/// The file with the secret that callers of a profile's helper must show. It lasts as long as the runtime directory does.
#[must_use]
pub fn secret_file(directories: &Directories, profile: &str) -> PathBuf {
    directories.runtime.join(format!("http-{profile}.secret"))
}

/// Starts it, with a secret if there is none yet.
pub(super) fn start(agent: &Arc<Agent>, port: u16, profile: &str) -> Result<JoinHandle<()>, Failure> {
    let secret = secret_file(agent.keeper.directories(), profile);
    if files::read(&secret, SECRET_FILE_BYTES_MAX)?.is_none() {
        let fresh = Secret::new(base64url::encode(&random::<32>()));
        files::replace(&secret, fresh.expose().as_bytes(), 0o600)?;
    }
    let unusable = |error: std::io::Error| {
        Failure::new(FailureKind::Failed, format!("port {port} of 127.0.0.1 cannot be listened on: {error}"))
            .with_hint("choose another with `freshkey setup http --port N`")
    };
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(unusable)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    let listener = TcpListener::from_std(listener).map_err(unusable)?;
    let helper = Arc::new(Helper { agent: Arc::clone(agent), port, profile: profile.to_owned(), secret });
    Ok(tokio::spawn(serve(helper, listener)))
}

struct Helper {
    agent: Arc<Agent>,
    port: u16,
    profile: String,
    secret: PathBuf,
}

async fn serve(helper: Arc<Helper>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(HELPER_CALLERS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: those that are open end in a while.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let helper = Arc::clone(&helper);
        tokio::spawn(async move {
            // Neither end of it is anybody's loss: a caller that is too slow asks again.
            let _ = timeout(AGENT_ANSWER_TIMEOUT, helper.attend(stream)).await;
            drop(place);
        });
    }
}

impl Helper {
    /// One request, one answer.
    async fn attend(self: Arc<Self>, stream: TcpStream) -> hyper::Result<()> {
        let service = service_fn(move |request: Request<Incoming>| {
            let this = Arc::clone(&self);
            async move { Ok::<_, Infallible>(this.answer(&request.into_parts().0).await) }
        });
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(AGENT_REQUEST_TIMEOUT)
            .max_buf_size(HELPER_REQUEST_BYTES_MAX)
            .max_headers(HELPER_HEADERS_MAX)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service)
            .await
    }

    async fn answer(&self, request: &http::request::Parts) -> Response<Full<Bytes>> {
        if let Err(status) = may_ask(request, self.port, &self.secret) {
            return refusal(status);
        }
        match self.agent.record(&self.profile, None).await {
            Ok((record, _)) => {
                let token = record.access.as_ref().map_or_else(String::new, |access| access.token().to_owned());
                response(StatusCode::OK, token)
            }
            Err(failure) => {
                let mut told = response(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", crate::failure::shown(&failure.message)));
                if failure.kind == FailureKind::Unavailable {
                    told.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static(RETRY_AFTER_S));
                }
                told
            }
        }
    }
}

/// Whether a token may be asked for in this way, by this caller. Who does not show the secret learns nothing but that.
fn may_ask(request: &http::request::Parts, port: u16, secret: &Path) -> Result<(), StatusCode> {
    if request.uri.authority().is_some() || !is_for_this_machine(&request.headers, port) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    if OF_BROWSERS.iter().any(|name| request.headers.contains_key(name)) {
        return Err(StatusCode::FORBIDDEN);
    }
    if !shows(&request.headers, secret) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    if request.uri.path_and_query().is_none_or(|path| path.as_str() != PATH) {
        return Err(StatusCode::NOT_FOUND);
    }
    if request.method == Method::GET { Ok(()) } else { Err(StatusCode::METHOD_NOT_ALLOWED) }
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// A page of somebody else's whose name has been given this machine's address is not for us.
fn is_for_this_machine(headers: &HeaderMap, port: u16) -> bool {
    let named = only(headers, &HOST).and_then(|host| host.rsplit_once(':'));
    named.is_some_and(|(name, of)| NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) && of == port.to_string())
}

fn shows(headers: &HeaderMap, secret: &Path) -> bool {
    let Ok(Some(text)) = files::read_text(secret, SECRET_FILE_BYTES_MAX) else { return false };
    let expected = Secret::new(text.trim_end().to_owned());
    let shown = only(headers, &AUTHORIZATION).and_then(|header| header.split_once(' '));
    let is_right = |shown: &str| !expected.expose().is_empty() && expected.equals(shown.as_bytes());
    shown.is_some_and(|(scheme, shown)| scheme.eq_ignore_ascii_case("bearer") && is_right(shown))
}

fn refusal(status: StatusCode) -> Response<Full<Bytes>> {
    let mut told = response(status, format!("{}\n", status.canonical_reason().unwrap_or_default()));
    match status {
        StatusCode::UNAUTHORIZED => drop(told.headers_mut().insert(WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"))),
        StatusCode::METHOD_NOT_ALLOWED => drop(told.headers_mut().insert(http::header::ALLOW, http::HeaderValue::from_static("GET"))),
        _ => {}
    }
    told
}

fn response(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
    response.headers_mut().insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}
