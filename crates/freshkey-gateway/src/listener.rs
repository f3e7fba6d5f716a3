//! Accepts connections and speaks HTTP/1.1 or HTTP/2 over them, plain or in TLS. Everything that a slow or greedy peer could hold on to has a bound
//! (T-097); what is answered is decided by the front behind it.

mod beginning;
pub mod framing;
mod inspected;
mod patience;

use crate::answer::AnswerBody;
use crate::limits::{ACCEPT_PAUSE, HANDSHAKE_TIMEOUT, HEAD_BYTES_MAX, HEAD_TIMEOUT, HTTP2_STREAMS_MAX};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use inspected::Inspected;
use patience::Patient;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// Answers requests.
pub trait Front: Send + Sync + 'static {
    /// The answer to a request.
    fn answer(&self, request: Request<Incoming>, connection: Connection) -> impl Future<Output = Response<AnswerBody>> + Send;
}

/// What is known of the connection of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
}

/// A socket that is listened on, and how.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    connections_max: usize,
}

/// How far a stop has come. Only ever moves down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Connections are accepted.
    Serving,
    /// None are accepted; open requests are finished.
    Draining,
    /// Everything ends now.
    Ending,
}

impl Listener {
    /// Takes an address.
    pub async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>, connections_max: usize) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, tls, connections_max: connections_max.clamp(1, Semaphore::MAX_PERMITS) })
    }

    /// The address, with the port that was given when none was asked for.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until the phase says to stop, and returns when every connection has ended.
    pub async fn serve<F: Front>(self, front: Arc<F>, mut phase: watch::Receiver<Phase>) {
        let Self { socket, tls, connections_max } = self;
        let places = Arc::new(Semaphore::new(connections_max));
        let draining = phase.clone();
        loop {
            // Without a place nothing is accepted: who comes now waits in the queue of the kernel.
            let (stream, peer, place) = tokio::select! {
                accepted = accept(&socket, &places) => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(error = %error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                () = reached(&mut phase, Phase::Draining) => break,
            };
            let connection = Connection { peer, is_encrypted: tls.is_some() };
            tokio::spawn(run(stream, connection, tls.clone(), Arc::clone(&front), draining.clone(), place));
        }
        drop(socket);
        // Every connection holds a place for as long as it lives.
        let all = u32::try_from(connections_max).unwrap_or(u32::MAX);
        let _ = places.acquire_many(all).await;
    }
}

/// Waits for a phase, or for the sender to be gone.
pub async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

async fn accept(socket: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = socket.accept().await?;
    Ok((stream, peer, place))
}

async fn run<F: Front>(
    stream: TcpStream,
    connection: Connection,
    tls: Option<TlsAcceptor>,
    front: Arc<F>,
    mut phase: watch::Receiver<Phase>,
    _place: OwnedSemaphorePermit,
) {
    // Answers are written whole; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let mut stream = Patient::new(stream);
    let Some(acceptor) = tls else {
        let begun = tokio::select! {
            begun = timeout(HEAD_TIMEOUT, beginning::read(&mut stream)) => begun,
            () = reached(&mut phase, Phase::Draining) => return,
        };
        if let Ok(Ok((protocol, beginning))) = begun {
            speak(stream, protocol, beginning, connection, front, phase).await;
        }
        return;
    };
    let outcome = tokio::select! {
        outcome = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)) => outcome,
        () = reached(&mut phase, Phase::Draining) => return,
    };
    match outcome {
        Ok(Ok(stream)) => {
            let protocol = if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 };
            speak(stream, protocol, Vec::new(), connection, front, phase).await;
        }
        Ok(Err(error)) => tracing::debug!(peer = %connection.peer, error = %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(peer = %connection.peer, "a TLS handshake took too long"),
    }
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// A conversation that can be asked to come to its end.
trait Conversation: Future<Output = hyper::Result<()>> {
    fn come_to_an_end(self: Pin<&mut Self>);
}

type Http1Conversation<S, V> = http1::UpgradeableConnection<TokioIo<Inspected<S>>, V>;
type Http2Conversation<S, V> = http2::Connection<TokioIo<Inspected<S>>, V, TokioExecutor>;

impl<S, V> Conversation for Http1Conversation<S, V>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    V: HttpService<Incoming, ResBody = AnswerBody>,
    V::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn come_to_an_end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, V> Conversation for Http2Conversation<S, V>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    V: HttpService<Incoming, ResBody = AnswerBody>,
    V::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    TokioExecutor: hyper::rt::bounds::Http2ServerConnExec<V::Future, AnswerBody>,
{
    fn come_to_an_end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn speak<S, F>(
    stream: S,
    protocol: Protocol,
    beginning: Vec<u8>,
    connection: Connection,
    front: Arc<F>,
    phase: watch::Receiver<Phase>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Front,
{
    let handed_over = Arc::new(AtomicBool::new(false));
    let stream = TokioIo::new(Inspected::new(stream, beginning, Arc::clone(&handed_over), connection.peer.ip()));
    let service = service_fn(move |request: Request<Incoming>| {
        let (front, handed_over) = (Arc::clone(&front), Arc::clone(&handed_over));
        async move {
            let response = front.answer(request, connection).await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                handed_over.store(true, Ordering::Release);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let outcome = match protocol {
        // The bound on the number of header lines is the library's own, 100: to name it here would cost an allocation for each request.
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_header_size(HEAD_BYTES_MAX).max_buf_size(HEAD_BYTES_MAX);
            until_ended(builder.serve_connection(stream, service).with_upgrades(), phase).await
        }
        Protocol::Http2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .max_concurrent_streams(HTTP2_STREAMS_MAX)
                .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
                .keep_alive_interval(HEAD_TIMEOUT);
            until_ended(builder.serve_connection(stream, service), phase).await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(peer = %connection.peer, error = %error, "a connection ended early");
    }
}

async fn until_ended(conversation: impl Conversation, mut phase: watch::Receiver<Phase>) -> hyper::Result<()> {
    tokio::pin!(conversation);
    tokio::select! {
        outcome = conversation.as_mut() => outcome,
        () = reached(&mut phase, Phase::Draining) => {
            conversation.as_mut().come_to_an_end();
            tokio::select! {
                outcome = conversation.as_mut() => outcome,
                () = reached(&mut phase, Phase::Ending) => Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
