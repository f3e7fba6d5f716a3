//! The signature algorithms that exist here (RFC 7518 §3, RFC 8037 §3.1). What isn't in the enum can't be asked for.

use std::fmt;

/// A JWS algorithm. `none` has no place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// EdDSA on Ed25519; Ed448 isn't offered.
    EdDsa,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// Algorithms that share a kind of key and a way of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `RS*`.
    RsaPkcs1,
    /// `PS*`.
    RsaPss,
    /// `ES*`.
    Ecdsa,
    /// `EdDSA`.
    EdDsa,
    /// `HS*`: whoever can verify can sign, so such a key is never published.
    Hmac,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 13] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The algorithm of an exact name; names are case sensitive (RFC 7515 §4.1.1).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The family it belongs to.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 => Family::RsaPkcs1,
            Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::RsaPss,
            Self::Es256 | Self::Es384 | Self::Es512 => Family::Ecdsa,
            Self::EdDsa => Family::EdDsa,
            Self::Hs256 | Self::Hs384 | Self::Hs512 => Family::Hmac,
        }
    }

    /// Bytes of the hash of an HMAC algorithm, the least length of its secrets (RFC 7518 §3.2); `None` for the others.
    #[must_use]
    pub fn hmac_secret_bytes_min(self) -> Option<usize> {
        self.hmac().map(|hmac| hmac.digest_algorithm().output_len())
    }

    /// The hash that `at_hash`, `c_hash` and `s_hash` use with this algorithm (OpenID Connect Core §3.1.3.6): the hash in its
    /// name, and SHA-512 for Ed25519, as in Keycloak.
    #[must_use]
    pub fn hash(self, bytes: &[u8]) -> Vec<u8> {
        use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
        let hash = match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 | Self::Hs256 => &SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 | Self::Hs384 => &SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::Hs512 | Self::EdDsa => &SHA512,
        };
        digest(hash, bytes).as_ref().to_vec()
    }

    pub(super) fn hmac(self) -> Option<aws_lc_rs::hmac::Algorithm> {
        match self {
            Self::Hs256 => Some(aws_lc_rs::hmac::HMAC_SHA256),
            Self::Hs384 => Some(aws_lc_rs::hmac::HMAC_SHA384),
            Self::Hs512 => Some(aws_lc_rs::hmac::HMAC_SHA512),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
