//! Sends spans to a collector: OTLP over HTTP in JSON, in batches, from a bounded queue that never makes a request wait.
//!
//! Only the spans of requests are made here, so a hundred lines do what the OpenTelemetry crates would bring along forty others for.

use super::metrics::Endpoint;
use super::observer::hexadecimal;
use crate::caller::Scheme;
use crate::config::TelemetrySettings;
use crate::limits::{SPAN_DELAY, SPAN_SEND_TIMEOUT, SPANS_PER_BATCH_MAX, SPANS_WAITING_MAX};
use bytes::Bytes;
use freshkey_service::tls;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// One request, answered.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent_id: Option<[u8; 8]>,
    pub(super) endpoint: Endpoint,
    pub(super) method: Method,
    pub(super) status: u16,
    pub(super) scheme: Scheme,
    pub(super) began_at_ms: i64,
    pub(super) took: Duration,
}

/// The way into the queue.
pub struct SpanSender {
    queue: mpsc::Sender<Span>,
    sample_percent: u32,
}

/// The end of the queue: takes spans out and sends them.
pub struct SpanExporter {
    queue: mpsc::Receiver<Span>,
    endpoint: Uri,
    tls: Option<TlsConnector>,
    service_name: String,
}

/// Spans can't be sent with these settings.
#[derive(Debug)]
pub struct OtlpError(tls::TlsError);

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "telemetry.otlp_ca_file: {}", self.0)
    }
}

impl std::error::Error for OtlpError {}

impl SpanSender {
    pub(super) fn sample_percent(&self) -> u32 {
        self.sample_percent
    }

    /// Queues a span; when the queue is full, or nobody takes from it, the span is dropped and counted.
    pub(super) fn send(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            dropped(1);
        }
    }
}

impl SpanExporter {
    /// An exporter, if an endpoint is configured.
    pub fn new(settings: &TelemetrySettings) -> Result<Option<(SpanSender, Self)>, OtlpError> {
        let Some(endpoint) = settings.otlp_endpoint.clone() else { return Ok(None) };
        let tls = match &settings.otlp_ca_file {
            Some(path) if endpoint.scheme_str() == Some("https") => Some(tls::connector(path).map_err(OtlpError)?),
            _ => None,
        };
        let (sender, queue) = mpsc::channel(SPANS_WAITING_MAX);
        let sender = SpanSender { queue: sender, sample_percent: settings.sample_percent };
        Ok(Some((sender, Self { queue, endpoint, tls, service_name: settings.service_name.clone() })))
    }

