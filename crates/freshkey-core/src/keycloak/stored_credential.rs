//! A stored credential's two JSON texts to and from a password hash. The form is the one credentials are imported in, so that an export gives them back.

use super::credential::{CredentialRepresentation, ImportedPassword, read_password, write_password};
use crate::passwords::PasswordHash;
use freshkey_protocol::Secret;
use serde_json::Value;

/// [`crate::documents::CredentialRecord::kind`] of a password.
pub const PASSWORD_KIND: &str = "password";

/// [`crate::documents::CredentialRecord::kind`] of a device for one-time codes.
pub const ONE_TIME_CODE_KIND: &str = "otp";

/// The hash in a stored password; `None` if it is not one that can be verified within the limits (T-049).
pub fn read_stored(document: &Value, secret: &str) -> Option<PasswordHash> {
    let mut representation = CredentialRepresentation::deserialize_from(document)?;
    representation.value = None;
    representation.secret_data = Some(secret.to_owned());
    match read_password(&representation).ok()? {
        ImportedPassword::Hash(hash) => Some(hash),
        ImportedPassword::Plain(_) => None,
    }
}

/// The two texts for a hash: `document` with the new public part and every other field as it was, and the new secret part.
pub fn write_stored(document: &Value, hash: &PasswordHash) -> (Value, Secret<String>) {
    let written = write_password(hash);
    let public = CredentialRepresentation { credential_data: Some(written.credential_data), ..CredentialRepresentation::default() };
    let mut merged = document.as_object().cloned().unwrap_or_default();
    // A representation of texts always is an object.
    if let Ok(Value::Object(fields)) = serde_json::to_value(&public) {
        merged.extend(fields);
    }
    (Value::Object(merged), Secret::new(written.secret_data))
}

impl CredentialRepresentation {
    fn deserialize_from(document: &Value) -> Option<Self> {
        serde::Deserialize::deserialize(document).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::{HashAlgorithm, Pbkdf2Parameters, Pbkdf2Prf};
    use serde_json::json;

    #[test]
    fn a_stored_hash_reads_back_and_other_fields_stay() {
        let algorithm = HashAlgorithm::Pbkdf2(Pbkdf2Parameters { prf: Pbkdf2Prf::Sha256, iterations: 600_000, hash_bytes: 32 });
        let hash = PasswordHash::new(algorithm, vec![1; 16], vec![2; 32]).expect("within the limits");
        let (document, secret) = write_stored(&json!({"userLabel": "mine", "createdDate": 7}), &hash);
        assert_eq!(document["userLabel"], "mine");
        assert_eq!(document["createdDate"], 7);
        assert!(!document.to_string().contains(secret.expose().as_str()));
        let read = read_stored(&document, secret.expose()).expect("a password");
        assert!(read == hash);
    }

    #[test]
    fn what_is_no_password_is_none() {
        for (document, secret) in
            [(json!({}), "{}"), (json!(7), "{}"), (json!({"credentialData": "no"}), "{}"), (json!({"value": "clear"}), "clear")]
        {
            assert!(read_stored(&document, secret).is_none(), "{document}");
        }
    }
}
