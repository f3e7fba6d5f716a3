//! What a token endpoint answered, as its client reads it (RFC 6749 §5.1, §5.2). Strict where a mistake would cost the client its session: a reply
//! that can't be relied on is an error as a whole, and nothing of it is to be kept (T-067).

use crate::json::parse_value;
use crate::limits::{EXPIRES_IN_S_MAX, PROVIDER_TEXT_BYTES_MAX, REPLY_TOKEN_BYTES_MAX, SCOPE_BYTES_MAX};
use crate::secret::Secret;
use serde_json::{Map, Value};

/// The reply to a token request that was granted.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenReply {
    /// What to send to APIs. Opaque to the client, whatever it looks like.
    pub access_token: Secret<String>,
    /// What the next refresh presents; absent when the one before stays (RFC 6749 §6), or when there is none.
    pub refresh_token: Option<Secret<String>>,
    /// Who signed in.
    pub id_token: Option<Secret<String>>,
    /// Seconds from now until the access token ends. RFC 6749 only recommends it.
    pub expires_in_s: Option<u32>,
    /// Seconds until the refresh token ends, as Keycloak adds it; 0 says that it has no end of its own.
    pub refresh_expires_in_s: Option<u32>,
    /// What was granted; absent when it is what was asked for (RFC 6749 §5.1).
    pub scope: Option<String>,
}

/// Why a reply with status 200 is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenReplyError {
    /// Not a JSON object, or one with a name twice: a proxy's page, for instance.
    NotJson,
    /// No `access_token`.
    NoAccessToken,
    /// A kind of token that needs more than a `Bearer` header (RFC 6749 §7.1).
    TokenType,
    /// A member of the wrong type, too long, or with a character that a token can't have (RFC 6749 appendix A).
    Member(&'static str),
}

/// The reply to a token request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReply {
    /// The code, such as `invalid_grant`. Of another server, so any word.
    pub code: String,
    /// What a person may be told. Untrusted text: escape control characters before a terminal sees them.
    pub description: Option<String>,
}

impl TokenReply {
    /// Reads the body of a reply with status 200.
    pub fn parse(body: &[u8]) -> Result<Self, TokenReplyError> {
        let Ok(Value::Object(members)) = parse_value(body) else { return Err(TokenReplyError::NotJson) };
        let access_token = token(&members, "access_token")?.ok_or(TokenReplyError::NoAccessToken)?;
        let is_bearer = text(&members, "token_type", 64)?.is_some_and(|name| name.eq_ignore_ascii_case("bearer"));
        if !is_bearer {
            return Err(TokenReplyError::TokenType);
        }
        Ok(Self {
            access_token,
            refresh_token: token(&members, "refresh_token")?,
            id_token: token(&members, "id_token")?,
            expires_in_s: seconds(&members, "expires_in")?,
            refresh_expires_in_s: seconds(&members, "refresh_expires_in")?,
            scope: text(&members, "scope", SCOPE_BYTES_MAX)?.map(str::to_owned),
        })
    }
}

impl ErrorReply {
    /// Reads the body of a reply with status 400 or 401. `None` when it is no OAuth error: then the reply says nothing about the request.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(members)) = parse_value(body) else { return None };
        let code = text(&members, "error", 256).ok()??.to_owned();
        let description = text(&members, "error_description", PROVIDER_TEXT_BYTES_MAX).ok().flatten().map(str::to_owned);
        Some(Self { code, description })
    }
}

fn member<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn text<'m>(members: &'m Map<String, Value>, name: &'static str, bytes_max: usize) -> Result<Option<&'m str>, TokenReplyError> {
    match member(members, name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= bytes_max => Ok(Some(text)),
        Some(_) => Err(TokenReplyError::Member(name)),
    }
}

/// A token is made of visible ASCII characters (RFC 6749 appendix A.12), which also keeps it from breaking out of a header.
fn token(members: &Map<String, Value>, name: &'static str) -> Result<Option<Secret<String>>, TokenReplyError> {
    match text(members, name, REPLY_TOKEN_BYTES_MAX)? {
        None => Ok(None),
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(Secret::new(text.to_owned()))),
        Some(_) => Err(TokenReplyError::Member(name)),
    }
}

