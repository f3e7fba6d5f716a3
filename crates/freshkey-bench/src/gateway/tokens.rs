//! Tokens as a provider gives them out, signed with one RSA key.

use freshkey_protocol::jose::{Algorithm, HeaderType, Jwk, JwkSet, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const ISSUER: &str = "https://id.bench.example/realms/main";
pub(super) const AUDIENCE: &str = "api";

const LIFE_S: u64 = 12 * 3600;

pub(super) struct Tokens {
    /// All different.
    pub(super) list: Vec<String>,
    /// The public key as a set.
    pub(super) key_set: String,
    key: SigningKey,
    now_s: u64,
}

impl Tokens {
    pub(super) fn new(number: usize) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Debug| format!("no key can be made: {error:?}");
        let der = generate_private_key(KeyKind::Rsa2048).map_err(|error| failed(&error))?;
        let key = SigningKey::from_private_key_der(Algorithm::Rs256, der.expose()).map_err(|error| failed(&error))?;
        let key = key.with_key_id(KeyId::parse("bench").map_err(|error| failed(&error))?);
        let jwk = Jwk::of_verifying_key(&key.verifying_key().map_err(|error| failed(&error))?, Vec::new());
        let set = JwkSet { keys: jwk.into_iter().collect(), ignored: 0 };
        let key_set = serde_json::to_string(&set).map_err(|error| error.to_string())?;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
        let mut tokens = Self { list: Vec::new(), key_set, key, now_s };
        tokens.list = tokens.many(number).collect::<Result<_, String>>()?;
        Ok(tokens)
    }

    /// So many more, signed one after the other.
    pub(super) fn many(&self, number: usize) -> impl Iterator<Item = Result<String, String>> + '_ {
        (0..number).map(|number| self.sign(number))
    }

    /// Bytes of a token that are signed.
    pub(super) fn signed_bytes(&self) -> usize {
        self.list.first().and_then(|token| token.rfind('.')).unwrap_or(0)
    }

    /// What a realm of a Keycloak puts into a token.
    fn sign(&self, number: usize) -> Result<String, String> {
        let claims = json!({
            "exp": self.now_s + LIFE_S, "iat": self.now_s - 60, "jti": format!("onrtac:00000000-0000-4000-8000-{number:012}"), "iss": ISSUER, "aud": AUDIENCE,
            "sub": format!("f2f2f2f2-0000-4000-8000-{number:012}"), "typ": "Bearer", "azp": "app", "sid": "6f5b7f8e-8f83-4c1c-9d0a-5d2a4f2d1a11", "acr": "1",
            "realm_access": { "roles": ["default-roles-main", "offline_access", "uma_authorization", "reader"] },
            "resource_access": { "account": { "roles": ["manage-account", "manage-account-links", "view-profile"] } },
            "scope": "openid profile email", "email_verified": true, "name": "Ann Example", "preferred_username": format!("user{number}"),
            "given_name": "Ann", "family_name": "Example", "email": format!("user{number}@example.org"), "groups": ["/staff", "/research"],
        });
        sign_compact(&self.key, HeaderType::Jwt, claims.to_string().as_bytes())
            .map_err(|error| format!("a token cannot be signed: {error:?}"))
    }
}
