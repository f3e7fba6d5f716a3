//! Client authentication (RFC 6749 §2.3, RFC 7523 §2.2): who is asking, and has it proven so?
//!
//! An [`AuthenticatedClient`] is made here and nowhere else. An assertion may be used once; that it was not used before only the store can say, so
//! for assertions the last step is [`PendingAssertion::confirm`].

use crate::client::{Client, ClientAuthentication, ClientKind, ClientProtocol, ClientSecret};
use crate::client_keys::ClientKeys;
use crate::outgoing::FetchedUrl;
use crate::realm::Realm;
use crate::refusal::Refusal;
use crate::time::{EpochSeconds, Now};
use freshkey_protocol::client_credentials::{JWT_BEARER_ASSERTION, SecretSource};
use freshkey_protocol::jose::{Algorithm, CompactJws, Family, KeyId, VerifyingKey};
use freshkey_protocol::{Claims, PresentedCredentials, Secret};
use std::sync::Arc;

/// A client that has proven to be the one it says, or that is public and has nothing to prove.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    method: Method,
}

impl AuthenticatedClient {
    /// The client.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// How it did so.
    pub fn method(&self) -> Method {
        self.method
    }
}

/// How a client authenticated; the names are those of OpenID Connect Core §9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Public client.
    None,
    /// `client_secret_basic`
    SecretBasic,
    /// `client_secret_post`
    SecretPost,
    /// `private_key_jwt`
    PrivateKeyJwt,
    /// `client_secret_jwt`
    SecretJwt,
}

impl Method {
    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::SecretJwt => "client_secret_jwt",
        }
    }
}

/// How far authentication has come.
#[derive(Debug)]
pub enum Authentication {
    /// All the way.
    Done(AuthenticatedClient),
    /// All but whether the assertion is used for the first time.
    Pending(PendingAssertion),
    /// As far as it goes without the keys that the client publishes.
    KeysWanted(KeysWanted),
}

/// A client whose keys are at a URL, and the key that its assertion names.
#[derive(Debug)]
pub struct KeysWanted {
    client: Arc<Client>,
    url: FetchedUrl,
    algorithm: Option<Algorithm>,
    key_id: Option<KeyId>,
}

impl KeysWanted {
    /// Whose.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Where they are.
    pub fn url(&self) -> &FetchedUrl {
        &self.url
    }

    /// The one algorithm allowed, if restricted.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The key that the assertion names.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key_id.as_ref()
    }

    /// Goes on with what there is.
    pub fn check(
        &self,
        presented: &PresentedCredentials<'_>,
        keys: Option<&ClientKeys>,
        audiences: &[&str],
        now: Now,
    ) -> Result<PendingAssertion, Refusal> {
        let keys = keys.ok_or(Refusal::ClientAssertion(AssertionFault::KeysUnavailable))?.keys();
        let checks = AssertionChecks { client: &self.client, kind: AssertionMethod::PrivateKey, algorithm: self.algorithm, audiences, now };
        checks.check(presented, |jws| verified_by(keys, jws)).map_err(Refusal::ClientAssertion)
    }
}

/// A good assertion, perhaps used before.
#[derive(Debug)]
pub struct PendingAssertion {
    client: AuthenticatedClient,
    kind: AssertionMethod,
    /// What may be used once: the client and the `jti`.
    pub once_id: String,
    /// From when on the assertion would be refused anyway.
    pub until: EpochSeconds,
}

impl PendingAssertion {
    /// The last step.
    pub fn confirm(self, first_use: FirstUse) -> Result<AuthenticatedClient, Refusal> {
        match first_use {
            FirstUse::Yes => Ok(self.client),
            FirstUse::No => Err(Refusal::ClientAssertion(AssertionFault::Reused(self.kind))),
        }
    }
}

/// What the store says of a thing that can be used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstUse {
    /// This was the first use.
    Yes,
    /// It was used before.
    No,
}

