//! Accepts connections and speaks HTTP/1.1 over them, plain or in TLS. Everything that a slow or greedy peer could hold on to has a bound
//! (T-097); what is answered is decided behind [`Envelope`].

mod patience;
#[cfg(test)]
mod tests;

use crate::caller::Scheme;
use crate::envelope::Envelope;
use crate::limits::{ACCEPT_PAUSE, HANDSHAKE_TIMEOUT, HEAD_BYTES_MAX, HEAD_TIMEOUT};
use crate::routes::Connection;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use patience::Patient;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// A socket that is listened on, and how.
pub struct Listener {
    socket: TcpListener,
    transport: Transport,
    connections_max: usize,
}

/// How bytes travel.
#[derive(Clone)]
pub enum Transport {
    /// In clear.
    Plain,
    /// In TLS.
    Tls(TlsAcceptor),
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
    pub async fn bind(address: SocketAddr, transport: Transport, connections_max: usize) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, transport, connections_max: connections_max.clamp(1, Semaphore::MAX_PERMITS) })
    }

    /// The address, with the port that was given when none was asked for.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until the phase says to stop, and returns when every connection has ended.
    pub async fn serve(self, envelope: Arc<Envelope>, mut phase: watch::Receiver<Phase>) {
        let Self { socket, transport, connections_max } = self;
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
            let connection = Connection { peer, scheme: transport.scheme() };
            tokio::spawn(run(stream, connection, transport.clone(), Arc::clone(&envelope), draining.clone(), place));
        }
        drop(socket);
        // Every connection holds a place for as long as it lives.
        let all = u32::try_from(connections_max).unwrap_or(u32::MAX);
        let _ = places.acquire_many(all).await;
    }
}

impl Transport {
    fn scheme(&self) -> Scheme {
        match self {
            Self::Plain => Scheme::Http,
            Self::Tls(_) => Scheme::Https,
        }
    }
}

/// Waits for a phase, or for the sender to be gone.
pub(crate) async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

async fn accept(socket: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = socket.accept().await?;
    Ok((stream, peer, place))
}

async fn run(
    stream: TcpStream,
    connection: Connection,
    transport: Transport,
    envelope: Arc<Envelope>,
    mut phase: watch::Receiver<Phase>,
    _place: OwnedSemaphorePermit,
) {
    // Answers are written whole; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    match transport {
        Transport::Plain => speak(stream, connection, envelope, phase).await,
        Transport::Tls(acceptor) => {
            let handshake = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
            let outcome = tokio::select! {
                outcome = handshake => outcome,
                () = reached(&mut phase, Phase::Draining) => return,
            };
            match outcome {
                Ok(Ok(stream)) => speak(stream, connection, envelope, phase).await,
                Ok(Err(error)) => tracing::debug!(peer = %connection.peer, error = %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %connection.peer, "a TLS handshake took too long"),
            }
        }
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    connection: Connection,
    envelope: Arc<Envelope>,
    mut phase: watch::Receiver<Phase>,
) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let envelope = Arc::clone(&envelope);
        async move { Ok::<_, Infallible>(envelope.handle(request.map(Body::new), connection).await) }
    });
    // The bound on the number of header lines is the library's own, `HEADERS_MAX`: to name it here would cost an allocation for each request.
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    tokio::pin!(conversation);
    let outcome = tokio::select! {
        outcome = conversation.as_mut() => outcome,
        () = reached(&mut phase, Phase::Draining) => {
            conversation.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = conversation.as_mut() => outcome,
                () = reached(&mut phase, Phase::Ending) => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(peer = %connection.peer, error = %error, "a connection ended early");
    }
}
