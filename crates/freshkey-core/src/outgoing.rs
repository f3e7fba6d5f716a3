//! Which addresses this server may call by itself (T-051). A URL that somebody configured is a wish; whether it is granted is decided here, of the URL and
//! again of every address that its name turns out to have. Nothing here calls anybody.

use crate::limits::FETCHED_URL_BYTES_MAX;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A URL of which the parts are known: `https://keys.example/set?of=app`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedUrl {
    scheme: FetchedScheme,
    host: String,
    port: u16,
    target: String,
}

/// How a URL is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchedScheme {
    /// Encrypted, and from whom it claims to be.
    Https,
    /// In clear, which is for listed hosts only.
    Http,
}

impl FetchedUrl {
    /// Reads an absolute URL. One with a user, a fragment, blanks or anything else that two parsers may read in two ways is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > FETCHED_URL_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}#@".contains(&byte)) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => FetchedScheme::Https,
            "http" => FetchedScheme::Http,
            _ => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (host, port) = host_and_port(authority)?;
        let own_port = match scheme {
            FetchedScheme::Https => 443,
            FetchedScheme::Http => 80,
        };
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Some(Self { scheme, host, port: port.unwrap_or(own_port), target })
    }

    /// How it is fetched.
    pub fn scheme(&self) -> FetchedScheme {
        self.scheme
    }

    /// Name or address of the host, in lower case, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where the host listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The value of the header `Host`.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (FetchedScheme::Https, 443) | (FetchedScheme::Http, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for FetchedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            FetchedScheme::Https => "https",
            FetchedScheme::Http => "http",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.target)
    }
}

/// A host that may be called whatever its address is, and in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    host: String,
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads `keys.internal`, `keys.internal:8443`, `10.1.2.3` or `[fd00::1]:8443`. Without a port all ports are meant.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = host_and_port(text)?;
        Some(Self { host, port })
    }
}

/// Why a URL isn't fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCalled {
    /// It is in clear.
    InClear,
    /// The name has no address.
    NoAddress,
    /// This address is none of the public internet.
    NotPublic(IpAddr),
}

impl fmt::Display for NotCalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InClear => f.write_str("it is not https and the host is not listed in outgoing.allowed_hosts"),
            Self::NoAddress => f.write_str("the host has no address"),
            Self::NotPublic(address) => write!(f, "{address} is not a public address and the host is not listed in outgoing.allowed_hosts"),
        }
    }
}

/// Whether the URL may be fetched at all, before its host is looked for.
pub fn check_url(url: &FetchedUrl, allowed: &[AllowedHost]) -> Result<(), NotCalled> {
    if url.scheme == FetchedScheme::Https || is_listed(url, allowed) { Ok(()) } else { Err(NotCalled::InClear) }
}

/// The addresses that may be called, out of those that the host was found to have. One that may not be spoils all: an honest name has no such company.
///
/// The caller connects to one of these and asks for no address again, so that a name can't mean another host by then.
pub fn check_addresses<'a>(url: &FetchedUrl, found: &'a [IpAddr], allowed: &[AllowedHost]) -> Result<&'a [IpAddr], NotCalled> {
    if found.is_empty() {
        return Err(NotCalled::NoAddress);
    }
    match found.iter().find(|address| !is_public(**address)) {
        Some(address) if !is_listed(url, allowed) => Err(NotCalled::NotPublic(*address)),
        _ => Ok(found),
    }
}

fn is_listed(url: &FetchedUrl, allowed: &[AllowedHost]) -> bool {
    allowed.iter().any(|entry| entry.host == url.host && entry.port.is_none_or(|port| port == url.port))
}

/// Whether an address is one of the public internet, by IANA's registries of special-purpose addresses. An address that carries another is as that one is.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network, loopback, private networks, shared space of carriers.
        [0 | 10 | 127, ..] | [192, 168, ..] => true,
        [172, second, ..] => (16..32).contains(&second),
        [100, second, ..] => (64..128).contains(&second),
        // Link-local, the address of a cloud's metadata among them; the protocols' own; relays; documentation; measurements.
        [169, 254, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [first, ..] => first >= 224,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(carried) = carried_v4(address) {
        return is_public_v4(carried);
    }
    match address.segments() {
        // Protocols' own, Teredo among them; documentation.
        [0x2001, second, ..] if second < 0x0200 => false,
        [0x2001, 0x0db8, ..] => false,
        [0x3fff, second, ..] => second >= 0x1000,
        // Unicast of the internet; all else is unspecified, loopback, local, multicast or not given out.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// The address of version 4 that one of version 6 stands for: mapped, compatible, translated (RFC 6052), 6to4.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            (address.to_string(), port)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(end);
            let is_name =
                !host.is_empty() && host.len() <= 253 && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            (is_name.then(|| host.to_ascii_lowercase())?, port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((host, None)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((host, Some(digits.parse().ok().filter(|port| *port != 0)?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