/// Which kind of assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionMethod {
    /// Signed with the client's private key.
    PrivateKey,
    /// MACed with the client's secret.
    Secret,
}

/// What is wrong with a client assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssertionFault {
    /// No `client_assertion_type`.
    TypeMissing,
    /// Another type than the one there is.
    TypeUnknown {
        /// As sent.
        sent: String,
    },
    /// No `client_assertion`.
    Missing,
    /// An algorithm that the client may not use.
    Algorithm,
    /// No `sub`.
    SubjectMissing(AssertionMethod),
    /// `iss` is not `sub`.
    IssuerMismatch(AssertionMethod),
    /// `client_id` is not `sub`.
    ClientMismatch(AssertionMethod),
    /// No key of the client made this.
    Signature(AssertionMethod),
    /// The client publishes its keys, and they could not be had.
    KeysUnavailable,
    /// Not for us, or not for us alone.
    Audience(AssertionMethod),
    /// Too old, not yet valid, or valid for too long.
    NotActive(AssertionMethod),
    /// From the future.
    IssuedInFuture(AssertionMethod),
    /// No `exp`.
    ExpirationMissing(AssertionMethod),
    /// No `jti`.
    IdMissing(AssertionMethod),
    /// Used before.
    Reused(AssertionMethod),
}

impl AssertionFault {
    /// Which kind of assertion it was; the private-key kind when that is not known yet.
    pub fn method(&self) -> AssertionMethod {
        match self {
            Self::TypeMissing | Self::TypeUnknown { .. } | Self::Missing | Self::Algorithm | Self::KeysUnavailable => {
                AssertionMethod::PrivateKey
            }
            Self::SubjectMissing(method)
            | Self::IssuerMismatch(method)
            | Self::ClientMismatch(method)
            | Self::Signature(method)
            | Self::Audience(method)
            | Self::NotActive(method)
            | Self::IssuedInFuture(method)
            | Self::ExpirationMissing(method)
            | Self::IdMissing(method)
            | Self::Reused(method) => *method,
        }
    }
}

/// Authenticates the client of a request. `audiences` are the names under which an assertion may address this realm: its issuer and the token endpoint.
pub fn authenticate(realm: &Realm, presented: &PresentedCredentials<'_>, audiences: &[&str], now: Now) -> Result<Authentication, Refusal> {
    let client_id = presented_client_id(presented)?;
    let client = realm.clients.get(client_id.as_str()).ok_or(Refusal::UnknownClient)?;
    if !client.enabled {
        return Err(Refusal::ClientDisabled);
    }
    if client.protocol == ClientProtocol::Other {
        return Err(Refusal::WrongClientProtocol);
    }
    match client.kind {
        ClientKind::BearerOnly => Err(Refusal::BearerOnlyClient),
        // A secret that a public client sends is ignored (KC-003).
        ClientKind::Public => Ok(done(client, Method::None)),
        ClientKind::Confidential => match &client.authentication {
            ClientAuthentication::Secret(secrets) => {
                let (secret, method) = presented_secret(presented).ok_or(Refusal::ClientSecretMissing)?;
                check_secret(secrets, secret, now)?;
                Ok(done(client, method))
            }
            ClientAuthentication::PrivateKeyJwt { keys, algorithm } => {
                let checks = AssertionChecks { client, kind: AssertionMethod::PrivateKey, algorithm: *algorithm, audiences, now };
                checks.run(presented, |jws| verified_by(keys, jws))
            }
            ClientAuthentication::KeysAtUrl { url, algorithm } => {
                let checks = AssertionChecks { client, kind: AssertionMethod::PrivateKey, algorithm: *algorithm, audiences, now };
                // Nobody is called for what is no assertion.
                let jws = checks.read(presented).map_err(Refusal::ClientAssertion)?;
                let (client, url, key_id) = (Arc::clone(client), url.clone(), jws.header().key_id.clone());
                Ok(Authentication::KeysWanted(KeysWanted { client, url, algorithm: *algorithm, key_id }))
            }
            ClientAuthentication::SecretJwt { secrets, algorithm } => {
                let checks = AssertionChecks { client, kind: AssertionMethod::Secret, algorithm: *algorithm, audiences, now };
                checks.run(presented, |jws| {
                    let key_id = KeyId::parse("client-secret").ok()?;
                    let in_force = secrets.iter().filter(|secret| is_in_force(secret, now));
                    let mut keys = in_force.filter_map(|secret| {
                        VerifyingKey::from_hmac_secret(key_id.clone(), jws.header().algorithm, secret.value.expose().as_bytes()).ok()
                    });
                    keys.find_map(|key| jws.verify(&key).ok()).and_then(|payload| payload.claims().ok())
                })
            }
            ClientAuthentication::Unavailable(_) => Err(Refusal::ClientAuthenticationUnavailable),
        },
    }
}

