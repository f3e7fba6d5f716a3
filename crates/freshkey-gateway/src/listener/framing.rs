//! The framing of HTTP/1.1, checked before anything else reads it (T-077). Strict where the library behind it is tolerant: what another server on the
//! way might cut elsewhere is refused. Nothing is changed and nothing is kept; it only follows where messages begin and end.

use crate::limits::HEAD_BYTES_MAX;
use std::fmt;

/// Follows the messages of one connection.
#[derive(Debug, Default)]
pub struct FramingScanner {
    state: State,
    /// The part of a line that came with earlier bytes.
    partial: Vec<u8>,
    head: Head,
    has_begun: bool,
}

/// What is wrong, and how much was right before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// What.
    pub fault: FramingFault,
    /// Bytes of those that were fed that belong to messages before the wrong one. `None` when the head of the wrong one is out of our hands already.
    pub sound_bytes: Option<usize>,
}

/// What can be wrong with the framing of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingFault {
    /// A line that does not end with CR LF, or with a CR in it.
    LineEnd,
    /// The first line is not `METHOD target HTTP/1.1`.
    RequestLine,
    /// A fragment in the target.
    Fragment,
    /// A header without a proper name and a colon right after it, or with control characters in its value.
    Header,
    /// A header that goes on in the next line.
    FoldedHeader,
    /// Two lengths, a length with an encoding, an encoding other than `chunked`, or a length that is no plain number.
    Length,
    /// A chunk without a plain size, with an extension, or without its end.
    Chunk,
    /// Headers after the body.
    Trailer,
    /// A head beyond all bounds.
    TooLong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    RequestLine,
    Header,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    LastChunkEnd,
    /// HTTP/2, or whatever the connection was handed over to.
    Opaque,
}

#[derive(Debug, Clone, Copy, Default)]
struct Head {
    bytes: usize,
    is_http_10: bool,
    length: Option<u64>,
    is_chunked: bool,
}

impl fmt::Display for FramingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineEnd => "line end",
            Self::RequestLine => "request line",
            Self::Fragment => "fragment",
            Self::Header => "header",
            Self::FoldedHeader => "folded header",
            Self::Length => "length",
            Self::Chunk => "chunk",
            Self::Trailer => "trailer",
            Self::TooLong => "too long",
        })
    }
}

impl FramingScanner {
    /// The connection speaks something else from now on.
    pub fn hand_over(&mut self) {
        self.state = State::Opaque;
        self.partial = Vec::new();
    }

