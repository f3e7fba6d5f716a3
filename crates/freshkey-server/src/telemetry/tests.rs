use super::observer::TraceContext;
use super::*;
use crate::caller::Scheme;
use crate::clock::{FixedClock, SystemEntropy};
use crate::config::TelemetrySettings;
use crate::limits::SPANS_WAITING_MAX;
use crate::routes::Connection;
use axum::body::Body;
use freshkey_core::Now;
use http::{Request, Response, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[test]
fn every_path_has_an_endpoint_and_strangers_share_one() {
    let cases = [
        ("/realms/UA/protocol/openid-connect/token", "token"),
        ("/auth/realms/UA/protocol/openid-connect/token/introspect", "introspect"),
        ("/realms/a/protocol/openid-connect/revoke", "revoke"),
        ("/realms/a/protocol/openid-connect/userinfo", "userinfo"),
        ("/realms/a/protocol/openid-connect/logout", "logout"),
        ("/realms/a/protocol/openid-connect/certs", "certs"),
        ("/realms/a/.well-known/openid-configuration", "discovery"),
        ("/.well-known/oauth-authorization-server/realms/a", "discovery"),
        ("/realms/UA", "realm"),
        ("/realms/", "other"),
        ("/realms/UA/x", "other"),
        ("/realms/a/protocol/openid-connect/token/x", "other"),
        ("/", "other"),
    ];
    for (path, endpoint) in cases {
        assert_eq!(Endpoint::of(path).as_str(), endpoint, "{path}");
    }
}

#[test]
fn requests_are_counted_by_endpoint_and_status() {
    let recorder = prometheus().expect("a recorder");
    ::metrics::with_local_recorder(&recorder, || {
        let metrics = RequestMetrics::default();
        metrics.count(Endpoint::Token, 200, Duration::from_micros(700));
        metrics.count(Endpoint::Token, 200, Duration::from_micros(700));
        metrics.count(Endpoint::Certs, 599, Duration::from_secs(1));
    });
    let text = recorder.handle().render();
    assert!(text.contains(r#"freshkey_http_requests_total{endpoint="token",status="200"} 2"#), "{text}");
    assert!(text.contains(r#"freshkey_http_requests_total{endpoint="certs",status="other"} 1"#), "{text}");
    assert!(text.contains(r#"freshkey_http_request_duration_seconds_bucket{endpoint="token",le="0.0005"} 0"#), "{text}");
    assert!(text.contains(r#"freshkey_http_request_duration_seconds_bucket{endpoint="token",le="0.001"} 2"#), "{text}");
}

#[test]
fn only_a_well_formed_traceparent_is_a_context() {
    let good = format!("00-{TRACE}-{PARENT}-01");
    assert!(TraceContext::parse(&good).is_some_and(|context| context.sampled));
    assert!(TraceContext::parse(&format!("00-{TRACE}-{PARENT}-00")).is_some_and(|context| !context.sampled));
    assert!(TraceContext::parse(&format!("01-{TRACE}-{PARENT}-01-later")).is_some());
    let zero = "0".repeat(32);
    let wrong = [
        String::new(),
        format!("ff-{TRACE}-{PARENT}-01"),
        format!("00-{zero}-{PARENT}-01"),
        format!("00-{TRACE}-0000000000000000-01"),
        format!("00-{TRACE}-{PARENT}-01-x"),
        format!("00-{TRACE}-{PARENT}"),
        format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
        format!("00-{TRACE}0-{PARENT}-01"),
        format!("0-{TRACE}-{PARENT}-01"),
    ];
    for text in wrong {
        assert_eq!(TraceContext::parse(&text), None, "{text}");
    }
}

fn exporter(endpoint: &str, sample_percent: u32) -> (SpanSender, SpanExporter) {
    let settings = TelemetrySettings {
        otlp_endpoint: Some(endpoint.parse().expect("a URL")),
        otlp_ca_file: None,
        sample_percent,
        service_name: "freshkey-test".to_owned(),
    };
    SpanExporter::new(&settings).expect("usable").expect("configured")
}

/// One request, seen from its beginning to its end. Answers with the `traceparent` that handlers see.
fn observe(observer: &Observer, traceparent: Option<&str>) -> Option<String> {
    let mut request = Request::post("/realms/UA/protocol/openid-connect/token?canary=1");
    if let Some(text) = traceparent {
        request = request.header("traceparent", text);
    }
    let mut request = request.body(Body::empty()).expect("a request");
    let connection = Connection { peer: SocketAddr::from(([127, 0, 0, 1], 1)), scheme: Scheme::Https };
    let observation = observer.begin(&mut request, connection);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    observer.end(observation, &response);
    request.headers().get("traceparent").map(|value| value.to_str().expect("text").to_owned())
}

fn observer(spans: SpanSender) -> Observer {
    Observer::new(Arc::new(FixedClock::at(Now::from_milliseconds(1_700_000_000_123))), Arc::new(SystemEntropy), Some(spans))
}

/// A collector that takes one batch.
async fn one_batch(collector: TcpListener) -> (String, Value) {
    let (mut stream, _) = collector.accept().await.expect("a batch");
    let mut received = Vec::new();
    loop {
        let read = stream.read_buf(&mut received).await.expect("readable");
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(json) = serde_json::from_str(body)
        {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.expect("answered");
            return (head.to_owned(), json);
        }
        assert!(read > 0, "the exporter closed after {text}");
    }
}

#[tokio::test]
async fn a_sampled_request_becomes_a_span_of_its_callers_trace() {
    let collector = TcpListener::bind("127.0.0.1:0").await.expect("an address");
    let endpoint = format!("http://{}/v1/traces", collector.local_addr().expect("bound"));
    let (sender, exporter) = exporter(&endpoint, 0);
    let observer = observer(sender);
    observe(&observer, Some(&format!("00-{TRACE}-{PARENT}-01")));
    observe(&observer, Some(&format!("00-{TRACE}-{PARENT}-00")));
    assert_eq!(observe(&observer, None), None, "nothing is sampled of its own");
    drop(observer);
    let running = tokio::spawn(exporter.run());
    let (head, batch) = one_batch(collector).await;
    running.await.expect("it ends with its senders");
    assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
    let spans = batch.pointer("/resourceSpans/0/scopeSpans/0/spans").and_then(Value::as_array).expect("spans");
    assert_eq!(spans.len(), 1, "the one that was sampled");
    let span = &spans[0];
    assert_eq!((span["traceId"].as_str(), span["parentSpanId"].as_str()), (Some(TRACE), Some(PARENT)));
    assert_eq!(span["name"], "POST /realms/{realm}/protocol/openid-connect/token");
    assert_eq!(span["startTimeUnixNano"], "1700000000123000000");
    assert_eq!(span["status"]["code"], 2);
    assert!(!batch.to_string().contains("canary"), "nothing of the request's own text is exported");
}

#[tokio::test]
async fn a_root_span_gives_the_request_its_trace_id() {
    let (sender, mut exporter) = exporter("http://127.0.0.1:9", 100);
    let observer = observer(sender);
    let given = observe(&observer, None).expect("a traceparent");
    let context = TraceContext::parse(&given).expect("well-formed");
    let span = exporter.take().expect("a span");
    assert_eq!(span.trace_id, context.trace_id);
    assert_eq!(span.parent_id, None);
    assert_eq!(span.span_id, context.parent_id, "what handlers call is a child of this span");
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_nothing_but_the_spans() {
    let recorder = prometheus().expect("a recorder");
    ::metrics::with_local_recorder(&recorder, || {
        let (sender, _nobody_takes) = exporter("http://127.0.0.1:9", 100);
        let observer = observer(sender);
        for _ in 0..SPANS_WAITING_MAX + 7 {
            observe(&observer, None);
        }
    });
    assert!(recorder.handle().render().contains("freshkey_spans_dropped_total 7"));
}
