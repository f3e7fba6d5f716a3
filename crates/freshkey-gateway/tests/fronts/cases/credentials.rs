//! T-072, T-074, T-076, T-078: things that look like tokens, and tokens where none belongs.

use crate::case::{Case, Expected, HOST, bearer, request};
use crate::provider::{Provider, START_S};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Claims that no good token has here.
fn wrong_claims() -> Vec<(&'static str, Value)> {
    vec![
        ("expired", json!({ "exp": START_S - 60 })),
        ("without an end", json!({ "exp": null })),
        ("an end in words", json!({ "exp": "2100-01-01" })),
        ("an end far too late to be a number", json!({ "exp": 1e300 })),
        ("not yet valid", json!({ "nbf": START_S + 600 })),
        ("issued tomorrow", json!({ "iat": START_S + 86_400 })),
        ("another audience", json!({ "aud": "other" })),
        ("an audience that begins like ours", json!({ "aud": "api.evil.test" })),
        ("an audience in another case", json!({ "aud": "API" })),
        ("no audience", json!({ "aud": null })),
        ("an empty list of audiences", json!({ "aud": [] })),
        ("an audience as an object", json!({ "aud": { "api": true } })),
        ("another issuer", json!({ "iss": "https://evil.test" })),
        ("no issuer", json!({ "iss": null })),
        ("an issuer in a list", json!({ "iss": ["https://id.example.org/realms/main"] })),
        ("no subject", json!({ "sub": null })),
        ("a refresh token", json!({ "typ": "Refresh" })),
        ("an offline token", json!({ "typ": "Offline" })),
        ("an ID token", json!({ "typ": "ID" })),
        ("a logout token", json!({ "typ": "Logout" })),
        ("bound to a certificate", json!({ "cnf": { "x5t#S256": "AAAA" } })),
        ("bound to a key", json!({ "cnf": { "jkt": "AAAA" } })),
    ]
}

pub(super) fn cases(provider: &Provider) -> Vec<Case> {
    let mut cases = of_tokens(provider);
    cases.extend(of_schemes(provider));
    cases.extend(of_places(provider));
    cases.extend(of_memory(provider));
    cases
}

fn refused(threat: &'static str, name: impl Into<String>, value: &str) -> Case {
    Case::new(threat, name, request("GET", "/api/secret", &[&format!("Authorization: {value}")]), Expected::Refused)
}

fn of_tokens(provider: &Provider) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, changes) in wrong_claims() {
        let threat = if name.contains("audience") || name.contains("issuer") { "T-076" } else { "T-072" };
        cases.push(refused(threat, format!("a token: {name}"), &format!("Bearer {}", provider.token_with(&changes))));
    }
    let token = provider.token();
    let (head, signature) = token.rsplit_once('.').expect("three parts");
    let (_, payload) = head.split_once('.').expect("three parts");
    let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", "NONE", "", "HS256", "RS512", "ES256", "PS256", "RS256 "] {
        let header = encoded(&json!({ "alg": algorithm, "typ": "JWT", "kid": "k1" }));
        cases.push(refused("T-072", format!("the algorithm {algorithm:?}"), &format!("Bearer {header}.{payload}.{signature}")));
        cases.push(refused("T-072", format!("the algorithm {algorithm:?}, unsigned"), &format!("Bearer {header}.{payload}.")));
    }
    for (name, header) in [
        ("a key of its own", json!({ "alg": "RS256", "jwk": { "kty": "oct", "k": "AAAA" } })),
        ("keys from elsewhere", json!({ "alg": "RS256", "jku": "http://127.0.0.1:1/keys", "kid": "k1" })),
        ("a certificate of its own", json!({ "alg": "RS256", "x5c": ["AAAA"], "kid": "k1" })),
        ("something critical", json!({ "alg": "RS256", "kid": "k1", "crit": ["b64"], "b64": false })),
        ("a path for a key id", json!({ "alg": "RS256", "kid": "../../dev/null" })),
        ("two algorithms", json!({ "alg": ["RS256", "none"], "kid": "k1" })),
    ] {
        cases.push(refused("T-072", format!("a header with {name}"), &format!("Bearer {}.{payload}.{signature}", encoded(&header))));
    }
    let other = encoded(&provider.claims(&json!({ "realm_access": { "roles": ["writer"] } })));
    let (jose, _) = head.split_once('.').expect("three parts");
    cases.push(refused("T-072", "other claims under the same signature", &format!("Bearer {jose}.{other}.{signature}")));
    for (name, text) in [
        ("cut", token[..token.len() - 4].to_owned()),
        ("without a signature", format!("{head}.")),
        ("two parts", head.to_owned()),
        ("four parts", format!("{token}.x")),
        ("padded", format!("{token}=")),
        ("with a dot in front", format!(".{token}")),
        ("in quotes", format!("\"{token}\"")),
        ("in another case", token.to_lowercase()),
        ("in standard base64", format!("{}+/", &token[..token.len() - 2])),
        ("twice", format!("{token}{token}")),
        ("two, with a comma", format!("{token}, {token}")),
        ("two, with a space", format!("{token} {token}")),
    ] {
        cases.push(refused("T-072", format!("a token {name}"), &format!("Bearer {text}")));
    }
    cases.push(refused("T-076", "a token of a stranger's key", &format!("Bearer {}", provider.token_of_stranger("k1"))));
    cases
}

