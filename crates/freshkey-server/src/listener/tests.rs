//! Time stands still in these tests and leaps to the next timeout whenever nothing else can happen.

use super::*;
use crate::clock::{FixedClock, SystemEntropy};
use crate::limits::{CONNECTIONS_MAX, HANDSHAKE_TIMEOUT, HEADERS_MAX, WRITE_TIMEOUT};
use crate::local_ca::LocalCa;
use crate::telemetry::Observer;
use axum::Router;
use axum::routing::get;
use freshkey_core::Now;
use freshkey_service::listener::Listener;
use freshkey_service::tls::ServedCertificate;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Longer than every limit, and over in no time when nothing happens.
const FOR_EVER: Duration = Duration::from_secs(3600);

struct Served {
    address: SocketAddr,
    phase: watch::Sender<Phase>,
    task: JoinHandle<()>,
}

async fn serve(router: Router, tls: Option<TlsAcceptor>, connections_max: usize) -> Served {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), tls, connections_max).await.expect("an address");
    let address = listener.local_address().expect("bound");
    let observer = Observer::silent(Arc::new(FixedClock::at(Now::from_milliseconds(0))), Arc::new(SystemEntropy));
    let phase = watch::Sender::new(Phase::Serving);
    let task = tokio::spawn(listener.serve(Arc::new(Envelope::new(router, Arc::new(observer))), phase.subscribe()));
    Served { address, phase, task }
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("accepted")
    }
}

/// What comes until the other end closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(FOR_EVER, stream.read_to_end(&mut bytes)).await.expect("the other end closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn one_answer(stream: &mut TcpStream) -> String {
    stream.write_all(REQUEST).await.expect("sent");
    let mut bytes = vec![0; 4096];
    let read = timeout(FOR_EVER, stream.read(&mut bytes)).await.expect("in time").expect("answered");
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[tokio::test(start_paused = true)]
async fn t_097_a_head_that_never_ends_holds_nobody_up_and_is_cut_off() {
    let served = serve(hello(), None, CONNECTIONS_MAX).await;
    let began = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = served.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").await.expect("sent");
        slow.push(stream);
    }
    assert!(one_answer(&mut served.connect().await).await.ends_with("hello"));
    for stream in &mut slow {
        assert!(!rest(stream).await.contains("200"), "cut off without an answer to a request that never was");
    }
    assert!((HEAD_TIMEOUT..HEAD_TIMEOUT * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn t_097_a_byte_a_second_does_not_postpone_the_end() {
    let served = serve(hello(), None, CONNECTIONS_MAX).await;
    let (mut incoming, mut outgoing) = served.connect().await.into_split();
    let began = Instant::now();
    tokio::spawn(async move {
        loop {
            if outgoing.write_all(b"G").await.is_err() {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    });
    let mut bytes = Vec::new();
    let _ = incoming.read_to_end(&mut bytes).await;
    assert!(began.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let served = serve(hello(), None, CONNECTIONS_MAX).await;
    let mut stream = served.connect().await;
    assert!(one_answer(&mut stream).await.ends_with("hello"));
    let began = Instant::now();
    rest(&mut stream).await;
    assert!((HEAD_TIMEOUT..HEAD_TIMEOUT * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn t_097_a_handshake_that_never_begins_is_cut_off() {
    let directory = tempfile::tempdir().expect("a directory");
    let ca = LocalCa::open_or_make(directory.path(), "localhost", Now::from_milliseconds(1_800_000_000_000)).expect("made");
    let certificate = ServedCertificate::load(&ca.certificate, &ca.key).expect("usable");
    let served = serve(hello(), Some(certificate.acceptor(PROTOCOLS).expect("usable")), CONNECTIONS_MAX).await;
    let mut stream = served.connect().await;
    let began = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    assert!((HANDSHAKE_TIMEOUT..HANDSHAKE_TIMEOUT * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn t_097_an_answer_that_nobody_reads_gives_its_place_back() {
    let large = Router::new().route("/", get(|| async { vec![b'x'; 64 * 1024 * 1024] }));
    let served = serve(large, None, 1).await;
    let mut deaf = served.connect().await;
    deaf.write_all(REQUEST).await.expect("sent");
    let began = Instant::now();
    assert!(one_answer(&mut served.connect().await).await.starts_with("HTTP/1.1 200"));
    assert!((WRITE_TIMEOUT..WRITE_TIMEOUT * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_connections_wait_for_a_place() {
    let served = serve(hello(), None, 1).await;
    let mut first = served.connect().await;
    assert!(one_answer(&mut first).await.ends_with("hello"));
    let mut second = served.connect().await;
    second.write_all(REQUEST).await.expect("sent");
    let mut byte = [0];
    assert!(timeout(Duration::from_secs(1), second.read(&mut byte)).await.is_err(), "answered beyond the limit");
    drop(first);
    assert_eq!(second.read(&mut byte).await.expect("answered"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_what_is_open_and_takes_nothing_new() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let waits = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        move || async move {
            entered.notify_one();
            release.notified().await;
            "done"
        }
    };
    let served = serve(Router::new().route("/", get(waits)), None, CONNECTIONS_MAX).await;
    let mut idle = served.connect().await;
    let mut open = served.connect().await;
    open.write_all(REQUEST).await.expect("sent");
    entered.notified().await;
    let began = Instant::now();
    served.phase.send(Phase::Draining).expect("served");
    assert_eq!(rest(&mut idle).await, "", "an idle connection is closed at once");
    assert!(TcpStream::connect(served.address).await.is_err(), "nothing new is accepted");
    release.notify_one();
    let answer = rest(&mut open).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    served.task.await.expect("ended");
    assert!(began.elapsed() < Duration::from_secs(1), "nobody waits for a time limit: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_finish_is_cut_off_in_the_end() {
    let never = Router::new().route("/", get(|| async { std::future::pending::<&str>().await }));
    let served = serve(never, None, CONNECTIONS_MAX).await;
    let mut open = served.connect().await;
    open.write_all(REQUEST).await.expect("sent");
    let began = Instant::now();
    served.phase.send(Phase::Draining).expect("served");
    served.phase.send(Phase::Ending).expect("served");
    assert_eq!(rest(&mut open).await, "");
    served.task.await.expect("ended");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn heads_have_bounds() {
    let served = serve(hello(), None, CONNECTIONS_MAX).await;
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX + 1));
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "b".repeat(HEAD_BYTES_MAX));
    let target = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "b".repeat(HEAD_BYTES_MAX));
    for head in [many, long, target] {
        let mut stream = served.connect().await;
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414") || answer.is_empty(), "{answer}");
    }
    assert!(one_answer(&mut served.connect().await).await.ends_with("hello"));
}
