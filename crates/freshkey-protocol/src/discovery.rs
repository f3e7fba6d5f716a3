//! The discovery document (OpenID Connect Discovery §3, RFC 8414 §2). A plain struct that the server fills in, with only such
//! fields as can be announced truthfully: what isn't offered is left out, also where Keycloak would announce it.

use serde::Serialize;

/// Field names and order are Keycloak's. Empty lists and absent values are omitted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DiscoveryDocument {
    /// The realm's issuer: no trailing slash.
    pub issuer: String,
    /// Where browsers start a sign-in; absent as long as there is no browser side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where tokens come from.
    pub token_endpoint: String,
    /// RFC 7662.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// OpenID Connect Core §5.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// OpenID Connect RP-Initiated Logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_session_endpoint: Option<String>,
    /// The public keys.
    pub jwks_uri: String,
    /// OpenID Connect Session Management.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_session_iframe: Option<String>,
    /// Names of the grants that the token endpoint answers.
    pub grant_types_supported: Vec<String>,
    /// Values of `acr`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values_supported: Vec<String>,
    /// Required by the standard; empty without an authorization endpoint, and then still sent.
    pub response_types_supported: Vec<String>,
    /// `public`, `pairwise`.
    pub subject_types_supported: Vec<String>,
    /// OpenID Connect Core §3.1.2.1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt_values_supported: Vec<String>,
    /// Algorithms of ID tokens.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// Algorithms of signed user information.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub userinfo_signing_alg_values_supported: Vec<String>,
    /// How the answer of the authorization endpoint travels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_modes_supported: Vec<String>,
    /// RFC 7591.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    /// How clients authenticate at the token endpoint.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of client assertions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients authenticate at the introspection endpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of client assertions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// Claims that may turn up; not a complete list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims_supported: Vec<String>,
    /// `normal`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claim_types_supported: Vec<String>,
    /// The `claims` request parameter. Its default in the standard is false, that of `request_uri_parameter_supported` true,
    /// so these are always sent.
    pub claims_parameter_supported: bool,
    /// `openid` first, then the realm's client scopes.
    pub scopes_supported: Vec<String>,
    /// Request objects by value.
    pub request_parameter_supported: bool,
    /// Request objects by reference.
    pub request_uri_parameter_supported: bool,
    /// PKCE methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<String>,
    /// RFC 8705 §3.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    /// RFC 9449 §5.1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// RFC 7009.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// How clients authenticate at the revocation endpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of client assertions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// OpenID Connect Back-Channel Logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_supported: Option<bool>,
    /// OpenID Connect Back-Channel Logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_supported: Option<bool>,
    /// RFC 8628.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// RFC 9126.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<String>,
    /// RFC 9126.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
    /// RFC 9207.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_response_iss_parameter_supported: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::DiscoveryDocument;

    #[test]
    fn what_is_not_offered_is_not_announced() {
        let document = DiscoveryDocument {
            issuer: "https://a/realms/r".into(),
            token_endpoint: "https://a/t".into(),
            jwks_uri: "https://a/c".into(),
            grant_types_supported: vec!["refresh_token".into()],
            ..DiscoveryDocument::default()
        };
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            concat!(
                r#"{"issuer":"https://a/realms/r","token_endpoint":"https://a/t","jwks_uri":"https://a/c","#,
                r#""grant_types_supported":["refresh_token"],"response_types_supported":[],"subject_types_supported":[],"#,
                r#""id_token_signing_alg_values_supported":[],"token_endpoint_auth_methods_supported":[],"#,
                r#""claims_parameter_supported":false,"scopes_supported":[],"request_parameter_supported":false,"#,
                r#""request_uri_parameter_supported":false}"#
            )
        );
    }
}
