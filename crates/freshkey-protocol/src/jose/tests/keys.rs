//! Reading keys, and T-030: weak and unusable ones are refused.

use proptest::prelude::*;

use super::super::{Algorithm, KeyError, KeyId, KeyKind, PublicKey, SigningKey, VerifyingKey, generate_private_key};
use super::{
    ED25519_KEY_ID, ED25519_PKCS8, P256_CERTIFICATE, P256_KEY_ID, P256_PKCS8, P256_SEC1, RSA_2048_CERTIFICATE, RSA_2048_KEY_ID,
    RSA_2048_PKCS1, RSA_2048_PKCS8, RSA_2048_PUBLIC, id, key_for, rsa,
};
use crate::limits::KEY_TEXT_BYTES_MAX;

const RSA_1024_PKCS1: &str = include_str!("../fixtures/rsa_1024_pkcs1.pem");
const RSA_1024_PKCS8: &str = include_str!("../fixtures/rsa_1024_pkcs8.pem");
const RSA_1024_PUBLIC: &str = include_str!("../fixtures/rsa_1024_public.pem");
const RSA_2047_PKCS1: &str = include_str!("../fixtures/rsa_2047_pkcs1.pem");
const SECP256K1_PKCS8: &str = include_str!("../fixtures/secp256k1_pkcs8.pem");

fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn private(algorithm: Algorithm, text: &str) -> Result<String, KeyError> {
    let key = SigningKey::from_private_key_text(algorithm, text)?;
    key.prove()?;
    Ok(key.key_id().as_str().to_owned())
}

#[test]
fn private_keys_are_read_in_every_form_that_keycloak_exports() {
    for (algorithm, text, key_id) in [
        (Algorithm::Rs256, RSA_2048_PKCS8, RSA_2048_KEY_ID),
        (Algorithm::Rs256, RSA_2048_PKCS1, RSA_2048_KEY_ID),
        (Algorithm::Ps512, RSA_2048_PKCS1, RSA_2048_KEY_ID),
        (Algorithm::Es256, P256_PKCS8, P256_KEY_ID),
        (Algorithm::Es256, P256_SEC1, P256_KEY_ID),
        (Algorithm::EdDsa, ED25519_PKCS8, ED25519_KEY_ID),
    ] {
        assert_eq!(private(algorithm, text).as_deref(), Ok(key_id));
        assert_eq!(private(algorithm, &bare(text)).as_deref(), Ok(key_id), "bare base64");
        assert_eq!(private(algorithm, &text.replace('\n', "\r\n")).as_deref(), Ok(key_id), "CRLF");
    }
}

#[test]
fn public_keys_and_certificates_give_keycloaks_key_id() {
    for (algorithm, text, key_id) in [
        (Algorithm::Rs256, RSA_2048_PUBLIC, RSA_2048_KEY_ID),
        (Algorithm::Rs256, RSA_2048_CERTIFICATE, RSA_2048_KEY_ID),
        (Algorithm::Es256, P256_CERTIFICATE, P256_KEY_ID),
    ] {
        assert_eq!(VerifyingKey::from_text(algorithm, text).unwrap().key_id().as_str(), key_id);
        assert_eq!(VerifyingKey::from_text(algorithm, &bare(text)).unwrap().key_id().as_str(), key_id);
    }
}

#[test]
fn public_part_of_every_kind_reads_back() {
    for algorithm in Algorithm::ALL {
        let key = key_for(algorithm);
        let Some(public_key) = key.public_key() else { continue };
        let spki = public_key.to_spki_der();
        assert_eq!(PublicKey::from_spki_der(&spki).as_ref(), Ok(public_key));
        let verifying = VerifyingKey::from_spki_der(algorithm, &spki).unwrap();
        let mut signature = Vec::new();
        key.sign(b"input", &mut signature).unwrap();
        assert!(verifying.verify(b"input", &signature).is_ok(), "{algorithm}");
        assert!(verifying.verify(b"Input", &signature).is_err(), "{algorithm}");
    }
}

#[test]
fn every_generated_kind_signs() {
    for (kind, algorithm) in [
        (KeyKind::Rsa2048, Algorithm::Rs384),
        (KeyKind::P256, Algorithm::Es256),
        (KeyKind::P384, Algorithm::Es384),
        (KeyKind::P521, Algorithm::Es512),
        (KeyKind::Ed25519, Algorithm::EdDsa),
    ] {
        let der = generate_private_key(kind).unwrap();
        let key = SigningKey::from_private_key_der(algorithm, der.expose()).unwrap();
        assert_eq!(key.prove(), Ok(()), "{kind:?}");
        let other = generate_private_key(kind).unwrap();
        assert!(der != other, "{kind:?}");
    }
}

