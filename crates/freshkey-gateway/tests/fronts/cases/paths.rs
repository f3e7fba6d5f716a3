//! T-069: paths that somebody reads differently. Everybody may read what is below `/public/`; what is below `/api/` needs a token.

use crate::case::{Case, Expected, HOST, bearer, request};
use crate::provider::Provider;

/// Ways from a public place to one that is not, in somebody's eyes. Nobody has a token here.
const DETOURS: &[&str] = &[
    "/public/../api/secret",
    "/public/x/../../api/secret",
    "/public/./../api/secret",
    "/public//../api/secret",
    "/public/%2e%2e/api/secret",
    "/public/%2E%2E/api/secret",
    "/public/.%2e/api/secret",
    "/public/%2e./api/secret",
    "/public/..%2fapi/secret",
    "/public/..%2Fapi/secret",
    "/public/%2e%2e%2fapi%2fsecret",
    "/public%2f..%2fapi/secret",
    "/public/..%5capi/secret",
    "/public/..%5Capi%5Csecret",
    "/public/%2e%2e%5capi/secret",
    "/public/..\\api/secret",
    "/public\\..\\api\\secret",
    "/public/..;/api/secret",
    "/public/..;x=1/api/secret",
    "/public/.;/../api/secret",
    "/public/;/../api/secret",
    "/public/%3b/../api/secret",
    "/public/..%3bx/api/secret",
    "/public/%252e%252e/api/secret",
    "/public/%252e%252e%252fapi%252fsecret",
    "/public/%25252e%25252e/api/secret",
    "/public/..%252fapi/secret",
    "/public/..%255capi/secret",
    "/public/%c0%ae%c0%ae/api/secret",
    "/public/..%c0%afapi/secret",
    "/public/..%e0%80%afapi/secret",
    "/public/..%u2215api/secret",
    "/public/%u002e%u002e/api/secret",
    "/public/..%00/api/secret",
    "/public/%00/../../api/secret",
    "/public/..%0d%0a/api/secret",
    "/public/..%09/api/secret",
    "/public/..%20/api/secret/../../api/secret",
    "/public/..%23/../api/secret",
    "/public/..%3f/../api/secret",
    "/public/..?/../api/secret/../../../api/secret%2e%2e#",
    "/health/../api/secret",
    "/health/%2e%2e/api/secret",
    "/health;/../api/secret",
    "/health%2f..%2fapi/secret",
    "/health%00/api/secret",
    "/health#/api/secret",
    "/./api/secret",
    "/../api/secret",
    "/.",
    "/..",
];

/// A protected place, dressed up as another one.
const DISGUISES: &[&str] = &[
    "//api/secret",
    "///api/secret",
    "/api//secret",
    "/%61pi/secret",
    "/%61%70%69/secret",
    "/api%2fsecret",
    "/api%2Fsecret",
    "/api%5csecret",
    "/api\\secret",
    "/api/secret/.",
    "/api/secret/%2e",
    "/api/secret/..%2f",
    "/api/secret%2f",
    "/api/secret%20",
    "/api/secret%00",
    "/api/secret%00.css",
    "/api/secret%3f/public/",
    "/api/secret?/public/x",
    "/api/secret?/../public/x",
    "/api/secret#/public/x",
    "/api/secret%23/public/x",
    "/api/secret;/public/x",
    "/api/secret;.css",
    "/api/secret%3b.css",
    "/api/secret/../../public/x",
    "/api;/secret",
    "/API/secret",
    "/Api/Secret",
    "/api/secret%",
    "/api/secret%2",
    "/api/secret%zz",
    "/api/secret%%32%65",
    "/api/secret\u{ff0f}x",
    "/api/secret|x",
    "/api/secret<x>",
    "/api/secret\"",
    "/health.json",
    "/healthy",
    "/publicity",
    "/public%2fx",
    "/public;x",
    "/Public/x",
    "/_gateway",
    "/%5fgateway",
    "/_gateway?x=/public/",
    "/_gateway/../public/x",
];

/// Targets that are no paths.
const NO_PATHS: &[&str] = &[
    "*",
    "api/secret",
    "",
    "?/public/x",
    "#/public/x",
    "http://api.example.org/api/secret",
    "http://other.test/public/x",
    "https://api.example.org/api/secret",
    "http:/api/secret",
    "http:///api/secret",
    "http://api.example.org:1/api/secret",
    "http://public@api.example.org/api/secret",
    "http://api.example.org\\@other.test/api/secret",
    "javascript:alert(1)",
    "api.example.org:443",
];

pub(super) fn cases(provider: &Provider) -> Vec<Case> {
    let mut cases = Vec::new();
    for target in DETOURS.iter().chain(DISGUISES).chain(NO_PATHS) {
        cases.push(Case::new("T-069", format!("a target: {target}"), request("GET", target, &[]), Expected::Refused));
    }
    let good = bearer(provider);
    // Who may read, but not write, tries to be read as somebody who reads.
    for target in [
        "/api/x/../write/y",
        "/api/%77rite/y",
        "/api//write/y",
        "/api/write%2fy",
        "/api/;/write/y",
        "/api/write;x/y",
        "/api/.%2fwrite/y",
        "/api/x%2f..%2fwrite/y",
        "/api\\write\\y",
        "/api/write/y",
        "/api/write/",
        "/api/write",
    ] {
        cases.push(Case::new("T-069", format!("a reader's target: {target}"), request("GET", target, &[&good]), Expected::Refused));
    }
    // Somebody would have to write these anew, and then that is what goes on.
    for target in ["/%61pi/x", "/api/%7Ex", "/api/%7ex", "/api/%c3%a9", "/api/a%2Db"] {
        cases.push(Case::new("T-069", format!("written otherwise: {target}"), request("GET", target, &[&good]), Expected::Harmless));
    }
    for length in [8_000, 20_000, 70_000] {
        let target = format!("/public/{}/../../api/secret", "a".repeat(length));
        cases.push(Case::new("T-069", format!("{length} bytes of a path"), request("GET", &target, &[]), Expected::Refused));
    }
    let deep = format!("/public{}{}/api/secret", "/a".repeat(300), "/..".repeat(301));
    cases.push(Case::new("T-069", "300 segments and back", request("GET", &deep, &[]), Expected::Refused));
    let raw = |name: &str, text: String| Case::new("T-069", name, text, Expected::Refused);
    cases.push(raw("a tab for a space", format!("GET\t/api/secret\tHTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")));
    cases.push(raw("two targets", format!("GET /public/x /api/secret HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")));
    cases.push(raw("a null in the path", format!("GET /public/\0/../api/secret HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")));
    cases.push(
        raw("a bare line end in the path", format!("GET /public/\r/../api HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")).open(),
    );
    for target in ["/public/x", "/health", "/public/a%20b", "/public/%C3%A9", "/public/x?y=/../z", "/public/x/", "/public"] {
        cases.push(Case::new("T-069", format!("a public one: {target}"), request("GET", target, &[]), Expected::Passed));
        let target = target.replace("/public", "/api").replace("/health", "/api/health");
        cases.push(Case::new("T-069", format!("a good one: {target}"), request("GET", &target, &[&good]), Expected::Passed));
    }
    cases
}
