//! Reading the body of a POST: bounded in size and time, and only when it says that it is a form.

use crate::limits::BODY_TIMEOUT;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use freshkey_core::Refusal;
use freshkey_protocol::limits::FORM_BODY_BYTES_MAX;

/// Reads the body of a form post. The query string is never looked at: parameters there change nothing (T-017).
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    if !is_form(headers) {
        // Nothing is an empty form, whatever it is called.
        let is_empty = axum::body::HttpBody::is_end_stream(&body);
        return if is_empty { Ok(Bytes::new()) } else { Err(Refusal::UnsupportedMediaType) };
    }
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<usize>().ok());
    if declared.is_some_and(|length| length > FORM_BODY_BYTES_MAX) {
        return Err(Refusal::BodyTooLarge);
    }
    match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, FORM_BODY_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // A body beyond the limit, or one that broke off or came too slowly.
        Ok(Err(_)) => Err(Refusal::BodyTooLarge),
        Err(_) => Err(Refusal::MalformedForm),
    }
}

/// The one `Authorization` header, if there is one.
pub fn authorization(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Refusal::RepeatedAuthorization);
    }
    Ok(first.map(|value| value.as_bytes()))
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let media_type = text.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
