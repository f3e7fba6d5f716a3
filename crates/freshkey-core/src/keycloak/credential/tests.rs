use super::*;
use crate::passwords::{HashWorkspace, Verdict, hash, verify};

fn representation(json: &serde_json::Value) -> CredentialRepresentation {
    serde_json::from_value(json.clone()).expect("a credential representation")
}

fn read_hash_of(json: &serde_json::Value) -> Result<PasswordHash, CredentialError> {
    match read_password(&representation(json))? {
        ImportedPassword::Hash(hash) => Ok(hash),
        ImportedPassword::Plain(_) => panic!("not in clear"),
    }
}

#[track_caller]
fn assert_verifies(json: &serde_json::Value, password: &str) {
    let hash = read_hash_of(json).expect("reads");
    let mut workspace = HashWorkspace::new();
    for (text, expected) in [(password.to_owned(), Verdict::Match), (format!("{password} "), Verdict::Mismatch)] {
        let password = PlainPassword::new(&text).unwrap_or_else(|_| panic!("short"));
        assert_eq!(verify(&hash, password, &mut workspace), Ok(expected), "{text}");
    }
}

const ARGON2_DATA: &str = r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}"#;
const ARGON2_SECRET: &str =
    r#"{"value":"IfExWtDALUwxKUzjBnZ7qSKRQp7lMX613OEEmWqcZxU=","salt":"ICEiIyQlJicoKSorLC0uLw==","additionalParameters":{}}"#;
const SHA512_DATA: &str = r#"{"hashIterations":210000,"algorithm":"pbkdf2-sha512","additionalParameters":{}}"#;
const SHA512_SECRET: &str = r#"{"value":"cNhdmVjOG2cpPOl4Jjeqz3PRJxtSxHGbitrPwLBhM6xqnJc7jLdM6YLUKbb0kHSiZB5KESBqEX3If3jZtv9Ypw==","salt":"EBESExQVFhcYGRobHB0eHw==","additionalParameters":{}}"#;

fn two_texts(credential_data: &str, secret_data: &str) -> serde_json::Value {
    serde_json::json!({
        "id": "3f6a0c9e-7a53-4f0e-9d0b-2f6f6d1a9f11",
        "type": "password",
        "createdDate": 1_700_000_000_000_i64,
        "credentialData": credential_data,
        "secretData": secret_data,
    })
}

// The values were computed with the reference implementation of Argon2 and with Python's hashlib.

#[test]
fn keycloak_default_argon2_verifies() {
    assert_verifies(&two_texts(ARGON2_DATA, ARGON2_SECRET), "pässwörd-carol");
}

#[test]
fn keycloak_pbkdf2_sha512_verifies() {
    assert_verifies(&two_texts(SHA512_DATA, SHA512_SECRET), "pässwörd-bob");
}

#[test]
fn keycloak_pbkdf2_sha256_with_the_old_cost_verifies() {
    assert_verifies(
        &two_texts(
            r#"{"hashIterations":27500,"algorithm":"pbkdf2-sha256"}"#,
            r#"{"value":"flpJSebdF4c+W8fxKQFDRILzFk+8FOLlSIyzimBHiHwETRhaTRn9rNWw09rbUFVROq7cHPt75DgyFzSYEAqIRg==","salt":"AAECAwQFBgcICQoLDA0ODw=="}"#,
        ),
        "pässwörd-alice",
    );
}

#[test]
fn a_hash_shorter_than_todays_verifies_at_its_own_length() {
    assert_verifies(
        &two_texts(
            r#"{"hashIterations":27500,"algorithm":"pbkdf2-sha256"}"#,
            r#"{"value":"5H1D6GTmxfK9o2LdJmfXFscOFHgGTYDCQ8zZT1nGhPw","salt":"AAECAwQFBgcICQoLDA0ODw"}"#,
        ),
        "old-password",
    );
}

#[test]
fn the_flat_form_of_old_exports_verifies() {
    assert_verifies(
        &serde_json::json!({
            "type": "password",
            "hashedSaltedValue": "Ks1IIodLyET8zWVvmJatKZPTqdgSTilUAnp9cry8vWOMSpiZYn228mA5wmwXkWBN8iJv7MXdydkz//Eey/dprA==",
            "salt": "AAECAwQFBgcICQoLDA0ODw==",
            "hashIterations": 20000,
            "counter": 0,
            "algorithm": "pbkdf2",
            "digits": 0,
            "period": 0,
            "config": {},
        }),
        "old-password",
    );
}

#[test]
fn a_password_in_clear_is_handed_on() {
    let credential = representation(&serde_json::json!({ "type": "password", "value": "s3cret", "temporary": true }));
    let Ok(ImportedPassword::Plain(password)) = read_password(&credential) else { panic!("in clear") };
    let mut workspace = HashWorkspace::new();
    let algorithm = HashAlgorithm::pbkdf2(Pbkdf2Prf::Sha256, 10);
    let made = hash(password, &algorithm, [0; 16], &mut workspace).expect("hashes");
    let typed = PlainPassword::new("s3cret").unwrap_or_else(|_| panic!("short"));
    assert_eq!(verify(&made, typed, &mut workspace), Ok(Verdict::Match));
    assert_eq!(credential.temporary, Some(true));
}

