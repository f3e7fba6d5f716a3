//! Texts that must turn up in no answer, and addresses that must never be called.

use crate::support::{DEMO, PASSWORD, Request, TestServer, UA_SECRET};
use freshkey_protocol::client_credentials::JWT_BEARER_ASSERTION;
use std::io::ErrorKind;
use std::net::TcpListener;

/// Every public path with the method that it has.
const ENDPOINTS: [(&str, &str); 13] = [
    ("GET", "/realms/UA"),
    ("GET", "/realms/UA/.well-known/openid-configuration"),
    ("GET", "/realms/UA/.well-known/oauth-authorization-server"),
    ("GET", "/.well-known/oauth-authorization-server/realms/UA"),
    ("GET", "/realms/UA/protocol/openid-connect/certs"),
    ("GET", "/realms/UA/protocol/openid-connect/userinfo"),
    ("POST", "/realms/UA/protocol/openid-connect/userinfo"),
    ("POST", "/realms/UA/protocol/openid-connect/token"),
    ("POST", "/realms/UA/protocol/openid-connect/token/introspect"),
    ("POST", "/realms/UA/protocol/openid-connect/revoke"),
    ("POST", "/realms/UA/protocol/openid-connect/logout"),
    ("OPTIONS", "/realms/UA/protocol/openid-connect/token"),
    ("GET", "/nowhere"),
];

const CANARY: &str = "canary.example";

/// Every header that names a host, a path or an address, lying.
fn with_lies(request: Request<'_>) -> Request<'_> {
    ["host", "x-forwarded-host", "x-forwarded-for", "x-forwarded-server", "x-original-host", "x-original-url", "x-rewrite-url", "x-real-ip"]
        .into_iter()
        .fold(request, |request, name| request.header(name, CANARY))
        .header("forwarded", &format!("for={CANARY};host={CANARY};proto=http;by={CANARY}"))
        .header("x-forwarded-proto", "http")
        .header("x-forwarded-port", "6666")
        .header("x-forwarded-prefix", "/canary.example")
}

#[tokio::test(flavor = "multi_thread")]
async fn t_047_the_headers_of_a_stranger_are_in_no_answer() {
    let server = TestServer::start().await;
    let tokens = server.sign_in("openid").await;
    let refresh = tokens.refresh_token();
    let access = tokens.access_token();
    let form = [("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", refresh.as_str()), ("scope", "openid")];
    let confidential = [("client_id", "ua"), ("client_secret", UA_SECRET), ("token", access.as_str())];
    // A listed proxy is believed about address and scheme, and about no name.
    for peer in [[203, 0, 113, 9], [10, 1, 2, 3]] {
        for (method, path) in ENDPOINTS {
            let request = with_lies(server.nodes[0].request(method, path)).peer(peer);
            let request = match (method, path.rsplit('/').next()) {
                ("GET", Some("userinfo")) => request.bearer(&access),
                ("POST", Some("introspect")) => request.form(&confidential),
                ("POST", Some("token" | "logout")) => request.form(&form),
                ("POST", Some("revoke")) => request.form(&[("client_id", "ua-grant"), ("token", "x")]),
                ("POST", _) => request.form(&[("access_token", access.as_str())]),
                _ => request,
            };
            let answer = request.send().await;
            let head = format!("{:?}", answer.headers);
            for canary in [CANARY, "6666"] {
                assert!(!head.contains(canary), "{method} {path}: {head}");
                assert!(!answer.text().contains(canary), "{method} {path}: {}", answer.text());
            }
            if let Some(token) = answer.json_if_any().and_then(|body| body["access_token"].as_str().map(str::to_owned)) {
                assert_eq!(crate::support::payload(&token)["iss"], crate::support::ISSUER);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_051_no_parameter_header_or_setting_makes_the_server_call_anybody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let canary = format!("http://{}/canary", listener.local_addr().unwrap());
    let server = TestServer::start().await;
    let tokens = server.sign_in("openid").await;
    let refresh_token = tokens.refresh_token();
    let parameters = [
        "redirect_uri",
        "request_uri",
        "request",
        "resource",
        "audience",
        "jwks_uri",
        "sector_identifier_uri",
        "logout_uri",
        "id_token_hint",
        "post_logout_redirect_uri",
        "backchannel_logout_uri",
        "client_assertion",
        "iss",
        "scope",
        "token",
        "username",
    ];
    let headers = ["origin", "referer", "x-forwarded-host", "x-original-url", "forwarded", "traceparent", "link", "x-wap-profile"];
    for (method, path) in ENDPOINTS {
        let all: Vec<(&str, &str)> = parameters
            .iter()
            .map(|name| (*name, canary.as_str()))
            .chain([("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", &refresh_token)])
            .collect();
        let request = headers.iter().fold(server.nodes[0].request(method, path), |request, name| request.header(name, &canary));
        let _ = if method == "POST" { request.form(&all).send().await } else { request.bearer(&tokens.access_token()).send().await };
    }
    // A token that names where its key is.
    let header =
        freshkey_protocol::base64url::encode(format!(r#"{{"alg":"RS256","jku":"{canary}","x5u":"{canary}","kid":"{canary}"}}"#).as_bytes());
    let token = tokens.access_token();
    let forged = format!("{header}.{}", token.split_once('.').unwrap().1);
    assert_eq!(server.userinfo(&forged).await.status, 401);
    assert_eq!(server.refresh(&forged).await.status, 400);
    // A client whose keys are said to be there.
    let settings = [("clientAuthenticatorType", "client-jwt"), ("attributes.use.jwks.url", "true"), ("attributes.jwks.url", &canary)];
    server.set_client("ua", &settings).await;
    let form = [
        ("grant_type", "password"),
        ("username", DEMO),
        ("password", PASSWORD),
        ("client_assertion_type", JWT_BEARER_ASSERTION),
        ("client_assertion", &forged),
        ("client_id", "ua"),
    ];
    assert_eq!(server.token(&form).await.refusal(), "400 invalid_client: Unable to load public key");
    let call = listener.accept().map(|(_, peer)| peer);
    assert_eq!(call.unwrap_err().kind(), ErrorKind::WouldBlock, "nobody called");
}
