//! Speaks HTTP/1.1 with whoever has connected; what is answered is decided behind [`Envelope`]. Everything that a slow or greedy peer could hold on to has
//! a bound (T-097).

#[cfg(test)]
mod tests;

use crate::caller::Scheme;
use crate::envelope::Envelope;
use crate::limits::{HEAD_BYTES_MAX, HEAD_TIMEOUT};
use crate::routes;
use axum::body::Body;
use freshkey_service::listener::{Connection, Phase, Speaker, until_ended};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// What a listener in TLS offers (RFC 7301).
pub const PROTOCOLS: &[&[u8]] = &[b"http/1.1"];

impl Speaker for Envelope {
    async fn speak<S>(self: Arc<Self>, stream: S, connection: Connection, phase: watch::Receiver<Phase>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Connection { peer, is_encrypted, .. } = connection;
        let caller = routes::Connection { peer, scheme: if is_encrypted { Scheme::Https } else { Scheme::Http } };
        let service = service_fn(move |request: http::Request<Incoming>| {
            let envelope = Arc::clone(&self);
            async move { Ok::<_, Infallible>(envelope.handle(request.map(Body::new), caller).await) }
        });
        // The bound on the number of header lines is the library's own, `HEADERS_MAX`: to name it here would cost an allocation for each request.
        let conversation = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        until_ended(conversation, |conversation| conversation.graceful_shutdown(), peer, phase).await;
    }
}
