//! Tests of the bounds of connections. The clock of the runtime is paused: it moves on by itself when nothing else can, and waiting takes no time.

use super::*;
use crate::answer::empty;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval};

struct Yes;

impl Front for Yes {
    async fn answer(&self, _request: Request<Incoming>, _connection: Connection) -> Response<AnswerBody> {
        empty(StatusCode::NO_CONTENT)
    }
}

/// A listener, and a connection to it that sends a byte of this text every second and tells how long it was borne.
async fn drip(text: &[u8]) -> (Duration, Vec<u8>) {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None, 4).await.expect("an address");
    let address = listener.local_address().expect("bound");
    let (_sender, phase) = watch::channel(Phase::Serving);
    let serving = tokio::spawn(serve(listener, Arc::new(Yes), phase));
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let began = Instant::now();
    let (mut reader, mut writer) = stream.split();
    let send = async {
        let mut seconds = interval(Duration::from_secs(1));
        for byte in text {
            seconds.tick().await;
            let _ = writer.write_all(&[*byte]).await;
        }
        std::future::pending::<()>().await;
    };
    let mut received = Vec::new();
    tokio::select! {
        _ = reader.read_to_end(&mut received) => {}
        () = send => {}
    }
    serving.abort();
    (began.elapsed(), received)
}

#[tokio::test(start_paused = true)]
async fn t_097_who_sends_nothing_or_a_byte_a_second_is_not_waited_for() {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(200));
    for text in ["", "P", "PR", "G", &head] {
        let (borne, received) = drip(text.as_bytes()).await;
        assert!(borne <= 2 * HEAD_TIMEOUT + Duration::from_secs(2), "{text:?} was borne for {borne:?}");
        assert!(!received.starts_with(b"HTTP/1.1 2"), "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_spoken_is_told_by_the_first_bytes() {
    for (text, protocol, taken) in [
        (&b"GET / HTTP/1.1"[..], Protocol::Http1, 1),
        (b"POST / HTTP/1.1", Protocol::Http1, 2),
        (b"PRX / HTTP/1.1", Protocol::Http1, 3),
        (b"PRI * HTTP/2.0", Protocol::Http2, 4),
    ] {
        let (found, bytes) = beginning::read(&mut &text[..]).await.expect("readable");
        assert_eq!((found, bytes.len()), (protocol, taken));
    }
    assert!(beginning::read(&mut &b"PR"[..]).await.is_err());
}
