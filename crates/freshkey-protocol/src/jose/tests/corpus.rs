//! T-027: tokens that try to choose the algorithm or the key.

use std::sync::Arc;

use super::super::{Algorithm, HeaderType, JwsError, KeyId, KeyRing, SigningKey, VerifyingKey, sign_compact};
use super::{RSA_2048_CERTIFICATE, RSA_2048_KEY_ID, RSA_2048_PUBLIC, hmac, id, key_for, ring_verdict, rsa, signed, verdict};
use crate::base64url;
use crate::limits::KEY_ID_BYTES_MAX;

/// A realm's ring: RS256, ES256 and EdDSA, and HS512 for refresh tokens.
fn realm() -> KeyRing {
    let mut ring = KeyRing::new();
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs512] {
        ring.add_signing(Arc::new(key_for(algorithm))).unwrap();
    }
    ring
}

fn unsigned(header: &str, signature: &[u8]) -> String {
    format!("{}.e30.{}", base64url::encode(header.as_bytes()), base64url::encode(signature))
}

#[test]
fn t_027_none_is_refused_in_any_case() {
    for name in ["none", "None", "NONE", "nOnE", "none ", "", " ", "null", "hs256", "Hs256", "RS256 ", "RS255", "HS1"] {
        for kid in ["", r#","kid":"e6tDhpUoqaFZi2A2c4SfrDjfzD0zpULAigtCSIeEs_E""#, r#","kid":"hmac""#] {
            let token = unsigned(&format!(r#"{{"alg":"{name}"{kid}}}"#), b"");
            assert_eq!(ring_verdict(&token, &realm()), Err(JwsError::UnknownAlgorithm), "{name}");
        }
    }
}

#[test]
fn t_027_public_key_is_no_hmac_secret() {
    let spki = rsa(Algorithm::Rs256).public_key().unwrap().to_spki_der();
    let bare: String = RSA_2048_PUBLIC.lines().filter(|line| !line.starts_with('-')).collect();
    let secrets: [&[u8]; 6] = [
        RSA_2048_PUBLIC.as_bytes(),
        RSA_2048_PUBLIC.trim_end().as_bytes(),
        bare.as_bytes(),
        &spki,
        RSA_2048_CERTIFICATE.as_bytes(),
        RSA_2048_KEY_ID.as_bytes(),
    ];
    let rsa_key = rsa(Algorithm::Rs256).verifying_key().unwrap();
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        for secret in secrets {
            // The shortest secrets can't even make a key for the longer hashes.
            let Ok(forger) = SigningKey::from_hmac_secret(id(RSA_2048_KEY_ID), algorithm, secret) else { continue };
            let token = sign_compact(&forger, HeaderType::Jwt, b"{}").unwrap();
            assert_eq!(ring_verdict(&token, &realm()), Err(JwsError::UnknownKey));
            assert_eq!(verdict(&token, &rsa_key), Err(JwsError::AlgorithmMismatch));
            let nameless = signed(&forger, &format!(r#"{{"alg":"{algorithm}"}}"#), b"{}");
            assert!(ring_verdict(&nameless, &realm()).is_err());
        }
    }
}

#[test]
fn t_027_header_never_changes_the_keys_algorithm() {
    for signer in Algorithm::ALL {
        let signing = key_for(signer);
        for claimed in Algorithm::ALL {
            let token = signed(&signing, &format!(r#"{{"alg":"{claimed}"}}"#), b"{}");
            for bound in Algorithm::ALL {
                let Ok(key) = rebind(&signing, bound) else { continue };
                let accepted = verdict(&token, &key).is_ok();
                assert_eq!(accepted, signer == claimed && claimed == bound, "{signer} {claimed} {bound}");
            }
        }
    }
}

/// The same key material, bound to another algorithm where that is possible.
fn rebind(key: &SigningKey, algorithm: Algorithm) -> Result<VerifyingKey, super::super::KeyError> {
    match key.public_key() {
        Some(public_key) => VerifyingKey::from_public_key(key.key_id().clone(), algorithm, public_key.clone()),
        None => VerifyingKey::from_hmac_secret(key.key_id().clone(), algorithm, super::HMAC_SECRET),
    }
}

#[test]
fn t_027_empty_and_zero_signatures_are_refused() {
    for algorithm in Algorithm::ALL {
        let key = key_for(algorithm).verifying_key().unwrap();
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        for len in [0, 1, 31, 32, 48, 63, 64, 65, 96, 131, 132, 133, 255, 256, 257, 512, 1024] {
            for fill in [0, 1, 0xff] {
                let token = unsigned(&header, &vec![fill; len]);
                assert_eq!(verdict(token, &key), Err(JwsError::BadSignature), "{algorithm} {len} bytes of {fill}");
            }
        }
        assert_eq!(verdict(unsigned(&header, &[0; 1027]), &key), Err(JwsError::NotBase64Url), "{algorithm}");
    }
}

#[test]
fn t_027_ecdsa_signatures_must_be_two_full_numbers_below_the_order() {
    let signing = key_for(Algorithm::Es256);
    let key = signing.verifying_key().unwrap();
    let input = b"input";
    let mut signature = Vec::new();
    signing.sign(input, &mut signature).unwrap();
    assert_eq!(signature.len(), 64);
    assert!(key.verify(input, &signature).is_ok());
    let (r, s) = signature.split_at(32);
    let zero = [0; 32];
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    for (r, s) in [(&zero[..], &zero[..]), (r, &zero), (&zero, s), (r, &order), (&order, s), (&order, &order), (s, r)] {
        assert!(key.verify(input, &[r, s].concat()).is_err());
    }
    // The ASN.1 form of the same numbers isn't a JWS signature.
    let asn1 = der_signature(r, s);
    assert!(key.verify(input, &asn1).is_err());
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    use super::super::der::{SEQUENCE, element, unsigned};
    let significant = |bytes: &[u8]| bytes.iter().copied().skip_while(|&byte| byte == 0).collect::<Vec<u8>>();
    element(SEQUENCE, &[&unsigned(&significant(r)), &unsigned(&significant(s))])
}

#[test]
fn t_027_extensions_that_must_be_understood_are_refused() {
    let key = hmac(Algorithm::Hs512);
    let verifying = key.verifying_key().unwrap();
    for (member, expected) in [
        (r#""crit":["exp"],"exp":1"#, JwsError::CriticalExtension),
        (r#""crit":[]"#, JwsError::CriticalExtension),
        (r#""crit":null"#, JwsError::CriticalExtension),
        (r#""crit":["b64"],"b64":false"#, JwsError::CriticalExtension),
        (r#""b64":false,"crit":["b64"]"#, JwsError::UnencodedPayload),
        (r#""b64":false"#, JwsError::UnencodedPayload),
        (r#""b64":true"#, JwsError::UnencodedPayload),
        (r#""cr\u0069t":["x"]"#, JwsError::CriticalExtension),
    ] {
        for header in [format!(r#"{{"alg":"HS512",{member}}}"#), format!(r#"{{{member},"alg":"HS512"}}"#)] {
            assert_eq!(verdict(signed(&key, &header, b"{}"), &verifying), Err(expected), "{header}");
        }
    }
}

#[test]
fn t_027_keys_inside_the_token_are_never_looked_at() {
    let attacker =
        SigningKey::from_private_key_der(Algorithm::Es256, super::generate_private_key(super::KeyKind::P256).unwrap().expose()).unwrap();
    let attacker_jwk = super::super::Jwk::of_verifying_key(&attacker.verifying_key().unwrap(), Vec::new()).unwrap();
    let jwk = serde_json::to_string(&attacker_jwk).unwrap();
    let members = [
        format!(r#""jwk":{jwk}"#),
        r#""jku":"https://canary.example/keys""#.to_owned(),
        r#""x5u":"https://canary.example/certificate""#.to_owned(),
        r#""x5c":["MIIB"],"x5t":"AAAA","x5t#S256":"AAAA""#.to_owned(),
        // Values that a reader of these members would stumble over.
        r#""jwk":7,"jku":{},"x5u":[[[]]],"x5c":null"#.to_owned(),
    ];
    let honest = key_for(Algorithm::Es256);
    for member in members {
        for kid in [String::new(), format!(r#","kid":"{}""#, honest.key_id())] {
            let header = format!(r#"{{"alg":"ES256",{member}{kid}}}"#);
            assert_eq!(ring_verdict(signed(&attacker, &header, b"{}"), &realm()), Err(JwsError::BadSignature));
            assert_eq!(ring_verdict(signed(&honest, &header, b"{}"), &realm()).as_deref(), Ok(&b"{}"[..]), "{header}");
        }
        let own_kid = format!(r#"{{"alg":"ES256",{member},"kid":"{}"}}"#, attacker.key_id());
        assert_eq!(ring_verdict(signed(&attacker, &own_kid, b"{}"), &realm()), Err(JwsError::UnknownKey));
    }
}

#[test]
fn t_027_strange_key_ids_find_nothing() {
    let key = hmac(Algorithm::Hs512);
    for kid in [
        "../../../../dev/null",
        "/etc/passwd",
        "' OR '1'='1",
        "hmac'; DROP TABLE keys; --",
        "hmac ",
        " hmac",
        "HMAC",
        "hma",
        "hmac%00",
        "https://canary.example/",
        "${jndi:ldap://canary.example/}",
    ] {
        let token = signed(&key, &format!(r#"{{"alg":"HS512","kid":"{kid}"}}"#), b"{}");
        assert_eq!(ring_verdict(token, &realm()), Err(JwsError::UnknownKey), "{kid}");
    }
    let long = "k".repeat(KEY_ID_BYTES_MAX + 1);
    for kid in ["", "hmac\\u0000", "hmac\\n", "hm\u{e4}c", "\u{202e}hmac", &long] {
        let token = signed(&key, &format!(r#"{{"alg":"HS512","kid":"{kid}"}}"#), b"{}");
        assert_eq!(ring_verdict(token, &realm()), Err(JwsError::BadKeyId), "{kid}");
    }
    assert!(KeyId::parse(&long[1..]).is_ok());
}

#[test]
fn token_without_key_id_is_verified_by_the_active_key() {
    let active = Arc::new(hmac(Algorithm::Hs512));
    let older = Arc::new(SigningKey::from_hmac_secret(id("older"), Algorithm::Hs512, &[7; 64]).unwrap());
    let mut ring = KeyRing::new();
    ring.add_signing(Arc::clone(&active)).unwrap();
    ring.add_signing(Arc::clone(&older)).unwrap();
    ring.add_verifying(Arc::new(rsa(Algorithm::Rs256).verifying_key().unwrap()));

    assert_eq!(ring.signing_key(Algorithm::Hs512).unwrap().key_id(), active.key_id());
    assert!(ring.signing_key(Algorithm::Rs256).is_none(), "a passive key never signs");
    assert_eq!(ring.verifying_keys().count(), 3);
    let header = r#"{"alg":"HS512"}"#;
    assert!(ring_verdict(signed(&active, header, b"{}"), &ring).is_ok());
    assert_eq!(ring_verdict(signed(&older, header, b"{}"), &ring), Err(JwsError::BadSignature));
    assert!(ring_verdict(sign_compact(&older, HeaderType::Jwt, b"{}").unwrap(), &ring).is_ok());
    assert!(ring_verdict(sign_compact(&rsa(Algorithm::Rs256), HeaderType::Jwt, b"{}").unwrap(), &ring).is_ok());
    assert_eq!(ring_verdict(signed(&rsa(Algorithm::Rs256), r#"{"alg":"RS256"}"#, b"{}"), &ring), Err(JwsError::UnknownKey));
}
