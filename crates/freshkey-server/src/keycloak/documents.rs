//! The public documents of a realm: info, discovery, keys.

use crate::realms::ServedRealm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_core::keys::KeyStatus;
use freshkey_core::realm::Realm;
use freshkey_protocol::GrantType;
use freshkey_protocol::discovery::DiscoveryDocument;
use freshkey_protocol::jose::{Algorithm, Family, Jwk, JwkSet};
use serde_json::{Value, json};

/// Grants that work here.
const GRANT_TYPES: [GrantType; 3] = [GrantType::RefreshToken, GrantType::Password, GrantType::ClientCredentials];

/// Methods of client authentication that work here; public clients need none.
const AUTH_METHODS: [&str; 4] = ["private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt"];

/// Claims that tokens and userinfo may carry, as Keycloak lists them.
const CLAIMS: [&str; 10] = ["aud", "sub", "iss", "auth_time", "name", "given_name", "family_name", "preferred_username", "email", "acr"];

/// `GET /realms/{realm}` (Keycloak's `PublishedRealmRepresentation`).
pub fn realm_info(served: &ServedRealm) -> Value {
    let realm = &served.realm;
    let public_key = realm.keys.signer(Algorithm::Rs256).and_then(|key| key.public_key()).map(|key| STANDARD.encode(key.to_spki_der()));
    json!({
        "realm": realm.settings.name,
        "public_key": public_key,
        "token-service": format!("{}/protocol/openid-connect", served.issuer),
        "account-service": format!("{}/account", served.issuer),
        "tokens-not-before": realm.settings.not_before,
    })
}

/// The key set: enabled keys with a public part, each with its certificates.
pub fn key_set(realm: &Realm) -> Vec<u8> {
    let published = realm.keys.iter().filter(|entry| entry.status != KeyStatus::Disabled);
    let keys = published.filter_map(|entry| Jwk::of_verifying_key(&entry.verifying, entry.certificates.clone())).collect();
    to_json(&JwkSet { keys, ignored: 0 })
}

/// The discovery document. Truthful: what it names works, and what does not work is not in it.
pub fn discovery(served: &ServedRealm) -> Vec<u8> {
    let realm = &served.realm;
    let endpoint = |base: &str, path: &str| format!("{base}/protocol/openid-connect/{path}");
    let mut signing: Vec<&str> = Algorithm::ALL
        .into_iter()
        .filter(|algorithm| algorithm.family() != Family::Hmac && realm.keys.signer(*algorithm).is_some())
        .map(Algorithm::as_str)
        .collect();
    signing.sort_unstable();
    let mut scopes: Vec<String> = realm.scopes.keys().cloned().collect();
    scopes.sort_unstable();
    scopes.insert(0, "openid".to_owned());
    let methods = texts(&AUTH_METHODS);
    let signing: Vec<String> = signing.into_iter().map(str::to_owned).collect();
    let assertion_algorithms: Vec<String> = Algorithm::ALL.into_iter().map(|algorithm| algorithm.as_str().to_owned()).collect();
    let document = DiscoveryDocument {
        issuer: served.issuer.clone(),
        token_endpoint: endpoint(&served.backchannel, "token"),
        introspection_endpoint: Some(endpoint(&served.backchannel, "token/introspect")),
        userinfo_endpoint: Some(endpoint(&served.backchannel, "userinfo")),
        end_session_endpoint: Some(endpoint(&served.issuer, "logout")),
        revocation_endpoint: Some(endpoint(&served.issuer, "revoke")),
        jwks_uri: endpoint(&served.backchannel, "certs"),
        grant_types_supported: GRANT_TYPES.iter().map(|grant_type| grant_type.as_str().to_owned()).collect(),
        id_token_signing_alg_values_supported: signing.clone(),
        userinfo_signing_alg_values_supported: signing,
        token_endpoint_auth_methods_supported: methods.clone(),
        introspection_endpoint_auth_methods_supported: methods.clone(),
        revocation_endpoint_auth_methods_supported: methods,
        token_endpoint_auth_signing_alg_values_supported: assertion_algorithms.clone(),
        introspection_endpoint_auth_signing_alg_values_supported: assertion_algorithms.clone(),
        revocation_endpoint_auth_signing_alg_values_supported: assertion_algorithms,
        scopes_supported: scopes,
        subject_types_supported: texts(&["public", "pairwise"]),
        acr_values_supported: texts(&["0", "1"]),
        claims_supported: texts(&CLAIMS),
        claim_types_supported: texts(&["normal"]),
        ..DiscoveryDocument::default()
    };
    to_json(&document)
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn to_json<T: serde::Serialize>(document: &T) -> Vec<u8> {
    // Plain structs and strings: nothing in them can fail to be written.
    serde_json::to_vec(document).unwrap_or_default()
}
