//! Keycloak's credential representation to and from our password hash. Devices for one-time codes are read by
//! `one_time_code`; other credential types (passkeys) are not read.

use crate::limits::CREDENTIAL_JSON_BYTES_MAX;
use crate::passwords::{
    Argon2Parameters, Argon2Variant, Argon2Version, HashAlgorithm, HashOutOfBounds, PasswordHash, PasswordTooLong, Pbkdf2Parameters,
    Pbkdf2Prf, PlainPassword,
};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// One entry of a user's `credentials`, as in realm files and the admin API. It has no `Debug`: it holds secrets.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CredentialRepresentation {
    /// UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `password`, `password-history`, `otp`, ….
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name the user gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_label: Option<String>,
    /// Milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_date: Option<i64>,
    /// JSON text with value and salt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_data: Option<String>,
    /// JSON text with algorithm and cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_data: Option<String>,
    /// To be changed at the next sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporary: Option<bool>,
    /// The password in clear, instead of a hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Before Keycloak 8: base64 of the hash.
    #[serde(skip_serializing)]
    pub hashed_salted_value: Option<String>,
    /// Before Keycloak 8: base64 of the salt.
    #[serde(skip_serializing)]
    pub salt: Option<String>,
    /// Before Keycloak 8: cost.
    #[serde(skip_serializing)]
    pub hash_iterations: Option<i64>,
    /// Before Keycloak 8: algorithm.
    #[serde(skip_serializing)]
    pub algorithm: Option<String>,
}

/// A password that came in.
pub enum ImportedPassword<'a> {
    /// In clear: to be hashed by the realm's policy.
    Plain(PlainPassword<'a>),
    /// Hashed: to be kept and verified at its own cost.
    Hash(PasswordHash),
}

/// Why a credential can't be taken. No variant holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialError {
    /// A field is missing; its name in Keycloak's JSON.
    Missing(&'static str),
    /// A field can't be read; its name in Keycloak's JSON.
    Malformed(&'static str),
    /// The algorithm isn't one that Keycloak ships.
    UnknownAlgorithm(String),
    /// The hash would cost too much, or too little to be one (T-049).
    OutOfBounds(HashOutOfBounds),
    /// The password in clear is too long.
    PasswordTooLong,
}

impl From<HashOutOfBounds> for CredentialError {
    fn from(bound: HashOutOfBounds) -> Self {
        Self::OutOfBounds(bound)
    }
}

impl From<PasswordTooLong> for CredentialError {
    fn from(_: PasswordTooLong) -> Self {
        Self::PasswordTooLong
    }
}

/// The password of a representation in any of its three forms. A password in clear wins, then the two JSON texts, then the flat form.
pub fn read_password(representation: &CredentialRepresentation) -> Result<ImportedPassword<'_>, CredentialError> {
    if let Some(text) = &representation.value {
        return Ok(ImportedPassword::Plain(PlainPassword::new(text)?));
    }
    let (credential_data, secret_data) = match (&representation.credential_data, &representation.secret_data) {
        (Some(credential_data), Some(secret_data)) => {
            (read_json(credential_data, "credentialData")?, read_json(secret_data, "secretData")?)
        }
        _ => flat_form(representation)?,
    };
    read_hash(&credential_data, &secret_data).map(ImportedPassword::Hash)
}

/// The JSON texts of a stored hash, as Keycloak writes them.
pub struct PasswordCredential {
    /// `credentialData`: algorithm and cost.
    pub credential_data: String,
    /// `secretData`: value and salt.
    pub secret_data: String,
}

/// A hash in Keycloak's form; Keycloak verifies it.
pub fn write_password(hash: &PasswordHash) -> PasswordCredential {
    let (algorithm, iterations, parameters) = match hash.algorithm() {
        HashAlgorithm::Argon2(parameters) => ("argon2", parameters.iterations, argon2_words(parameters)),
        HashAlgorithm::Pbkdf2(parameters) => (pbkdf2_name(parameters.prf), parameters.iterations, serde_json::json!({})),
    };
    let credential_data = serde_json::json!({
        "hashIterations": iterations,
        "algorithm": algorithm,
        "additionalParameters": parameters,
    });
    let secret_data = serde_json::json!({
        "value": BASE64.encode(hash.value()),
        "salt": BASE64.encode(hash.salt()),
        "additionalParameters": {},
    });
    PasswordCredential { credential_data: credential_data.to_string(), secret_data: secret_data.to_string() }
}

/// Keycloak's algorithm name of PBKDF2 over that hash.
pub(super) fn pbkdf2_name(prf: Pbkdf2Prf) -> &'static str {
    match prf {
        Pbkdf2Prf::Sha1 => "pbkdf2",
        Pbkdf2Prf::Sha256 => "pbkdf2-sha256",
        Pbkdf2Prf::Sha512 => "pbkdf2-sha512",
    }
}

