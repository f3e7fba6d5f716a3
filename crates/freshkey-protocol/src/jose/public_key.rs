//! The public part of an asymmetric key, taken apart into the numbers that JWK and SPKI are made of. It can't verify
//! anything yet; that takes an algorithm, see `VerifyingKey`.

use aws_lc_rs::digest::{SHA256, digest};

use super::der::{self, Reader};
use super::{Algorithm, Family, KeyError, key_text};
use crate::base64url;
use crate::limits::{RSA_BITS_MAX, RSA_BITS_MIN};

/// An RSA, EC or Ed25519 public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(pub(super) Parts);

/// The numbers, big endian. Lengths are checked, whether a point is on its curve is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parts {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: [u8; 32] },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 §4.1).
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let content = Reader::only(der::SEQUENCE, der).ok_or(KeyError::Malformed)?;
        let mut info = Reader::new(content);
        let mut algorithm = Reader::new(info.read(der::SEQUENCE).ok_or(KeyError::Malformed)?);
        let oid = algorithm.read(der::OID).ok_or(KeyError::Malformed)?;
        // The first byte of a bit string counts unused bits; keys are whole bytes.
        let Some([0, key @ ..]) = info.read(der::BIT_STRING) else { return Err(KeyError::Malformed) };
        if !info.is_at_end() {
            return Err(KeyError::Malformed);
        }
        match oid {
            der::OID_RSA => Self::from_pkcs1_der(key),
            der::OID_EC => {
                let curve = algorithm.read(der::OID).and_then(Curve::from_oid).ok_or(KeyError::Unsupported)?;
                Self::from_point(curve, key)
            }
            der::OID_ED25519 => Self::from_ed25519(key),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// Takes the key out of an X.509 certificate. Neither signature, validity nor chain are looked at.
    pub fn from_certificate_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_spki_der(certificate_spki(der).ok_or(KeyError::Malformed)?)
    }

    /// Reads a public key or a certificate as PEM or bare base64, the forms in which Keycloak keeps them.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let der = key_text::decode(text)?;
        match certificate_spki(&der) {
            Some(spki) => Self::from_spki_der(spki),
            None => Self::from_spki_der(&der),
        }
    }

    /// The `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        let (algorithm, key) = match &self.0 {
            Parts::Rsa { n, e } => {
                let oid = der::element(der::OID, &[der::OID_RSA]);
                // RFC 3279 §2.3.1: the parameters are NULL.
                (der::element(der::SEQUENCE, &[&oid, &[0x05, 0x00]]), rsa_public_key(n, e))
            }
            Parts::Ec { curve, x, y } => {
                let oid = der::element(der::OID, &[der::OID_EC]);
                let curve = der::element(der::OID, &[curve.oid()]);
                (der::element(der::SEQUENCE, &[&oid, &curve]), point(x, y))
            }
            Parts::Ed25519 { x } => {
                let oid = der::element(der::OID, &[der::OID_ED25519]);
                (der::element(der::SEQUENCE, &[&oid]), x.to_vec())
            }
        };
        let key = der::element(der::BIT_STRING, &[&[0], &key]);
        der::element(der::SEQUENCE, &[&algorithm, &key])
    }

    /// Keycloak's key id of an asymmetric key: base64url of the SHA-256 of the SPKI (`KeyUtils.createKeyId`).
    #[must_use]
    pub fn keycloak_key_id(&self) -> String {
        base64url::encode(digest(&SHA256, &self.to_spki_der()).as_ref())
    }

    /// The JWK thumbprint with SHA-256 (RFC 7638, RFC 8037 §2), base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let text = base64url::encode;
        let members = match &self.0 {
            Parts::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
            Parts::Ec { curve, x, y } => {
                format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, curve.as_str(), text(x), text(y))
            }
            Parts::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        };
        base64url::encode(digest(&SHA256, members.as_bytes()).as_ref())
    }

    /// Whether the key can be used with that algorithm.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        match &self.0 {
            Parts::Rsa { .. } => matches!(algorithm.family(), Family::RsaPkcs1 | Family::RsaPss),
            Parts::Ec { curve, .. } => curve.algorithm() == algorithm,
            Parts::Ed25519 { .. } => algorithm == Algorithm::EdDsa,
        }
    }

    /// The algorithm that is meant when nobody says: RS256 for RSA (as in Keycloak), the only possible one for the others.
    #[must_use]
    pub fn default_algorithm(&self) -> Algorithm {
        match &self.0 {
            Parts::Rsa { .. } => Algorithm::Rs256,
            Parts::Ec { curve, .. } => curve.algorithm(),
            Parts::Ed25519 { .. } => Algorithm::EdDsa,
        }
    }

    /// From modulus and exponent; leading zeros, which old Java libraries write into JWKs, are dropped.
    pub(super) fn from_rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let unused_bits = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        match n.len() * 8 - unused_bits {
            0..RSA_BITS_MIN => Err(KeyError::RsaTooSmall),
            RSA_BITS_MIN..=RSA_BITS_MAX => Ok(Self(Parts::Rsa { n: n.to_vec(), e: e.to_vec() })),
            _ => Err(KeyError::RsaTooLarge),
        }
    }

    /// From an `RSAPublicKey` (RFC 8017 appendix A.1.1).
    pub(super) fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        let mut key = Reader::new(Reader::only(der::SEQUENCE, der).ok_or(KeyError::Malformed)?);
        let (Some(n), Some(e), true) = (key.read_unsigned(), key.read_unsigned(), key.is_at_end()) else {
            return Err(KeyError::Malformed);
        };
        Self::from_rsa(n, e)
    }

    /// From coordinates of full length (RFC 7518 §6.2.1.2).
    pub(super) fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != curve.coordinate_bytes() || y.len() != curve.coordinate_bytes() {
            return Err(KeyError::Malformed);
        }
        Ok(Self(Parts::Ec { curve, x: x.to_vec(), y: y.to_vec() }))
    }

    /// From an uncompressed point (SEC 1 §2.3.3).
    pub(super) fn from_point(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        let Some((4, coordinates)) = point.split_first().map(|(form, rest)| (*form, rest)) else {
            return Err(KeyError::Malformed);
        };
        let (x, y) = coordinates.split_at_checked(curve.coordinate_bytes()).ok_or(KeyError::Malformed)?;
        Self::from_coordinates(curve, x, y)
    }

    pub(super) fn from_ed25519(x: &[u8]) -> Result<Self, KeyError> {
        x.try_into().map(|x| Self(Parts::Ed25519 { x })).map_err(|_| KeyError::Malformed)
    }
}

