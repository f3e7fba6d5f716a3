//! Bytes that no library would send.

use crate::proxy::CONFIGURATION;
use crate::support::{Application, Gateway, Provider, raw};
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What follows a good head; `{auth}` is the header with a valid token, so that nothing but the framing can be the reason.
const CORPUS: &[&str] = &[
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nContent-Length: 2, 2\r\n\r\nab",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "POST /api/a HTTP/1.0\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding: chunked\r\n\r\n2;x=\r\nab\r\n0\r\n\r\n",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n",
    "POST /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Freshkey-Subject: root\r\n\r\n",
    "GET /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nX-Folded: a\r\n b\r\n\r\n",
    "GET /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nX-Null: a\0b\r\n\r\n",
    "GET /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\nX-Bare: a\rb\r\n\r\n",
    "GET /api/a HTTP/1.1\nHost: api.test\n{auth}\n\n",
    "GET /api/a HTTP/1.1\r\n Host: api.test\r\n{auth}\r\n\r\n",
    "GET /api/a#/health HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "GET http://api.test/api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "GET http://other.test/api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "GET /api/a HTTP/1.1\r\n{auth}\r\n\r\n",
    "GET /api/a HTTP/1.1\r\nHost: api.test\r\nHost: other.test\r\n{auth}\r\n\r\n",
    "GET /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n{auth}\r\n\r\n",
    "GET /health/../api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "GET /health%2f..%2fapi/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "GET /api/a;x HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "GET /api\\a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "GET //api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n{auth}\r\n\r\n",
    "TRACE /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "get /api/a HTTP/1.1\r\nHost: api.test\r\n{auth}\r\n\r\n",
    "GET /api/a HTTP/1.1\r\nHost: api.test\r\nX-Freshkey-Subject : root\r\n{auth}\r\n\r\n",
];

#[tokio::test]
async fn t_077_nothing_that_could_be_cut_elsewhere_reaches_the_application() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let authorization = format!("Authorization: Bearer {}", provider.token());
    for text in CORPUS {
        let answer = raw(gateway.proxy(), text.replace("{auth}", &authorization).as_bytes()).await;
        assert_eq!(answer.status, 400, "{text:?}: {answer:?}");
        assert_eq!(application.requests.load(Ordering::SeqCst), 0, "{text:?}");
    }
    let good = format!(
        "POST /api/a HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n{authorization}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    );
    let answer = raw(gateway.proxy(), good.as_bytes()).await;
    assert_eq!((answer.status, answer.seen()["body"].as_str()), (200, Some("ab")), "{answer:?}");
}

#[tokio::test]
async fn t_077_what_comes_before_an_upgrade_is_granted_is_no_second_request() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let authorization = format!("Authorization: Bearer {}", provider.token());
    // The application does not upgrade, so what follows is a request of its own, without a token.
    let text = format!(
        "GET /api/a HTTP/1.1\r\nHost: api.test\r\n{authorization}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\
         GET /api/smuggled HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n"
    );
    let answer = raw(gateway.proxy(), text.as_bytes()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("HTTP/1.1 401 Unauthorized"), "{answer:?}");
    assert_eq!(application.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn t_077_a_body_that_goes_wrong_breaks_the_connection() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let mut stream = TcpStream::connect(gateway.proxy()).await.expect("connected");
    let head = format!(
        "POST /api/a HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        provider.token()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    // Once the application has the head, the rest cannot be held back any more.
    while application.requests.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    stream.write_all(b"2;x\r\nab\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: api.test\r\n\r\n").await.expect("sent");
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    let text = String::from_utf8_lossy(&received);
    assert!(!text.contains(" 200 "), "{text}");
}
