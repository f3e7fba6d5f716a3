//! HTTP/1.1 read by hand, and the ways in which servers read a path.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The first line and the headers of a message, names in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) lines: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Head and body of a message that came whole.
    pub(crate) fn split(message: &[u8]) -> Option<(Self, &[u8])> {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n")?;
        Some((Self::parse(&message[..end])?, &message[end + 4..]))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = String::from_utf8(lines.next()?.to_vec()).ok()?;
        let mut head = Self { first, lines: Vec::new() };
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = std::str::from_utf8(&line[..colon]).ok()?.to_ascii_lowercase();
            head.lines.push((name, line[colon + 1..].trim_ascii().to_vec()));
        }
        Some(head)
    }

    pub(crate) fn request_line(&self) -> Option<(&str, &str)> {
        let mut parts = self.first.split(' ');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(method), Some(target), Some("HTTP/1.1"), None) => Some((method, target)),
            _ => None,
        }
    }

    /// The value of a header that is there once.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.only(name).ok()
    }

    pub(crate) fn only(&self, name: &str) -> Result<&str, String> {
        let mut values = self.lines.iter().filter(|(own, _)| own == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => std::str::from_utf8(value).map_err(|error| error.to_string()),
            _ => Err(format!("{name} is not there once")),
        }
    }

    /// The headers by name; values of one name stay in their order.
    pub(crate) fn sorted(&self) -> Vec<(String, Vec<u8>)> {
        let mut lines = self.lines.clone();
        lines.sort_by(|(one, _), (two, _)| one.cmp(two));
        lines
    }
}

/// Reads messages from a connection.
pub(crate) struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::with_capacity(16 * 1024) }
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    async fn more(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// The next head, and its bytes.
    pub(crate) async fn head(&mut self) -> io::Result<(Head, Vec<u8>)> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let raw: Vec<u8> = self.buffer.drain(..end + 4).collect();
                let head = Head::parse(&raw[..end]).ok_or(io::ErrorKind::InvalidData)?;
                return Ok((head, raw));
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < bytes {
            self.more().await?;
        }
        Ok(self.buffer.drain(..bytes).collect())
    }

    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let mut line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                line.truncate(end);
                return Ok(line);
            }
            self.more().await?;
        }
    }

    async fn until_end(&mut self) -> Vec<u8> {
        while self.more().await.is_ok() {}
        std::mem::take(&mut self.buffer)
    }
}

/// The body of a message with this head.
pub(crate) async fn body(reader: &mut Reader, head: &Head) -> io::Result<Vec<u8>> {
    let has = |name: &str| head.lines.iter().any(|(own, _)| own == name);
    if has("transfer-encoding") {
        let mut body = Vec::new();
        loop {
            let line = reader.line().await?;
            let size = std::str::from_utf8(&line).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
            let size = size.ok_or(io::ErrorKind::InvalidData)?;
            body.extend(reader.exactly(size).await?);
            reader.line().await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match head.value("content-length") {
        Some(length) => reader.exactly(length.parse().map_err(|_| io::ErrorKind::InvalidData)?).await,
        None => Ok(Vec::new()),
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    /// Whether the connection is of no further use.
    pub(crate) is_last: bool,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }
}

/// A caller's connection.
pub(crate) struct Connection(Reader);

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connected");
        let _ = stream.set_nodelay(true);
        Self(Reader::new(stream))
    }

    /// Sends bytes, and reads one answer.
    pub(crate) async fn ask(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        // Who is refused may find the connection closed before everything was sent.
        let sent = self.0.stream().write_all(bytes).await;
        loop {
            let (head, _) = self.0.head().await?;
            if head.first.starts_with("HTTP/1.1 1") {
                continue;
            }
            let has_end = head.value("content-length").is_some() || head.value("transfer-encoding").is_some();
            let body = if has_end { body(&mut self.0, &head).await? } else { self.0.until_end().await };
            let is_closed = head.value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            let is_last = sent.is_err() || is_closed || !has_end || head.first.starts_with("HTTP/1.0");
            return Ok(Answer { head, body, is_last });
        }
    }
}

/// Percent-decoding, as a server does it that leaves alone what is no encoding.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let value = match bytes[at..] {
            [b'%', high, low, ..] => digit(high).zip(digit(low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        out.push(value.unwrap_or(bytes[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    out
}

/// Dot segments resolved, and slashes that follow each other merged.
fn resolved(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let mut whole: Vec<u8> = kept.iter().flat_map(|segment| [b"/", *segment].concat()).collect();
    if path.ends_with(b"/") {
        whole.push(b'/');
    }
    whole
}

fn with_slashes(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').map(|segment| segment.split(|byte| *byte == b';').next().unwrap_or_default()).collect();
    segments.join(&b'/')
}

fn cut(path: &[u8]) -> Vec<u8> {
    path.split(|byte| matches!(byte, 0 | b'?' | b'#')).next().unwrap_or_default().to_vec()
}

/// Whoever reads this path reads the same: once decoded or twice, before or after dots are resolved, with or without parameters, on Windows too.
pub(crate) fn every_reading_is_the_same(path: &str) -> Result<(), String> {
    let plain = decoded(path.as_bytes());
    let readings = [
        ("decoded twice", decoded(&plain)),
        ("resolved", resolved(&plain)),
        ("resolved, then decoded", decoded(&resolved(path.as_bytes()))),
        ("decoded twice, then resolved", resolved(&decoded(&plain))),
        ("backslashes", resolved(&with_slashes(&plain))),
        ("parameters removed, then decoded", decoded(&without_parameters(path.as_bytes()))),
        ("decoded, then parameters removed", resolved(&without_parameters(&plain))),
        ("as far as a C string goes", cut(&plain)),
    ];
    for (how, reading) in readings {
        if reading != plain {
            return Err(format!("{path:?} means {:?} to one who reads it {how}", String::from_utf8_lossy(&reading)));
        }
    }
    Ok(())
}
