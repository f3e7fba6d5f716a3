//! Answers: JSON bodies, refusals in Keycloak's words, and failures that say nothing but a correlation id.

use crate::limits::RETRY_AFTER_S;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use freshkey_core::Refusal;
use freshkey_core::keycloak::wording::{ErrorName, wording};
use freshkey_protocol::ErrorBody;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON answer.
pub fn json(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Marks an answer as one that nobody may keep (RFC 6749 §5.1): every answer with or about a token.
pub fn no_store(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A refusal. Only an unexpected failure names the correlation id, so that the log can be found from the answer.
pub fn refusal(refusal: &Refusal, correlation_id: &str) -> Response<Body> {
    let wording = wording(refusal);
    let description = match refusal {
        Refusal::Internal => Some(format!("An unexpected error occurred. Correlation id: {correlation_id}")),
        _ => wording.description.map(std::borrow::Cow::into_owned),
    };
    let body = match wording.error {
        ErrorName::Code(error) => ErrorBody { error, error_description: description.as_deref() }.to_json(),
        ErrorName::Text(text) => serde_json::json!({ "error": text }).to_string().into_bytes(),
    };
    let status = StatusCode::from_u16(wording.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, body);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    response
}
