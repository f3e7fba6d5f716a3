//! How a confidential client proves itself: its secrets, or the public keys that are registered for it.

use super::attribute;
use super::scopes::is_true;
use crate::client::{ClientAuthentication, ClientSecret};
use crate::client_keys::keys_of_set;
use crate::keycloak::given::Given;
use crate::keycloak::given::shortened;
use crate::keycloak::problems::{ItemProblems, WarningReason};
use crate::keycloak::representation::{ClientRepresentation, Texts};
use crate::keycloak::secrets::MASK;
use crate::outgoing::FetchedUrl;
use crate::time::EpochSeconds;
use freshkey_protocol::Secret;
use freshkey_protocol::jose::{Algorithm, JwkSet, VerifyingKey};

pub(super) fn read(client: &ClientRepresentation, problems: &mut ItemProblems<'_>) -> ClientAuthentication {
    let algorithm = assertion_algorithm(&client.attributes, problems);
    match problems.text("clientAuthenticatorType", &client.client_authenticator_type).unwrap_or("client-secret") {
        "client-secret" => ClientAuthentication::Secret(secrets(client, problems)),
        "client-secret-jwt" => ClientAuthentication::SecretJwt { secrets: secrets(client, problems), algorithm },
        "client-jwt" => private_key_jwt(client, algorithm, problems),
        other => {
            problems.warn(WarningReason::UnknownClientAuthenticator(other.to_owned()));
            ClientAuthentication::Unavailable(other.to_owned())
        }
    }
}

/// The secret, and the one before it while both are accepted. An empty secret and Keycloak's mask are no secrets.
fn secrets(client: &ClientRepresentation, problems: &mut ItemProblems<'_>) -> Vec<ClientSecret> {
    let usable = |text: &&str| *text != MASK;
    let mut secrets = Vec::new();
    if let Some(secret) = problems.text("secret", &client.secret).filter(usable) {
        let accepted_until = time(&client.attributes, "client.secret.expiration.time", problems);
        secrets.push(ClientSecret { value: Secret::new(secret.to_owned()), accepted_until });
    }
    let rotated = attribute(&client.attributes, "client.secret.rotated").filter(usable);
    // A rotated secret without an end would be a second secret for ever.
    let until = time(&client.attributes, "client.secret.rotated.expiration.time", problems);
    if let (Some(rotated), Some(until)) = (rotated, until) {
        secrets.push(ClientSecret { value: Secret::new(rotated.to_owned()), accepted_until: Some(until) });
    }
    secrets
}

/// A time in seconds among the attributes; 0 counts as absent.
fn time(attributes: &Given<Texts>, name: &str, problems: &mut ItemProblems<'_>) -> Option<EpochSeconds> {
    let text = attribute(attributes, name)?;
    let Ok(seconds) = text.parse::<EpochSeconds>() else {
        problems.broken(&format!("attributes.{name}"), shortened(text), "a time in seconds since 1970");
        return None;
    };
    (seconds != 0).then_some(seconds)
}

fn assertion_algorithm(attributes: &Given<Texts>, problems: &mut ItemProblems<'_>) -> Option<Algorithm> {
    const NAME: &str = "token.endpoint.auth.signing.alg";
    let text = attribute(attributes, NAME)?;
    let algorithm = Algorithm::parse(text);
    if algorithm.is_none() {
        // Dropping the restriction would accept what the administrator ruled out.
        problems.broken(&format!("attributes.{NAME}"), shortened(text), "the name of a signature algorithm, RS256 for instance");
    }
    algorithm
}

fn private_key_jwt(client: &ClientRepresentation, algorithm: Option<Algorithm>, problems: &mut ItemProblems<'_>) -> ClientAuthentication {
    let attributes = &client.attributes;
    if attribute(attributes, "use.jwks.url").is_some_and(is_true) {
        return match attribute(attributes, "jwks.url").and_then(FetchedUrl::parse) {
            Some(url) => ClientAuthentication::KeysAtUrl { url, algorithm },
            None => {
                problems.warn(WarningReason::UnusableKeyUrl);
                ClientAuthentication::Unavailable("client-jwt".to_owned())
            }
        };
    }
    let keys = match attribute(attributes, "jwks.string") {
        Some(text) if attribute(attributes, "use.jwks.string").is_none_or(is_true) => registered_keys(text, algorithm, problems),
        _ => ["jwt.credential.certificate", "jwt.credential.public.key"]
            .into_iter()
            .find_map(|name| attribute(attributes, name))
            .map_or_else(Vec::new, |text| keys_of_text(text, algorithm)),
    };
    if keys.is_empty() {
        problems.warn(WarningReason::NoClientKey);
    }
    ClientAuthentication::PrivateKeyJwt { keys, algorithm }
}

fn registered_keys(text: &str, algorithm: Option<Algorithm>, problems: &mut ItemProblems<'_>) -> Vec<VerifyingKey> {
    let Ok(set) = JwkSet::parse(text.as_bytes()) else {
        problems.broken("attributes.jwks.string", shortened(text), "a JWK set");
        return Vec::new();
    };
    keys_of_set(&set, algorithm)
}

fn keys_of_text(text: &str, restriction: Option<Algorithm>) -> Vec<VerifyingKey> {
    let candidates = Algorithm::ALL.into_iter().filter(|algorithm| restriction.is_none_or(|only| only == *algorithm));
    candidates.filter_map(|algorithm| VerifyingKey::from_text(algorithm, text).ok()).collect()
}
