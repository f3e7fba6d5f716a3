//! Passing a judged request on: the canonical target, the caller's headers without what is ours or the connection's, and what we know of the caller.

use super::{RequestBody, cookies, upgrade};
use crate::answer::{AnswerBody, Deadline, REQUEST_ID, RequestId};
use crate::fronts::upstreams::Upstreams;
use crate::gate::{Gate, Judgement, Pass};
use crate::identity::{strip_descriptions, strip_hop_by_hop};
use crate::limits::STREAM_GRACE_MS;
use crate::listener::Connection;
use crate::policy::{Upstream, UpstreamHost, UpstreamProtocol};
use crate::reason::Reason;
use crate::request::CanonicalRequest;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, Version, header};
use hyper::body::{Body as _, Incoming};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A request that may pass.
#[derive(Clone, Copy)]
pub(super) struct Passage<'p> {
    pub(super) judgement: &'p Judgement<'p>,
    pub(super) pass: &'p Pass,
    pub(super) canonical: &'p CanonicalRequest<'p>,
    pub(super) connection: Connection,
    pub(super) request_id: RequestId,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Sends the request to its application and answers with what that says.
pub(super) async fn pass_on(
    upstreams: &Upstreams,
    gate: &Gate,
    joined: &Arc<Semaphore>,
    passage: Passage<'_>,
    (parts, body): (&Parts, Incoming),
) -> Result<Response<AnswerBody>, Reason> {
    let application =
        passage.judgement.application.and_then(|place| passage.judgement.snapshot.policy.applications.get(place)).ok_or(Reason::Failed)?;
    let upstream = application.upstream.as_ref().ok_or(Reason::UpstreamUnavailable)?;
    let client = upstreams.get(upstream).ok_or(Reason::UpstreamUnavailable)?;
    let wants_upgrade = upgrade::wanted(parts);
    let mut request = Request::new(RequestBody(body));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri(upstream, passage.canonical)?;
    *request.headers_mut() = headers(passage, application.passes_token, parts, upstream)?;
    if !request.body().is_end_stream() && request.body().size_hint().exact().is_none() {
        // Without it the library takes a GET for one without a body, and what the caller sent is lost.
        request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if let Some(protocol) = &wants_upgrade {
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(header::UPGRADE, protocol.clone());
    }
    let deadline = deadline(gate, passage.pass);
    let until_end =
        deadline.as_ref().map_or(Duration::MAX, |deadline| deadline.at().saturating_duration_since(tokio::time::Instant::now()));
    let patience = Duration::from_millis(upstream.timeout_ms).min(until_end);
    let mut response = match timeout(patience, client.request(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            tracing::warn!(request.id = passage.request_id.as_str(), application = application.name, error = %Causes(&error), "an application did not answer");
            return Err(Reason::UpstreamUnavailable);
        }
        Err(_) => return Err(Reason::UpstreamTimeout),
    };
    if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
        let place = Arc::clone(joined).try_acquire_owned().map_err(|_| Reason::UpstreamUnavailable)?;
        return upgrade::join(wants_upgrade, parts, &mut response, deadline, place).ok_or(Reason::UpstreamUnavailable);
    }
    let (mut answer, body) = response.into_parts();
    strip_hop_by_hop(&mut answer.headers);
    answer.version = Version::default();
    answer.headers.entry(REQUEST_ID).or_insert_with(|| passage.request_id.into());
    Ok(Response::from_parts(answer, AnswerBody::Passed(body, deadline)))
}

/// When what a token opens must be closed: at its end, or a little later where the skew of its issuer lets it live a little longer.
fn deadline(gate: &Gate, pass: &Pass) -> Option<Deadline> {
    let token = pass.token.as_ref()?;
    let now_ms = gate.now_ms();
    let (end_ms, last_ms) = (token.ends_at_s.saturating_mul(1000), token.valid_until_s.saturating_mul(1000));
    let close_at_ms = if now_ms < end_ms {
        last_ms.min(end_ms.saturating_add(STREAM_GRACE_MS))
    } else {
        now_ms.saturating_add(STREAM_GRACE_MS).min(last_ms)
    };
    let left_ms = u64::try_from(close_at_ms.saturating_sub(now_ms)).unwrap_or(0);
    Some(Deadline::after(Duration::from_millis(left_ms.max(1))))
}

fn uri(upstream: &Upstream, canonical: &CanonicalRequest<'_>) -> Result<Uri, Reason> {
    let mut parts = upstream.origin.clone().into_parts();
    let may_be_http2 = upstream.protocol == UpstreamProtocol::Http2 || upstream.origin.scheme_str() == Some("https");
    if may_be_http2 && upstream.host == UpstreamHost::Kept {
        // Where the connection goes is decided elsewhere; this is what HTTP/2 says in the place of `Host`.
        parts.authority = Some(canonical.host.authority().parse().map_err(|_| Reason::Failed)?);
    }
    parts.path_and_query = Some(canonical.target().try_into().map_err(|_| Reason::Failed)?);
    Uri::from_parts(parts).map_err(|_| Reason::Failed)
}

fn headers(passage: Passage<'_>, passes_token: bool, parts: &Parts, upstream: &Upstream) -> Result<HeaderMap, Reason> {
    let snapshot = &passage.judgement.snapshot;
    let mut headers = parts.headers.clone();
    let wants_trailers = headers.get(header::TE).is_some_and(|value| value == "trailers");
    strip_hop_by_hop(&mut headers);
    snapshot.identity_names.strip(&mut headers);
    let is_trusted = snapshot.trusted_proxies.trusts(passage.connection.peer.ip());
    let before = if is_trusted { parts.headers.get(X_FORWARDED_FOR).and_then(|value| value.to_str().ok()) } else { None };
    let their_proto = if is_trusted { parts.headers.get(X_FORWARDED_PROTO).cloned() } else { None };
    strip_descriptions(&mut headers);
    cookies::strip_own(&mut headers);
    headers.remove(header::EXPECT);
    // On a public route it is not ours: an application may have callers of its own there.
    if passage.pass.token.is_some() && !passes_token {
        headers.remove(header::AUTHORIZATION);
    }
    if let Some(value) = headers.get_mut(header::AUTHORIZATION) {
        value.set_sensitive(true);
    }
    if wants_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let text = |text: &str| HeaderValue::try_from(text).map_err(|_| Reason::Failed);
    let mut forwarded_for = before.map_or_else(String::new, |before| format!("{before}, "));
    let _ = write!(forwarded_for, "{}", passage.connection.peer.ip().to_canonical());
    headers.insert(X_FORWARDED_FOR, text(&forwarded_for)?);
    let own_proto = HeaderValue::from_static(if passage.connection.is_encrypted { "https" } else { "http" });
    headers.insert(X_FORWARDED_PROTO, their_proto.unwrap_or(own_proto));
    headers.insert(X_FORWARDED_HOST, text(passage.canonical.host.authority())?);
    headers.insert(REQUEST_ID, passage.request_id.into());
    let host = match upstream.host {
        UpstreamHost::Kept => passage.canonical.host.authority(),
        UpstreamHost::Upstream => upstream.origin.authority().map_or("", |authority| authority.as_str()),
    };
    headers.insert(header::HOST, text(host)?);
    if let Some(identity) = &passage.pass.identity {
        for (name, value) in identity.headers() {
            headers.insert(name.clone(), value.clone());
        }
    }
    Ok(headers)
}

/// An error with what caused it, on one line.
struct Causes<'e>(&'e dyn std::error::Error);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
