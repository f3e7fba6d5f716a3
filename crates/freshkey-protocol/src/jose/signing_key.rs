//! A key that makes signatures of exactly one algorithm. Parsed once: parsing an RSA key costs more than signing with it.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding, RsaKeyPair,
};

use super::der::{self, Reader};
use super::mint::EncodedHeaders;
use super::public_key::Curve;
use super::verifying_key::hmac_key;
use super::{Algorithm, Family, KeyError, KeyId, PublicKey, VerifyingKey, key_text};
use crate::limits::SIGNATURE_BYTES_MAX;
use crate::secret::Secret;

/// The library could not sign; with a key that was accepted this is a fault of the machine, not of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignError;

/// What a new private key should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with 2048 bits, Keycloak's default.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
    /// For ES256.
    P256,
    /// For ES384.
    P384,
    /// For ES512.
    P521,
    /// For EdDSA.
    Ed25519,
}

/// Makes a private key, as PKCS#8 DER (version 1, which Java and OpenSSL read). Randomness is the library's own.
pub fn generate_private_key(kind: KeyKind) -> Result<Secret<Vec<u8>>, KeyError> {
    let rsa = |size| {
        let key: Pkcs8V1Der<'_> = RsaKeyPair::generate(size)?.as_der()?;
        Ok(key.as_ref().to_vec())
    };
    let ec = |algorithm| Ok(EcdsaKeyPair::generate(algorithm)?.to_pkcs8v1()?.as_ref().to_vec());
    match kind {
        KeyKind::Rsa2048 => rsa(KeySize::Rsa2048),
        KeyKind::Rsa3072 => rsa(KeySize::Rsa3072),
        KeyKind::Rsa4096 => rsa(KeySize::Rsa4096),
        KeyKind::P256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
        KeyKind::P384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
        KeyKind::P521 => ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
        KeyKind::Ed25519 => Ed25519KeyPair::generate().and_then(|key| key.to_pkcs8v1()).map(|document| document.as_ref().to_vec()),
    }
    .map(Secret::new)
    .map_err(|_: aws_lc_rs::error::Unspecified| KeyError::Failed)
}

/// Signs with one algorithm. The headers of the tokens that it will sign are encoded already.
pub struct SigningKey {
    key_id: KeyId,
    algorithm: Algorithm,
    material: Material,
    pub(super) headers: EncodedHeaders,
}

enum Material {
    Rsa { key: RsaKeyPair, encoding: &'static dyn RsaEncoding, public_key: PublicKey },
    Ec { key: EcdsaKeyPair, public_key: PublicKey },
    Ed25519 { key: Ed25519KeyPair, public_key: PublicKey },
    // Boxed, because its ready-made hash states are far larger than the other keys' pointers.
    Hmac(Box<hmac::Key>),
}

impl SigningKey {
    /// Reads a private key: PKCS#8 of any kind, PKCS#1 for RSA (as older Keycloak exports have it), SEC 1 for EC. The key id
    /// is Keycloak's unless [`SigningKey::with_key_id`] changes it.
    pub fn from_private_key_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let container = Container::of(der)?;
        let (material, public_key) = match algorithm.family() {
            Family::RsaPkcs1 | Family::RsaPss => rsa_material(algorithm, container, der)?,
            Family::Ecdsa => ec_material(algorithm, container, der)?,
            Family::EdDsa => ed25519_material(container, der)?,
            Family::Hmac => return Err(KeyError::WrongAlgorithm),
        };
        Ok(Self::new(KeyId::parse(&public_key.keycloak_key_id())?, algorithm, material))
    }

    /// Reads a private key as PEM or as bare base64.
    pub fn from_private_key_text(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        Self::from_private_key_der(algorithm, &key_text::decode(text)?)
    }

    /// Takes a shared secret, at least as long as the hash (RFC 7518 §3.2, T-030).
    pub fn from_hmac_secret(key_id: KeyId, algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::new(key_id, algorithm, Material::Hmac(Box::new(hmac_key(algorithm, secret)?))))
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_key_id(self, key_id: KeyId) -> Self {
        Self::new(key_id, self.algorithm, self.material)
    }

