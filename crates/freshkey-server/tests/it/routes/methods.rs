//! Methods and paths that do not exist.

use crate::support::TestServer;

const OIDC: &str = "/realms/UA/protocol/openid-connect";

#[tokio::test(flavor = "multi_thread")]
async fn kc_027_wrong_methods_and_media_types_are_named_by_the_framework() {
    let server = TestServer::start().await;
    let has: [(&str, &[&str]); 9] = [
        ("/token", &["POST", "OPTIONS"]),
        ("/token/introspect", &["POST"]),
        ("/revoke", &["POST", "OPTIONS"]),
        ("/userinfo", &["GET", "HEAD", "POST", "OPTIONS"]),
        ("/logout", &["POST"]),
        ("/certs", &["GET", "HEAD", "OPTIONS"]),
        ("/../..", &["GET", "HEAD", "OPTIONS"]),
        ("/../../.well-known/openid-configuration", &["GET", "HEAD", "OPTIONS"]),
        ("/../../.well-known/oauth-authorization-server", &["GET", "HEAD", "OPTIONS"]),
    ];
    for (path, methods) in has {
        let path = format!("{OIDC}{path}").replace("/protocol/openid-connect/../..", "");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"] {
            let answer = server.nodes[0].request(method, &path).send().await;
            if methods.contains(&method) {
                assert!(!matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.status);
            } else {
                assert_eq!((answer.status, answer.text()), (405, r#"{"error":"HTTP 405 Method Not Allowed"}"#), "{method} {path}");
                assert_eq!(answer.headers["content-type"], "application/json");
            }
        }
    }
    let json = server.post(&format!("{OIDC}/token")).header("content-type", "application/json").body("{}").send().await;
    assert_eq!((json.status, json.text()), (415, r#"{"error":"HTTP 415 Unsupported Media Type"}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_are_404_and_say_nothing_of_the_server() {
    let server = TestServer::start().await;
    for path in [
        "/",
        "/realms",
        "/realms/UA/protocol/openid-connect",
        "/realms/UA/protocol/openid-connect/auth",
        "/realms/UA/protocol/saml",
        "/admin/realms/UA/users",
        "/metrics",
        "/health",
        "/debug/pprof",
        "/auth/realms/UA",
        "//realms/UA",
    ] {
        let answer = server.get(path).send().await;
        assert_eq!((answer.status, answer.text()), (404, r#"{"error":"HTTP 404 Not Found"}"#), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_044_metrics_and_profiling_are_not_on_the_public_listener() {
    let server = TestServer::start().await;
    for path in ["/metrics", "/health", "/health/live", "/health/ready", "/debug/pprof/profile", "/q/metrics"] {
        assert_eq!(server.get(path).send().await.status, 404, "{path}");
    }
}
