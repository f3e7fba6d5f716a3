//! Public keys as JSON.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Algorithm, Jwk, JwkSet, JwkSetError, KeyError, KeyUse, key_text};
use super::{RSA_2048_CERTIFICATE, RSA_2048_KEY_ID, hmac, key_for};
use crate::limits::{JWK_SET_BYTES_MAX, JWK_SET_KEYS_MAX};

fn published(algorithm: Algorithm) -> Jwk {
    Jwk::of_verifying_key(&key_for(algorithm).verifying_key().unwrap(), Vec::new()).unwrap()
}

fn member_names(jwk: &Jwk) -> Vec<String> {
    serde_json::to_value(jwk).unwrap().as_object().unwrap().keys().cloned().collect()
}

fn without(jwk: &Jwk, name: &str, value: Option<Value>) -> Vec<u8> {
    let mut json = serde_json::to_value(jwk).unwrap();
    let members = json.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    json.to_string().into_bytes()
}

#[test]
fn members_come_in_keycloaks_order_and_private_ones_never() {
    assert_eq!(member_names(&published(Algorithm::Rs256)), ["kid", "kty", "alg", "use", "n", "e"]);
    assert_eq!(member_names(&published(Algorithm::Es512)), ["kid", "kty", "alg", "use", "crv", "x", "y"]);
    assert_eq!(member_names(&published(Algorithm::EdDsa)), ["kid", "kty", "alg", "use", "crv", "x"]);
}

#[test]
fn t_030_hmac_keys_are_never_published() {
    assert_eq!(Jwk::of_verifying_key(&hmac(Algorithm::Hs512).verifying_key().unwrap(), Vec::new()), None);
}

#[test]
fn certificates_are_published_with_their_thumbprints() {
    let certificate = key_text::decode(RSA_2048_CERTIFICATE).unwrap().to_vec();
    let key = key_for(Algorithm::Rs256).verifying_key().unwrap();
    let json = serde_json::to_value(Jwk::of_verifying_key(&key, vec![certificate]).unwrap()).unwrap();
    let bare: String = RSA_2048_CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(json["x5c"], json!([bare]));
    // Computed with OpenSSL from the fixture.
    assert_eq!(json["x5t"], "ufWL8WEaqnea_H7UBLa1UEMuKTE");
    assert_eq!(json["x5t#S256"], "DN4wPIVqEH5njKV_lc9tIRTwxEG29yQJIc9zGH-ZJVA");
    assert_eq!(json["kid"], RSA_2048_KEY_ID);
}

#[test]
fn published_keys_read_back_and_verify() {
    for algorithm in Algorithm::ALL {
        let key = key_for(algorithm);
        let Some(jwk) = Jwk::of_verifying_key(&key.verifying_key().unwrap(), Vec::new()) else { continue };
        let set = JwkSet { keys: vec![jwk.clone()], ignored: 0 };
        let read = JwkSet::parse(&serde_json::to_vec(&set).unwrap()).unwrap();
        assert_eq!(read, set);
        assert_eq!(read.keys[0].signature_algorithm(), Some(algorithm));
        let mut signature = Vec::new();
        key.sign(b"input", &mut signature).unwrap();
        assert!(read.keys[0].verifying_key(algorithm).unwrap().verify(b"input", &signature).is_ok());
    }
}