/// The secret and the id are one secret: both halves are compared in constant time, and every secret in force is tried.
fn check_secret(secrets: &[ClientSecret], presented: &Secret<String>, now: Now) -> Result<(), Refusal> {
    if presented.expose().is_empty() {
        return Err(Refusal::ClientSecretMissing);
    }
    let matches = secrets
        .iter()
        .filter(|secret| is_in_force(secret, now))
        .fold(false, |found, secret| secret.value.equals(presented.expose().as_bytes()) | found);
    if matches { Ok(()) } else { Err(Refusal::WrongClientSecret) }
}

fn is_in_force(secret: &ClientSecret, now: Now) -> bool {
    !secret.value.expose().is_empty() && secret.accepted_until.is_none_or(|until| now.seconds() <= until)
}

fn done(client: &Arc<Client>, method: Method) -> Authentication {
    Authentication::Done(AuthenticatedClient { client: Arc::clone(client), method })
}

fn presented_client_id(presented: &PresentedCredentials<'_>) -> Result<String, Refusal> {
    match presented {
        PresentedCredentials::Assertion { client_id: None, assertion, .. } => {
            // Only to find the client; nothing of it is believed before the signature has been checked.
            let subject = assertion.and_then(unverified_subject);
            subject.ok_or(Refusal::NoClient)
        }
        other => other.client_id().map(str::to_owned).ok_or(Refusal::NoClient),
    }
}

fn verified_by(keys: &[VerifyingKey], jws: &CompactJws<'_>) -> Option<Claims> {
    keys.iter().find_map(|key| jws.verify(key).ok()).and_then(|payload| payload.claims().ok())
}

fn unverified_subject(assertion: &str) -> Option<String> {
    let payload = CompactJws::parse(assertion.as_bytes()).ok()?.unverified_payload().ok()?;
    Claims::parse(&payload).ok()?.sub
}

fn presented_secret<'p>(presented: &'p PresentedCredentials<'_>) -> Option<(&'p Secret<String>, Method)> {
    match presented {
        PresentedCredentials::IdAndSecret { client_secret, source: SecretSource::BasicHeader, .. } => {
            Some((client_secret, Method::SecretBasic))
        }
        PresentedCredentials::IdAndSecret { client_secret, source: SecretSource::Form, .. } => Some((client_secret, Method::SecretPost)),
        PresentedCredentials::Assertion { client_secret: Some(client_secret), .. } => Some((client_secret, Method::SecretPost)),
        _ => None,
    }
}

/// Tolerance for clocks that differ, in seconds (Keycloak's fixed value for client assertions).
const SKEW_S: i64 = 15;

/// How far ahead `exp` may lie, in seconds: an assertion is made for one request (T-025).
const EXPIRY_AHEAD_MAX_S: i64 = 300;

struct AssertionChecks<'a> {
    client: &'a Arc<Client>,
    kind: AssertionMethod,
    algorithm: Option<Algorithm>,
    audiences: &'a [&'a str],
    now: Now,
}

