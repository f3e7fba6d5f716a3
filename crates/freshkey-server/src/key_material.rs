//! New private keys for a realm (DESIGN §6): RS256 is what a realm signs with unless told otherwise, ES256 and EdDSA are there to be chosen.

use freshkey_core::keycloak::defaults::{GeneratedKey, GeneratedKeys};
use freshkey_protocol::Secret;
use freshkey_protocol::jose::{KeyError, KeyKind, generate_private_key};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use std::time::{Duration, SystemTime};

/// Keycloak's lifetime of the certificates beside its keys.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Makes the keys of a new realm. Takes up to a few hundred milliseconds, most of them for RSA.
///
/// As in Keycloak the RSA key comes with a self-signed certificate, since older verifiers read `x5c`.
pub fn generate_realm_keys(realm: &str, now: freshkey_core::Now) -> Result<GeneratedKeys, KeyError> {
    let rsa = generate_private_key(KeyKind::Rsa2048)?;
    let certificate = self_signed(realm, &rsa, now);
    Ok(GeneratedKeys {
        rsa: GeneratedKey { pkcs8: rsa, certificate },
        p256: Some(GeneratedKey { pkcs8: generate_private_key(KeyKind::P256)?, certificate: None }),
        ed25519: Some(GeneratedKey { pkcs8: generate_private_key(KeyKind::Ed25519)?, certificate: None }),
    })
}

/// A certificate that says no more than the key itself; without it the key works as well.
fn self_signed(realm: &str, pkcs8: &Secret<Vec<u8>>, now: freshkey_core::Now) -> Option<Vec<u8>> {
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8.expose().as_slice()), &rcgen::PKCS_RSA_SHA256).ok()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, realm);
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.milliseconds()).ok()?);
    params.not_before = now.into();
    params.not_after = (now + CERTIFICATE_LIFETIME).into();
    Some(params.self_signed(&key).ok()?.der().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use freshkey_core::Now;
    use freshkey_core::ids::RealmKey;
    use freshkey_core::keycloak::build_realm;
    use freshkey_core::keycloak::defaults::realm_ua;
    use freshkey_protocol::jose::Algorithm;

    #[test]
    fn a_new_realm_can_sign_with_every_algorithm_that_it_announces() {
        let keys = generate_realm_keys("UA", Now::from_seconds(1_800_000_000)).expect("made");
        let documents = realm_ua(&[], &SystemEntropy, keys).into_documents(RealmKey(1), 1);
        let (realm, warnings) = build_realm(&documents).expect("usable");
        assert_eq!(warnings, []);
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs512] {
            let signer = realm.keys.signer(algorithm).unwrap_or_else(|| panic!("no key for {algorithm}"));
            assert!(signer.prove().is_ok(), "{algorithm}");
        }
        let certificates = |algorithm| realm.keys.iter().find(|key| key.signing.algorithm() == algorithm).map(|key| key.certificates.len());
        assert_eq!((certificates(Algorithm::Rs256), certificates(Algorithm::Es256)), (Some(1), Some(0)));
    }
}
