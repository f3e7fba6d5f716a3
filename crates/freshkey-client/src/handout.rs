//! How a token is written when it is handed out.

use crate::agent::frame::TokenForm;
use crate::clock::Moment;
use crate::failure::{Failure, FailureKind};
use crate::record::{Record, claims_of};
use serde_json::{Map, Value, json};

/// What is handed out, for standard output.
pub fn written(name: &str, record: &Record, now: Moment, form: &TokenForm) -> Result<Vec<u8>, Failure> {
    let access = record.access.as_ref().ok_or_else(|| Failure::not_signed_in(name))?;
    let mut bytes = match form {
        TokenForm::Plain => access.token().as_bytes().to_vec(),
        TokenForm::Header => format!("Authorization: Bearer {}", access.token()).into_bytes(),
        TokenForm::Json => serde_json::to_vec_pretty(&described(name, record, now)).unwrap_or_default(),
        TokenForm::Field(field) => field_of(name, record, now, field)?.into_bytes(),
    };
    bytes.push(b'\n');
    Ok(bytes)
}

/// Whether a token that is less fresh than usual may be handed out after all, since a new one could not be had. The answer is what the caller is told.
#[must_use]
pub fn warning_instead(record: &Record, now: Moment, min_ttl_s: Option<u32>, failure: &Failure) -> Option<String> {
    let lifetime = record.access.as_ref()?.life.lifetime();
    // Who has asked for so many seconds gets them or an error.
    (min_ttl_s.is_none() && lifetime.serves(now))
        .then(|| format!("this token has only {} s left, and could not be renewed: {}", lifetime.remaining_s(now), failure.message))
}

fn described(name: &str, record: &Record, now: Moment) -> Map<String, Value> {
    let mut all = Map::new();
    let mut put = |field: &str, value: Option<Value>| drop(value.map(|value| all.insert(field.to_owned(), value)));
    put("profile", Some(json!(name)));
    put("issuer", Some(json!(record.issuer)));
    put("client_id", Some(json!(record.client_id)));
    put("subject", record.subject.as_ref().map(|subject| json!(subject)));
    if let Some(access) = &record.access {
        put("access_token", Some(json!(access.token())));
        put("token_type", Some(json!("Bearer")));
        put("expires_in", Some(json!(access.life.lifetime().remaining_s(now))));
        put("expires_at", Some(json!(access.life.ends_at())));
        put("lifetime", Some(json!(access.life.lifetime().life_s)));
        put("kind", Some(json!(record.kind())));
        put("scope", access.scope.as_ref().map(|scope| json!(scope)));
        put("id_token", access.id_token.as_ref().map(|token| json!(token.expose())));
    }
    all
}

/// A member of the JSON form, or else a claim of the token.
fn field_of(name: &str, record: &Record, now: Moment, field: &str) -> Result<String, Failure> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let described = described(name, record, now);
    if let Some(value) = described.get(field) {
        return Ok(text(value));
    }
    let access = record.access.as_ref().map_or("", |access| access.token());
    let claims = claims_of(access).map(|claims| claims.other).unwrap_or_default();
    claims.get(field).map(text).ok_or_else(|| {
        let known = described.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        Failure::new(FailureKind::Usage, format!("there is no field {}", crate::failure::shown(field)))
            .with_hint(format!("take one of {known}, or a claim of the token"))
    })
}
