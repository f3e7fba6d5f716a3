//! What introspection says about an active token (Keycloak's `AccessTokenIntrospectionProvider`).

use freshkey_core::grants::Setting;
use freshkey_core::ids::SessionId;
use freshkey_core::inherited;
use freshkey_core::mappers::{self, Target};
use freshkey_core::scopes;
use freshkey_core::token_status::{Living, with_mapper_inputs};
use freshkey_core::tokens::{VerifiedAccessToken, VerifiedRefreshToken};
use serde_json::{Map, Value};

/// What is said of an access token, and for whom the token is.
pub struct AccessTokenStatus {
    /// The answer.
    pub body: String,
    /// As the mappers make it now: a lightweight token itself names nobody.
    pub audience: Vec<String>,
}

/// The claims of an access token, those of the mappers made anew, and who it belongs to.
pub fn access_token(setting: Setting<'_>, token: &VerifiedAccessToken, living: &Living<'_>) -> AccessTokenStatus {
    let mut body = Map::new();
    body.insert("exp".into(), token.expires_at.into());
    body.insert("iat".into(), token.issued_at.into());
    body.insert("jti".into(), token.id.clone().into());
    body.insert("iss".into(), setting.issuer.into());
    let mapped = with_mapper_inputs(setting, living, &token.scope, |inputs| mappers::apply(Target::Introspection, inputs));
    match mapped.audience.as_slice() {
        [] => {}
        [one] => drop(body.insert("aud".into(), one.clone().into())),
        many => drop(body.insert("aud".into(), many.to_vec().into())),
    }
    if let Some(subject) = mapped.subject.or_else(|| token.subject.clone()) {
        body.insert("sub".into(), subject.into());
    }
    body.insert("typ".into(), "Bearer".into());
    body.insert("azp".into(), token.client_id.clone().into());
    body.extend(token.sid.map(|sid| ("sid".into(), sid_text(sid, living).into())));
    for (name, value) in mapped.claims {
        body.entry(name).or_insert(value);
    }
    AccessTokenStatus { body: finish(body, &token.scope, &token.client_id, living), audience: mapped.audience }
}

/// The claims of a refresh or offline token, and who it belongs to.
pub fn refresh_token(setting: Setting<'_>, token: &VerifiedRefreshToken, living: &Living<'_>) -> String {
    let mut body = Map::new();
    body.extend(token.expires_at.map(|expiry| ("exp".into(), expiry.into())));
    body.insert("iat".into(), token.issued_at.into());
    body.insert("jti".into(), token.id.clone().into());
    body.insert("iss".into(), setting.issuer.into());
    body.insert("aud".into(), setting.issuer.into());
    body.extend(token.subject.clone().map(|subject| ("sub".into(), subject.into())));
    body.insert(
        "typ".into(),
        if token.expires_at.is_none() || token.kind == freshkey_core::grant::SessionKind::Offline {
            "Offline".into()
        } else {
            "Refresh".into()
        },
    );
    body.insert("azp".into(), token.client_id.clone().into());
    body.insert("sid".into(), sid_text(token.sid, living).into());
    finish(body, &token.scope, &token.client_id, living)
}

/// The id of the session as the token names it.
fn sid_text(sid: SessionId, living: &Living<'_>) -> String {
    living.grant.as_ref().map_or_else(|| sid.to_string(), |grant| inherited::sid_text(grant).into_owned())
}

fn finish(mut body: Map<String, Value>, scope: &str, client_id: &str, living: &Living<'_>) -> String {
    if scopes::names(scope).next().is_some() {
        body.insert("scope".into(), scope.into());
    }
    body.insert("client_id".into(), client_id.into());
    body.insert("username".into(), living.user.username.clone().into());
    body.insert("token_type".into(), "Bearer".into());
    body.insert("active".into(), true.into());
    Value::Object(body).to_string()
}
