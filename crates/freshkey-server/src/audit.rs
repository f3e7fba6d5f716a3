//! From a decision's event to what is kept of it: address, correlation id, one log line, one metric.

use crate::caller::Caller;
use crate::limits::EVENT_TEXT_BYTES_MAX;
use freshkey_core::event::Event;
use freshkey_store::AuditRecord;

/// Completes an event with what the rules do not know.
pub fn record(mut event: Event, caller: &Caller) -> AuditRecord {
    for text in event.client_id.iter_mut().chain(event.details.iter_mut().map(|(_, text)| text)) {
        shorten(text);
    }
    let reason = event.reason.as_ref().map(freshkey_core::Refusal::name);
    observe(&event, reason.as_deref(), caller);
    AuditRecord { event, reason, address: Some(caller.address.to_string()), correlation_id: caller.correlation_id.clone() }
}

/// One line for each event: at debug level when all went well, so that a busy server's log stays readable.
fn observe(event: &Event, reason: Option<&str>, caller: &Caller) {
    let kind = event.kind.as_str();
    metrics::counter!("freshkey_events_total", "kind" => kind, "outcome" => if reason.is_some() { "refused" } else { "granted" })
        .increment(1);
    let client_id = event.client_id.as_deref().unwrap_or_default();
    match reason {
        None => {
            tracing::debug!(event.kind = kind, client_id, address = %caller.address, correlation_id = caller.correlation_id, "granted");
        }
        Some(reason) => {
            tracing::info!(event.kind = kind, client_id, reason, address = %caller.address, correlation_id = caller.correlation_id, "refused");
        }
    }
}

/// Cuts a text from outside to a bounded length, at a character.
fn shorten(text: &mut String) {
    if text.len() > EVENT_TEXT_BYTES_MAX {
        let end = (0..=EVENT_TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
}
