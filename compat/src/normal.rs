//! From an answer to what two servers can be compared by. Whatever may differ is checked first and then replaced by what was checked.

use crate::realm;
use crate::wire::Answer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use freshkey_protocol::jose::{CompactJws, JwkSet};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Headers that clients act on. All others are the server's own affair.
const HEADERS: [&str; 12] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "cache-control",
    "content-type",
    "location",
    "pragma",
    "retry-after",
    "www-authenticate",
];

/// Headers whose words have no order.
const LISTS: [&str; 4] = ["access-control-allow-headers", "access-control-allow-methods", "access-control-expose-headers", "cache-control"];

/// Claims that name something by an id that each server makes in its own way.
const IDS: [&str; 5] = ["sid", "session_state", "reuse_id", "id", "request_id"];

/// How far two clocks, and the two ends of one exchange, may be apart.
const SLACK_S: i64 = 3;

/// What is remembered from one exchange of a scenario to the next.
pub struct Normaliser {
    base: String,
    /// Each id by the exchange in which it was first seen: that two are the same is part of what is compared.
    ids: BTreeMap<String, String>,
    exchange: String,
    keys: JwkSet,
}

impl Normaliser {
    /// For one scenario at the server of this base URL.
    pub fn new(base: &str) -> Self {
        Self { base: base.to_owned(), ids: BTreeMap::new(), exchange: String::new(), keys: JwkSet::default() }
    }

    /// What the server publishes: signatures are checked with it.
    pub fn know_keys(&mut self, keys: JwkSet) {
        self.keys = keys;
    }

    /// The answer in a form that is the same whenever and by whomever it was given. An error names a value that is not what its name says.
    pub fn answer(&mut self, exchange: &str, answer: &Answer, now: i64) -> Result<Value, String> {
        exchange.clone_into(&mut self.exchange);
        let body = match answer.json() {
            Some(body) => self.value("", body, now)?,
            None if answer.body.is_empty() => Value::Null,
            None if answer.text().trim_start().starts_with('<') => json!("<html>"),
            None => json!(self.text(&answer.text())),
        };
        Ok(json!({ "status": answer.status, "headers": self.headers(answer), "body": body }))
    }

