//! A stream whose framing is checked as it is read. A message that is wrong is held back, and the HTTP layer behind gets a byte in its place that it
//! answers with 400; one whose head is out of our hands already breaks the connection.

use super::framing::FramingScanner;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct Inspected<S> {
    stream: S,
    /// What was read before, to be read first.
    beginning: Vec<u8>,
    scanner: FramingScanner,
    /// Set when the connection was handed over to another protocol.
    handed_over: Arc<AtomicBool>,
    /// What of the poison has not been handed out, once something was wrong.
    poison: Option<&'static [u8]>,
    peer: IpAddr,
}

/// No part of a request's head has a zero; and the end of a head, so that the layer behind looks at it.
const POISON: &[u8] = b"\0\r\n\r\n";

impl<S> Inspected<S> {
    pub(super) fn new(stream: S, beginning: Vec<u8>, handed_over: Arc<AtomicBool>, peer: IpAddr) -> Self {
        Self { stream, beginning, scanner: FramingScanner::default(), handed_over, poison: None, peer }
    }

    /// As much as there is room for. Afterwards the stream is at its end.
    fn hand_out_poison(&mut self, buffer: &mut ReadBuf<'_>) {
        let poison = self.poison.unwrap_or_default();
        let (now, later) = poison.split_at(poison.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.poison = Some(later);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Inspected<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.poison.is_some() {
            self.hand_out_poison(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if self.beginning.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        } else {
            let room = self.beginning.len().min(buffer.remaining());
            buffer.put_slice(&self.beginning[..room]);
            self.beginning.drain(..room);
        }
        if self.scanner.is_handed_over() {
            return Poll::Ready(Ok(()));
        }
        if self.handed_over.load(Ordering::Acquire) {
            self.scanner.hand_over();
            return Poll::Ready(Ok(()));
        }
        let Err(violation) = self.scanner.feed(&buffer.filled()[before..]) else { return Poll::Ready(Ok(())) };
        self.poison = Some(POISON);
        let reason = crate::reason::Ambiguity::Framing.as_str();
        tracing::info!(peer = %self.peer, reason, fault = %violation.fault, "refused");
        metrics::counter!("freshkey_gateway_decisions_total", "front" => "", "decision" => "deny", "reason" => reason).increment(1);
        match violation.sound_bytes {
            Some(sound) => {
                buffer.set_filled(before + sound);
                self.hand_out_poison(buffer);
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the framing of a body is wrong"))),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Inspected<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
