//! Speaks HTTP/1.1 or HTTP/2 with whoever has connected, behind a look at the framing. Everything that a slow or greedy peer could hold on to has a bound
//! (T-097); what is answered is decided by the front behind it.

mod beginning;
pub mod framing;
mod inspected;

use crate::answer::AnswerBody;
use crate::limits::{HEAD_BYTES_MAX, HEAD_TIMEOUT, HTTP2_STREAMS_MAX};
use freshkey_service::listener::{Listener, Phase, Speaker, reached, until_ended};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use inspected::Inspected;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;

pub use freshkey_service::listener::Connection;

/// What a listener in TLS offers (RFC 7301).
pub const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Answers requests.
pub trait Front: Send + Sync + 'static {
    /// The answer to a request.
    fn answer(&self, request: Request<Incoming>, connection: Connection) -> impl Future<Output = Response<AnswerBody>> + Send;
}

/// Serves until the phase says to stop, and returns when every connection has ended.
pub async fn serve<F: Front>(listener: Listener, front: Arc<F>, phase: watch::Receiver<Phase>) {
    listener.serve(Arc::new(Http(front)), phase).await;
}

/// HTTP/1.1 or HTTP/2, for a front.
struct Http<F>(Arc<F>);

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

impl<F: Front> Speaker for Http<F> {
    async fn speak<S>(self: Arc<Self>, mut stream: S, connection: Connection, mut phase: watch::Receiver<Phase>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (protocol, beginning) = if connection.is_encrypted {
            (if connection.is_http2 { Protocol::Http2 } else { Protocol::Http1 }, Vec::new())
        } else {
            let begun = tokio::select! {
                begun = timeout(HEAD_TIMEOUT, beginning::read(&mut stream)) => begun,
                () = reached(&mut phase, Phase::Draining) => return,
            };
            let Ok(Ok(begun)) = begun else { return };
            begun
        };
        let peer = connection.peer;
        let handed_over = Arc::new(AtomicBool::new(false));
        let stream = TokioIo::new(Inspected::new(stream, beginning, Arc::clone(&handed_over), peer.ip()));
        let service = service_fn(move |request: Request<Incoming>| {
            let (front, handed_over) = (Arc::clone(&self.0), Arc::clone(&handed_over));
            async move {
                let response = front.answer(request, connection).await;
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    handed_over.store(true, Ordering::Release);
                }
                Ok::<_, Infallible>(response)
            }
        });
        match protocol {
            // The bound on the number of header lines is the library's own, 100: to name it here would cost an allocation for each request.
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIMEOUT)
                    .max_header_size(HEAD_BYTES_MAX)
                    .max_buf_size(HEAD_BYTES_MAX);
                let conversation = builder.serve_connection(stream, service).with_upgrades();
                until_ended(conversation, |conversation| conversation.graceful_shutdown(), peer, phase).await;
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder
                    .timer(TokioTimer::new())
                    .max_concurrent_streams(HTTP2_STREAMS_MAX)
                    .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
                    .keep_alive_interval(HEAD_TIMEOUT);
                let conversation = builder.serve_connection(stream, service);
                until_ended(conversation, |conversation| conversation.graceful_shutdown(), peer, phase).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