#[test]
fn what_is_written_is_byte_for_byte_what_keycloak_wrote() {
    for (credential_data, secret_data) in [(ARGON2_DATA, ARGON2_SECRET), (SHA512_DATA, SHA512_SECRET)] {
        let written = write_password(&read_hash_of(&two_texts(credential_data, secret_data)).expect("reads"));
        assert_eq!(written.credential_data, credential_data);
        assert_eq!(written.secret_data, secret_data);
    }
}

#[test]
fn every_argon2_variant_and_version_survives_a_round_trip() {
    for variant in [Argon2Variant::Id, Argon2Variant::I, Argon2Variant::D] {
        for version in [Argon2Version::V1_0, Argon2Version::V1_3] {
            let parameters = Argon2Parameters { variant, version, memory_kib: 64, iterations: 3, parallelism: 2, hash_bytes: 20 };
            let hash = PasswordHash::new(HashAlgorithm::Argon2(parameters), vec![1; 16], vec![2; 20]).expect("within bounds");
            let written = write_password(&hash);
            assert!(read_hash_of(&two_texts(&written.credential_data, &written.secret_data)) == Ok(hash), "{parameters:?}");
        }
    }
}

#[test]
fn t_049_an_import_that_would_cost_too_much_is_refused() {
    use HashOutOfBounds::{HashLength, Iterations, Memory, Parallelism, Work};
    let argon2 = |from: &str, to: &str| {
        assert!(ARGON2_DATA.contains(from));
        ARGON2_DATA.replace(from, to)
    };
    for (credential_data, secret_data, bound) in [
        (SHA512_DATA.replace("210000", "1000000000"), SHA512_SECRET, Iterations),
        (SHA512_DATA.replace("210000", "1000000000000"), SHA512_SECRET, Iterations),
        (SHA512_DATA.replace("210000", "-1"), SHA512_SECRET, Iterations),
        (argon2("7168", "10485760"), ARGON2_SECRET, Memory),
        (argon2("7168", "1048576"), ARGON2_SECRET, Work),
        (argon2(":5,", ":101,"), ARGON2_SECRET, Iterations),
        (argon2(r#"parallelism":["1"]"#, r#"parallelism":["17"]"#), ARGON2_SECRET, Parallelism),
        (argon2(r#"["32"]"#, r#"["64"]"#), ARGON2_SECRET, HashLength),
    ] {
        let outcome = read_hash_of(&two_texts(&credential_data, secret_data));
        assert_eq!(outcome.err(), Some(CredentialError::OutOfBounds(bound)), "{credential_data}");
    }
    let long = serde_json::json!({ "type": "password", "value": "x".repeat(4097) });
    assert!(matches!(read_password(&representation(&long)), Err(CredentialError::PasswordTooLong)));
    let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
    assert_eq!(read_hash_of(&two_texts(&deep, ARGON2_SECRET)).err(), Some(CredentialError::Malformed("credentialData")));
    let wide = format!(r#"{{"algorithm":"{}"}}"#, "x".repeat(9000));
    assert_eq!(read_hash_of(&two_texts(&wide, ARGON2_SECRET)).err(), Some(CredentialError::Malformed("credentialData")));
}

#[test]
fn damaged_credentials_name_the_field() {
    let argon2 = |from: &str, to: &str| ARGON2_DATA.replace(from, to);
    for (credential_data, secret_data, expected) in [
        ("{".to_owned(), SHA512_SECRET, CredentialError::Malformed("credentialData")),
        (SHA512_DATA.to_owned(), "[]", CredentialError::Malformed("secretData")),
        (SHA512_DATA.to_owned(), r#"{"salt":"AAAA"}"#, CredentialError::Missing("value")),
        (SHA512_DATA.to_owned(), r#"{"value":"AAAA"}"#, CredentialError::Missing("salt")),
        (SHA512_DATA.to_owned(), r#"{"value":"?","salt":"AAAA"}"#, CredentialError::Malformed("value")),
        (SHA512_DATA.replace("pbkdf2-sha512", "bcrypt"), SHA512_SECRET, CredentialError::UnknownAlgorithm("bcrypt".into())),
        (r#"{"algorithm":"pbkdf2"}"#.to_owned(), SHA512_SECRET, CredentialError::Missing("hashIterations")),
        (r#"{"hashIterations":5}"#.to_owned(), SHA512_SECRET, CredentialError::Missing("algorithm")),
        (r#"{"hashIterations":5,"algorithm":"argon2"}"#.to_owned(), ARGON2_SECRET, CredentialError::Missing("additionalParameters")),
        (argon2("memory", "memories"), ARGON2_SECRET, CredentialError::Missing("memory")),
        (argon2(r#"["7168"]"#, r#"["7 MiB"]"#), ARGON2_SECRET, CredentialError::Malformed("memory")),
        (argon2(r#"["7168"]"#, "[]"), ARGON2_SECRET, CredentialError::Missing("memory")),
        (argon2(r#"["id"]"#, r#"["x"]"#), ARGON2_SECRET, CredentialError::Malformed("type")),
        (argon2(r#"["1.3"]"#, r#"["2.0"]"#), ARGON2_SECRET, CredentialError::Malformed("version")),
    ] {
        assert_eq!(read_hash_of(&two_texts(&credential_data, secret_data)).err(), Some(expected), "{credential_data} {secret_data}");
    }
    let empty = serde_json::json!({ "type": "password" });
    assert_eq!(read_hash_of(&empty).err(), Some(CredentialError::Missing("credentialData")));
}