fn of_schemes(provider: &Provider) -> Vec<Case> {
    let token = provider.token();
    let mut cases = Vec::new();
    for value in [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer null",
        "Bearer undefined",
        "Bearer true",
        "Bearer *",
        "Bearer {}",
        "Bearer ..",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Basic ZXZpbDpldmls",
        "Basic",
        "Digest username=\"evil\"",
        "Negotiate YQ==",
        "Anonymous",
    ] {
        cases.push(refused("T-072", format!("the credential {value:?}"), value));
    }
    for value in [
        format!("Basic {token}"),
        format!("Token {token}"),
        token.clone(),
        format!("Bearer:{token}"),
        format!("Bearer\u{b}{token}"),
        format!("Bearer={token}"),
    ] {
        cases.push(refused("T-072", format!("a good token behind {:?}", &value[..8.min(value.len())]), &value));
    }
    let good = format!("Authorization: Bearer {token}");
    for other in ["Authorization: Basic ZXZpbDpldmls", "Authorization: Bearer x", "authorization: Bearer x", &good] {
        let lines = [good.as_str(), other];
        cases.push(Case::new(
            "T-072",
            format!("two credentials, then {other:.24}"),
            request("GET", "/api/secret", &lines),
            Expected::Refused,
        ));
        let lines = [other, good.as_str()];
        cases.push(Case::new(
            "T-072",
            format!("two credentials, first {other:.24}"),
            request("GET", "/api/secret", &lines),
            Expected::Refused,
        ));
    }
    for name in [
        "Proxy-Authorization",
        "X-Authorization",
        "Authorization-X",
        "Authorisation",
        "X-Access-Token",
        "Token",
        "Authorization_",
        "_Authorization",
    ] {
        let line = format!("{name}: Bearer {token}");
        cases.push(Case::new("T-072", format!("a good token in {name}"), request("GET", "/api/secret", &[&line]), Expected::Refused));
    }
    for value in [format!("bearer {token}"), format!("BEARER {token}")] {
        let line = format!("Authorization: {value}");
        cases.push(Case::new(
            "T-072",
            format!("a scheme in another case: {value:.6}"),
            request("GET", "/api/secret", &[&line]),
            Expected::Passed,
        ));
    }
    cases
}

