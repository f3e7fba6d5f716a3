//! The endpoint that other proxies ask.

use crate::support::{Answer, Application, Gateway, Provider, ask};

struct Front {
    gateway: Gateway,
    bearer: String,
    names: [&'static str; 3],
    _provider: Provider,
    _application: Application,
}

impl Front {
    async fn start(headers: &str, trusted: &str) -> Self {
        let (provider, application) = (Provider::start().await, Application::start().await);
        let front = format!("[forward_auth]\nlisten = \"127.0.0.1:0\"\nheaders = \"{headers}\"\n[management]");
        let configuration = crate::proxy::CONFIGURATION
            .replace("[management]", &front)
            .replace("trusted_proxies = []", &format!("trusted_proxies = [\"{trusted}\"]"));
        let names = match headers {
            "x-original" => ["X-Original-Method", "X-Original-Host", "X-Original-URI"],
            _ => ["X-Forwarded-Method", "X-Forwarded-Host", "X-Forwarded-Uri"],
        };
        let gateway = Gateway::start(&configuration, &provider, &application).await;
        Self { gateway, bearer: format!("Bearer {}", provider.token()), names, _provider: provider, _application: application }
    }

    async fn send(&self, headers: &[(&str, &str)]) -> Answer {
        let address = self.gateway.service.addresses.forward_auth.expect("an endpoint");
        ask(address, "GET", "/auth", "gateway", headers).await
    }

    /// A request that the proxy describes in these words, with a good token, and more headers of the caller.
    async fn described(&self, method: &str, host: &str, target: &str, more: &[(&str, &str)]) -> Answer {
        let [for_method, for_host, for_target] = self.names;
        let mut headers = vec![(for_method, method), (for_host, host), (for_target, target), ("Authorization", &self.bearer)];
        headers.extend_from_slice(more);
        self.send(&headers).await
    }
}

#[tokio::test]
async fn a_proxy_is_told_whether_and_who() {
    for headers in ["x-original", "x-forwarded"] {
        let front = Front::start(headers, "127.0.0.1").await;
        let answer = front.described("GET", "api.test", "/api/whoami?a=b", &[]).await;
        assert_eq!((answer.status, answer.header("x-freshkey-subject")), (200, Some("u1")), "{answer:?}");
        assert!(answer.header("x-freshkey-assertion").is_some());
        assert_eq!(answer.header("x-request-id").map(str::len), Some(32), "{answer:?}");
        let answer = front.described("POST", "api.test:8443", "/api/write/x", &[]).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        let [method, host, target] = front.names;
        let answer = front.send(&[(method, "GET"), (host, "api.test"), (target, "/api/whoami")]).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"freshkey\"")), "{answer:?}");
        let answer = front.send(&[(method, "GET"), (host, "api.test"), (target, "/health")]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn t_070_a_peer_that_is_not_listed_describes_nothing() {
    let front = Front::start("x-original", "10.0.0.1").await;
    for (target, method) in [("/api/whoami", "GET"), ("/health", "GET")] {
        let answer = front.described(method, "api.test", target, &[]).await;
        assert_eq!((answer.status, answer.header("x-freshkey-subject")), (403, None), "{target}: {answer:?}");
    }
}

/// The proxy is configured for other words than we are, or passes on what an application may take for another path.
#[tokio::test]
async fn t_070_a_request_that_is_described_as_another_one_is_refused() {
    let original = [("X-Original-Method", "GET"), ("X-Original-Host", "api.test"), ("X-Original-URI", "/health")];
    let forwarded = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", "api.test"), ("X-Forwarded-Uri", "/health")];
    for (headers, no, others) in [("x-original", 403, forwarded), ("x-forwarded", 400, original)] {
        let front = Front::start(headers, "127.0.0.1").await;
        let origin = [("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1"), ("Forwarded", "for=10.0.0.1")];
        assert_eq!(front.described("GET", "api.test", "/api/x", &origin).await.status, 200, "where it came from is the proxy's to say");
        assert_eq!(front.send(&others).await.status, no);
        let spelled = ["X-Original-URL", "X-Rewrite-URL", "x_original_uri", "X_Forwarded_Uri", "X.Forwarded.For", "X_HTTP_Method_Override"];
        for lie in spelled.into_iter().chain([others[0].0, others[2].0]) {
            assert_eq!(front.described("GET", "api.test", "/api/x", &[(lie, "/health")]).await.status, no, "{headers}: {lie}");
        }
    }
}

#[tokio::test]
async fn t_069_a_request_that_must_not_go_on_as_it_is_gets_a_no() {
    for (headers, no) in [("x-original", 403), ("x-forwarded", 400)] {
        let front = Front::start(headers, "127.0.0.1").await;
        let [for_method, for_host, for_target] = front.names;
        for target in [
            "",
            "api",
            "//api/x",
            "/health/../api/x",
            "/health/%2e%2e/api",
            "/health%2f..%2fapi",
            "/%61pi/x",
            "/api;x",
            "/api\\x",
            "/api#x",
            "/api/%00",
            "/api/%zz",
            "http://api.test/api/x",
            "*",
        ] {
            let answer = front.described("GET", "api.test", target, &[]).await;
            assert_eq!(answer.status, no, "{target}: {answer:?}");
        }
        for host in ["", "a b", "api.test, other.test", "api.test/"] {
            assert_eq!(front.described("GET", host, "/api/x", &[]).await.status, no, "{host}");
        }
        for method in ["", "get", "TRACE", "GET, POST"] {
            assert_eq!(front.described(method, "api.test", "/api/x", &[]).await.status, no, "{method}");
        }
        for twice in [(for_method, "GET"), (for_host, "api.test"), (for_target, "/health"), ("Authorization", "Bearer x")] {
            assert_eq!(front.described("GET", "api.test", "/api/x", &[twice]).await.status, no, "{twice:?}");
        }
        for missing in [for_method, for_host, for_target] {
            let all = [(for_method, "GET"), (for_host, "api.test"), (for_target, "/health")];
            let rest: Vec<(&str, &str)> = all.into_iter().filter(|(name, _)| *name != missing).collect();
            assert_eq!(front.send(&rest).await.status, no, "{missing}");
        }
    }
}

#[tokio::test]
async fn t_071_an_identity_header_of_a_caller_is_refused_where_it_could_go_on() {
    for (headers, no) in [("x-original", 403), ("x-forwarded", 400)] {
        let front = Front::start(headers, "127.0.0.1").await;
        for name in [
            "X-Freshkey-Subject",
            "x_freshkey_subject",
            "X-Freshkey_Subject",
            "X.Freshkey.Subject",
            "X-FRESHKEY-ANYTHING",
            "X-Freshkey-Assertion",
        ] {
            for target in ["/api/x", "/health"] {
                assert_eq!(front.described("GET", "api.test", target, &[(name, "root")]).await.status, no, "{name} {target}");
            }
        }
        for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
            assert_eq!(front.described("GET", "api.test", "/api/x", &[(name, "DELETE")]).await.status, no, "{name}");
        }
    }
}
