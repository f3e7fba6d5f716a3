//! Bodies of type `application/x-www-form-urlencoded`: read into ordered pairs, nothing dropped, nothing guessed.
//! Whether a repeated parameter is an error is not decided here: Keycloak asks only after client authentication.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::limits::{FORM_BODY_BYTES_MAX, FORM_NAME_BYTES_MAX, FORM_PARAMETERS_MAX, FORM_VALUE_BYTES_MAX};

/// Why a body can't be read as a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormError {
    /// More than [`FORM_BODY_BYTES_MAX`] bytes.
    BodyTooLong,
    /// More than [`FORM_PARAMETERS_MAX`] parameters.
    TooManyParameters,
    /// A name above [`FORM_NAME_BYTES_MAX`] bytes.
    NameTooLong,
    /// A value above [`FORM_VALUE_BYTES_MAX`] bytes.
    ValueTooLong,
    /// A `%` that isn't followed by two hexadecimal digits.
    BadPercentEscape,
    /// The decoded bytes aren't UTF-8.
    NotUtf8,
    /// A zero byte; databases and log readers disagree about what follows it.
    ZeroByte,
}

/// The pairs of a form in the order in which they came, repeated ones included.
///
/// Names and values borrow from the body unless they contain an escape. A name without `=` has the empty value; empty
/// segments (`a=1&&b=2`) are skipped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Form<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    /// Reads a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, FormError> {
        if body.len() > FORM_BODY_BYTES_MAX {
            return Err(FormError::BodyTooLong);
        }
        let mut pairs = Vec::with_capacity(8);
        let mut rest = body;
        while !rest.is_empty() {
            let (segment, after) = split_at_byte(rest, b'&');
            rest = after.unwrap_or_default();
            if segment.is_empty() {
                continue;
            }
            if pairs.len() == FORM_PARAMETERS_MAX {
                return Err(FormError::TooManyParameters);
            }
            let (name, value) = split_at_byte(segment, b'=');
            let name = decode(name)?;
            let value = decode(value.unwrap_or_default())?;
            if name.len() > FORM_NAME_BYTES_MAX {
                return Err(FormError::NameTooLong);
            }
            if value.len() > FORM_VALUE_BYTES_MAX {
                return Err(FormError::ValueTooLong);
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// The first value under a name. `Some("")` is a parameter sent empty, `None` one not sent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_ref())
    }

    /// Every value under a name, in order. Token exchange may repeat `audience` and `resource` (RFC 8693 §2.1).
    pub fn get_all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> + 's {
        self.pairs.iter().filter(move |(candidate, _)| candidate == name).map(|(_, value)| value.as_ref())
    }

    /// Whether a parameter was sent, even empty.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All pairs in the order of the body.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Number of pairs, repeated ones counted each time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether the body had no parameter at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Names that were sent more than once, each told once, sorted (RFC 6749 §3.2, T-017). The caller exempts what its
    /// grant may repeat.
    #[must_use]
    pub fn duplicates(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.pairs.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        let mut repeated: Vec<&str> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        repeated.dedup();
        repeated
    }
}

/// Writes pairs as a form body: unreserved characters as they are, space as `+`, everything else as `%XX`.
#[must_use]
pub fn encode_pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode_onto(name, &mut out);
        out.push('=');
        encode_onto(value, &mut out);
    }
    out
}

/// Decodes one name or value: `%XX` and `+` (RFC 6749 appendix B). Also used for the halves of Basic credentials.
pub(crate) fn decode(text: &[u8]) -> Result<Cow<'_, str>, FormError> {
    if memchr(0, text).is_some() {
        return Err(FormError::ZeroByte);
    }
    let Some(first) = memchr2(b'%', b'+', text) else {
        return std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| FormError::NotUtf8);
    };
    let mut decoded = Vec::with_capacity(text.len());
    let (plain, mut rest) = text.split_at(first);
    decoded.extend_from_slice(plain);
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'+' => {
                decoded.push(b' ');
                after
            }
            b'%' => {
                let (escaped, after) = percent_escape(after)?;
                decoded.push(escaped);
                after
            }
            _ => {
                let end = memchr2(b'%', b'+', rest).unwrap_or(rest.len());
                let (plain, after) = rest.split_at(end);
                decoded.extend_from_slice(plain);
                after
            }
        };
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| FormError::NotUtf8)
}

fn percent_escape(text: &[u8]) -> Result<(u8, &[u8]), FormError> {
    let [high, low, after @ ..] = text else { return Err(FormError::BadPercentEscape) };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return Err(FormError::BadPercentEscape) };
    match high << 4 | low {
        0 => Err(FormError::ZeroByte),
        byte => Ok((byte, after)),
    }
}

fn split_at_byte(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match memchr(separator, text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn encode_onto(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(DIGITS[usize::from(byte >> 4)]));
                out.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests;
