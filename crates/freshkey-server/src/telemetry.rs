//! What the server tells of itself: logs to standard error, metrics, and spans of requests for a collector.

mod metrics;
mod observer;
mod otlp;
#[cfg(test)]
mod tests;

pub use metrics::{Endpoint, RequestMetrics, describe, prometheus};
pub use observer::{Observation, Observer};
pub use otlp::{OtlpError, SpanExporter, SpanSender};