#[test]
fn key_is_usable_only_for_what_it_says() {
    let jwk = published(Algorithm::Rs256);
    let verdict = |json: &[u8], algorithm| Jwk::parse(json).and_then(|jwk| jwk.verifying_key(algorithm).map(|_| ()));
    assert_eq!(verdict(&without(&jwk, "alg", None), Algorithm::Ps256), Ok(()));
    assert_eq!(verdict(&without(&jwk, "x", Some(json!("x"))), Algorithm::Rs256), Ok(()));
    assert_eq!(verdict(&without(&jwk, "key_ops", Some(json!(["verify"]))), Algorithm::Rs256), Ok(()));
    for (name, value, algorithm, expected) in [
        ("kid", None, Algorithm::Ps256, KeyError::WrongAlgorithm),
        ("alg", None, Algorithm::Hs256, KeyError::WrongAlgorithm),
        ("alg", None, Algorithm::Es256, KeyError::WrongAlgorithm),
        ("alg", Some(json!("HS256")), Algorithm::Hs256, KeyError::WrongAlgorithm),
        ("alg", Some(json!("RSA-OAEP")), Algorithm::Rs256, KeyError::WrongAlgorithm),
        ("use", Some(json!("enc")), Algorithm::Rs256, KeyError::NotForSignatures),
        ("use", Some(json!("other")), Algorithm::Rs256, KeyError::NotForSignatures),
        ("key_ops", Some(json!(["sign"])), Algorithm::Rs256, KeyError::NotForSignatures),
        ("key_ops", Some(json!("verify")), Algorithm::Rs256, KeyError::Malformed),
        ("kid", Some(json!("\u{0}")), Algorithm::Rs256, KeyError::BadKeyId),
        ("kid", Some(json!(7)), Algorithm::Rs256, KeyError::Malformed),
        ("kid", Some(Value::Null), Algorithm::Rs256, KeyError::Malformed),
        ("kty", Some(json!("oct")), Algorithm::Hs256, KeyError::Unsupported),
        ("kty", Some(json!("EC")), Algorithm::Rs256, KeyError::Unsupported),
        ("kty", None, Algorithm::Rs256, KeyError::Unsupported),
        ("n", None, Algorithm::Rs256, KeyError::Malformed),
        ("n", Some(json!("AQAB")), Algorithm::Rs256, KeyError::RsaTooSmall),
        ("n", Some(json!("AQAB=")), Algorithm::Rs256, KeyError::Malformed),
        ("e", Some(json!("Ag")), Algorithm::Rs256, KeyError::Inconsistent),
        ("e", Some(json!("")), Algorithm::Rs256, KeyError::Inconsistent),
    ] {
        let json = without(&jwk, name, value);
        assert_eq!(verdict(&json, algorithm), Err(expected), "{}", String::from_utf8_lossy(&json));
    }
    let ec = published(Algorithm::Es256);
    assert_eq!(verdict(&without(&ec, "x", Some(json!("AA"))), Algorithm::Es256), Err(KeyError::Malformed));
    assert_eq!(verdict(&without(&ec, "crv", Some(json!("secp256k1"))), Algorithm::Es256), Err(KeyError::Unsupported));
    assert_eq!(verdict(&without(&ec, "crv", Some(json!("P-384"))), Algorithm::Es384), Err(KeyError::Malformed));
}

#[test]
fn leading_zeros_of_an_rsa_modulus_are_dropped() {
    let jwk = published(Algorithm::Rs256);
    let n = serde_json::to_value(&jwk).unwrap()["n"].as_str().map(str::to_owned).unwrap();
    let n = [&[0][..], &crate::base64url::decode(n.as_bytes()).unwrap()].concat();
    let json = without(&jwk, "n", Some(json!(crate::base64url::encode(&n))));
    assert_eq!(Jwk::parse(&json), Ok(jwk));
}

#[test]
fn keys_that_are_not_understood_are_counted_and_left_out() {
    let known = serde_json::to_value(published(Algorithm::EdDsa)).unwrap();
    let set = json!({"keys": [
        {"kty": "oct", "k": "AAAA", "kid": "symmetric"},
        {"kty": "new", "kid": "future"},
        known,
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed448", "x": "AAAA"},
        {},
    ], "other": 1});
    let set = JwkSet::parse(set.to_string().as_bytes()).unwrap();
    assert_eq!((set.keys.len(), set.ignored), (1, 5));
    assert_eq!(set.keys[0].key_use, Some(KeyUse::Signature));
}

#[test]
fn malformed_sets_are_refused() {
    for text in ["", "[]", "{}", "null", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(JwkSet::parse(text.as_bytes()), Err(JwkSetError::Malformed), "{text}");
    }
    let many = |count: usize| json!({"keys": vec![json!({}); count]}).to_string().into_bytes();
    assert_eq!(JwkSet::parse(&many(JWK_SET_KEYS_MAX)).unwrap().ignored, JWK_SET_KEYS_MAX);
    assert_eq!(JwkSet::parse(&many(JWK_SET_KEYS_MAX + 1)), Err(JwkSetError::TooManyKeys));
    let padded = |len: usize| format!("{}{}", r#"{"keys":[]}"#, " ".repeat(len - 11)).into_bytes();
    assert!(JwkSet::parse(&padded(JWK_SET_BYTES_MAX)).is_ok());
    assert_eq!(JwkSet::parse(&padded(JWK_SET_BYTES_MAX + 1)), Err(JwkSetError::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn t_050_any_members_are_read_or_refused(kty in "RSA|EC|OKP|oct|", crv in "P-256|P-521|Ed25519|", x in "[A-Za-z0-9_-]{0,90}", y in "\\PC{0,8}") {
        let key = json!({"kty": kty, "crv": crv, "x": x, "y": y, "n": x, "e": y});
        let set = json!({"keys": [key]}).to_string();
        if let Ok(set) = JwkSet::parse(set.as_bytes()) {
            prop_assert_eq!(set.keys.len() + set.ignored, 1);
            for jwk in &set.keys {
                let _ = jwk.verifying_key(jwk.public_key.default_algorithm());
            }
        }
    }
}
