//! What is around every request: its time limit, its panic, its measure. What is in it is the router's business.

mod panics;
#[cfg(test)]
mod tests;

pub use panics::install_panic_hook;

use crate::answer;
use crate::caller::trace_id;
use crate::limits::REQUEST_TIMEOUT;
use crate::routes::Connection;
use crate::telemetry::Observer;
use axum::Router;
use axum::body::Body;
use freshkey_core::Refusal;
use http::{Request, Response};
use std::sync::Arc;
use tokio::time::timeout;
use tower::Service as _;

/// The router with what is around it.
pub struct Envelope {
    router: Router,
    observer: Arc<Observer>,
}

impl Envelope {
    /// Puts a router into it.
    pub fn new(router: Router, observer: Arc<Observer>) -> Self {
        Self { router, observer }
    }

    /// Answers a request, whatever happens: 503 when it takes too long, 500 with a correlation id when a handler panics.
    pub async fn handle(&self, mut request: Request<Body>, connection: Connection) -> Response<Body> {
        request.extensions_mut().insert(connection);
        let observation = self.observer.begin(&mut request, connection);
        // Kept for the one answer that needs it; most requests carry none.
        let given_id = trace_id(request.headers()).map(str::to_owned);
        let mut router = self.router.clone();
        let response = match panics::caught(timeout(REQUEST_TIMEOUT, router.call(request))).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_)) => {
                tracing::warn!("a request took too long");
                answer::no_store(answer::refusal(&Refusal::StoreUnavailable, ""))
            }
            Err(panic) => {
                let correlation_id = given_id.unwrap_or_else(|| self.observer.fresh_correlation_id());
                tracing::error!(
                    correlation_id,
                    panic.location = panic.location,
                    panic.message = panic.message,
                    "a request handler panicked"
                );
                answer::no_store(answer::refusal(&Refusal::Internal, &correlation_id))
            }
        };
        self.observer.end(observation, &response);
        response
    }
}