    /// Sends until every sender is gone. A batch that can't be sent is dropped: traces are a convenience.
    pub async fn run(mut self) {
        let mut is_failing = false;
        let mut batch = Vec::with_capacity(SPANS_PER_BATCH_MAX);
        while let Some(first) = self.queue.recv().await {
            batch.push(first);
            let _ = timeout(SPAN_DELAY, self.fill(&mut batch)).await;
            let body = payload(&self.service_name, &batch);
            let outcome = timeout(SPAN_SEND_TIMEOUT, self.post(body)).await.unwrap_or_else(|_| Err("it does not answer".into()));
            // One line when it begins to fail and one when it works again, not one for each batch.
            match &outcome {
                Ok(()) if is_failing => tracing::info!("spans are exported again"),
                Err(error) if !is_failing => tracing::warn!(error = %error, "spans cannot be exported"),
                _ => {}
            }
            is_failing = outcome.is_err();
            if is_failing {
                dropped(batch.len());
            }
            batch.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn take(&mut self) -> Option<Span> {
        self.queue.try_recv().ok()
    }

    async fn fill(&mut self, batch: &mut Vec<Span>) {
        while batch.len() < SPANS_PER_BATCH_MAX {
            let room = SPANS_PER_BATCH_MAX - batch.len();
            if self.queue.recv_many(batch, room).await == 0 {
                return;
            }
        }
    }

    async fn post(&self, body: String) -> Result<(), Failure> {
        let host = self.endpoint.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.endpoint.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        match &self.tls {
            None => self.send(stream, body).await,
            Some(connector) => {
                let name = ServerName::try_from(host.to_owned())?;
                self.send(connector.connect(name, stream).await?, body).await
            }
        }
    }

    async fn send<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, body: String) -> Result<(), Failure> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let conversation = tokio::spawn(connection);
        let path = self.endpoint.path_and_query().map_or("/v1/traces", http::uri::PathAndQuery::as_str);
        let authority = self.endpoint.authority().map_or("", http::uri::Authority::as_str);
        let request =
            Request::post(path).header(HOST, authority).header(CONTENT_TYPE, "application/json").body(Full::new(Bytes::from(body)))?;
        let outcome = sender.send_request(request).await;
        conversation.abort();
        match outcome? {
            response if response.status().is_success() => Ok(()),
            response => Err(format!("it answers {}", response.status()).into()),
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn dropped(count: usize) {
    metrics::counter!("freshkey_spans_dropped_total").increment(count as u64);
}

/// An `ExportTraceServiceRequest` in the JSON form of OTLP: ids in hexadecimal, 64-bit numbers as text.
pub(super) fn payload(service_name: &str, batch: &[Span]) -> String {
    let spans: Vec<Value> = batch.iter().map(span_json).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", service_name), text("service.version", env!("CARGO_PKG_VERSION"))] },
        "scopeSpans": [{ "scope": { "name": "freshkey-server" }, "spans": spans }],
    }] })
    .to_string()
}

fn span_json(span: &Span) -> Value {
    const SERVER: i32 = 2;
    const ERROR: i32 = 2;
    let route = route(span.endpoint);
    let began_ns = i128::from(span.began_at_ms) * 1_000_000;
    let ended_ns = began_ns + i128::try_from(span.took.as_nanos()).unwrap_or(i128::MAX / 2);
    let mut json = json!({
        "traceId": hexadecimal(&span.trace_id),
        "spanId": hexadecimal(&span.span_id),
        "name": format!("{} {route}", method(&span.method)),
        "kind": SERVER,
        "startTimeUnixNano": began_ns.to_string(),
        "endTimeUnixNano": ended_ns.to_string(),
        "attributes": [
            text("http.request.method", method(&span.method)),
            text("http.route", route),
            text("url.scheme", if span.scheme == Scheme::Https { "https" } else { "http" }),
            json!({ "key": "http.response.status_code", "value": { "intValue": span.status.to_string() } }),
        ],
    });
    if let Some(parent) = &span.parent_id {
        json["parentSpanId"] = Value::String(hexadecimal(parent));
    }
    if span.status >= 500 {
        json["status"] = json!({ "code": ERROR });
    }
    json
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// A stranger's method is a text from outside; `_OTHER` is what the conventions call it.
fn method(method: &Method) -> &str {
    match *method {
        Method::GET | Method::POST | Method::OPTIONS | Method::HEAD | Method::PUT | Method::DELETE | Method::PATCH => method.as_str(),
        _ => "_OTHER",
    }
}

/// The path with its variable parts left open: the real one is a text from outside.
fn route(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Token => "/realms/{realm}/protocol/openid-connect/token",
        Endpoint::Introspect => "/realms/{realm}/protocol/openid-connect/token/introspect",
        Endpoint::Revoke => "/realms/{realm}/protocol/openid-connect/revoke",
        Endpoint::Userinfo => "/realms/{realm}/protocol/openid-connect/userinfo",
        Endpoint::Logout => "/realms/{realm}/protocol/openid-connect/logout",
        Endpoint::Certs => "/realms/{realm}/protocol/openid-connect/certs",
        Endpoint::Discovery => "/realms/{realm}/.well-known/openid-configuration",
        Endpoint::Realm => "/realms/{realm}",
        Endpoint::Other => "/",
    }
}
