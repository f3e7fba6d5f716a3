//! The listener for those who operate the gateway: health, metrics, and the public key of its assertions. None of it is on a public one.

use crate::answer::{AnswerBody, empty, text};
use crate::gate::Gate;
use crate::listener::{Connection, Front};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Answers operators.
pub struct Management {
    gate: Arc<Gate>,
    metrics: PrometheusHandle,
    stopping: AtomicBool,
}

impl Management {
    /// Tells of this gate.
    #[must_use]
    pub fn new(gate: Arc<Gate>, metrics: PrometheusHandle) -> Self {
        Self { gate, metrics, stopping: AtomicBool::new(false) }
    }

    /// From now on there should be no new requests.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn readiness(&self) -> Result<(), &'static str> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("stopping");
        }
        if self.gate.snapshot().is_ready() { Ok(()) } else { Err("an issuer has no keys yet") }
    }

    fn ready(&self) -> Response<AnswerBody> {
        match self.readiness() {
            Ok(()) => text(StatusCode::OK, "application/json", r#"{"status":"UP"}"#),
            Err(reason) => {
                let body = serde_json::json!({ "status": "DOWN", "reason": reason }).to_string();
                text(StatusCode::SERVICE_UNAVAILABLE, "application/json", body)
            }
        }
    }

    fn show_metrics(&self) -> Response<AnswerBody> {
        metrics::gauge!("freshkey_gateway_ready").set(if self.readiness().is_ok() { 1.0 } else { 0.0 });
        #[expect(clippy::cast_precision_loss, reason = "a number of tokens is far below 2^52")]
        metrics::gauge!("freshkey_gateway_cached_tokens").set(self.gate.cached_tokens() as f64);
        text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics.render())
    }

    fn assertion_keys(&self) -> Response<AnswerBody> {
        match self.gate.snapshot().signer.as_ref().map(|signer| signer.key_set()) {
            Some(Ok(keys)) => text(StatusCode::OK, "application/jwk-set+json", keys),
            Some(Err(_)) => empty(StatusCode::INTERNAL_SERVER_ERROR),
            None => text(StatusCode::OK, "application/jwk-set+json", r#"{"keys":[]}"#),
        }
    }
}

impl Front for Management {
    async fn answer(&self, request: Request<Incoming>, _connection: Connection) -> Response<AnswerBody> {
        if *request.method() != Method::GET {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        match request.uri().path() {
            "/health/live" => text(StatusCode::OK, "application/json", r#"{"status":"UP"}"#),
            "/health/ready" => self.ready(),
            "/metrics" => self.show_metrics(),
            "/jwks" => self.assertion_keys(),
            _ => empty(StatusCode::NOT_FOUND),
        }
    }
}
