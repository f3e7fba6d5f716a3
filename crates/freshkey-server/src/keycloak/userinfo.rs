//! The body of a userinfo answer (Keycloak's `UserInfoEndpoint`): `sub` and the mapped claims, plain or signed.

use freshkey_core::Refusal;
use freshkey_core::grants::Setting;
use freshkey_core::mappers::{self, Target};
use freshkey_core::token_status::{Living, with_mapper_inputs};
use freshkey_core::tokens::VerifiedAccessToken;
use freshkey_protocol::jose::{HeaderType, sign_compact};
use serde_json::{Map, Value};

/// A body and what it is.
pub struct Answer {
    /// The bytes.
    pub body: String,
    /// Their media type.
    pub content_type: &'static str,
}

/// The claims about the user, made now with the token's scope.
pub fn answer(setting: Setting<'_>, token: &VerifiedAccessToken, living: &Living<'_>) -> Result<Answer, Refusal> {
    let mapped = with_mapper_inputs(setting, living, &token.scope, |inputs| mappers::apply(Target::UserInfo, inputs));
    let mut body = Map::new();
    body.insert("sub".into(), mapped.subject.unwrap_or_else(|| living.user.id.clone()).into());
    for (name, value) in mapped.claims {
        body.entry(name).or_insert(value);
    }
    let Some(algorithm) = living.client.userinfo_algorithm else {
        return Ok(Answer { body: Value::Object(body).to_string(), content_type: "application/json" });
    };
    body.insert("iss".into(), setting.issuer.into());
    body.insert("aud".into(), living.client.client_id.clone().into());
    let key = setting.realm.keys.signer(algorithm).ok_or(Refusal::Internal)?;
    let text = sign_compact(key, HeaderType::Jwt, Value::Object(body).to_string().as_bytes()).map_err(|_| Refusal::Internal)?;
    Ok(Answer { body: text, content_type: "application/jwt" })
}
