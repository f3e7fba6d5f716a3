//! Typed views over the form of a token request: which grant, and its parameters. No policy; an absent parameter is an
//! `Option` here, because each grant answers to it in its own words.

use crate::form::Form;

/// The grant types that Keycloak's token endpoint knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// RFC 6749 §4.1.3.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.3.2.
    Password,
    /// RFC 6749 §4.4.2.
    ClientCredentials,
    /// RFC 8628 §3.4.
    DeviceCode,
    /// RFC 8693 §2.1.
    TokenExchange,
    /// RFC 7523 §2.1.
    JwtBearer,
    /// OpenID CIBA Core §10.1.
    Ciba,
}

/// Why a form names no grant type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantTypeError {
    /// No `grant_type` parameter.
    Missing,
    /// A value that isn't in [`GrantType::ALL`], the empty one included.
    Unknown,
}

impl GrantType {
    /// Every grant type, in the order of Keycloak's discovery document.
    pub const ALL: [Self; 8] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::Password,
        Self::ClientCredentials,
        Self::Ciba,
        Self::TokenExchange,
        Self::DeviceCode,
        Self::JwtBearer,
    ];

    /// Reads the parameter `grant_type`; its first value counts.
    pub fn from_form(form: &Form<'_>) -> Result<Self, GrantTypeError> {
        Self::parse(form.get("grant_type").ok_or(GrantTypeError::Missing)?).ok_or(GrantTypeError::Unknown)
    }

    /// The type of an exact name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant_type| grant_type.as_str() == name)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::Password => "password",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Ciba => "urn:openid:params:grant-type:ciba",
        }
    }
}

/// Parameters of `grant_type=refresh_token`. Empty values are kept: Keycloak tells them from absent ones. No `Debug`: it holds a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefreshRequest<'f> {
    /// The refresh token's text.
    pub refresh_token: Option<&'f str>,
    /// The wanted scope, not yet split.
    pub scope: Option<&'f str>,
}

impl<'f> RefreshRequest<'f> {
    /// Views a form; the first value of each parameter counts.
    #[must_use]
    pub fn from_form(form: &'f Form<'_>) -> Self {
        Self { refresh_token: form.get("refresh_token"), scope: form.get("scope") }
    }
}

/// Parameters of `grant_type=password`. No `Debug`: it holds a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordRequest<'f> {
    /// User name or, where the realm allows it, e-mail address.
    pub username: Option<&'f str>,
    /// The password in clear.
    pub password: Option<&'f str>,
    /// The one-time code: `otp`, or else `totp`, the older name that Keycloak also reads.
    pub one_time_code: Option<&'f str>,
    /// The wanted scope, not yet split.
    pub scope: Option<&'f str>,
}

impl<'f> PasswordRequest<'f> {
    /// Views a form; the first value of each parameter counts.
    #[must_use]
    pub fn from_form(form: &'f Form<'_>) -> Self {
        Self {
            username: form.get("username"),
            password: form.get("password"),
            one_time_code: form.get("otp").or_else(|| form.get("totp")),
            scope: form.get("scope"),
        }
    }
}

/// Parameters of `grant_type=client_credentials`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCredentialsRequest<'f> {
    /// The wanted scope, not yet split.
    pub scope: Option<&'f str>,
}

impl<'f> ClientCredentialsRequest<'f> {
    /// Views a form; the first value of each parameter counts.
    #[must_use]
    pub fn from_form(form: &'f Form<'_>) -> Self {
        Self { scope: form.get("scope") }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientCredentialsRequest, GrantType, GrantTypeError, PasswordRequest, RefreshRequest};
    use crate::form::Form;

    fn form(body: &'static str) -> Form<'static> {
        Form::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn every_grant_type_reads_back() {
        for grant_type in GrantType::ALL {
            assert_eq!(GrantType::parse(grant_type.as_str()), Some(grant_type));
        }
    }

    #[test]
    fn missing_and_unknown_grant_types_are_told_apart() {
        assert_eq!(GrantType::from_form(&form("scope=a")), Err(GrantTypeError::Missing));
        for body in ["grant_type=", "grant_type=Password", "grant_type=password+", "grant_type=implicit"] {
            assert_eq!(GrantType::from_form(&form(body)), Err(GrantTypeError::Unknown), "{body}");
        }
        assert_eq!(GrantType::from_form(&form("grant_type=password&grant_type=x")), Ok(GrantType::Password));
    }

    #[test]
    fn parameters_are_found_and_absence_is_told_from_emptiness() {
        let refresh = form("refresh_token=a.b.c&scope=");
        assert!(RefreshRequest::from_form(&refresh) == RefreshRequest { refresh_token: Some("a.b.c"), scope: Some("") });
        assert!(RefreshRequest::from_form(&form("x=1")) == RefreshRequest { refresh_token: None, scope: None });
        assert_eq!(ClientCredentialsRequest::from_form(&form("scope=a+b")).scope, Some("a b"));

        let password = form("username=u&password=p&totp=1&otp=2&scope=s");
        let request = PasswordRequest::from_form(&password);
        assert_eq!(request.one_time_code, Some("2"));
        assert_eq!((request.username, request.password, request.scope), (Some("u"), Some("p"), Some("s")));
        assert_eq!(PasswordRequest::from_form(&form("totp=1")).one_time_code, Some("1"));
    }
}
