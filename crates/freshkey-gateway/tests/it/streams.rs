//! What stays open: server-sent events, WebSockets, and the end of the token that opened them.

use crate::proxy::CONFIGURATION;
use crate::support::{Application, Gateway, Provider};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn open(gateway: &Gateway, text: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(gateway.proxy()).await.expect("connected");
    stream.write_all(text.as_bytes()).await.expect("sent");
    BufReader::new(stream)
}

async fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    timeout(PATIENCE, stream.read_line(&mut line)).await.expect("in time").expect("readable");
    line.trim_end().to_owned()
}

async fn until(stream: &mut BufReader<TcpStream>, wanted: &str) {
    loop {
        let line = line(stream).await;
        assert!(!line.is_empty() || wanted.is_empty() || !stream.buffer().is_empty() || line.is_empty(), "{wanted}");
        if line.contains(wanted) {
            return;
        }
    }
}

#[tokio::test]
async fn events_arrive_one_by_one_and_end_with_the_token() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    // It ends in a second, as the gateway's clock has it.
    gateway.clock.advance_s(299);
    let token = provider.token();
    let mut stream = open(&gateway, &format!("GET /api/events HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\n\r\n")).await;
    until(&mut stream, "data: 1").await;
    application.send("data: 2\n\n");
    until(&mut stream, "data: 2").await;
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "t_079: the stream was closed");
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "cut, not finished");
}

#[tokio::test]
async fn t_079_a_websocket_is_joined_and_closed_after_its_token() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    gateway.clock.advance_s(299);
    let token = provider.token();
    let head = format!(
        "GET /api/socket HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    let mut stream = open(&gateway, &head).await;
    assert_eq!(line(&mut stream).await, "HTTP/1.1 101 Switching Protocols");
    while !line(&mut stream).await.is_empty() {}
    stream.get_mut().write_all(b"\x81\x00\nanything: \xff\n").await.expect("sent");
    let mut echoed = [0; 14];
    timeout(PATIENCE, stream.read_exact(&mut echoed)).await.expect("in time").expect("echoed");
    assert_eq!(&echoed, b"\x81\x00\nanything: \xff");
    let mut rest = Vec::new();
    assert!(timeout(PATIENCE, stream.read_to_end(&mut rest)).await.is_ok(), "closed with its token");
}

#[tokio::test]
async fn t_072_an_upgrade_needs_a_token_as_anything_else_does() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let headers = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    assert_eq!(gateway.get("/api/socket", &headers).await.status, 401);
    let bearer = format!("Bearer {}", provider.token());
    let answer =
        gateway.get("/api/whoami", &[("Authorization", &bearer), ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c")]).await;
    assert_eq!(answer.status, 200, "HTTP/2 in clear by way of an upgrade is not passed on");
    assert!(!answer.body.contains("h2c"), "{answer:?}");
    assert_eq!(application.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_body_streams_and_so_does_the_answer() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let token = provider.token();
    let head = format!("POST /api/echo HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut stream = open(&gateway, &head).await;
    stream.get_mut().write_all(b"6\r\nfirst\n\r\n").await.expect("sent");
    until(&mut stream, "first").await;
    stream.get_mut().write_all(b"7\r\nsecond\n\r\n0\r\n\r\n").await.expect("sent");
    until(&mut stream, "second").await;
}