    /// Whether it follows nothing any more.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.state == State::Opaque
    }

    /// Follows the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        // Where the message that is followed begins, as far as it can still be held back.
        let mut message_at = if self.is_head_open() { Some(0) } else { None };
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.state {
                State::Opaque => return Ok(()),
                State::Body(left) => {
                    let taken = take(left, rest.len());
                    at += taken.0;
                    self.state = if taken.1 == 0 { State::RequestLine } else { State::Body(taken.1) };
                }
                State::Chunk(left) => {
                    let taken = take(left, rest.len());
                    at += taken.0;
                    self.state = if taken.1 == 0 { State::ChunkEnd } else { State::Chunk(taken.1) };
                }
                State::RequestLine | State::Header | State::ChunkSize | State::ChunkEnd | State::LastChunkEnd => {
                    if self.state == State::RequestLine && self.partial.is_empty() {
                        message_at = Some(at);
                    }
                    let fail = |fault| Violation { fault, sound_bytes: message_at };
                    at += self.line(rest).map_err(fail)?;
                }
            }
        }
        Ok(())
    }

    /// Whether nothing of the current message's head has been passed on as a whole.
    fn is_head_open(&self) -> bool {
        matches!(self.state, State::RequestLine | State::Header)
    }

    /// Takes a line, or the part of one that there is. Answers with the bytes that it took.
    fn line(&mut self, rest: &[u8]) -> Result<usize, FramingFault> {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            if self.partial.len() + rest.len() > HEAD_BYTES_MAX {
                return Err(FramingFault::TooLong);
            }
            self.partial.extend_from_slice(rest);
            return Ok(rest.len());
        };
        if self.partial.is_empty() {
            self.whole_line(&rest[..end])?;
        } else {
            let mut line = std::mem::take(&mut self.partial);
            line.extend_from_slice(&rest[..end]);
            self.whole_line(&line)?;
            line.clear();
            self.partial = line;
        }
        Ok(end + 1)
    }

    /// A line without its LF.
    fn whole_line(&mut self, line: &[u8]) -> Result<(), FramingFault> {
        let line = line.strip_suffix(b"\r").ok_or(FramingFault::LineEnd)?;
        if memchr::memchr(b'\r', line).is_some() {
            return Err(FramingFault::LineEnd);
        }
        match self.state {
            State::RequestLine => self.request_line(line),
            State::Header if line.is_empty() => {
                self.end_of_head();
                Ok(())
            }
            State::Header => self.header(line),
            State::ChunkSize => {
                let size = hexadecimal(line).ok_or(FramingFault::Chunk)?;
                self.state = if size == 0 { State::LastChunkEnd } else { State::Chunk(size) };
                Ok(())
            }
            State::ChunkEnd if line.is_empty() => {
                self.state = State::ChunkSize;
                Ok(())
            }
            State::LastChunkEnd if line.is_empty() => {
                self.state = State::RequestLine;
                Ok(())
            }
            State::ChunkEnd => Err(FramingFault::Chunk),
            State::LastChunkEnd => Err(FramingFault::Trailer),
            State::Body(_) | State::Chunk(_) | State::Opaque => Ok(()),
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), FramingFault> {
        if !std::mem::replace(&mut self.has_begun, true) && line == b"PRI * HTTP/2.0" {
            self.hand_over();
            return Ok(());
        }
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(FramingFault::RequestLine);
        };
        if !is_token(method) || target.is_empty() || !all(target, |byte| matches!(byte, 0x21..=0x7e)) {
            return Err(FramingFault::RequestLine);
        }
        if target.contains(&b'#') {
            return Err(FramingFault::Fragment);
        }
        let is_http_10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(FramingFault::RequestLine),
        };
        self.head = Head { bytes: line.len(), is_http_10, ..Head::default() };
        self.state = State::Header;
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<(), FramingFault> {
        self.head.bytes += line.len();
        if self.head.bytes > HEAD_BYTES_MAX {
            return Err(FramingFault::TooLong);
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(FramingFault::FoldedHeader);
        }
        let colon = memchr::memchr(b':', line).ok_or(FramingFault::Header)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if !is_token(name) || !all(value, |byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)) {
            return Err(FramingFault::Header);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value).ok_or(FramingFault::Length)?;
            if self.head.length.replace(length).is_some() || self.head.is_chunked {
                return Err(FramingFault::Length);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let is_good =
                value.eq_ignore_ascii_case(b"chunked") && !self.head.is_chunked && self.head.length.is_none() && !self.head.is_http_10;
            if !is_good {
                return Err(FramingFault::Length);
            }
            self.head.is_chunked = true;
        }
        Ok(())
    }

    fn end_of_head(&mut self) {
        self.state = match self.head {
            Head { is_chunked: true, .. } => State::ChunkSize,
            Head { length: Some(length), .. } if length > 0 => State::Body(length),
            _ => State::RequestLine,
        };
    }
}

/// How many of `there` bytes belong to the `left` that are awaited, and how many are awaited then.
fn take(left: u64, there: usize) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(there);
    (taken, left - taken as u64)
}

/// Whether all bytes are of a kind. Without a way out in the middle, so that many bytes are looked at in one step: most of what is read is tokens.
fn all(bytes: &[u8], is_good: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |good, byte| good & is_good(*byte))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| TOKEN_BYTES[usize::from(*byte)])
}

const TOKEN_BYTES: [bool; 256] = {
    // Every visible sign but the delimiters.
    let mut bytes = [false; 256];
    let mut byte = 0x21_u8;
    while byte < 0x7f {
        bytes[byte as usize] = !matches!(byte, b'"' | b'(' | b')' | b',' | b'/' | b':'..=b'@' | b'['..=b']' | b'{' | b'}');
        byte += 1;
    }
    bytes
};

/// A plain number, that every reader takes for the same.
fn decimal(text: &[u8]) -> Option<u64> {
    let is_plain = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    let is_plain = (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_hexdigit);
    u64::from_str_radix(std::str::from_utf8(text).ok().filter(|_| is_plain)?, 16).ok()
}

#[cfg(test)]
mod tests;
