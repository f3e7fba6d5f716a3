//! Counters and histograms of requests. The set of labels is fixed, so that a stranger's path or method can't grow it.

use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusRecorder};
use std::sync::OnceLock;
use std::time::Duration;

/// Bounds of the histogram of durations, in seconds: a refresh takes half a millisecond, a sign-in tens, a database that fails over seconds.
const DURATION_BUCKETS_S: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Every status that is counted by itself. The last place is for any other.
const STATUSES: [&str; 15] = ["200", "204", "302", "400", "401", "403", "404", "405", "408", "413", "415", "429", "500", "503", "other"];

const ENDPOINTS: usize = 9;

/// The endpoints as they appear in metrics and spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Token endpoint.
    Token,
    /// Introspection.
    Introspect,
    /// Revocation.
    Revoke,
    /// UserInfo.
    Userinfo,
    /// Logout.
    Logout,
    /// Keys.
    Certs,
    /// Discovery documents.
    Discovery,
    /// Public information of a realm.
    Realm,
    /// Anything else.
    Other,
}

impl Endpoint {
    /// The endpoint of a path, whatever its prefix and realm.
    pub fn of(path: &str) -> Self {
        if let Some((_, rest)) = path.split_once("/protocol/openid-connect/") {
            return match rest {
                "token" => Self::Token,
                "token/introspect" => Self::Introspect,
                "revoke" => Self::Revoke,
                "userinfo" => Self::Userinfo,
                "logout" => Self::Logout,
                "certs" => Self::Certs,
                _ => Self::Other,
            };
        }
        if path.contains("/.well-known/") {
            return Self::Discovery;
        }
        match path.rsplit_once("/realms/") {
            Some((_, realm)) if !realm.is_empty() && !realm.contains('/') => Self::Realm,
            _ => Self::Other,
        }
    }

    /// The word in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::Userinfo => "userinfo",
            Self::Logout => "logout",
            Self::Certs => "certs",
            Self::Discovery => "discovery",
            Self::Realm => "realm",
            Self::Other => "other",
        }
    }
}

/// A recorder for Prometheus, to be installed once in a process; its handle gives the text. Nothing is served by it.
pub fn prometheus() -> Result<PrometheusRecorder, BuildError> {
    Ok(PrometheusBuilder::new().set_buckets(DURATION_BUCKETS_S)?.build_recorder())
}

/// Says what the metrics mean.
pub fn describe() {
    metrics::describe_counter!("freshkey_http_requests_total", "Requests answered, by endpoint and status.");
    metrics::describe_histogram!("freshkey_http_request_duration_seconds", "How long requests took, by endpoint.");
    metrics::describe_counter!("freshkey_events_total", "Audit events, by kind and outcome.");
    metrics::describe_counter!("freshkey_spans_dropped_total", "Spans that could not be exported.");
    metrics::describe_counter!(
        "freshkey_events_delayed_total",
        "Audit events that waited for a write of their own because too many were buffered."
    );
    metrics::describe_counter!("freshkey_swept_rows_total", "Dead rows removed from the database.");
    metrics::describe_gauge!("freshkey_ready", "1 when the server can answer token requests.");
}

/// Handles of the metrics of requests, looked up once: counting is then an addition.
#[derive(Default)]
pub struct RequestMetrics {
    requests: [[OnceLock<Counter>; STATUSES.len()]; ENDPOINTS],
    durations: [OnceLock<Histogram>; ENDPOINTS],
}

impl RequestMetrics {
    /// Counts one answered request.
    pub fn count(&self, endpoint: Endpoint, status: u16, took: Duration) {
        let name = endpoint.as_str();
        let place = status_place(status);
        let counter = self.requests[endpoint as usize][place]
            .get_or_init(|| metrics::counter!("freshkey_http_requests_total", "endpoint" => name, "status" => STATUSES[place]));
        counter.increment(1);
        let duration = self.durations[endpoint as usize]
            .get_or_init(|| metrics::histogram!("freshkey_http_request_duration_seconds", "endpoint" => name));
        duration.record(took.as_secs_f64());
    }
}

fn status_place(status: u16) -> usize {
    const CODES: [u16; STATUSES.len() - 1] = [200, 204, 302, 400, 401, 403, 404, 405, 408, 413, 415, 429, 500, 503];
    CODES.iter().position(|code| *code == status).unwrap_or(CODES.len())
}
