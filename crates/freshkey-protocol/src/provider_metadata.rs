//! Another server's discovery document, as its client reads it (OpenID Connect Discovery §3 and §4.3, RFC 8414 §3.3): only what a client acts upon.

use crate::json::parse_value;
use crate::limits::{PROVIDER_METADATA_BYTES_MAX, PROVIDER_URL_BYTES_MAX};
use serde_json::{Map, Value};

/// What a provider says of itself. URLs are as it sent them; whether one is fit to receive a secret is for the caller to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// Who it says it is. Equal to what was asked for, or the document is not its.
    pub issuer: String,
    /// Where tokens come from.
    pub token_endpoint: String,
    /// Where browsers start a sign-in.
    pub authorization_endpoint: Option<String>,
    /// Where a device without a browser starts one (RFC 8628 §4).
    pub device_authorization_endpoint: Option<String>,
    /// Where a token is revoked (RFC 7009).
    pub revocation_endpoint: Option<String>,
    /// Where a session is ended (RP-Initiated Logout §2.1).
    pub end_session_endpoint: Option<String>,
    /// Who the bearer of a token is (OpenID Connect Core §5.3).
    pub userinfo_endpoint: Option<String>,
    /// Its public keys.
    pub jwks_uri: Option<String>,
    /// The grants it answers; absent means `authorization_code` and `implicit`.
    pub grant_types: Option<Vec<String>>,
    /// The scopes it knows, if it tells.
    pub scopes: Option<Vec<String>>,
    /// How clients may authenticate; absent means `client_secret_basic`.
    pub token_endpoint_auth_methods: Option<Vec<String>>,
}

/// Why a document is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderMetadataError {
    /// Not a JSON object, or too long.
    NotJson,
    /// A member that must be there is not, or is of the wrong type.
    Member(&'static str),
    /// It is the document of somebody else (RFC 8414 §3.3). Holds who it says it is.
    OtherIssuer(String),
}

impl ProviderMetadata {
    /// Reads the document that was fetched for `issuer`.
    pub fn parse(issuer: &str, body: &[u8]) -> Result<Self, ProviderMetadataError> {
        if body.len() > PROVIDER_METADATA_BYTES_MAX {
            return Err(ProviderMetadataError::NotJson);
        }
        let Ok(Value::Object(members)) = parse_value(body) else { return Err(ProviderMetadataError::NotJson) };
        let said = url(&members, "issuer")?.ok_or(ProviderMetadataError::Member("issuer"))?;
        if said != issuer {
            return Err(ProviderMetadataError::OtherIssuer(said));
        }
        Ok(Self {
            issuer: said,
            token_endpoint: url(&members, "token_endpoint")?.ok_or(ProviderMetadataError::Member("token_endpoint"))?,
            authorization_endpoint: url(&members, "authorization_endpoint")?,
            device_authorization_endpoint: url(&members, "device_authorization_endpoint")?,
            revocation_endpoint: url(&members, "revocation_endpoint")?,
            end_session_endpoint: url(&members, "end_session_endpoint")?,
            userinfo_endpoint: url(&members, "userinfo_endpoint")?,
            jwks_uri: url(&members, "jwks_uri")?,
            grant_types: names(&members, "grant_types_supported")?,
            scopes: names(&members, "scopes_supported")?,
            token_endpoint_auth_methods: names(&members, "token_endpoint_auth_methods_supported")?,
        })
    }

    /// Where the document of an issuer is (OpenID Connect Discovery §4).
    #[must_use]
    pub fn url_of(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }
}

fn url(members: &Map<String, Value>, name: &'static str) -> Result<Option<String>, ProviderMetadataError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(url)) if url.len() <= PROVIDER_URL_BYTES_MAX && url.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(url.clone()))
        }
        Some(_) => Err(ProviderMetadataError::Member(name)),
    }
}

fn names(members: &Map<String, Value>, name: &'static str) -> Result<Option<Vec<String>>, ProviderMetadataError> {
    let of_text = |value: &Value| value.as_str().map(str::to_owned).ok_or(ProviderMetadataError::Member(name));
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => values.iter().map(of_text).collect::<Result<_, _>>().map(Some),
        Some(_) => Err(ProviderMetadataError::Member(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://sso.example/realms/UA";

    #[test]
    fn what_a_client_acts_upon_is_read() {
        let body = format!(
            r#"{{"issuer":"{ISSUER}","token_endpoint":"https://back.example/token","jwks_uri":"https://sso.example/certs",
                "grant_types_supported":["password","refresh_token"],"claims_supported":["sub"]}}"#
        );
        let metadata = ProviderMetadata::parse(ISSUER, body.as_bytes()).expect("a document");
        assert_eq!(metadata.token_endpoint, "https://back.example/token");
        assert_eq!(metadata.grant_types.as_deref(), Some(["password".to_owned(), "refresh_token".to_owned()].as_slice()));
        assert_eq!(metadata.device_authorization_endpoint, None);
    }

    #[test]
    fn t_064_the_document_of_another_issuer_is_refused() {
        for said in ["https://sso.example/realms/ua", "https://sso.example/realms/UA/", "https://evil.example/realms/UA"] {
            let body = format!(r#"{{"issuer":"{said}","token_endpoint":"https://sso.example/token"}}"#);
            let error = ProviderMetadata::parse(ISSUER, body.as_bytes()).expect_err("another issuer's");
            assert_eq!(error, ProviderMetadataError::OtherIssuer(said.to_owned()));
        }
    }

    #[test]
    fn a_document_that_can_not_be_relied_on_is_refused() {
        assert_eq!(ProviderMetadata::parse(ISSUER, b"<html>"), Err(ProviderMetadataError::NotJson));
        let without = format!(r#"{{"issuer":"{ISSUER}"}}"#);
        assert_eq!(ProviderMetadata::parse(ISSUER, without.as_bytes()), Err(ProviderMetadataError::Member("token_endpoint")));
        let split = format!(r#"{{"issuer":"{ISSUER}","token_endpoint":"https://a/\r\nb"}}"#);
        assert_eq!(ProviderMetadata::parse(ISSUER, split.as_bytes()), Err(ProviderMetadataError::Member("token_endpoint")));
        let huge = vec![b' '; PROVIDER_METADATA_BYTES_MAX + 1];
        assert_eq!(ProviderMetadata::parse(ISSUER, &huge), Err(ProviderMetadataError::NotJson));
    }
}