#[test]
fn signatures_have_the_announced_length() {
    for algorithm in Algorithm::ALL {
        let key = key_for(algorithm);
        let mut signature = Vec::new();
        key.sign(b"input", &mut signature).unwrap();
        assert_eq!(signature.len(), key.signature_bytes(), "{algorithm}");
    }
}

#[test]
fn key_id_can_be_chosen_and_shows_in_tokens() {
    let key = rsa(Algorithm::Rs256).with_key_id(id("a \"quoted\" id"));
    let token = super::super::sign_compact(&key, super::super::HeaderType::Jwt, b"{}").unwrap();
    let jws = super::CompactJws::parse(token.as_bytes()).unwrap();
    assert_eq!(jws.header().key_id.as_ref().map(KeyId::as_str), Some("a \"quoted\" id"));
    assert_eq!(key.verifying_key().unwrap().key_id().as_str(), "a \"quoted\" id");
}

#[test]
fn t_030_short_rsa_keys_are_refused() {
    for text in [RSA_1024_PKCS1, RSA_1024_PKCS8, RSA_2047_PKCS1] {
        for algorithm in [Algorithm::Rs256, Algorithm::Ps512] {
            assert_eq!(private(algorithm, text), Err(KeyError::RsaTooSmall));
        }
    }
    assert_eq!(PublicKey::from_text(RSA_1024_PUBLIC), Err(KeyError::RsaTooSmall));
    let modulus = |bits: usize| {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] >>= bits.div_ceil(8) * 8 - bits;
        bytes
    };
    let size = |bits| PublicKey::from_rsa(&modulus(bits), &[1, 0, 1]).map(|_| ());
    assert_eq!(size(1), Err(KeyError::RsaTooSmall));
    assert_eq!(PublicKey::from_rsa(&[], &[]), Err(KeyError::RsaTooSmall));
    assert_eq!(size(2047), Err(KeyError::RsaTooSmall));
    assert_eq!(size(2048), Ok(()));
    assert_eq!(size(8192), Ok(()));
    assert_eq!(size(8193), Err(KeyError::RsaTooLarge));
    let padded = [&[0; 200][..], &modulus(1024)].concat();
    assert_eq!(PublicKey::from_rsa(&padded, &[3]), Err(KeyError::RsaTooSmall), "zeros add no strength");
}

#[test]
fn t_030_hmac_secrets_shorter_than_the_hash_are_refused() {
    for (algorithm, len) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        assert_eq!(algorithm.hmac_secret_bytes_min(), Some(len));
        for (secret, expected) in
            [(vec![1; len], None), (vec![1; len - 1], Some(KeyError::SecretTooShort)), (vec![], Some(KeyError::SecretTooShort))]
        {
            assert_eq!(SigningKey::from_hmac_secret(id("k"), algorithm, &secret).err(), expected);
            assert_eq!(VerifyingKey::from_hmac_secret(id("k"), algorithm, &secret).err(), expected);
        }
    }
    assert_eq!(Algorithm::Rs256.hmac_secret_bytes_min(), None);
    assert_eq!(SigningKey::from_hmac_secret(id("k"), Algorithm::Rs256, &[1; 64]).err(), Some(KeyError::WrongAlgorithm));
}

#[test]
fn t_030_unusable_keys_are_refused() {
    let even_exponent = PublicKey::from_rsa(&[0xff; 256], &[2]).unwrap();
    assert_eq!(VerifyingKey::from_public_key(id("k"), Algorithm::Rs256, even_exponent).err(), Some(KeyError::Inconsistent));
    let point = |byte| PublicKey::from_point(super::super::public_key::Curve::P256, &[&[4][..], &[byte; 64]].concat());
    for byte in [0, 1, 0xff] {
        let off_curve = point(byte).unwrap();
        assert_eq!(VerifyingKey::from_public_key(id("k"), Algorithm::Es256, off_curve).err(), Some(KeyError::Inconsistent));
    }
    // One changed bit of a prime, so that the private half no longer belongs to the public one.
    let mut der = super::super::key_text::decode(RSA_2048_PKCS1).unwrap().to_vec();
    der[600] ^= 1;
    assert_eq!(SigningKey::from_private_key_der(Algorithm::Rs256, &der).err(), Some(KeyError::Inconsistent));
}

