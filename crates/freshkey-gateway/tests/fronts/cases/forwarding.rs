//! T-070: what callers say about where a request came from, what it was, and what it should be.

use crate::case::{Case, Expected, HOST, bearer, request};
use crate::provider::Provider;

/// Each line is a lie, and those that the application must not see say so. What is only for Envoy is for nobody behind it.
const LIES: &[&str] = &[
    "X-Forwarded-Uri: /public/evil",
    "X-Forwarded-Path: /public/evil",
    "X-Forwarded-Method: OPTIONS-evil",
    "X-Forwarded-Host: evil.test",
    "X-Forwarded-Proto: evil",
    "X-Forwarded-Port: evil",
    "X-Forwarded-For: evil, 10.0.0.1",
    "X-Forwarded-Server: evil",
    "X-Forwarded-Prefix: /evil",
    "Forwarded: for=evil;host=evil.test;proto=https",
    "X-Original-Method: OPTIONS-evil",
    "X-Original-Host: evil.test",
    "X-Original-URI: /public/evil",
    "X-Original-URL: /public/evil",
    "X-Original-Path: /public/evil",
    "X-Original-Forwarded-For: evil",
    "X-Rewrite-URL: /public/evil",
    "X-Rewrite-URI: /public/evil",
    "X-Real-IP: evil",
    "X-Real_IP: evil",
    "X_Forwarded_Uri: /public/evil",
    "X_Original_URI: /public/evil",
    "x-original-uri: /public/evil",
    "X-ORIGINAL-URI: /public/evil",
    "X-HTTP-Method-Override: DELETE-evil",
    "X-HTTP-Method: DELETE-evil",
    "X-Method-Override: DELETE-evil",
    "X_HTTP_Method_Override: DELETE-evil",
    "X-Envoy-Original-Path: /public/x",
    "X-Envoy-Internal: true",
    "X-Envoy-External-Address: 10.0.0.1",
    "X-Envoy-Decorator-Operation: x",
    "X-Request-Id: evil",
];

pub(super) fn cases(provider: &Provider) -> Vec<Case> {
    let mut cases = Vec::new();
    let good = bearer(provider);
    for lie in LIES {
        cases.push(Case::new("T-070", format!("{lie}, no token"), request("GET", "/api/secret", &[lie]), Expected::Refused));
        cases.push(Case::new(
            "T-070",
            format!("{lie}, a reader's token"),
            request("GET", "/api/write/x", &[lie, &good]),
            Expected::Refused,
        ));
        cases.push(Case::new("T-070", format!("{lie}, a good token"), request("GET", "/api/secret", &[lie, &good]), Expected::Harmless));
        cases.push(Case::new("T-070", format!("{lie}, public"), request("GET", "/public/x", &[lie]), Expected::Harmless));
        let named = format!("Connection: {}", lie.split(':').next().unwrap_or_default());
        let lines = [*lie, &named, &good];
        cases.push(Case::new("T-070", format!("{lie}, for this connection"), request("GET", "/api/secret", &lines), Expected::Harmless));
        let twice = [*lie, *lie, &good];
        cases.push(Case::new("T-070", format!("{lie}, twice"), request("GET", "/api/secret", &twice), Expected::Harmless));
    }
    let whole = |prefix: &str| ["Method: GET", "Host: api.example.org", "URI: /public/x"].map(|line| format!("{prefix}{line}"));
    for prefix in ["X-Original-", "X-Forwarded-", "x_original_", "X_Forwarded_"] {
        let lines = whole(prefix);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        cases.push(Case::new("T-070", format!("a whole description: {prefix}"), request("GET", "/api/secret", &lines), Expected::Refused));
    }
    for host in
        ["evil.test", "other.example.org", "api.example.org.evil.test", "localhost", "127.0.0.1", "[::1]", "api.example.org@evil.test"]
    {
        let text = format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        cases.push(Case::new("T-070", format!("another host: {host}"), text, Expected::Refused));
    }
    for (first, second) in [(HOST, "evil.test"), ("evil.test", HOST), (HOST, HOST)] {
        let text = format!("GET /api/secret HTTP/1.1\r\nHost: {first}\r\nHost: {second}\r\nConnection: close\r\n{good}\r\n\r\n");
        cases.push(Case::new("T-070", format!("two hosts: {first}, {second}"), text, Expected::Harmless));
    }
    cases.push(Case::new("T-069", "a whole URL", request("GET", &format!("http://{HOST}/api/secret"), &[&good]), Expected::Harmless));
    let text = format!("GET http://{HOST}/api/secret HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n{good}\r\n\r\n");
    cases.push(Case::new("T-070", "a host in the target, another one in the header", text, Expected::Harmless));
    cases
}