impl Curve {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.as_str() == name)
    }

    pub(super) const fn of(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::Es256 => Some(Self::P256),
            Algorithm::Es384 => Some(Self::P384),
            Algorithm::Es512 => Some(Self::P521),
            _ => None,
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
        }
    }

    const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    const fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => der::OID_P256,
            Self::P384 => der::OID_P384,
            Self::P521 => der::OID_P521,
        }
    }

    fn from_oid(oid: &[u8]) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.oid() == oid)
    }
}

/// An `RSAPublicKey` (RFC 8017 appendix A.1.1).
pub(super) fn rsa_public_key(n: &[u8], e: &[u8]) -> Vec<u8> {
    der::element(der::SEQUENCE, &[&der::unsigned(n), &der::unsigned(e)])
}

/// An uncompressed point.
pub(super) fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// The SPKI inside a certificate (RFC 5280 §4.1), whole.
fn certificate_spki(der: &[u8]) -> Option<&[u8]> {
    let mut certificate = Reader::new(Reader::only(der::SEQUENCE, der)?);
    let mut to_be_signed = Reader::new(certificate.read(der::SEQUENCE)?);
    if to_be_signed.peek()? == der::CONTEXT_0 {
        to_be_signed.read(der::CONTEXT_0)?;
    }
    to_be_signed.read(der::INTEGER)?;
    // Signature algorithm, issuer, validity, subject.
    for _ in 0..4 {
        to_be_signed.read(der::SEQUENCE)?;
    }
    let spki = to_be_signed.read_whole(der::SEQUENCE)?;
    // What remains of the certificate is the issuer's signature.
    certificate.read(der::SEQUENCE)?;
    certificate.read(der::BIT_STRING)?;
    certificate.is_at_end().then_some(spki)
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    &bytes[zeros..]
}