#[test]
fn keys_of_another_kind_are_refused() {
    for (algorithm, text) in [
        (Algorithm::Es256, RSA_2048_PKCS8),
        (Algorithm::EdDsa, RSA_2048_PKCS8),
        (Algorithm::EdDsa, RSA_2048_PKCS1),
        (Algorithm::Es256, RSA_2048_PKCS1),
        (Algorithm::Rs256, P256_PKCS8),
        (Algorithm::Rs256, P256_SEC1),
        (Algorithm::EdDsa, P256_PKCS8),
        (Algorithm::Rs256, ED25519_PKCS8),
        (Algorithm::Hs256, RSA_2048_PKCS8),
    ] {
        assert_eq!(private(algorithm, text), Err(KeyError::WrongAlgorithm), "{algorithm}");
    }
    for (algorithm, text) in [(Algorithm::Es384, P256_PKCS8), (Algorithm::Es256, SECP256K1_PKCS8)] {
        assert_eq!(private(algorithm, text), Err(KeyError::Inconsistent), "{algorithm}");
    }
    let rsa_public = PublicKey::from_text(RSA_2048_PUBLIC).unwrap();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        assert_eq!(VerifyingKey::from_public_key(id("k"), algorithm, rsa_public.clone()).err(), Some(KeyError::WrongAlgorithm));
    }
}

#[test]
fn malformed_key_texts_are_refused() {
    let half_armoured = RSA_2048_PKCS8.replace("-----END PRIVATE KEY-----", "");
    let mislabelled = RSA_2048_PKCS8.replace("-----END PRIVATE KEY-----", "-----END PUBLIC KEY-----");
    let too_long = "A".repeat(KEY_TEXT_BYTES_MAX + 1);
    for text in ["", "-----BEGIN -----", "AAAA", "not base64!", &half_armoured, &mislabelled, &too_long] {
        assert_eq!(private(Algorithm::Rs256, text), Err(KeyError::Malformed));
        assert_eq!(PublicKey::from_text(text), Err(KeyError::Malformed));
    }
    let mut trailing = super::super::key_text::decode(RSA_2048_PKCS8).unwrap().to_vec();
    trailing.push(0);
    assert_eq!(SigningKey::from_private_key_der(Algorithm::Rs256, &trailing).err(), Some(KeyError::Malformed));
    let mut trailing = rsa(Algorithm::Rs256).public_key().unwrap().to_spki_der();
    trailing.push(0);
    assert_eq!(PublicKey::from_spki_der(&trailing), Err(KeyError::Malformed));
}

#[test]
fn nothing_may_follow_inside_a_key_or_certificate() {
    use super::super::der::{Reader, SEQUENCE, element};
    let lengthened = |der: &[u8]| element(SEQUENCE, &[Reader::only(SEQUENCE, der).unwrap(), &[5, 0]]);
    let spki = rsa(Algorithm::Rs256).public_key().unwrap().to_spki_der();
    assert_eq!(PublicKey::from_spki_der(&lengthened(&spki)), Err(KeyError::Malformed));
    let certificate = super::super::key_text::decode(RSA_2048_CERTIFICATE).unwrap();
    assert!(PublicKey::from_certificate_der(&certificate).is_ok());
    assert_eq!(PublicKey::from_certificate_der(&lengthened(&certificate)), Err(KeyError::Malformed));
}

#[test]
fn keys_do_not_show_their_secret() {
    let shown = format!("{:?} {:?}", key_for(Algorithm::Hs512), key_for(Algorithm::Rs256));
    assert_eq!(shown, format!("SigningKey(HS512 hmac) SigningKey(RS256 {RSA_2048_KEY_ID})"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn t_050_any_der_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), at in 0_usize..800, byte: u8) {
        let _ = PublicKey::from_spki_der(&bytes);
        let _ = PublicKey::from_certificate_der(&bytes);
        let _ = SigningKey::from_private_key_der(Algorithm::Es256, &bytes);
        let mut certificate = super::super::key_text::decode(RSA_2048_CERTIFICATE).unwrap().to_vec();
        let at = at % certificate.len();
        certificate[at] = byte;
        let _ = PublicKey::from_certificate_der(&certificate);
        let _ = PublicKey::from_certificate_der(&certificate[..at]);
    }
}
