//! Asking an issuer whether a token has been revoked (RFC 7662). A yes is good for a second, so that a revoked token is refused within two; a no is
//! for ever. When the issuer does not answer, nobody passes: who wants this check wants it then, too.

use crate::clock::Clock;
use crate::http_client::ClientError;
use crate::issuer::{Introspection, Issuer};
use crate::limits::{INTROSPECTION_AGE_MAX_MS, INTROSPECTION_BYTES_MAX, INTROSPECTION_TIMEOUT};
use crate::reason::Reason;
use crate::request::Credential;
use crate::token::VerifiedToken;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// What is known of a token's standing with its issuer.
#[derive(Debug, Default)]
pub struct Standing {
    is_revoked: AtomicBool,
    confirmed_at_ms: AtomicI64,
    asking: Mutex<()>,
}

impl Standing {
    /// What is known at this time; `None` when it must be asked for.
    fn known(&self, now_ms: i64) -> Option<Result<(), Reason>> {
        if self.is_revoked.load(Ordering::Acquire) {
            return Some(Err(Reason::Revoked));
        }
        let age_ms = now_ms.saturating_sub(self.confirmed_at_ms.load(Ordering::Acquire));
        (0..INTROSPECTION_AGE_MAX_MS).contains(&age_ms).then_some(Ok(()))
    }
}

/// Whether the issuer still stands by a token. However many ask at the same time, it is asked once.
pub async fn check(
    issuer: &Issuer,
    introspection: &Introspection,
    token: &VerifiedToken,
    credential: Credential<'_>,
    clock: &dyn Clock,
) -> Result<(), Reason> {
    let standing = &token.standing;
    match standing.known(clock.now_ms()) {
        Some(known) => known,
        // In a box: what few requests have to keep while they wait, all would have to carry.
        None => Box::pin(ask_once(issuer, introspection, standing, credential.token()?, clock)).await,
    }
}

async fn ask_once(
    issuer: &Issuer,
    introspection: &Introspection,
    standing: &Standing,
    text: &str,
    clock: &dyn Clock,
) -> Result<(), Reason> {
    let _asking = standing.asking.lock().await;
    // As of before the question: what is revoked while the answer is on its way counts as not yet known.
    let asked_at_ms = clock.now_ms();
    if let Some(known) = standing.known(asked_at_ms) {
        return known;
    }
    match timeout(INTROSPECTION_TIMEOUT, ask(introspection, text)).await {
        Ok(Ok(true)) => {
            standing.confirmed_at_ms.store(asked_at_ms, Ordering::Release);
            Ok(())
        }
        Ok(Ok(false)) => {
            standing.is_revoked.store(true, Ordering::Release);
            Err(Reason::Revoked)
        }
        Ok(Err(error)) => {
            tracing::warn!(issuer = issuer.name, error = %error, "an issuer did not say whether a token is revoked");
            Err(Reason::RevocationUnknown)
        }
        Err(_) => {
            tracing::warn!(issuer = issuer.name, "an issuer took too long to say whether a token is revoked");
            Err(Reason::RevocationUnknown)
        }
    }
}

async fn ask(introspection: &Introspection, text: &str) -> Result<bool, ClientError> {
    let Introspection { url, client_id, client_secret, client } = introspection;
    // RFC 6749 §2.3.1: each half is form-encoded first.
    let pair = format!("{}:{}", form_encoded(client_id), form_encoded(client_secret.0.expose()));
    let mut authorization = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).map_err(|_| ClientError::BadUrl)?;
    authorization.set_sensitive(true);
    let headers = [
        (header::AUTHORIZATION, authorization),
        (header::ACCEPT, HeaderValue::from_static("application/json")),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
    ];
    let body = Bytes::from(format!("token={}&token_type_hint=access_token", form_encoded(text)));
    let answer = client.ask(Method::POST, url, &headers, body, INTROSPECTION_BYTES_MAX).await?;
    let answer: Value = serde_json::from_slice(&answer).map_err(|_| ClientError::Body)?;
    answer.get("active").and_then(Value::as_bool).ok_or(ClientError::Body)
}

fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
