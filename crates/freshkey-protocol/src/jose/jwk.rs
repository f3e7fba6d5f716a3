//! Public keys as JSON (RFC 7517). Private and symmetric members are neither written nor read: no field could hold them (T-030).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::public_key::{Curve, Parts};
use super::{Algorithm, KeyError, KeyId, PublicKey, VerifyingKey};
use crate::base64url;
use crate::json::parse_value;
use crate::limits::{JWK_SET_BYTES_MAX, JWK_SET_KEYS_MAX};

/// What a published key is for (RFC 7517 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// `sig`.
    Signature,
    /// `enc`.
    Encryption,
}

/// A public key with its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    /// The id, as written.
    pub key_id: Option<String>,
    /// The algorithm's name, as written: encryption keys have names that [`Algorithm`] doesn't know.
    pub algorithm: Option<String>,
    /// What it is for.
    pub key_use: Option<KeyUse>,
    /// Whether `key_ops` allows to verify; true without it.
    pub may_verify: bool,
    /// The key.
    pub public_key: PublicKey,
    /// Certificates as DER, the key's own first. Written with `x5t` and `x5t#S256`; ignored when read.
    pub certificates: Vec<Vec<u8>>,
}

impl Jwk {
    /// The public form of a signing key; `None` for an HMAC key, which has none.
    #[must_use]
    pub fn of_verifying_key(key: &VerifyingKey, certificates: Vec<Vec<u8>>) -> Option<Self> {
        Some(Self {
            key_id: Some(key.key_id().as_str().to_owned()),
            algorithm: Some(key.algorithm().as_str().to_owned()),
            key_use: Some(KeyUse::Signature),
            may_verify: true,
            public_key: key.public_key()?.clone(),
            certificates,
        })
    }

    /// Reads one key. Unknown members are skipped, private ones too.
    pub fn parse(json: &[u8]) -> Result<Self, KeyError> {
        if json.len() > JWK_SET_BYTES_MAX {
            return Err(KeyError::Malformed);
        }
        match parse_value(json) {
            Ok(Value::Object(members)) => Self::from_members(&members),
            _ => Err(KeyError::Malformed),
        }
    }

    /// The algorithm that the key names or, when it names none, that its kind suggests; `None` for one that isn't a
    /// signature algorithm of ours.
    #[must_use]
    pub fn signature_algorithm(&self) -> Option<Algorithm> {
        match &self.algorithm {
            Some(name) => Algorithm::parse(name),
            None => Some(self.public_key.default_algorithm()),
        }
    }

    /// Makes it a verifying key for an algorithm that the caller chose by policy. A key that names an algorithm is
    /// usable with that one only. A key without id gets Keycloak's.
    pub fn verifying_key(&self, algorithm: Algorithm) -> Result<VerifyingKey, KeyError> {
        if self.key_use == Some(KeyUse::Encryption) || !self.may_verify {
            return Err(KeyError::NotForSignatures);
        }
        if self.algorithm.as_deref().is_some_and(|name| name != algorithm.as_str()) {
            return Err(KeyError::WrongAlgorithm);
        }
        let key_id = match &self.key_id {
            Some(key_id) => KeyId::parse(key_id)?,
            None => KeyId::parse(&self.public_key.keycloak_key_id())?,
        };
        VerifyingKey::from_public_key(key_id, algorithm, self.public_key.clone())
    }

