//! The first bytes of a connection without TLS: they tell HTTP/2 from HTTP/1.1. Who sends none is not waited for.

use super::Protocol;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What an HTTP/2 connection begins with (RFC 9113 §3.4), as far as it is needed: no method of HTTP/1.1 is `PRI`.
const HTTP2: &[u8] = b"PRI ";

/// Reads until it is clear. The bytes go to whoever reads on.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(Protocol, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(HTTP2.len());
    while bytes.len() < HTTP2.len() {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.push(byte[0]);
        if !HTTP2.starts_with(&bytes) {
            return Ok((Protocol::Http1, bytes));
        }
    }
    Ok((Protocol::Http2, bytes))
}
