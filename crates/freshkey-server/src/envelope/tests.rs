use super::*;
use crate::caller::Scheme;
use crate::clock::{FixedClock, SystemEntropy};
use axum::routing::get;
use freshkey_core::Now;
use http::StatusCode;
use std::net::SocketAddr;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn envelope(router: Router) -> Envelope {
    Envelope::new(router, Arc::new(Observer::silent(Arc::new(FixedClock::at(Now::from_milliseconds(0))), Arc::new(SystemEntropy))))
}

async fn ask(envelope: &Envelope, path: &str, traceparent: Option<&str>) -> (StatusCode, http::HeaderMap, String) {
    let mut request = Request::get(path);
    if let Some(text) = traceparent {
        request = request.header("traceparent", text);
    }
    let connection = Connection { peer: SocketAddr::from(([127, 0, 0, 1], 1)), scheme: Scheme::Https };
    let response = envelope.handle(request.body(Body::empty()).expect("a request"), connection).await;
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 65_536).await.expect("a body");
    (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
}

async fn panics() -> &'static str {
    let secret = std::hint::black_box("hunter2");
    panic!("the password is {secret}");
}

#[tokio::test]
async fn a_panic_is_a_500_with_the_id_of_the_request_and_nothing_else() {
    let envelope = envelope(Router::new().route("/panics", get(panics)).route("/", get(|| async { "fine" })));
    let (status, headers, body) = ask(&envelope, "/panics", Some(&format!("00-{TRACE_ID}-00f067aa0ba902b7-01"))).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(headers["cache-control"], "no-store");
    assert!(body.contains(TRACE_ID) && !body.contains("hunter2"), "{body}");
    let (status, _, body) = ask(&envelope, "/panics", None).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let id = body.rsplit_once("Correlation id: ").map(|(_, rest)| rest.trim_end_matches(['"', '}'])).unwrap_or_default();
    assert_eq!(id.len(), 32, "{body}");
    assert_eq!(ask(&envelope, "/", None).await.2, "fine", "the server goes on");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_a_503_that_says_when_to_come_again() {
    let envelope = envelope(Router::new().route("/", get(|| async { std::future::pending::<&str>().await })));
    let began = tokio::time::Instant::now();
    let (status, headers, _) = ask(&envelope, "/", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key("retry-after"));
    assert!(began.elapsed() >= REQUEST_TIMEOUT && began.elapsed() < REQUEST_TIMEOUT * 2);
}