    /// The id that goes into headers.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// The one algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public part; an HMAC key has none.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.material {
            Material::Rsa { public_key, .. } | Material::Ec { public_key, .. } | Material::Ed25519 { public_key, .. } => Some(public_key),
            Material::Hmac(_) => None,
        }
    }

    /// The key that verifies what this one signs, under the same id.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let key_id = self.key_id.clone();
        match (&self.material, self.public_key()) {
            (Material::Hmac(key), _) => Ok(VerifyingKey::from_hmac_key(key_id, self.algorithm, hmac::Key::clone(key))),
            (_, Some(public_key)) => VerifyingKey::from_public_key(key_id, self.algorithm, public_key.clone()),
            (_, None) => Err(KeyError::Failed),
        }
    }

    /// Appends the raw signature over `input` to `out`; `ES*` as r followed by s (RFC 7518 §3.4).
    pub fn sign(&self, input: &[u8], out: &mut Vec<u8>) -> Result<(), SignError> {
        let mut buffer = [0; SIGNATURE_BYTES_MAX];
        out.extend_from_slice(self.sign_into(input, &mut buffer)?);
        Ok(())
    }

    /// Signs once and verifies the result, so that an unusable key shows when it is loaded and not in the first request (T-030).
    pub fn prove(&self) -> Result<(), KeyError> {
        const INPUT: &[u8] = b"an accepted key signs";
        let mut signature = Vec::new();
        self.sign(INPUT, &mut signature).map_err(|_| KeyError::Failed)?;
        self.verifying_key()?.verify(INPUT, &signature).map_err(|_| KeyError::Inconsistent)
    }

    pub(super) fn sign_into<'b>(&self, input: &[u8], buffer: &'b mut [u8; SIGNATURE_BYTES_MAX]) -> Result<&'b [u8], SignError> {
        // The library draws PSS salts and ECDSA nonces from its own source; the argument exists for its callers' sake.
        let random = SystemRandom::new();
        match &self.material {
            Material::Rsa { key, encoding, .. } => {
                let signature = buffer.get_mut(..key.public_modulus_len()).ok_or(SignError)?;
                key.sign(*encoding, &random, input, signature).map_err(|_| SignError)?;
                Ok(signature)
            }
            Material::Ec { key, .. } => {
                let signature = key.sign(&random, input).map_err(|_| SignError)?;
                copy_into(signature.as_ref(), buffer)
            }
            Material::Ed25519 { key, .. } => {
                let signature = key.try_sign(input).map_err(|_| SignError)?;
                copy_into(signature.as_ref(), buffer)
            }
            Material::Hmac(key) => hmac::sign_to_buffer(key, input, buffer).map(|signature| &*signature).map_err(|_| SignError),
        }
    }

    /// Bytes of the signatures that it makes.
    pub(super) fn signature_bytes(&self) -> usize {
        match &self.material {
            Material::Rsa { key, .. } => key.public_modulus_len(),
            Material::Ec { .. } if self.algorithm == Algorithm::Es256 => 64,
            Material::Ec { .. } if self.algorithm == Algorithm::Es384 => 96,
            Material::Ec { .. } => 132,
            Material::Ed25519 { .. } => 64,
            Material::Hmac(key) => key.algorithm().tag_len(),
        }
    }

    fn new(key_id: KeyId, algorithm: Algorithm, material: Material) -> Self {
        let headers = EncodedHeaders::new(algorithm, &key_id);
        Self { key_id, algorithm, material, headers }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({} {})", self.algorithm, self.key_id)
    }
}

fn copy_into<'b>(signature: &[u8], buffer: &'b mut [u8; SIGNATURE_BYTES_MAX]) -> Result<&'b [u8], SignError> {
    let target = buffer.get_mut(..signature.len()).ok_or(SignError)?;
    target.copy_from_slice(signature);
    Ok(target)
}

/// The wrapping of a private key, told by its first elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    /// `PrivateKeyInfo` (RFC 5208 §5): version, then an algorithm.
    Pkcs8,
    /// `RSAPrivateKey` (RFC 8017 appendix A.1.2): version, then the modulus.
    Pkcs1,
    /// `ECPrivateKey` (RFC 5915 §3): version, then the scalar.
    Sec1,
}

