//! The listener for those who operate the server: health and metrics. None of it is on the public one (T-044).

use crate::answer;
use crate::app::App;
use crate::limits::{CLOCK_DIFFERENCE_MAX_MS, READINESS_TIMEOUT};
use crate::realms::Freshness;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use freshkey_core::Now;
use freshkey_store::EngineName;
use http::{HeaderValue, Response, StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::time::timeout;

/// What is known of the health of this process.
#[derive(Default)]
pub struct Health {
    app: OnceLock<Arc<App>>,
    stopping: AtomicBool,
}

/// Whether token requests can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// They can.
    Ready,
    /// The database has not been opened yet.
    Starting,
    /// The database does not answer.
    StoreUnavailable,
    /// The configuration could not be checked for too long.
    ConfigurationStale,
    /// The clock of this machine is off: tokens would begin and end at other times than elsewhere (T-092).
    ClockOff,
    /// The server is being stopped.
    Stopping,
}

impl Health {
    /// From now on it depends on this application.
    pub fn started(&self, app: Arc<App>) {
        let _ = self.app.set(app);
    }

    /// From now on there should be no new requests.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Asks the store.
    pub async fn readiness(&self) -> Readiness {
        if self.stopping.load(Ordering::Relaxed) {
            return Readiness::Stopping;
        }
        let Some(app) = self.app.get() else { return Readiness::Starting };
        match timeout(READINESS_TIMEOUT, app.store.database_now()).await {
            Ok(Ok(_)) if app.realms.freshness() == Freshness::Stale => Readiness::ConfigurationStale,
            Ok(Ok(theirs)) if is_off(app, theirs) => Readiness::ClockOff,
            Ok(Ok(_)) => Readiness::Ready,
            _ => Readiness::StoreUnavailable,
        }
    }
}

/// Whether this node's clock and the database's differ by more than nodes may. On SQLite they are the same clock.
fn is_off(app: &App, theirs: Now) -> bool {
    let difference_ms = app.clock.now().milliseconds().abs_diff(theirs.milliseconds());
    app.store.engine() == EngineName::Postgres && difference_ms > CLOCK_DIFFERENCE_MAX_MS
}

impl Readiness {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "the database is not open yet",
            Self::StoreUnavailable => "the database does not answer",
            Self::ConfigurationStale => "the configuration could not be checked",
            Self::ClockOff => "the clocks of this machine and of the database differ",
            Self::Stopping => "stopping",
        }
    }
}

#[derive(Clone)]
struct Management {
    health: Arc<Health>,
    metrics: PrometheusHandle,
}

/// The paths of the management listener.
pub fn router(health: Arc<Health>, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(show_metrics))
        .with_state(Management { health, metrics })
}

/// Whoever hears this is answered by a living process; a restart would heal nothing that it can't say.
async fn live() -> Response<Body> {
    answer::no_store(answer::json(StatusCode::OK, r#"{"status":"UP"}"#))
}

async fn ready(State(management): State<Management>) -> Response<Body> {
    let readiness = management.health.readiness().await;
    let (status, word) = match readiness {
        Readiness::Ready => (StatusCode::OK, "UP"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "DOWN"),
    };
    let body = serde_json::json!({ "status": word, "reason": readiness.as_str() });
    answer::no_store(answer::json(status, body.to_string()))
}

async fn show_metrics(State(management): State<Management>) -> Response<Body> {
    let is_ready = management.health.readiness().await == Readiness::Ready;
    metrics::gauge!("freshkey_ready").set(if is_ready { 1.0 } else { 0.0 });
    if let Some(app) = management.health.app.get() {
        metrics::counter!("freshkey_events_delayed_total").absolute(app.store.events_delayed_total());
    }
    let mut response = Response::new(Body::from(management.metrics.render()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    answer::no_store(response)
}
