//! The path of a request, in its one form. What could be read in two ways is refused instead of being repaired (T-069): whoever repairs disagrees,
//! sooner or later, with somebody who repairs differently.

use crate::limits::{PATH_SEGMENTS_MAX, TARGET_BYTES_MAX};
use crate::reason::Ambiguity;
use std::borrow::Cow;

/// A path that starts with a slash and has no empty segment but possibly the last, no dot segment, and no encoded character that could have been
/// written plainly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalPath<'r> {
    text: Cow<'r, str>,
    decoded: Cow<'r, str>,
    was_canonical: bool,
}

impl CanonicalPath<'_> {
    /// The path as it is passed on.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the path came in this form, but for the case of its hexadecimal digits, which is the same to every reader (RFC 3986 §6.2.2.1). A front
    /// that cannot change the path that goes on refuses it otherwise.
    #[must_use]
    pub fn was_canonical(&self) -> bool {
        self.was_canonical
    }

    /// The segments, decoded. A slash at the end adds none: applications take both for the same.
    pub fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        let inner = self.decoded[1..].strip_suffix('/').unwrap_or(&self.decoded[1..]);
        let is_root = inner.is_empty();
        inner.split('/').filter(move |_| !is_root)
    }
}

/// Splits a target into path and query and reads the path.
pub(super) fn parse_target(target: &str) -> Result<(CanonicalPath<'_>, Option<&str>), Ambiguity> {
    if target.len() > TARGET_BYTES_MAX || !target.starts_with('/') {
        return Err(Ambiguity::Target);
    }
    let (path, query) = match memchr::memchr(b'?', target.as_bytes()) {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    };
    if let Some(query) = query {
        check_query(query)?;
    }
    Ok((parse(path)?, query))
}

/// A query means to the application whatever it means there; only what ends it or hides in it is refused.
fn check_query(query: &str) -> Result<(), Ambiguity> {
    for byte in query.bytes() {
        match byte {
            b'#' | b'\\' => return Err(Ambiguity::Delimiter),
            0x21..=0x7e => {}
            _ => return Err(Ambiguity::Target),
        }
    }
    Ok(())
}

fn parse(path: &str) -> Result<CanonicalPath<'_>, Ambiguity> {
    let mut is_encoded = false;
    for byte in path.bytes() {
        match byte {
            b'%' => is_encoded = true,
            b';' | b'\\' | b'#' => return Err(Ambiguity::Delimiter),
            _ if is_plain(byte) => {}
            _ => return Err(Ambiguity::Target),
        }
    }
    let (text, decoded, was_canonical) = if is_encoded { decode(path)? } else { (Cow::Borrowed(path), Cow::Borrowed(path), true) };
    check_segments(&decoded)?;
    Ok(CanonicalPath { text, decoded, was_canonical })
}

fn check_segments(decoded: &str) -> Result<(), Ambiguity> {
    let mut segments = decoded.as_bytes()[1..].split(|byte| *byte == b'/').enumerate().peekable();
    while let Some((number, segment)) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"" if !is_last => return Err(Ambiguity::EmptySegment),
            b"." | b".." => return Err(Ambiguity::DotSegment),
            _ if number >= PATH_SEGMENTS_MAX => return Err(Ambiguity::Target),
            _ => {}
        }
    }
    Ok(())
}

type Decoded<'r> = (Cow<'r, str>, Cow<'r, str>, bool);

/// Decodes what is encoded. The text that is passed on keeps every encoded character that needs to be, with digits in upper case, and no other
/// (RFC 3986 §6.2.2).
fn decode(path: &str) -> Result<Decoded<'_>, Ambiguity> {
    let mut text = Vec::with_capacity(path.len());
    let mut decoded = Vec::with_capacity(path.len());
    let mut was_canonical = true;
    let mut bytes = path.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        if byte != b'%' {
            text.push(byte);
            decoded.push(byte);
            bytes = rest;
            continue;
        }
        let Some((digits, rest)) = rest.split_first_chunk::<2>() else { return Err(Ambiguity::Encoding) };
        let value = hexadecimal(digits[0]).zip(hexadecimal(digits[1])).map(|(high, low)| high << 4 | low).ok_or(Ambiguity::Encoding)?;
        match value {
            // These mean something where they are decoded: another path, the end of one, or another encoding.
            b'/' | b'\\' | b'.' | b';' | b'#' | b'?' | 0..=0x1f | 0x7f => return Err(Ambiguity::EncodedDelimiter),
            b'%' if matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()) => {
                return Err(Ambiguity::EncodedDelimiter);
            }
            _ if is_unreserved(value) => {
                text.push(value);
                was_canonical = false;
            }
            _ => text.extend_from_slice(&[b'%', digits[0].to_ascii_uppercase(), digits[1].to_ascii_uppercase()]),
        }
        decoded.push(value);
        bytes = rest;
    }
    let text = String::from_utf8(text).map_err(|_| Ambiguity::Encoding)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Ambiguity::Encoding)?;
    Ok((Cow::Owned(text), Cow::Owned(decoded), was_canonical))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// RFC 3986 §2.3, without the dot, whose encoded form is refused.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~')
}

/// What a path may have plainly: RFC 3986 §3.3 without the semicolon.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
        )
}
