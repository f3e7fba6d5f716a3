//! Accepts connections, plain or in TLS, and bounds what a slow or greedy peer could hold on to (T-097). What is spoken over them is for a [`Speaker`].

mod patience;

use crate::limits::{ACCEPT_PAUSE, HANDSHAKE_TIMEOUT};
use patience::Patient;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// Speaks with whoever has connected, until the connection ends.
pub trait Speaker: Send + Sync + 'static {
    /// Holds one conversation. It has bounds of its own for whatever is slow while reading; a peer that takes nothing is dealt with here.
    fn speak<S>(self: Arc<Self>, stream: S, connection: Connection, phase: watch::Receiver<Phase>) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static;
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
    /// Whether TLS agreed on HTTP/2. Without TLS the first bytes tell.
    pub is_http2: bool,
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
    /// Takes an address; in clear without an acceptor.
    pub async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>, connections_max: usize) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, tls, connections_max: connections_max.clamp(1, Semaphore::MAX_PERMITS) })
    }

    /// The address, with the port that was given when none was asked for.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until the phase says to stop, and returns when every connection has ended.
    pub async fn serve<T: Speaker>(self, speaker: Arc<T>, mut phase: watch::Receiver<Phase>) {
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
            tokio::spawn(run(stream, peer, tls.clone(), Arc::clone(&speaker), draining.clone(), place));
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

/// Holds a conversation until it has ended. When there is a stop it is asked once to come to its end, and in the last phase it is broken off.
pub async fn until_ended<C, E>(conversation: C, ask: impl FnOnce(Pin<&mut C>), peer: SocketAddr, mut phase: watch::Receiver<Phase>)
where
    C: Future<Output = Result<(), E>>,
    E: fmt::Display,
{
    let mut conversation = pin!(conversation);
    let outcome = tokio::select! {
        outcome = conversation.as_mut() => outcome,
        () = reached(&mut phase, Phase::Draining) => {
            ask(conversation.as_mut());
            tokio::select! {
                outcome = conversation.as_mut() => outcome,
                () = reached(&mut phase, Phase::Ending) => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(peer = %peer, error = %error, "a connection ended early");
    }
}

async fn accept(socket: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = socket.accept().await?;
    Ok((stream, peer, place))
}

async fn run<T: Speaker>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    speaker: Arc<T>,
    mut phase: watch::Receiver<Phase>,
    _place: OwnedSemaphorePermit,
) {
    // Answers are written whole; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream);
    let Some(acceptor) = tls else {
        return speaker.speak(stream, Connection { peer, is_encrypted: false, is_http2: false }, phase).await;
    };
    let outcome = tokio::select! {
        outcome = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)) => outcome,
        () = reached(&mut phase, Phase::Draining) => return,
    };
    match outcome {
        Ok(Ok(stream)) => {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            speaker.speak(stream, Connection { peer, is_encrypted: true, is_http2 }, phase).await;
        }
        Ok(Err(error)) => tracing::debug!(peer = %peer, error = %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(peer = %peer, "a TLS handshake took too long"),
    }
}
