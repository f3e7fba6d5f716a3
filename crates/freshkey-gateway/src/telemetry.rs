//! Logs and metrics. A record is one line on standard error, and holds no token: none is ever handed to it.

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::fmt;

/// The log or the metrics could not be set up.
#[derive(Debug)]
pub struct TelemetryError(String);

impl fmt::Display for TelemetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log and metrics cannot be set up: {}", self.0)
    }
}

impl std::error::Error for TelemetryError {}

impl From<BuildError> for TelemetryError {
    fn from(error: BuildError) -> Self {
        Self(error.to_string())
    }
}

/// Sends panics to the log, without the values in their messages: one may be a token.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = location, "a task panicked");
    }));
}

/// Counts from now on, for who asks the second listener.
pub fn install_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| TelemetryError(error.to_string()))?;
    metrics::describe_counter!("freshkey_gateway_decisions_total", "Verdicts, by front, decision and reason.");
    metrics::describe_counter!(
        "freshkey_gateway_failures_total",
        "Requests that were allowed and did not get through, by front and reason."
    );
    metrics::describe_counter!("freshkey_gateway_key_fetch_failures_total", "Fetches of an issuer's keys that failed.");
    metrics::describe_counter!("freshkey_gateway_reloads_total", "Changes of the configuration, by outcome.");
    metrics::describe_gauge!("freshkey_gateway_cached_tokens", "Verified tokens that are remembered.");
    metrics::describe_gauge!("freshkey_gateway_ready", "1 when every issuer has keys.");
    Ok(handle)
}
