//! T-016 and the form of tokens: whatever isn't exactly what was signed is refused.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Algorithm, CompactJws, HeaderType, JwsError, KeyRing, SigningKey, sign_compact};
use super::{hmac, key_for, ring_verdict, rsa, signed, verdict};
use crate::base64url;
use crate::limits::{COMPACT_JWS_BYTES_MAX, JWS_HEADER_BYTES_MAX, JWS_HEADER_MEMBERS_MAX};

const CLAIMS: &[u8] = br#"{"iss":"https://a/realms/r","typ":"Refresh","exp":1}"#;

fn ring_of(key: SigningKey) -> (KeyRing, Arc<SigningKey>) {
    let key = Arc::new(key);
    let mut ring = KeyRing::new();
    ring.add_signing(Arc::clone(&key)).unwrap();
    (ring, key)
}

fn refusal(header: &str) -> Option<JwsError> {
    let key = hmac(Algorithm::Hs256);
    verdict(signed(&key, header, b"{}"), &key.verifying_key().unwrap()).err()
}

#[test]
fn minted_tokens_verify_and_carry_keycloaks_header() {
    for algorithm in Algorithm::ALL {
        let (ring, key) = ring_of(key_for(algorithm));
        for header_type in [HeaderType::Jwt, HeaderType::AccessToken, HeaderType::LogoutToken] {
            let token = sign_compact(&key, header_type, CLAIMS).unwrap();
            assert_eq!(ring_verdict(&token, &ring).as_deref(), Ok(CLAIMS), "{algorithm}");
            let header = base64url::decode(token.split('.').next().unwrap().as_bytes()).unwrap();
            assert_eq!(
                String::from_utf8(header).unwrap(),
                format!(r#"{{"alg":"{algorithm}","typ":"{}","kid":"{}"}}"#, header_type.as_str(), key.key_id())
            );
            let jws = CompactJws::parse(token.as_bytes()).unwrap();
            assert_eq!(jws.header().algorithm, algorithm);
            assert_eq!(jws.header().typ.as_deref(), Some(header_type.as_str()));
            assert_eq!(jws.header().key_id.as_ref(), Some(key.key_id()));
        }
    }
}

#[test]
fn t_016_every_bit_flip_is_refused() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs512] {
        let (ring, key) = ring_of(key_for(algorithm));
        let token = sign_compact(&key, HeaderType::Jwt, CLAIMS).unwrap().into_bytes();
        assert!(ring_verdict(&token, &ring).is_ok());
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut flipped = token.clone();
                flipped[at] ^= 1 << bit;
                assert!(ring_verdict(&flipped, &ring).is_err(), "{algorithm}: byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn t_016_every_cut_is_refused() {
    for algorithm in [Algorithm::Rs256, Algorithm::Hs512] {
        let (ring, key) = ring_of(key_for(algorithm));
        let token = sign_compact(&key, HeaderType::Jwt, CLAIMS).unwrap().into_bytes();
        for at in 0..token.len() {
            assert!(ring_verdict(&token[..at], &ring).is_err(), "{algorithm}: the first {at} bytes");
            assert!(ring_verdict(&token[at + 1..], &ring).is_err(), "{algorithm}: without {} bytes", at + 1);
            let without_one = [&token[..at], &token[at + 1..]].concat();
            assert!(ring_verdict(without_one, &ring).is_err(), "{algorithm}: without byte {at}");
        }
    }
}

#[test]
fn t_016_every_extension_by_one_byte_is_refused() {
    let (ring, key) = ring_of(key_for(Algorithm::Hs512));
    let token = sign_compact(&key, HeaderType::Jwt, CLAIMS).unwrap().into_bytes();
    for at in 0..=token.len() {
        for byte in [b'A', b'_', b'=', b'.', b' ', b'\n', b'%', 0, 0xff] {
            let extended = [&token[..at], &[byte], &token[at..]].concat();
            assert!(ring_verdict(extended, &ring).is_err(), "byte {byte} at {at}");
        }
    }
    for byte in 0..=255 {
        assert!(ring_verdict([&token[..], &[byte]].concat(), &ring).is_err(), "byte {byte} at the end");
    }
}

#[test]
fn t_016_other_texts_of_the_same_signature_are_refused() {
    // 64 bytes of HS512 leave four unused bits in the last character.
    let (ring, key) = ring_of(key_for(Algorithm::Hs512));
    let token = sign_compact(&key, HeaderType::Jwt, CLAIMS).unwrap();
    let (rest, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let accepted: Vec<char> = alphabet.chars().filter(|last| ring_verdict(format!("{rest}{last}"), &ring).is_ok()).collect();
    assert_eq!(accepted, last.chars().collect::<Vec<_>>());
    for padded in [format!("{token}="), format!("{token}=="), token.replace('_', "/"), token.replace('-', "+")] {
        assert!(padded == token || ring_verdict(&padded, &ring).is_err(), "{padded}");
    }
}

#[test]
fn t_016_non_canonical_payload_is_refused_even_if_signed() {
    let key = hmac(Algorithm::Hs256);
    for payload in ["e31", "e30=", "e 30", "e+/0", "e"] {
        let input = format!("{}.{payload}", base64url::encode(br#"{"alg":"HS256"}"#));
        let mut signature = Vec::new();
        key.sign(input.as_bytes(), &mut signature).unwrap();
        let token = format!("{input}.{}", base64url::encode(&signature));
        assert_eq!(verdict(token, &key.verifying_key().unwrap()), Err(JwsError::NotBase64Url), "{payload}");
    }
}

#[test]
fn parts_are_counted() {
    for text in ["", ".", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "e30.e30", "...."] {
        assert_eq!(CompactJws::parse(text.as_bytes()).err(), Some(JwsError::NotThreeParts), "{text}");
    }
    assert_eq!(CompactJws::parse(b"..").err(), Some(JwsError::BadHeader));
}

#[test]
fn headers_are_read_strictly() {
    for (header, expected) in [
        ("", JwsError::BadHeader),
        ("[]", JwsError::BadHeader),
        ("null", JwsError::BadHeader),
        (r#"{"alg":"HS256"}x"#, JwsError::BadHeader),
        (r#"{"alg":"HS256""#, JwsError::BadHeader),
        (r#"{'alg':'HS256'}"#, JwsError::BadHeader),
        (r"{}", JwsError::BadHeaderMember),
        (r#"{"alg":null}"#, JwsError::BadHeaderMember),
        (r#"{"alg":["HS256"]}"#, JwsError::BadHeaderMember),
        (r#"{"alg":256}"#, JwsError::BadHeaderMember),
        (r#"{"ALG":"HS256"}"#, JwsError::BadHeaderMember),
        (r#"{"alg":"HS256","typ":1}"#, JwsError::BadHeaderMember),
        (r#"{"alg":"HS256","kid":null}"#, JwsError::BadHeaderMember),
        (r#"{"alg":"HS256","kid":{"a":1}}"#, JwsError::BadHeaderMember),
        (r#"{"alg":"HS256","alg":"HS256"}"#, JwsError::DuplicateHeader),
        (r#"{"alg":"HS256","\u0061lg":"HS512"}"#, JwsError::DuplicateHeader),
        (r#"{"x":1,"alg":"HS256","x":1}"#, JwsError::DuplicateHeader),
    ] {
        assert_eq!(refusal(header), Some(expected), "{header}");
    }
    assert_eq!(refusal(r#" {"x":{"alg":"none"},"\u0061lg":"HS256"} "#), None);
}

#[test]
fn lengths_are_limited() {
    let many = |count: usize| {
        let members: Vec<String> = (1..count).map(|i| format!("\"m{i}\":0")).collect();
        format!(r#"{{"alg":"HS256",{}}}"#, members.join(","))
    };
    assert_eq!(refusal(&many(JWS_HEADER_MEMBERS_MAX)), None);
    assert_eq!(refusal(&many(JWS_HEADER_MEMBERS_MAX + 1)), Some(JwsError::BadHeader));

    let long = |len: usize| format!(r#"{{"alg":"HS256","x":"{}"}}"#, "x".repeat(len));
    assert_eq!(refusal(&long(JWS_HEADER_BYTES_MAX / 4 * 3 - 22)), None);
    assert_eq!(refusal(&long(JWS_HEADER_BYTES_MAX / 4 * 3)), Some(JwsError::BadHeader));

    let key = hmac(Algorithm::Hs256);
    let token = |len: usize| signed(&key, r#"{"alg":"HS256"}"#, &vec![b'x'; len]);
    let fitting = token((COMPACT_JWS_BYTES_MAX - 70) / 4 * 3);
    assert!(verdict(&fitting, &key.verifying_key().unwrap()).is_ok());
    assert_eq!(CompactJws::parse(token(COMPACT_JWS_BYTES_MAX / 4 * 3).as_bytes()).err(), Some(JwsError::TooLong));
}

#[test]
fn payload_can_be_looked_at_before_the_key_is_known() {
    let token = sign_compact(&rsa(Algorithm::Rs256), HeaderType::Jwt, CLAIMS).unwrap();
    let jws = CompactJws::parse(token.as_bytes()).unwrap();
    assert_eq!(jws.unverified_payload().as_deref(), Ok(CLAIMS));
}

#[test]
fn claims_come_out_of_a_verified_payload() {
    let key = hmac(Algorithm::Hs512);
    let token = sign_compact(&key, HeaderType::Jwt, CLAIMS).unwrap();
    let payload = CompactJws::parse(token.as_bytes()).unwrap().verify(&key.verifying_key().unwrap());
    let Ok(payload) = payload else { panic!("the token verifies") };
    assert_eq!(payload.claims().unwrap().typ.as_deref(), Some("Refresh"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn t_050_any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256), header in "\\PC{0,64}") {
        let _ = CompactJws::parse(&bytes);
        let text = format!("{}.e30.e30", base64url::encode(header.as_bytes()));
        let _ = CompactJws::parse(text.as_bytes());
    }
}
