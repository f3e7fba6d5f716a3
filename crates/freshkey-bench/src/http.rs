//! A client that costs little, so that one core can load another: HTTP/1.1 on one kept-alive connection, answers with a length.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// An answer, valid until the next request.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// For messages.
    pub(crate) fn shown(&self) -> String {
        let mut text = String::from_utf8_lossy(self.body).into_owned();
        text.truncate(text.floor_char_boundary(400));
        format!("{} {text}", self.status)
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, request: Vec::with_capacity(4096), answer: Vec::with_capacity(16 * 1024) })
    }

    /// Posts a form. The host is the server's public name, as behind a proxy.
    pub(crate) async fn post(&mut self, path: &str, host: &str, form: &str) -> Result<Answer<'_>, String> {
        self.request.clear();
        let head = [
            "POST ",
            path,
            " HTTP/1.1\r\nHost: ",
            host,
            "\r\nUser-Agent: freshkey-bench\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ",
            &form.len().to_string(),
            "\r\n\r\n",
            form,
        ];
        head.iter().for_each(|part| self.request.extend_from_slice(part.as_bytes()));
        self.stream.write_all(&self.request).await.map_err(|error| format!("the request could not be sent: {error}"))?;
        self.read().await
    }

    async fn read(&mut self) -> Result<Answer<'_>, String> {
        self.answer.clear();
        let (status, body, end) = loop {
            let read = self.stream.read_buf(&mut self.answer).await.map_err(|error| format!("the answer could not be read: {error}"))?;
            if read == 0 {
                return Err("the connection was closed before the answer was complete".to_owned());
            }
            if let Some((status, body, end)) = head(&self.answer)? {
                break (status, body, end);
            }
        };
        while self.answer.len() < end {
            if self.stream.read_buf(&mut self.answer).await.map_err(|error| error.to_string())? == 0 {
                return Err("the connection was closed in the middle of an answer".to_owned());
            }
        }
        Ok(Answer { status, body: &self.answer[body..end] })
    }
}

/// Status, beginning and end of the body, once the head is there.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>, String> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| "the head of an answer is not text".to_owned())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| format!("not an answer of HTTP/1.1: {text}"))?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.filter(|length| *length <= ANSWER_BYTES_MAX).ok_or_else(|| format!("an answer without a usable length: {text}"))?;
    Ok(Some((status, end + 4, end + 4 + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_tells_where_the_body_ends() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab"), Ok(Some((200, 38, 40))));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-le"), Ok(None));
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(head(b"SSH-2.0\r\n\r\n").is_err());
    }
}
