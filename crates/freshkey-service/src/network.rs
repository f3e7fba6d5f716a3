//! Peers that may speak for others: proxies in front, whose word about a request is taken.

use std::fmt;
use std::net::IpAddr;

/// A network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// Which peers may speak for others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl Network {
    /// Reads `10.0.0.0/8` or a bare address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Some(bits), |text| text.parse().ok()).filter(|prefix| *prefix <= bits)?;
        Some(Self { address, prefix_bits })
    }

    /// Whether it is so large that trusting it is trusting strangers: every address, or nearly.
    #[must_use]
    pub fn is_everybody(self) -> bool {
        let bits_min = if self.address.is_ipv4() { 8 } else { 16 };
        self.prefix_bits < bits_min
    }

    fn contains(self, other: IpAddr) -> bool {
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix_bits);
                shift == 32 || own.to_bits() >> shift == other.to_bits() >> shift
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix_bits);
                shift == 128 || own.to_bits() >> shift == other.to_bits() >> shift
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

impl TrustedProxies {
    /// Trusts the peers of these networks, and nobody else.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether a peer may speak for others.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_070_networks_are_read_strictly_and_everybody_is_noticed() {
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "a/8", "10.0.0.0/x"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
        for everybody in ["0.0.0.0/0", "0.0.0.0/1", "::/0", "2000::/3", "::ffff:0:0/0"] {
            assert!(Network::parse(everybody).expect("a network").is_everybody(), "{everybody}");
        }
        assert!(!Network::parse("10.0.0.0/8").expect("a network").is_everybody());
        let proxies = TrustedProxies::new(vec![Network::parse("10.0.0.0/8").expect("a network")]);
        assert!(proxies.trusts("::ffff:10.1.2.3".parse().expect("an address")));
        assert!(!proxies.trusts("11.0.0.1".parse().expect("an address")));
        assert!(!TrustedProxies::default().trusts("127.0.0.1".parse().expect("an address")), "nobody is trusted unasked");
        // A prefix of no bits shifts everything away, which the arithmetic must bear.
        for (network, peer) in [("0.0.0.0/0", "9.9.9.9"), ("::/0", "2001:db8::1")] {
            let all = TrustedProxies::new(vec![Network::parse(network).expect("a network")]);
            assert!(all.trusts(peer.parse().expect("an address")), "{network}");
        }
    }
}
