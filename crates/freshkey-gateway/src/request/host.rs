//! The host of a request.

use crate::limits::HOST_BYTES_MAX;
use crate::reason::Ambiguity;
use http::{HeaderMap, header};
use std::borrow::Cow;

/// A host name or address in lower case, and the port that was said with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host<'r> {
    authority: Cow<'r, str>,
    name_bytes: usize,
}

impl<'r> Host<'r> {
    /// The host of a request with these headers. An authority of the target and a `Host` must agree; without a host nothing is judged.
    pub fn of_request(authority: Option<&'r str>, headers: &'r HeaderMap) -> Result<Self, Ambiguity> {
        let mut values = headers.get_all(header::HOST).iter();
        let named = values.next();
        if values.next().is_some() {
            return Err(Ambiguity::Host);
        }
        let named = named.map(|value| value.to_str().map_err(|_| Ambiguity::Host)).transpose()?;
        match (authority, named) {
            (Some(authority), Some(named)) if !authority.eq_ignore_ascii_case(named) => Err(Ambiguity::Host),
            (Some(text), _) | (None, Some(text)) => Self::parse(text),
            (None, None) => Err(Ambiguity::Host),
        }
    }

    /// Reads `name`, `name:port`, `[address]` or `[address]:port`. No user, no dot at the end.
    pub fn parse(text: &'r str) -> Result<Self, Ambiguity> {
        let good = |condition: bool| if condition { Ok(()) } else { Err(Ambiguity::Host) };
        good(!text.is_empty() && text.len() <= HOST_BYTES_MAX)?;
        let name_bytes = if text.starts_with('[') {
            text.find(']').ok_or(Ambiguity::Host)? + 1
        } else {
            text.bytes().position(|byte| byte == b':').unwrap_or(text.len())
        };
        let (name, port) = text.split_at(name_bytes);
        if let Some(address) = name.strip_prefix('[') {
            let address = address.trim_end_matches(']');
            good(address.parse::<std::net::Ipv6Addr>().is_ok())?;
        } else {
            let is_label =
                |label: &[u8]| !label.is_empty() && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            good(name.as_bytes().split(|byte| *byte == b'.').all(is_label))?;
        }
        if let Some(port) = port.strip_prefix(':') {
            good(!port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())?;
        } else {
            good(port.is_empty())?;
        }
        let authority =
            if text.bytes().any(|byte| byte.is_ascii_uppercase()) { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) };
        Ok(Self { authority, name_bytes })
    }

    /// The name, without the port.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.authority[..self.name_bytes]
    }

    /// The name with its port, as it is passed on.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}
