//! A client that costs little, so that one core can load another: HTTP/1.1 on one kept-alive connection, requests that are written before they
//! are sent, answers with a length or in chunks.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// An answer, valid until the next request.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: std::borrow::Cow<'a, [u8]>,
}

impl Answer<'_> {
    /// For messages.
    pub(crate) fn shown(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.body).into_owned();
        text.truncate(text.floor_char_boundary(400));
        format!("{} {text}", self.status)
    }

    pub(crate) fn json(&self) -> Result<serde_json::Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| format!("the answer is no JSON ({error}): {}", self.shown()))
    }
}

/// A request as it goes over the wire.
pub(crate) fn get(host: &str, path: &str) -> Vec<u8> {
    request("GET", host, path, "", "")
}

/// The same with more headers, each with its line end.
pub(crate) fn get_with(host: &str, path: &str, headers: &str) -> Vec<u8> {
    request("GET", host, path, headers, "")
}

/// A form, of pairs that are encoded here.
pub(crate) fn form(host: &str, path: &str, pairs: &[(&str, &str)]) -> Vec<u8> {
    encoded_form(host, path, &freshkey_protocol::form::encode_pairs(pairs.iter().copied()))
}

/// The same as a proxy passes it on, which was asked in TLS from this address.
pub(crate) fn form_from(host: &str, path: &str, address: &str, pairs: &[(&str, &str)]) -> Vec<u8> {
    let body = freshkey_protocol::form::encode_pairs(pairs.iter().copied());
    let headers = format!("Content-Type: application/x-www-form-urlencoded\r\nX-Forwarded-For: {address}\r\nX-Forwarded-Proto: https\r\n");
    request("POST", host, path, &headers, &body)
}

/// A form that is encoded already.
pub(crate) fn encoded_form(host: &str, path: &str, body: &str) -> Vec<u8> {
    request("POST", host, path, "Content-Type: application/x-www-form-urlencoded\r\n", body)
}

/// A document for an interface of administration.
pub(crate) fn document(host: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    request("POST", host, path, &format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n"), body)
}

fn request(method: &str, host: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if method == "GET" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: freshkey-bench\r\nAccept: */*\r\n{headers}{length}\r\n");
    [head.as_bytes(), body.as_bytes()].concat()
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>, String> {
        self.stream.write_all(request).await.map_err(|error| format!("the request could not be sent: {error}"))?;
        self.answer.clear();
        loop {
            if let Some((status, body)) = complete(&self.answer)? {
                return Ok(match body {
                    Body::At(begin, end) => Answer { status, body: self.answer[begin..end].into() },
                    Body::Joined(bytes) => Answer { status, body: bytes.into() },
                });
            }
            if self.answer.len() > ANSWER_BYTES_MAX {
                return Err("an answer is too long".to_owned());
            }
            let read = self.stream.read_buf(&mut self.answer).await.map_err(|error| format!("the answer could not be read: {error}"))?;
            if read == 0 {
                return Err("the connection was closed before the answer was complete".to_owned());
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Body {
    At(usize, usize),
    Joined(Vec<u8>),
}

/// Status and body, once all of it is there.
fn complete(bytes: &[u8]) -> Result<Option<(u16, Body)>, String> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| "the head of an answer is not text".to_owned())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| format!("not an answer of HTTP/1.1: {text}"))?;
    let begin = end + 4;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            let length: usize = value.trim().parse().map_err(|_| format!("an answer without a usable length: {text}"))?;
            return Ok((bytes.len() - begin >= length).then_some((status, Body::At(begin, begin + length))));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked") {
            return Ok(joined(&bytes[begin..])?.map(|body| (status, Body::Joined(body))));
        }
    }
    if status == 204 { Ok(Some((status, Body::At(begin, begin)))) } else { Err(format!("an answer without a length: {text}")) }
}

/// The chunks of a body put together; `None` while the last one is missing. Neither server sends trailers.
fn joined(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    loop {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&bytes[..end]).ok().and_then(|line| usize::from_str_radix(line.split(';').next()?.trim(), 16).ok());
        let size = size.filter(|size| *size <= ANSWER_BYTES_MAX).ok_or("a chunk without a size")?;
        let begin = end + 2;
        let Some(chunk) = bytes.get(begin..begin + size) else { return Ok(None) };
        if bytes.len() < begin + size + 2 {
            return Ok(None);
        }
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(chunk);
        bytes = &bytes[begin + size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_with_a_length_is_complete_when_it_is_all_there() {
        assert_eq!(complete(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab"), Ok(Some((200, Body::At(38, 40)))));
        assert_eq!(complete(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"), Ok(None));
        assert_eq!(complete(b"HTTP/1.1 200 OK\r\ncontent-le"), Ok(None));
        assert_eq!(complete(b"HTTP/1.1 204 No Content\r\n\r\n"), Ok(Some((204, Body::At(27, 27)))));
        assert!(complete(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(complete(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_put_together_once_the_last_one_is_there() {
        let whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n";
        assert_eq!(complete(whole), Ok(Some((200, Body::Joined(b"abc".to_vec())))));
        for end in 48..whole.len() {
            assert_eq!(complete(&whole[..end]), Ok(None), "{end}");
        }
        assert!(complete(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").is_err());
    }

    #[test]
    fn a_form_is_sent_with_its_length() {
        let text = String::from_utf8(form("a.example", "/b", &[("c", "d e")])).unwrap();
        assert!(text.starts_with("POST /b HTTP/1.1\r\nHost: a.example\r\n"), "{text}");
        assert!(text.ends_with("Content-Length: 5\r\n\r\nc=d+e") || text.ends_with("Content-Length: 7\r\n\r\nc=d%20e"), "{text}");
        assert!(!get("a.example", "/b").windows(7).any(|part| part == b"Content"));
    }
}