/// T-078: tokens in URLs, in forms, in cookies and in the names that S3 has for them.
fn of_places(provider: &Provider) -> Vec<Case> {
    let (token, good) = (provider.token(), bearer(provider));
    let mut cases = Vec::new();
    for query in [
        format!("access_token={token}"),
        format!("a=b&access_token={token}"),
        format!("a=b;access_token={token}"),
        format!("ACCESS_TOKEN={token}"),
        format!("%61ccess_token={token}"),
        format!("access%5Ftoken={token}"),
        format!("access_token[]={token}"),
        format!("access.token={token}"),
        format!("X-Amz-Credential={token}%2F20270101%2Feu%2Fs3%2Faws4_request"),
        format!("x-amz-credential={token}"),
        format!("X-Amz-Security-Token={token}"),
        format!("X%2DAmz%2DCredential={token}"),
    ] {
        let shown = query.split(&token).next().unwrap_or_default().to_owned();
        for (with, lines) in [("no token", vec![]), ("a good one, too", vec![good.as_str()])] {
            for path in ["/api/secret", "/public/x"] {
                let text = request("GET", &format!("{path}?{query}"), &lines);
                cases.push(Case::new("T-078", format!("a token in the query: {path}?{shown}, {with}"), text, Expected::Refused));
            }
        }
    }
    let s3 = |token: &str| format!("AWS4-HMAC-SHA256 Credential={token}/20270101/eu/s3/aws4_request, SignedHeaders=host, Signature=00");
    for (name, value) in [
        ("an S3 client's, where no rule wants that", s3(&token)),
        ("an S3 client's with a key that is no token", s3("AKIAIOSFODNN7EXAMPLE")),
        ("an S3 client's twice", format!("{}, Credential={token}", s3(&token))),
        ("an S3 client's of the older kind", format!("AWS {token}:signature")),
    ] {
        cases.push(refused("T-078", name, &value));
    }
    for name in ["access_token", "token", "Authorization", "KEYCLOAK_TOKEN", "_oauth2_proxy"] {
        let line = format!("Cookie: {name}={token}");
        cases.push(Case::new("T-078", format!("a token in the cookie {name}"), request("GET", "/api/secret", &[&line]), Expected::Refused));
    }
    let form = format!("access_token={token}");
    let text = format!(
        "POST /api/secret HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    cases.push(Case::new("T-078", "a token in a form", text, Expected::Refused));
    cases.push(Case::new("T-078", "a token in the path", request("GET", &format!("/api/{token}"), &[]), Expected::Refused));
    cases.push(Case::new(
        "T-078",
        "a token in a fragment",
        request("GET", &format!("/api/secret#access_token={token}"), &[]),
        Expected::Refused,
    ));
    cases
}

/// T-074: a yes for one question is no yes for the next.
fn of_memory(provider: &Provider) -> Vec<Case> {
    let good = bearer(provider);
    let reads = |name: &str, lines: &[&str]| Case::new("T-074", name, request("GET", "/api/kept?x=1", lines), Expected::Passed);
    let asks = |name: &str, text: String| Case::new("T-074", name, text, Expected::Refused);
    let tampered = format!("{}A", &good[..good.len() - 1]);
    let tampered = if tampered == good { format!("{}B", &good[..good.len() - 1]) } else { tampered };
    vec![
        reads("a good token", &[&good]),
        asks("the same target without one", request("GET", "/api/kept?x=1", &[])),
        asks("the same with another method", request("POST", "/api/kept?x=1", &["Content-Length: 0"])),
        asks("the same, from a cache", request("GET", "/api/kept?x=1", &["Cache-Control: only-if-cached"])),
        asks(
            "the same, not modified",
            request("GET", "/api/kept?x=1", &["If-None-Match: *", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"]),
        ),
        reads("a good token again", &[&good]),
        asks("nearly the same token", request("GET", "/api/kept?x=1", &[&tampered])),
        asks("the same token for more", request("GET", "/api/write/kept?x=1", &[&good])),
        reads("and again", &[&good]),
        Case::new("T-074", "a public target", request("GET", "/public/kept", &[]), Expected::Passed),
        asks("a method that is not public", request("DELETE", "/public/kept", &[])),
        asks("a target that begins like it", request("GET", "/public/../api/kept", &[])),
    ]
}