/// PBKDF2's hash by Keycloak's algorithm name.
pub(super) fn pbkdf2_prf(name: &str) -> Option<Pbkdf2Prf> {
    [Pbkdf2Prf::Sha1, Pbkdf2Prf::Sha256, Pbkdf2Prf::Sha512].into_iter().find(|prf| pbkdf2_name(*prf) == name)
}

/// Standard alphabet; exports of other tools leave out the padding.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    hash_iterations: Option<i64>,
    algorithm: Option<String>,
    additional_parameters: Option<HashMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
struct SecretData {
    value: Option<String>,
    salt: Option<String>,
}

pub(super) fn read_json<'a, T: Deserialize<'a>>(text: &'a str, field: &'static str) -> Result<T, CredentialError> {
    if text.len() > CREDENTIAL_JSON_BYTES_MAX {
        return Err(CredentialError::Malformed(field));
    }
    serde_json::from_str(text).map_err(|_| CredentialError::Malformed(field))
}

fn flat_form(representation: &CredentialRepresentation) -> Result<(CredentialData, SecretData), CredentialError> {
    let value = representation.hashed_salted_value.clone().ok_or(CredentialError::Missing("credentialData"))?;
    Ok((
        CredentialData {
            hash_iterations: representation.hash_iterations,
            algorithm: representation.algorithm.clone(),
            additional_parameters: None,
        },
        SecretData { value: Some(value), salt: representation.salt.clone() },
    ))
}

fn read_hash(credential_data: &CredentialData, secret_data: &SecretData) -> Result<PasswordHash, CredentialError> {
    let algorithm = credential_data.algorithm.as_deref().ok_or(CredentialError::Missing("algorithm"))?;
    let iterations = credential_data.hash_iterations.ok_or(CredentialError::Missing("hashIterations"))?;
    let iterations = u32::try_from(iterations).map_err(|_| HashOutOfBounds::Iterations)?;
    let value = read_base64(secret_data.value.as_deref(), "value")?;
    let salt = read_base64(secret_data.salt.as_deref(), "salt")?;
    let algorithm = if algorithm == "argon2" {
        let words = credential_data.additional_parameters.as_ref().ok_or(CredentialError::Missing("additionalParameters"))?;
        HashAlgorithm::Argon2(read_argon2(words, iterations)?)
    } else if let Some(prf) = pbkdf2_prf(algorithm) {
        // Keycloak doesn't store the length; it is the stored value's (older hashes are shorter than today's 64 bytes).
        HashAlgorithm::Pbkdf2(Pbkdf2Parameters { prf, iterations, hash_bytes: value.len() })
    } else {
        return Err(CredentialError::UnknownAlgorithm(algorithm.chars().take(64).collect()));
    };
    Ok(PasswordHash::new(algorithm, salt, value)?)
}

fn read_base64(text: Option<&str>, field: &'static str) -> Result<Vec<u8>, CredentialError> {
    let text = text.ok_or(CredentialError::Missing(field))?;
    if text.len() > CREDENTIAL_JSON_BYTES_MAX {
        return Err(CredentialError::Malformed(field));
    }
    BASE64.decode(text).map_err(|_| CredentialError::Malformed(field))
}

fn read_argon2(words: &HashMap<String, Vec<String>>, iterations: u32) -> Result<Argon2Parameters, CredentialError> {
    let word =
        |name: &'static str| words.get(name).and_then(|values| values.first()).map(String::as_str).ok_or(CredentialError::Missing(name));
    let number = |name: &'static str| word(name)?.parse::<u32>().map_err(|_| CredentialError::Malformed(name));
    let variant = match word("type")? {
        "id" => Argon2Variant::Id,
        "i" => Argon2Variant::I,
        "d" => Argon2Variant::D,
        _ => return Err(CredentialError::Malformed("type")),
    };
    let version = match word("version")? {
        "1.0" => Argon2Version::V1_0,
        "1.3" => Argon2Version::V1_3,
        _ => return Err(CredentialError::Malformed("version")),
    };
    Ok(Argon2Parameters {
        variant,
        version,
        memory_kib: number("memory")?,
        iterations,
        parallelism: number("parallelism")?,
        hash_bytes: usize::try_from(number("hashLength")?).map_err(|_| HashOutOfBounds::HashLength)?,
    })
}

fn argon2_words(parameters: &Argon2Parameters) -> serde_json::Value {
    let variant = match parameters.variant {
        Argon2Variant::Id => "id",
        Argon2Variant::I => "i",
        Argon2Variant::D => "d",
    };
    let version = match parameters.version {
        Argon2Version::V1_0 => "1.0",
        Argon2Version::V1_3 => "1.3",
    };
    serde_json::json!({
        "hashLength": [parameters.hash_bytes.to_string()],
        "memory": [parameters.memory_kib.to_string()],
        "type": [variant],
        "version": [version],
        "parallelism": [parameters.parallelism.to_string()],
    })
}

#[cfg(test)]
mod tests;
