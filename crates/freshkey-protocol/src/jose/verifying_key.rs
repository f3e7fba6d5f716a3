//! A key that verifies signatures of exactly one algorithm, parsed once.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, VerificationAlgorithm,
};

use super::public_key::{Parts, point, rsa_public_key};
use super::{Algorithm, KeyError, KeyId, PublicKey};

/// The signature wasn't made by this key over these bytes. There is nothing more to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSignature;

/// Verifies signatures of one algorithm.
pub struct VerifyingKey {
    key_id: KeyId,
    algorithm: Algorithm,
    material: Material,
}

enum Material {
    Public { parsed: ParsedPublicKey, public_key: PublicKey },
    // Boxed, because its ready-made hash states are far larger than the other keys' pointers.
    Hmac(Box<hmac::Key>),
}

impl VerifyingKey {
    /// Binds a public key to an algorithm, after checking that it is a key at all: a point on its curve, an odd exponent.
    pub fn from_public_key(key_id: KeyId, algorithm: Algorithm, public_key: PublicKey) -> Result<Self, KeyError> {
        if !public_key.fits(algorithm) {
            return Err(KeyError::WrongAlgorithm);
        }
        let parsed = match &public_key.0 {
            Parts::Rsa { n, e } => {
                let parameters = rsa_parameters(algorithm).ok_or(KeyError::WrongAlgorithm)?;
                // By way of DER, because there the library checks the numbers; from bare numbers it doesn't.
                ParsedPublicKey::new(parameters, rsa_public_key(n, e))
            }
            Parts::Ec { x, y, .. } => {
                let verification = ec_algorithm(algorithm).ok_or(KeyError::WrongAlgorithm)?;
                ParsedPublicKey::new(verification, point(x, y))
            }
            Parts::Ed25519 { x } => ParsedPublicKey::new(&ED25519, x),
        };
        let parsed = parsed.map_err(|_| KeyError::Inconsistent)?;
        Ok(Self { key_id, algorithm, material: Material::Public { parsed, public_key } })
    }

    /// From a `SubjectPublicKeyInfo`, with Keycloak's key id.
    pub fn from_spki_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        Self::with_keycloak_key_id(algorithm, PublicKey::from_spki_der(der)?)
    }

    /// From a certificate, with Keycloak's key id. Signature, validity and chain are not checked.
    pub fn from_certificate_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        Self::with_keycloak_key_id(algorithm, PublicKey::from_certificate_der(der)?)
    }

    /// From a public key or certificate as PEM or bare base64, with Keycloak's key id.
    pub fn from_text(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        Self::with_keycloak_key_id(algorithm, PublicKey::from_text(text)?)
    }

    /// From a shared secret, at least as long as the hash (T-030).
    pub fn from_hmac_secret(key_id: KeyId, algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::from_hmac_key(key_id, algorithm, hmac_key(algorithm, secret)?))
    }

    pub(super) fn from_hmac_key(key_id: KeyId, algorithm: Algorithm, key: hmac::Key) -> Self {
        Self { key_id, algorithm, material: Material::Hmac(Box::new(key)) }
    }

    /// Verifies a raw signature; `ES*` signatures are r followed by s (RFC 7518 §3.4).
    pub fn verify(&self, input: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match &self.material {
            Material::Public { parsed, .. } => parsed.verify_sig(input, signature),
            Material::Hmac(key) => hmac::verify(key, input, signature),
        }
        .map_err(|_| BadSignature)
    }

    /// The id under which tokens name the key.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// The one algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key; an HMAC key has none, so it can't be published by accident.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.material {
            Material::Public { public_key, .. } => Some(public_key),
            Material::Hmac(_) => None,
        }
    }

    fn with_keycloak_key_id(algorithm: Algorithm, public_key: PublicKey) -> Result<Self, KeyError> {
        let key_id = KeyId::parse(&public_key.keycloak_key_id())?;
        Self::from_public_key(key_id, algorithm, public_key)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({} {})", self.algorithm, self.key_id)
    }
}

/// An HMAC key, at least as long as the hash.
pub(super) fn hmac_key(algorithm: Algorithm, secret: &[u8]) -> Result<hmac::Key, KeyError> {
    let hmac = algorithm.hmac().ok_or(KeyError::WrongAlgorithm)?;
    if secret.len() < hmac.digest_algorithm().output_len() {
        return Err(KeyError::SecretTooShort);
    }
    Ok(hmac::Key::new(hmac, secret))
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

fn ec_algorithm(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        Algorithm::Es256 => Some(&ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => Some(&ECDSA_P384_SHA384_FIXED),
        Algorithm::Es512 => Some(&ECDSA_P521_SHA512_FIXED),
        _ => None,
    }
}
