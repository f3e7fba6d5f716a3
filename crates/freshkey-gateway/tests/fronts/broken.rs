//! What a front may find where the gateway should be.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What is said there, to whatever comes. `None`: nothing, for as long as somebody waits.
pub(crate) const ANSWERS: [(&str, Option<&str>); 9] = [
    ("silence", None),
    ("the end of the connection", Some("")),
    ("garbage", Some("\0\u{1}garbage\r\n\r\n")),
    ("half an answer", Some("HTTP/1.1 200 OK\r\nX-Freshkey-Subject: u1")),
    ("another protocol", Some("SSH-2.0-OpenSSH_9.2\r\n")),
    ("a failure", Some("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")),
    ("too many requests", Some("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")),
    ("somewhere else", Some("HTTP/1.1 302 Found\r\nLocation: /public/x\r\nContent-Length: 0\r\n\r\n")),
    ("not found", Some("HTTP/1.1 404 Not Found\r\nX-Freshkey-Subject: u1\r\nContent-Length: 0\r\n\r\n")),
];

/// Somebody who answers everything in this way.
pub(crate) async fn start(answer: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            tokio::spawn(async move {
                let mut part = [0; 4096];
                while let Ok(1..) = stream.read(&mut part).await {
                    if let Some(answer) = answer {
                        let _ = stream.write_all(answer.as_bytes()).await;
                        return;
                    }
                }
            });
        }
    });
    address
}
