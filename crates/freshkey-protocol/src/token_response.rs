//! The answer to a granted token request (RFC 6749 §5.1) with Keycloak's fields, in Keycloak's order, written straight to bytes.

use serde_json::{Map, Value};

use crate::json::{append_integer, append_string};

/// The `token_type` that is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// `Bearer`.
    Bearer,
    /// `bearer`, for clients with `token.response.type.bearer.lower-case`.
    BearerLowerCase,
    /// `DPoP` (RFC 9449 §5).
    Dpop,
    /// `N_A`: token exchange that gave no access token (RFC 8693 §2.2.1).
    NotApplicable,
}

impl TokenType {
    /// The text on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::BearerLowerCase => "bearer",
            Self::Dpop => "DPoP",
            Self::NotApplicable => "N_A",
        }
    }
}

/// Everything a token response can say; absent fields are omitted (Keycloak: `AccessTokenResponse`). No `Debug`: it holds tokens.
#[derive(Clone, Copy)]
pub struct TokenResponse<'a> {
    /// The access token's text.
    pub access_token: &'a str,
    /// Seconds until the access token expires.
    pub expires_in_s: i64,
    /// Seconds until the refresh token expires. Always sent; 0 without refresh token and for one that never expires.
    pub refresh_expires_in_s: i64,
    /// The refresh token's text.
    pub refresh_token: Option<&'a str>,
    /// How the access token is used.
    pub token_type: TokenType,
    /// The ID token's text.
    pub id_token: Option<&'a str>,
    /// Unix time before which issued tokens don't count. Always sent; 0 for none.
    pub not_before_policy: i64,
    /// The user session's id, absent for transient sessions.
    pub session_state: Option<&'a str>,
    /// The granted scope.
    pub scope: Option<&'a str>,
    /// The kind of token that was issued (RFC 8693 §2.2.1).
    pub issued_token_type: Option<&'a str>,
    /// Fields that mappers add; they come last. The caller sees to it that they don't repeat a name above.
    pub other: Option<&'a Map<String, Value>>,
}

impl TokenResponse<'_> {
    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.capacity());
        out.extend_from_slice(b"{\"access_token\":");
        append_string(self.access_token, &mut out);
        out.extend_from_slice(b",\"expires_in\":");
        append_integer(self.expires_in_s, &mut out);
        out.extend_from_slice(b",\"refresh_expires_in\":");
        append_integer(self.refresh_expires_in_s, &mut out);
        append_optional(b",\"refresh_token\":", self.refresh_token, &mut out);
        append_optional(b",\"token_type\":", Some(self.token_type.as_str()), &mut out);
        append_optional(b",\"id_token\":", self.id_token, &mut out);
        out.extend_from_slice(b",\"not-before-policy\":");
        append_integer(self.not_before_policy, &mut out);
        append_optional(b",\"session_state\":", self.session_state, &mut out);
        append_optional(b",\"scope\":", self.scope, &mut out);
        append_optional(b",\"issued_token_type\":", self.issued_token_type, &mut out);
        for (name, value) in self.other.into_iter().flatten() {
            out.push(b',');
            append_string(name, &mut out);
            out.push(b':');
            out.extend_from_slice(value.to_string().as_bytes());
        }
        out.push(b'}');
        out
    }

    fn capacity(&self) -> usize {
        // Names, numbers and punctuation take less than 320 bytes.
        let texts = [self.refresh_token, self.id_token, self.session_state, self.scope, self.issued_token_type];
        320 + self.access_token.len() + texts.into_iter().flatten().map(str::len).sum::<usize>()
    }
}

fn append_optional(name: &[u8], text: Option<&str>, out: &mut Vec<u8>) {
    if let Some(text) = text {
        out.extend_from_slice(name);
        append_string(text, out);
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenResponse, TokenType};
    use serde_json::{Map, Value, json};

    const LEAST: TokenResponse<'static> = TokenResponse {
        access_token: "a.b.c",
        expires_in_s: 300,
        refresh_expires_in_s: 0,
        refresh_token: None,
        token_type: TokenType::Bearer,
        id_token: None,
        not_before_policy: 0,
        session_state: None,
        scope: None,
        issued_token_type: None,
        other: None,
    };

    fn text(response: &TokenResponse<'_>) -> String {
        String::from_utf8(response.to_json()).unwrap()
    }

    #[test]
    fn absent_fields_are_omitted_and_two_numbers_are_always_there() {
        assert_eq!(
            text(&LEAST),
            r#"{"access_token":"a.b.c","expires_in":300,"refresh_expires_in":0,"token_type":"Bearer","not-before-policy":0}"#
        );
    }

    #[test]
    fn all_fields_come_in_keycloaks_order() {
        let mut other = Map::new();
        other.insert("tenant".to_owned(), json!({"id": 7}));
        let response = TokenResponse {
            refresh_expires_in_s: 1800,
            refresh_token: Some("r.r.r"),
            token_type: TokenType::Dpop,
            id_token: Some("i.i.i"),
            not_before_policy: 17,
            session_state: Some("s-1"),
            scope: Some("openid \"x\""),
            issued_token_type: Some("urn:t"),
            other: Some(&other),
            ..LEAST
        };
        let text = text(&response);
        assert_eq!(
            text,
            concat!(
                r#"{"access_token":"a.b.c","expires_in":300,"refresh_expires_in":1800,"refresh_token":"r.r.r","#,
                r#""token_type":"DPoP","id_token":"i.i.i","not-before-policy":17,"session_state":"s-1","#,
                r#""scope":"openid \"x\"","issued_token_type":"urn:t","tenant":{"id":7}}"#
            )
        );
        assert!(serde_json::from_str::<Value>(&text).is_ok());
        assert_eq!(TokenType::BearerLowerCase.as_str(), "bearer");
    }
}
