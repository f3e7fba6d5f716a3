//! The signed assertion: who called, for one application, for at most a minute. An application that checks it needs to trust no network.

use crate::clock::random;
use crate::limits::ASSERTION_LIFESPAN_S_MAX;
use crate::policy::Application;
use crate::token::VerifiedToken;
use freshkey_protocol::base64url;
use freshkey_protocol::jose::{
    Algorithm, HeaderType, Jwk, JwkSet, KeyError, KeyKind, SignError, SigningKey, generate_private_key, sign_compact,
};
use http::HeaderValue;
use serde_json::{Map, Value};

/// Signs assertions, with ES256.
pub struct AssertionSigner {
    key: SigningKey,
    issuer: String,
    lifespan_s: u32,
}

/// An assertion, ready to be sent.
#[derive(Debug)]
pub struct Assertion {
    /// The header's value.
    pub value: HeaderValue,
    /// Until when it may be sent again: half of its life, so that an application always gets one with the other half left.
    pub fresh_until_s: i64,
}

impl AssertionSigner {
    /// A signer with a key of its own, that exists as long as this process does.
    pub fn generate(issuer: String, lifespan_s: u32) -> Result<Self, KeyError> {
        let der = generate_private_key(KeyKind::P256)?;
        Ok(Self::new(SigningKey::from_private_key_der(Algorithm::Es256, der.expose())?, issuer, lifespan_s))
    }

    /// A signer with a key that several gateways share, as PEM.
    pub fn from_private_key_text(text: &str, issuer: String, lifespan_s: u32) -> Result<Self, KeyError> {
        Ok(Self::new(SigningKey::from_private_key_text(Algorithm::Es256, text)?, issuer, lifespan_s))
    }

    fn new(key: SigningKey, issuer: String, lifespan_s: u32) -> Self {
        Self { key, issuer, lifespan_s: lifespan_s.clamp(1, ASSERTION_LIFESPAN_S_MAX) }
    }

    /// The assertion about a token's owner, for one audience. It never outlives the token.
    pub fn sign(
        &self,
        audience: &str,
        token_issuer: &str,
        application: &Application,
        token: &VerifiedToken,
        now_s: i64,
    ) -> Result<Assertion, SignError> {
        let ends_at_s = (now_s + i64::from(self.lifespan_s)).min(token.valid_until_s);
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), Value::from(self.issuer.as_str()));
        claims.insert("aud".to_owned(), Value::from(audience));
        if let Some(subject) = &token.subject {
            claims.insert("sub".to_owned(), Value::from(&**subject));
        }
        claims.insert("iat".to_owned(), Value::from(now_s));
        claims.insert("exp".to_owned(), Value::from(ends_at_s));
        claims.insert("jti".to_owned(), Value::from(base64url::encode(&random::<16>())));
        claims.insert("token_iss".to_owned(), Value::from(token_issuer));
        let mut identity = Map::new();
        for header in &application.identity {
            let value = header.fact.of(&token.facts);
            let json = match value {
                crate::claim::ClaimValue::Absent => continue,
                crate::claim::ClaimValue::One(text) => Value::from(&**text),
                crate::claim::ClaimValue::Many(_) => value.iter().map(Value::from).collect(),
            };
            identity.insert(header.name.as_str().to_owned(), json);
        }
        claims.insert("identity".to_owned(), Value::Object(identity));
        let text = sign_compact(&self.key, HeaderType::Jwt, Value::Object(claims).to_string().as_bytes())?;
        let mut value = HeaderValue::try_from(text).map_err(|_| SignError)?;
        value.set_sensitive(true);
        let half_s = (ends_at_s - now_s) / 2;
        Ok(Assertion { value, fresh_until_s: now_s + half_s.max(1) })
    }

    /// The public key, for applications.
    pub fn key_set(&self) -> Result<String, KeyError> {
        let jwk = Jwk::of_verifying_key(&self.key.verifying_key()?, Vec::new());
        let set = JwkSet { keys: jwk.into_iter().collect(), ignored: 0 };
        serde_json::to_string(&set).map_err(|_| KeyError::Failed)
    }
}

impl std::fmt::Debug for AssertionSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AssertionSigner({:?})", self.key)
    }
}