impl Container {
    fn of(der: &[u8]) -> Result<Self, KeyError> {
        // The library stops reading where the key ends; here nothing may follow.
        let mut content = Reader::new(Reader::only(der::SEQUENCE, der).ok_or(KeyError::Malformed)?);
        content.read(der::INTEGER).ok_or(KeyError::Malformed)?;
        match content.peek() {
            Some(der::SEQUENCE) => Ok(Self::Pkcs8),
            Some(der::INTEGER) => Ok(Self::Pkcs1),
            Some(der::OCTET_STRING) => Ok(Self::Sec1),
            _ => Err(KeyError::Malformed),
        }
    }
}

/// The algorithm of a PKCS#8 key, so that a key of another kind is told from a broken one.
fn pkcs8_oid(der: &[u8]) -> Option<&[u8]> {
    let mut content = Reader::new(Reader::only(der::SEQUENCE, der)?);
    content.read(der::INTEGER)?;
    Reader::new(content.read(der::SEQUENCE)?).read(der::OID)
}

fn expect_kind(container: Container, der: &[u8], oid: &[u8], bare: Option<Container>) -> Result<(), KeyError> {
    let fits = match container {
        Container::Pkcs8 => pkcs8_oid(der) == Some(oid),
        other => bare == Some(other),
    };
    if fits { Ok(()) } else { Err(KeyError::WrongAlgorithm) }
}

fn rsa_material(algorithm: Algorithm, container: Container, der: &[u8]) -> Result<(Material, PublicKey), KeyError> {
    expect_kind(container, der, der::OID_RSA, Some(Container::Pkcs1))?;
    check_rsa_size(container, der)?;
    let key = match container {
        Container::Pkcs1 => RsaKeyPair::from_der(der),
        _ => RsaKeyPair::from_pkcs8(der),
    }
    .map_err(|_| KeyError::Inconsistent)?;
    let encoding: &'static dyn RsaEncoding = match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        _ => return Err(KeyError::WrongAlgorithm),
    };
    let public_key = PublicKey::from_pkcs1_der(key.public_key().as_ref())?;
    Ok((Material::Rsa { key, encoding, public_key: public_key.clone() }, public_key))
}

/// The library refuses short and long keys too, but with the same word as broken ones.
fn check_rsa_size(container: Container, der: &[u8]) -> Result<(), KeyError> {
    let modulus = || {
        let mut content = Reader::new(Reader::only(der::SEQUENCE, der)?);
        content.read(der::INTEGER)?;
        if container == Container::Pkcs8 {
            content.read(der::SEQUENCE)?;
            content = Reader::new(Reader::only(der::SEQUENCE, content.read(der::OCTET_STRING)?)?);
            content.read(der::INTEGER)?;
        }
        content.read_unsigned()
    };
    PublicKey::from_rsa(modulus().ok_or(KeyError::Malformed)?, &[3]).map(|_| ())
}

fn ec_material(algorithm: Algorithm, container: Container, der: &[u8]) -> Result<(Material, PublicKey), KeyError> {
    expect_kind(container, der, der::OID_EC, Some(Container::Sec1))?;
    let (signing, curve) = ec_signing(algorithm).ok_or(KeyError::WrongAlgorithm)?;
    let key = match container {
        Container::Sec1 => EcdsaKeyPair::from_private_key_der(signing, der),
        _ => EcdsaKeyPair::from_pkcs8(signing, der),
    }
    .map_err(|_| KeyError::Inconsistent)?;
    let public_key = PublicKey::from_point(curve, key.public_key().as_ref())?;
    Ok((Material::Ec { key, public_key: public_key.clone() }, public_key))
}

fn ec_signing(algorithm: Algorithm) -> Option<(&'static EcdsaSigningAlgorithm, Curve)> {
    let signing = match algorithm {
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => return None,
    };
    Some((signing, Curve::of(algorithm)?))
}

fn ed25519_material(container: Container, der: &[u8]) -> Result<(Material, PublicKey), KeyError> {
    expect_kind(container, der, der::OID_ED25519, None)?;
    let key = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Inconsistent)?;
    let public_key = PublicKey::from_ed25519(key.public_key().as_ref())?;
    Ok((Material::Ed25519 { key, public_key: public_key.clone() }, public_key))
}