    fn headers(&self, answer: &Answer) -> Value {
        let mut kept: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in answer.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str())) {
            let value = self.text(value).to_lowercase();
            let all = kept.entry(name).or_default();
            *all = if all.is_empty() { value } else { format!("{all}, {value}") };
        }
        for (name, value) in &mut kept {
            if LISTS.contains(name) {
                let mut words: Vec<&str> = value.split(',').map(str::trim).collect();
                words.sort_unstable();
                *value = words.join(", ");
            } else if *name == "content-type" {
                // Whether the character set is named or left to its default is no difference.
                *value = value.replace(";charset=utf-8", "").replace("; charset=utf-8", "");
            }
        }
        json!(kept)
    }

    fn text(&self, text: &str) -> String {
        text.replace(&self.base, "<base>")
    }

    fn value(&mut self, name: &str, value: Value, now: i64) -> Result<Value, String> {
        Ok(match value {
            Value::Object(members) => {
                let issued_at = members.get("iat").and_then(Value::as_i64);
                let mut normal = Map::new();
                for (name, value) in members {
                    let value = match value.as_i64() {
                        Some(time) if is_time(&name) => self.time(&name, time, issued_at, now)?,
                        // A moment, or 0 for none.
                        Some(time) if time != 0 && is_not_before(&name) => json!({ "<seconds before now>": now - time }),
                        _ => self.value(&name, value, now)?,
                    };
                    normal.insert(self.text(&name), value);
                }
                Value::Object(normal)
            }
            Value::Array(values) => {
                let mut normal = values.into_iter().map(|value| self.value(name, value, now)).collect::<Result<Vec<_>, _>>()?;
                // None of the lists in these answers has an order that means something.
                normal.sort_by_key(ToString::to_string);
                Value::Array(normal)
            }
            Value::String(text) => self.word(name, &text, now)?,
            other => other,
        })
    }

    /// A moment becomes its distance from the moment of issue, which itself has to be now.
    fn time(&self, name: &str, time: i64, issued_at: Option<i64>, now: i64) -> Result<Value, String> {
        let issued_at = issued_at.unwrap_or(now);
        Ok(match name {
            "iat" if (time - now).abs() > SLACK_S => json!(format!("<{} s ago>", now - time)),
            "iat" => json!("<now>"),
            _ => json!({ "<seconds after iat>": time - issued_at }),
        })
    }

    fn word(&mut self, name: &str, text: &str, now: i64) -> Result<Value, String> {
        match name {
            "access_token" | "id_token" | "refresh_token" if text.matches('.').count() == 2 => self.token(text, now),
            "scope" => {
                let mut words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
                words.sort_unstable();
                Ok(json!(words.join(" ")))
            }
            "jti" => self.token_id(text),
            "kid" => Ok(json!(if self.has_key(text) { "<a published key>" } else { "<a key that is not published>" })),
            "at_hash" if decodes_to(text, 16) => Ok(json!("<half a hash>")),
            "public_key" | "n" | "x" | "y" | "x5t" | "x5t#S256" | "x5c" if is_base64(text) => Ok(json!("<base64>")),
            // Users of the realm's file have ids of their own; service accounts are given one.
            "sub" if is_id(text) && !text.starts_with(realm::USER_ID_PREFIX) => Ok(self.id(name, text)),
            name if IDS.contains(&name) && is_id(text) => Ok(self.id(name, text)),
            _ => Ok(json!(self.text(text))),
        }
    }

    fn id(&mut self, name: &str, text: &str) -> Value {
        let what = if name == "session_state" { "sid" } else { name };
        let exchange = &self.exchange;
        json!(self.ids.entry(text.to_owned()).or_insert_with(|| format!("<{what} of: {exchange}>")))
    }

    /// `onrtro:<uuid>`, or a plain id.
    fn token_id(&self, text: &str) -> Result<Value, String> {
        let (prefix, id) = text.split_once(':').map_or((String::new(), text), |(prefix, id)| (format!("{prefix}:"), id));
        if is_id(id) { Ok(json!(format!("{prefix}<id>"))) } else { Err(format!("{text} is no id of a token")) }
    }

    /// Header and claims, and whether a published key has signed them.
    fn token(&mut self, text: &str, now: i64) -> Result<Value, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let decode = |part: &str| -> Result<Value, String> {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|error| format!("a token is not base64url: {error}"))?;
            serde_json::from_slice(&bytes).map_err(|error| format!("a token is not JSON: {error}"))
        };
        let (header, claims) = (decode(parts[0])?, decode(parts[1])?);
        let algorithm = header["alg"].as_str().unwrap_or_default();
        let signature = if algorithm.starts_with("HS") {
            json!("<secret key>")
        } else {
            let jws = CompactJws::parse(text.as_bytes()).map_err(|error| format!("a token is no JWS: {error:?}"))?;
            let key = self.keys.keys.iter().find(|key| key.key_id.as_deref() == header["kid"].as_str());
            let key = key.ok_or_else(|| format!("a token names a key that is not published: {header}"))?;
            let known = key.signature_algorithm().filter(|known| known.as_str() == algorithm);
            let known = known.ok_or_else(|| format!("the key is for another algorithm: {header}"))?;
            let key = key.verifying_key(known).map_err(|error| format!("a published key cannot be used: {error:?}"))?;
            jws.verify(&key).map_err(|error| format!("a published key has not signed this token: {error:?}"))?;
            json!("<verified>")
        };
        Ok(json!({ "header": self.value("", header, now)?, "claims": self.value("", claims, now)?, "signature": signature }))
    }

    fn has_key(&self, id: &str) -> bool {
        self.keys.keys.iter().any(|key| key.key_id.as_deref() == Some(id))
    }
}

fn is_not_before(name: &str) -> bool {
    matches!(name, "not-before-policy" | "tokens-not-before")
}

fn is_time(name: &str) -> bool {
    matches!(name, "iat" | "exp" | "nbf" | "auth_time")
}

/// Long enough not to be guessed, and fit for a URL.
fn is_id(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_base64(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte))
}

fn decodes_to(text: &str, bytes: usize) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|decoded| decoded.len() == bytes)
}
