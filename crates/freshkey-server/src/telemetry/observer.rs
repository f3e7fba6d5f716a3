//! Watches requests: counts and times each, and makes spans of those that are traced (W3C Trace Context).

use super::metrics::{Endpoint, RequestMetrics};
use super::otlp::{Span, SpanSender};
use crate::clock::Clock;
use crate::routes::Connection;
use axum::body::Body;
use freshkey_core::Entropy;
use freshkey_core::entropy::random_bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Watches the requests of one listener.
pub struct Observer {
    metrics: Option<RequestMetrics>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    spans: Option<SpanSender>,
}

/// A request that has begun.
pub struct Observation {
    endpoint: Endpoint,
    began: Instant,
    span: Option<BegunSpan>,
}

struct BegunSpan {
    context: TraceContext,
    span_id: [u8; 8],
    is_root: bool,
    method: Method,
    began_at_ms: i64,
    connection: Connection,
}

/// A well-formed `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceContext {
    pub(super) trace_id: [u8; 16],
    /// The span of the caller.
    pub(super) parent_id: [u8; 8],
    pub(super) sampled: bool,
}

impl Observer {
    /// Without `spans` nothing is traced.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, spans: Option<SpanSender>) -> Self {
        Self { metrics: Some(RequestMetrics::default()), clock, entropy, spans }
    }

    /// Neither counts nor traces.
    pub fn silent(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { metrics: None, clock, entropy, spans: None }
    }

    /// A request begins. One that begins a trace is given its `traceparent`, so that its log lines and events carry the id of the trace.
    pub fn begin(&self, request: &mut Request<Body>, connection: Connection) -> Observation {
        let endpoint = Endpoint::of(request.uri().path());
        let span = self.spans.as_ref().and_then(|spans| self.begin_span(spans, request, connection));
        Observation { endpoint, began: Instant::now(), span }
    }

    /// It has been answered.
    pub fn end(&self, observation: Observation, response: &Response<Body>) {
        let Observation { endpoint, began, span } = observation;
        let (status, took) = (response.status().as_u16(), began.elapsed());
        if let Some(metrics) = &self.metrics {
            metrics.count(endpoint, status, took);
        }
        if let (Some(spans), Some(span)) = (&self.spans, span) {
            spans.send(span.ended(endpoint, status, took));
        }
    }

    /// An id for the log and the answer of a request that brought none.
    pub fn fresh_correlation_id(&self) -> String {
        hexadecimal(&random_bytes::<16>(&*self.entropy))
    }

    fn begin_span(&self, spans: &SpanSender, request: &mut Request<Body>, connection: Connection) -> Option<BegunSpan> {
        let given = request.headers().get(&TRACEPARENT).and_then(|value| TraceContext::parse(value.to_str().ok()?));
        let span_id = random_bytes::<8>(&*self.entropy);
        let context = match given {
            Some(context) if context.sampled => context,
            Some(_) => return None,
            None => {
                // Any byte of a random id will do for the lot.
                let [lot, ..] = random_bytes::<1>(&*self.entropy);
                if u32::from(lot) * 100 >= spans.sample_percent() * 256 {
                    return None;
                }
                TraceContext { trace_id: random_bytes(&*self.entropy), parent_id: span_id, sampled: true }
            }
        };
        if given.is_none() {
            let text = format!("00-{}-{}-01", hexadecimal(&context.trace_id), hexadecimal(&span_id));
            request.headers_mut().insert(TRACEPARENT.clone(), HeaderValue::from_str(&text).ok()?);
        }
        let began_at_ms = self.clock.now().milliseconds();
        Some(BegunSpan { context, span_id, is_root: given.is_none(), method: request.method().clone(), began_at_ms, connection })
    }
}

impl BegunSpan {
    fn ended(self, endpoint: Endpoint, status: u16, took: Duration) -> Span {
        Span {
            trace_id: self.context.trace_id,
            span_id: self.span_id,
            parent_id: (!self.is_root).then_some(self.context.parent_id),
            endpoint,
            method: self.method,
            status,
            scheme: self.connection.scheme,
            began_at_ms: self.began_at_ms,
            took,
        }
    }
}

impl TraceContext {
    /// Version, trace, parent, flags (W3C Trace Context §3.2.2). Later versions may append parts; `ff` and zero ids are invalid.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = bytes::<1>(version)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace_id, parent_id, [flags]) = (bytes::<16>(trace)?, bytes::<8>(parent)?, bytes::<1>(flags)?);
        (trace_id != [0; 16] && parent_id != [0; 8]).then_some(Self { trace_id, parent_id, sampled: flags & 1 == 1 })
    }
}

/// Lower-case hexadecimal digits, exactly as many as are needed.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
        text
    })
}