/// A whole number of seconds, and not more than any token lives.
fn seconds(members: &Map<String, Value>, name: &'static str) -> Result<Option<u32>, TokenReplyError> {
    let number = match member(members, name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(_) => None,
    };
    match number.and_then(|number| u32::try_from(number).ok()) {
        Some(seconds) if seconds <= EXPIRES_IN_S_MAX => Ok(Some(seconds)),
        _ => Err(TokenReplyError::Member(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> TokenReplyError {
        TokenReply::parse(body.as_bytes()).err().unwrap_or_else(|| panic!("{body} was taken"))
    }

    #[test]
    fn a_reply_is_read_with_what_keycloak_adds() {
        let body =
            br#"{"access_token":"a.b.c","expires_in":300,"refresh_expires_in":0,"refresh_token":"r","token_type":"Bearer","id_token":"i",
            "not-before-policy":0,"session_state":"s","scope":"openid email"}"#;
        let reply = TokenReply::parse(body).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(reply.access_token.expose(), "a.b.c");
        assert_eq!(reply.refresh_token.map(|token| token.expose().clone()).as_deref(), Some("r"));
        assert_eq!((reply.expires_in_s, reply.refresh_expires_in_s), (Some(300), Some(0)));
        assert_eq!(reply.scope.as_deref(), Some("openid email"));
    }

    #[test]
    fn t_067_a_strange_reply_is_refused_as_a_whole() {
        assert_eq!(refused("<html>sign in to the proxy</html>"), TokenReplyError::NotJson);
        assert_eq!(refused("[]"), TokenReplyError::NotJson);
        assert_eq!(refused(r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#), TokenReplyError::NotJson);
        assert_eq!(refused(r#"{"token_type":"Bearer"}"#), TokenReplyError::NoAccessToken);
        assert_eq!(refused(r#"{"access_token":null,"token_type":"Bearer"}"#), TokenReplyError::NoAccessToken);
        assert_eq!(refused(r#"{"access_token":"a"}"#), TokenReplyError::TokenType);
        assert_eq!(refused(r#"{"access_token":"a","token_type":"DPoP"}"#), TokenReplyError::TokenType);
        for expires_in in ["-1", "\"soon\"", "\"300\"", "1e30", "99999999999999999999", "4294967296", "1.5", "true"] {
            let body = format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{expires_in}}}"#);
            assert_eq!(refused(&body), TokenReplyError::Member("expires_in"), "{expires_in}");
        }
        for token in ["", "a b", "a\\r\\nX: y", "\\u0000", "ü"] {
            let body = format!(r#"{{"access_token":"a","token_type":"bearer","refresh_token":"{token}"}}"#);
            assert_eq!(refused(&body), TokenReplyError::Member("refresh_token"), "{token}");
        }
        let long = format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "a".repeat(REPLY_TOKEN_BYTES_MAX + 1));
        assert_eq!(refused(&long), TokenReplyError::Member("access_token"));
    }

    #[test]
    fn t_060_a_token_of_64_kb_is_taken() {
        let body = format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "a".repeat(64 * 1024));
        assert_eq!(TokenReply::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error:?}")).access_token.expose().len(), 64 * 1024);
    }

    #[test]
    fn a_refusal_is_read_and_a_page_is_none() {
        let reply = ErrorReply::parse(br#"{"error":"invalid_grant","error_description":"Token is not active"}"#);
        assert_eq!(reply, Some(ErrorReply { code: "invalid_grant".into(), description: Some("Token is not active".into()) }));
        assert_eq!(ErrorReply::parse(b"<html>502</html>"), None);
        assert_eq!(ErrorReply::parse(br#"{"error":7}"#), None);
        assert_eq!(ErrorReply::parse(br#"{"message":"no"}"#), None);
    }
}
