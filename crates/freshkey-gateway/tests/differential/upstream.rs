//! The application: gives back every byte of a request, head and body, as they arrived. It reads strictly and by itself, without the library that the
//! gateway speaks with.

use crate::wire::{Reader, body};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicU64>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&count)));
            }
        });
        Self { address, requests }
    }
}

async fn serve(stream: TcpStream, count: Arc<AtomicU64>) {
    let _ = stream.set_nodelay(true);
    let mut reader = Reader::new(stream);
    while let Ok((head, raw)) = reader.head().await {
        let Ok(body) = body(&mut reader, &head).await else { return };
        count.fetch_add(1, Ordering::SeqCst);
        let mut answer = format!("HTTP/1.1 200 OK\r\nx-upstream: 1\r\ncontent-length: {}\r\n\r\n", raw.len() + body.len()).into_bytes();
        answer.extend_from_slice(&raw);
        answer.extend_from_slice(&body);
        if reader.stream().write_all(&answer).await.is_err() {
            return;
        }
    }
}