impl AssertionChecks<'_> {
    fn run(
        &self,
        presented: &PresentedCredentials<'_>,
        verify: impl Fn(&CompactJws<'_>) -> Option<Claims>,
    ) -> Result<Authentication, Refusal> {
        self.check(presented, verify).map(Authentication::Pending).map_err(Refusal::ClientAssertion)
    }

    fn check(
        &self,
        presented: &PresentedCredentials<'_>,
        verify: impl Fn(&CompactJws<'_>) -> Option<Claims>,
    ) -> Result<PendingAssertion, AssertionFault> {
        let jws = self.read(presented)?;
        let claims = verify(&jws).ok_or(AssertionFault::Signature(self.kind))?;
        let client_id = match presented {
            PresentedCredentials::Assertion { client_id, .. } => client_id.as_deref(),
            _ => None,
        };
        self.check_claims(&claims, client_id)
    }

    /// The assertion, of which nothing is believed yet.
    fn read<'p>(&self, presented: &'p PresentedCredentials<'_>) -> Result<CompactJws<'p>, AssertionFault> {
        let PresentedCredentials::Assertion { assertion_type, assertion, .. } = presented else {
            return Err(AssertionFault::TypeMissing);
        };
        match assertion_type {
            None => return Err(AssertionFault::TypeMissing),
            Some(sent) if *sent != JWT_BEARER_ASSERTION => return Err(AssertionFault::TypeUnknown { sent: (*sent).to_owned() }),
            Some(_) => {}
        }
        let text = assertion.filter(|text| !text.is_empty()).ok_or(AssertionFault::Missing)?;
        let jws = CompactJws::parse(text.as_bytes()).map_err(|_| AssertionFault::Signature(self.kind))?;
        let algorithm = jws.header().algorithm;
        let is_mac = algorithm.family() == Family::Hmac;
        if is_mac != (self.kind == AssertionMethod::Secret) || self.algorithm.is_some_and(|only| only != algorithm) {
            return Err(AssertionFault::Algorithm);
        }
        Ok(jws)
    }

    fn check_claims(&self, claims: &Claims, form_client_id: Option<&str>) -> Result<PendingAssertion, AssertionFault> {
        let (kind, now) = (self.kind, self.now.seconds());
        let subject = claims.sub.as_deref().ok_or(AssertionFault::SubjectMissing(kind))?;
        if claims.iss.as_deref() != Some(subject) {
            return Err(AssertionFault::IssuerMismatch(kind));
        }
        if subject != self.client.client_id || form_client_id.is_some_and(|id| id != subject) {
            return Err(AssertionFault::ClientMismatch(kind));
        }
        let audience = claims.aud.as_ref().and_then(|audience| audience.only());
        if !audience.is_some_and(|audience| self.audiences.contains(&audience)) {
            return Err(AssertionFault::Audience(kind));
        }
        if claims.iat.is_some_and(|issued_at| issued_at > now + SKEW_S) {
            return Err(AssertionFault::IssuedInFuture(kind));
        }
        let until = claims.exp.ok_or(AssertionFault::ExpirationMissing(kind))?.saturating_add(SKEW_S);
        let too_early = claims.nbf.is_some_and(|not_before| not_before > now + SKEW_S);
        if until < now || until > now + EXPIRY_AHEAD_MAX_S + SKEW_S || too_early {
            return Err(AssertionFault::NotActive(kind));
        }
        let id = claims.jti.as_deref().filter(|id| !id.is_empty()).ok_or(AssertionFault::IdMissing(kind))?;
        let method = match kind {
            AssertionMethod::PrivateKey => Method::PrivateKeyJwt,
            AssertionMethod::Secret => Method::SecretJwt,
        };
        let client = AuthenticatedClient { client: Arc::clone(self.client), method };
        Ok(PendingAssertion { client, kind, once_id: format!("{}\n{id}", self.client.id), until })
    }
}

#[cfg(test)]
mod tests;
