//! What callers get: the application's answer, or a refusal in constant words. Why is in the log, under the id that the answer has.

use crate::clock::random;
use crate::limits::RETRY_AFTER_S;
use crate::reason::{BearerErrorCode, Reason};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The id of a request in answers and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The body of an answer.
pub enum AnswerBody {
    /// Nothing, or all of it at once.
    Whole(Option<Bytes>),
    /// All of it at once, and headers behind it.
    Trailed(Option<Bytes>, Option<Box<HeaderMap>>),
    /// What an application sends, for as long as it may.
    Passed(Incoming, Option<Deadline>),
}

/// When a stream must end. The timer is made at the first wait, which most answers never come to.
pub struct Deadline {
    at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The stream was cut because the token that opened it has ended.
#[derive(Debug)]
pub enum BodyError {
    /// The application broke off.
    Upstream(hyper::Error),
    /// The token has ended (T-079).
    TokenEnded,
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Upstream(error) => error.fmt(f),
            Self::TokenEnded => f.write_str("the token has ended"),
        }
    }
}

impl std::error::Error for BodyError {}

impl Deadline {
    /// A deadline after this time.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        // Far beyond every connection, and within what the timer can do.
        const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
        Self { at: Instant::now() + duration.min(LONGEST), timer: None }
    }

    /// The moment.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        self.timer.get_or_insert_with(|| Box::pin(sleep_until(at))).as_mut().poll(context)
    }
}

impl AnswerBody {
    /// A body with headers behind it.
    #[must_use]
    pub fn with_trailers(bytes: Bytes, trailers: HeaderMap) -> Self {
        Self::Trailed(Some(bytes), Some(Box::new(trailers)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Trailed(bytes, trailers) => Poll::Ready(match bytes.take() {
                Some(bytes) => Some(Ok(Frame::data(bytes))),
                None => trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))),
            }),
            Self::Passed(body, deadline) => {
                if let Some(deadline) = deadline {
                    let is_past = Instant::now() >= deadline.at || deadline.poll(context).is_ready();
                    if is_past {
                        return Poll::Ready(Some(Err(BodyError::TokenEnded)));
                    }
                }
                let frame = ready!(Pin::new(body).poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Upstream)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Trailed(bytes, trailers) => bytes.is_none() && trailers.is_none(),
            Self::Passed(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Trailed(..) => SizeHint::default(),
            Self::Passed(body, _) => body.size_hint(),
        }
    }
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Whole(None));
    *response.status_mut() = status;
    response
}

/// An answer in one piece.
#[must_use]
pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Whole(Some(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A refusal: status, challenge and a constant text. A caller of an API is never sent elsewhere.
#[must_use]
pub fn refusal(reason: Reason, realm: &str, request_id: RequestId) -> Response<AnswerBody> {
    let status = reason.status();
    let mut response = text(status, "application/json", constant_body(status));
    if let Some(challenge) = challenge(reason, realm) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    response.headers_mut().insert(REQUEST_ID, request_id.into());
    response
}

/// The challenge of RFC 6750 §3. It names no detail: that would help who guesses.
#[must_use]
pub fn challenge(reason: Reason, realm: &str) -> Option<HeaderValue> {
    let error = match reason.bearer_error()? {
        BearerErrorCode::None => "",
        BearerErrorCode::InvalidRequest => ", error=\"invalid_request\"",
        BearerErrorCode::InvalidToken => ", error=\"invalid_token\"",
        BearerErrorCode::InsufficientScope => ", error=\"insufficient_scope\"",
    };
    HeaderValue::try_from(format!("Bearer realm=\"{realm}\"{error}")).ok()
}

/// The body of a status.
#[must_use]
pub fn constant_body(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => r#"{"error":"bad_request"}"#,
        401 => r#"{"error":"unauthorized"}"#,
        403 => r#"{"error":"forbidden"}"#,
        404 => r#"{"error":"not_found"}"#,
        502 => r#"{"error":"bad_gateway"}"#,
        503 => r#"{"error":"unavailable"}"#,
        504 => r#"{"error":"gateway_timeout"}"#,
        _ => r#"{"error":"failed"}"#,
    }
}

/// The id of one request: what this process drew at its start, and a number, in 32 hexadecimal digits.
#[derive(Clone, Copy)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// A fresh one.
    #[must_use]
    pub fn next() -> Self {
        static PROCESS: OnceLock<[u8; 8]> = OnceLock::new();
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let process = PROCESS.get_or_init(random);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(process.iter().chain(&number)) {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        Self(digits)
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<RequestId> for HeaderValue {
    fn from(id: RequestId) -> Self {
        Self::from_bytes(&id.0).unwrap_or_else(|_| Self::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_requests_differ_and_can_stand_in_a_header() {
        let ids: Vec<String> = (0..1000).map(|_| RequestId::next()).map(|id| id.as_str().to_owned()).collect();
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())));
        assert!(ids.iter().all(|id| id[..16] == ids[0][..16]), "the first half is that of the process");
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
        let id = RequestId::next();
        assert_eq!(HeaderValue::from(id), id.as_str());
    }
}
