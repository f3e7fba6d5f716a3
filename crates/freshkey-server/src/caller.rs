//! Who is calling: address and scheme, believed from headers only when the peer is a listed proxy.

use axum::http::{HeaderMap, HeaderName};
use freshkey_service::network::TrustedProxies;
use std::net::{IpAddr, SocketAddr};

/// What is known of the caller of one request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The caller's address, or the one that a trusted proxy names.
    pub address: IpAddr,
    /// Whether the caller came by HTTPS.
    pub scheme: Scheme,
    /// Names this request in the log, in events and in answers to unexpected failures: the trace id of `traceparent`, or a fresh one.
    pub correlation_id: String,
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Encrypted.
    Https,
    /// In clear.
    Http,
}

/// The address and scheme of the caller behind `peer`.
///
/// Of `X-Forwarded-For` the last address that is not a trusted proxy counts: everything before it is hearsay. From an unlisted peer no
/// header is believed (T-047).
pub fn resolve(proxies: &TrustedProxies, peer: SocketAddr, scheme: Scheme, headers: &HeaderMap) -> (IpAddr, Scheme) {
    let peer = peer.ip().to_canonical();
    if !proxies.trusts(peer) {
        return (peer, scheme);
    }
    let forwarded_for = header(headers, &X_FORWARDED_FOR).map(|list| list.rsplit(',').map(str::trim));
    let address = forwarded_for
        .into_iter()
        .flatten()
        .map_while(|text| text.parse::<IpAddr>().ok())
        .find(|address| !proxies.trusts(*address))
        .unwrap_or(peer);
    let scheme = match header(headers, &X_FORWARDED_PROTO) {
        Some("https") => Scheme::Https,
        Some("http") => Scheme::Http,
        _ => scheme,
    };
    (address.to_canonical(), scheme)
}

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The trace id of a well-formed W3C `traceparent`: 32 lower-case hexadecimal digits, not all zero.
pub fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut parts = header(headers, &TRACEPARENT)?.split('-');
    let (version, trace_id) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let good = version.len() == 2
        && version != "ff"
        && is_hex(version)
        && trace_id.len() == 32
        && is_hex(trace_id)
        && trace_id.bytes().any(|byte| byte != b'0');
    good.then_some(trace_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshkey_service::network::Network;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn t_047_headers_of_an_unlisted_peer_are_not_believed() {
        let peer = "203.0.113.9:4711".parse().unwrap();
        let lies = headers(&[("x-forwarded-for", "10.1.1.1"), ("x-forwarded-proto", "https")]);
        let proxies = TrustedProxies::new(vec![Network::parse("10.0.0.0/8").unwrap()]);
        assert_eq!(resolve(&proxies, peer, Scheme::Http, &lies), ("203.0.113.9".parse().unwrap(), Scheme::Http));
    }

    #[test]
    fn a_listed_proxy_names_the_last_address_that_is_no_proxy() {
        let proxies = TrustedProxies::new(vec![Network::parse("10.0.0.0/8").unwrap(), Network::parse("::1").unwrap()]);
        let chain = headers(&[("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.2"), ("x-forwarded-proto", "https")]);
        let peer = "[::ffff:10.0.0.1]:80".parse().unwrap();
        assert_eq!(resolve(&proxies, peer, Scheme::Http, &chain), ("198.51.100.7".parse().unwrap(), Scheme::Https));
        let garbage = headers(&[("x-forwarded-for", "198.51.100.7, canary")]);
        assert_eq!(resolve(&proxies, peer, Scheme::Http, &garbage).0, "10.0.0.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn only_a_well_formed_traceparent_is_taken_over() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(&headers(&[("traceparent", &format!("00-{id}-00f067aa0ba902b7-01"))])), Some(id));
        for wrong in [
            "00-XX",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(trace_id(&headers(&[("traceparent", wrong)])), None, "{wrong}");
        }
    }
}
