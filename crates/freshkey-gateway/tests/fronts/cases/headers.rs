//! T-072: values and methods that open doors elsewhere. Nobody has a good token here.

use crate::case::{Case, Expected, HOST, request};
use crate::provider::Provider;

const MAGIC: &[&str] = &[
    "User-Agent: ELB-HealthChecker/2.0",
    "User-Agent: GoogleHC/1.0",
    "User-Agent: kube-probe/1.30",
    "User-Agent: Amazon-Route53-Health-Check-Service",
    "X-Forwarded-User: evil",
    "X-Forwarded-Email: evil",
    "X-Forwarded-Access-Token: evil",
    "X-Forwarded-Client-Cert: Subject=evil",
    "Remote-User: evil",
    "X-Remote-User: evil",
    "X-Auth-Request-User: evil",
    "X-Auth-Request-Access-Token: evil",
    "X-Auth-Request-Redirect: /public/x",
    "X-Authentik-Username: evil",
    "X-Amzn-Oidc-Data: evil",
    "X-Goog-Authenticated-User-Email: evil",
    "X-Skip-Auth: true",
    "X-Internal: true",
    "X-Debug: true",
    "X-Accel-Redirect: /_gateway",
    "X-Accel-Internal: /_gateway",
    "X-Sendfile: /etc/passwd",
    "X-Custom-IP-Authorization: 127.0.0.1",
    "X-Originating-IP: 127.0.0.1",
    "True-Client-IP: 127.0.0.1",
    "Client-IP: 127.0.0.1",
    "Cookie: _oauth2_proxy=evil",
    "Cookie: KEYCLOAK_IDENTITY=evil",
    "Referer: https://api.example.org/public/x",
    "Origin: null",
    "Origin: https://api.example.org",
    "Sec-Fetch-Site: same-origin",
    "Access-Control-Request-Method: GET",
    "Purpose: prefetch",
    "Range: bytes=0-",
    "If-None-Match: *",
    "Cache-Control: only-if-cached",
    "Expect: 100-continue",
    "Max-Forwards: 0",
    "Via: 1.1 gateway",
    "TE: trailers",
    "Accept: ../../public/x",
    "Content-Type: application/grpc",
    "Upgrade-Insecure-Requests: 1",
    "X-Requested-With: XMLHttpRequest",
    "Authorization_: Bearer x",
    "Proxy-Authorization: Basic ZXZpbDpldmls",
    "WWW-Authenticate: Bearer",
];

const METHODS: &[&str] = &[
    "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "PURGE", "BAN", "DEBUG", "PRI", "get", "Get",
    "GETS", "XGET", "G\u{cb}T", "HTTP/1.1",
];

pub(super) fn cases(_provider: &Provider) -> Vec<Case> {
    let mut cases = Vec::new();
    for line in MAGIC {
        cases.push(Case::new("T-072", format!("a magic header: {line}"), request("GET", "/api/secret", &[line]), Expected::Refused));
    }
    let everything: Vec<&str> = MAGIC.iter().copied().filter(|line| !line.starts_with("Expect") && !line.starts_with("TE")).collect();
    cases.push(Case::new("T-072", "all of them", request("GET", "/api/secret", &everything), Expected::Refused));
    for method in METHODS {
        cases.push(Case::new("T-072", format!("a method: {method}"), request(method, "/api/secret", &[]), Expected::Refused).open());
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let name = format!("{method} where only GET is public");
        cases.push(Case::new("T-072", name, request(method, "/public/x", &["Content-Length: 0"]), Expected::Refused));
    }
    cases.push(Case::new("T-072", "HEAD where GET is public", request("HEAD", "/public/x", &[]), Expected::Harmless));
    let raw = |name: &str, text: String| Case::new("T-072", name, text, Expected::Refused).open();
    cases.push(raw("HTTP/0.9", "GET /api/secret\r\n\r\n".to_owned()));
    cases.push(raw("HTTP/1.0 without a host", "GET /api/secret HTTP/1.0\r\n\r\n".to_owned()));
    // nginx takes the name of the site for the host that is not said.
    let hostless = Case::new("T-072", "HTTP/1.0 without a host, public", "GET /public/outer- HTTP/1.0\r\n\r\n", Expected::Harmless);
    cases.push(hostless.open());
    cases.push(raw("HTTP/1.1 without a host", "GET /public/x HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned()));
    cases.push(raw("HTTP/1.2", format!("GET /api/secret HTTP/1.2\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")));
    cases.push(raw("HTTP/3.0", format!("GET /api/secret HTTP/3.0\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")));
    cases.push(raw("an empty host", "GET /api/secret HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n".to_owned()));
    cases.push(raw("HTTP/2 out of the blue", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_owned()));
    cases.push(raw("TLS where there is none", "\x16\x03\x01\0\u{1}\x01".to_owned()));
    let many: Vec<String> = (0..2_000).map(|number| format!("X-Many-{number}: x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    cases.push(raw("2,000 headers", request("GET", "/api/secret", &many)));
    let long = format!("X-Long: {}", "a".repeat(100_000));
    cases.push(raw("a header of 100,000 bytes", request("GET", "/api/secret", &[&long])));
    cases
}