    fn from_members(members: &Map<String, Value>) -> Result<Self, KeyError> {
        let key_use = match optional_text(members, "use")? {
            Some("sig") => Some(KeyUse::Signature),
            Some("enc") => Some(KeyUse::Encryption),
            Some(_) => return Err(KeyError::NotForSignatures),
            None => None,
        };
        let may_verify = match members.get("key_ops") {
            Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
            Some(_) => return Err(KeyError::Malformed),
            None => true,
        };
        Ok(Self {
            key_id: optional_text(members, "kid")?.map(str::to_owned),
            algorithm: optional_text(members, "alg")?.map(str::to_owned),
            key_use,
            may_verify,
            public_key: public_key(members)?,
            certificates: Vec::new(),
        })
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key_type, curve, numbers) = numbers(&self.public_key);
        let mut object = serializer.serialize_map(None)?;
        if let Some(key_id) = &self.key_id {
            object.serialize_entry("kid", key_id)?;
        }
        object.serialize_entry("kty", key_type)?;
        if let Some(algorithm) = &self.algorithm {
            object.serialize_entry("alg", algorithm)?;
        }
        match self.key_use {
            Some(KeyUse::Signature) => object.serialize_entry("use", "sig")?,
            Some(KeyUse::Encryption) => object.serialize_entry("use", "enc")?,
            None => {}
        }
        if let Some(curve) = curve {
            object.serialize_entry("crv", curve)?;
        }
        for (name, number) in numbers {
            object.serialize_entry(name, &base64url::encode(number))?;
        }
        if let Some(own) = self.certificates.first() {
            let chain: Vec<String> = self.certificates.iter().map(|der| STANDARD.encode(der)).collect();
            object.serialize_entry("x5c", &chain)?;
            object.serialize_entry("x5t", &base64url::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, own).as_ref()))?;
            object.serialize_entry("x5t#S256", &base64url::encode(digest(&SHA256, own).as_ref()))?;
        }
        object.end()
    }
}

/// Why a text isn't a JWK set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwkSetError {
    /// Above [`JWK_SET_BYTES_MAX`] bytes.
    TooLong,
    /// Not a JSON object with an array `keys` of objects, or ambiguous JSON.
    Malformed,
    /// Above [`JWK_SET_KEYS_MAX`] keys.
    TooManyKeys,
}

/// A set of public keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JwkSet {
    /// The keys, in order.
    pub keys: Vec<Jwk>,
    /// How many keys of a set that was read were left out, because their kind isn't known, they are symmetric, or too
    /// weak (RFC 7517 §5 wants them ignored).
    #[serde(skip)]
    pub ignored: usize,
}

impl JwkSet {
    /// Reads a set, as a client registers it (`jwks.string`) or publishes it.
    pub fn parse(json: &[u8]) -> Result<Self, JwkSetError> {
        if json.len() > JWK_SET_BYTES_MAX {
            return Err(JwkSetError::TooLong);
        }
        let value = parse_value(json).map_err(|_| JwkSetError::Malformed)?;
        let Some(keys) = value.get("keys").and_then(Value::as_array) else { return Err(JwkSetError::Malformed) };
        if keys.len() > JWK_SET_KEYS_MAX {
            return Err(JwkSetError::TooManyKeys);
        }
        let mut set = Self::default();
        for key in keys {
            let members = key.as_object().ok_or(JwkSetError::Malformed)?;
            match Jwk::from_members(members) {
                Ok(jwk) => set.keys.push(jwk),
                Err(_) => set.ignored += 1,
            }
        }
        Ok(set)
    }
}

type Numbers<'k> = Vec<(&'static str, &'k [u8])>;

fn numbers(key: &PublicKey) -> (&'static str, Option<&'static str>, Numbers<'_>) {
    match &key.0 {
        Parts::Rsa { n, e } => ("RSA", None, vec![("n", n), ("e", e)]),
        Parts::Ec { curve, x, y } => ("EC", Some(curve.as_str()), vec![("x", x), ("y", y)]),
        Parts::Ed25519 { x } => ("OKP", Some("Ed25519"), vec![("x", x)]),
    }
}

fn public_key(members: &Map<String, Value>) -> Result<PublicKey, KeyError> {
    let number = |name| {
        let text = optional_text(members, name)?.ok_or(KeyError::Malformed)?;
        base64url::decode(text.as_bytes()).map_err(|_| KeyError::Malformed)
    };
    match (optional_text(members, "kty")?, optional_text(members, "crv")?) {
        (Some("RSA"), _) => PublicKey::from_rsa(&number("n")?, &number("e")?),
        (Some("EC"), Some(curve)) => {
            let curve = Curve::parse(curve).ok_or(KeyError::Unsupported)?;
            PublicKey::from_coordinates(curve, &number("x")?, &number("y")?)
        }
        (Some("OKP"), Some("Ed25519")) => PublicKey::from_ed25519(&number("x")?),
        _ => Err(KeyError::Unsupported),
    }
}

fn optional_text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, KeyError> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyError::Malformed),
        None => Ok(None),
    }
}
