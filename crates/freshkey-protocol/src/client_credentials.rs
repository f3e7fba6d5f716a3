//! What a client presents to authenticate itself: `Authorization: Basic`, form fields, or an assertion (RFC 6749 §2.3, RFC 7521 §4.2).
//! Only collects; whether the client exists and which method it must use is policy, and is not known here.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::bearer;
use crate::form::{self, Form, FormError};
use crate::limits::BASIC_HEADER_BYTES_MAX;
use crate::secret::Secret;

/// The one `client_assertion_type` there is (RFC 7523 §2.2).
pub const JWT_BEARER_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

// RFC 7617 wants padding; clients exist that leave it off, and Keycloak takes them.
const BASIC_BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Why an `Authorization` header holds no Basic credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasicError {
    /// Another scheme.
    OtherScheme,
    /// Above [`BASIC_HEADER_BYTES_MAX`] bytes.
    TooLong,
    /// Not base64.
    NotBase64,
    /// No colon between id and secret.
    NoColon,
    /// A half isn't form-urlencoded UTF-8 (RFC 6749 §2.3.1).
    BadEncoding(FormError),
}

/// Id and secret of an `Authorization: Basic` header.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicCredentials {
    /// The client's id, decoded. May be empty.
    pub client_id: String,
    /// The secret, decoded. May be empty.
    pub client_secret: Secret<String>,
}

impl BasicCredentials {
    /// Reads one header value. The first colon separates, then both halves are decoded as form-urlencoded text
    /// (RFC 6749 §2.3.1), as Keycloak's `BasicAuthHelper.UrlEncoded` does: a raw `+` or `%` in a secret must be escaped by the client.
    pub fn parse(header: &[u8]) -> Result<Self, BasicError> {
        if header.len() > BASIC_HEADER_BYTES_MAX {
            return Err(BasicError::TooLong);
        }
        let encoded = bearer::credentials(header, "basic").ok_or(BasicError::OtherScheme)?;
        let decoded = BASIC_BASE64.decode(encoded.trim_ascii_end()).map(Zeroizing::new).map_err(|_| BasicError::NotBase64)?;
        let colon = memchr::memchr(b':', &decoded).ok_or(BasicError::NoColon)?;
        let half = |bytes| form::decode(bytes).map(std::borrow::Cow::into_owned).map_err(BasicError::BadEncoding);
        Ok(Self { client_id: half(&decoded[..colon])?, client_secret: Secret::new(half(&decoded[colon + 1..])?) })
    }
}

/// Where a secret came from. Keycloak doesn't care; events and the advice of RFC 6749 §2.3.1 do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretSource {
    /// `Authorization: Basic`.
    BasicHeader,
    /// The form field `client_secret`.
    Form,
}

/// Why nothing usable was presented. On the wire both are the same 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NothingReason {
    /// No header, no `client_id`, no assertion.
    NotSent,
    /// A header that can't be read, and no `client_id` in the form.
    UnreadableHeader(BasicError),
}

/// What the client presented, in the order in which Keycloak looks.
#[derive(Clone, PartialEq, Eq)]
pub enum PresentedCredentials<'f> {
    /// No client can be identified.
    Nothing(NothingReason),
    /// Only an id: a public client, or a confidential one that forgot its secret.
    IdOnly {
        /// The client's id.
        client_id: String,
    },
    /// An id and a secret.
    IdAndSecret {
        /// The client's id.
        client_id: String,
        /// The secret, possibly empty.
        client_secret: Secret<String>,
        /// Where the secret came from.
        source: SecretSource,
    },
    /// `client_assertion` or `client_assertion_type` was sent, perhaps only one of them: the refusals differ (KEYCLOAK: `ClientIdAndSecretAuthenticator`
    /// still sees id and secret, since the client's own authenticator decides what counts).
    Assertion {
        /// The value of `client_assertion_type`, to be compared with [`JWT_BEARER_ASSERTION`].
        assertion_type: Option<&'f str>,
        /// The JWT.
        assertion: Option<&'f str>,
        /// The id from header or form, when one was sent beside the assertion; it must then match the JWT.
        client_id: Option<String>,
        /// A secret that was sent as well.
        client_secret: Option<Secret<String>>,
    },
}

impl<'f> PresentedCredentials<'f> {
    /// Collects from the header value, if there is one, and the form.
    ///
    /// `client_id` and `client_secret` of the form each override the header's half (Keycloak, `ClientIdAndSecretAuthenticator`). A header that can't be read
    /// is ignored when the form names a client: browsers send `Negotiate` on their own.
    #[must_use]
    pub fn collect(authorization: Option<&[u8]>, form: &'f Form<'_>) -> Self {
        let basic = authorization.map(BasicCredentials::parse);
        let unreadable = match &basic {
            Some(Err(error)) => Some(*error),
            _ => None,
        };
        let (mut client_id, mut secret) = match basic {
            Some(Ok(basic)) => (Some(basic.client_id), Some((basic.client_secret, SecretSource::BasicHeader))),
            _ => (None, None),
        };
        if let Some(form_id) = form.get("client_id") {
            client_id = Some(form_id.to_owned());
        }
        if let Some(form_secret) = form.get("client_secret") {
            secret = Some((Secret::new(form_secret.to_owned()), SecretSource::Form));
        }

        let assertion_type = form.get("client_assertion_type");
        let assertion = form.get("client_assertion");
        if assertion_type.is_some() || assertion.is_some() {
            let client_secret = secret.map(|(client_secret, _)| client_secret);
            return Self::Assertion { assertion_type, assertion, client_id, client_secret };
        }
        match (client_id, secret) {
            (Some(client_id), Some((client_secret, source))) => Self::IdAndSecret { client_id, client_secret, source },
            (Some(client_id), None) => Self::IdOnly { client_id },
            (None, _) => Self::Nothing(unreadable.map_or(NothingReason::NotSent, NothingReason::UnreadableHeader)),
        }
    }

    /// The id under which the client presented itself, not yet proven. An assertion alone has none: its `sub` names the client.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Nothing(_) => None,
            Self::IdOnly { client_id } | Self::IdAndSecret { client_id, .. } => Some(client_id),
            Self::Assertion { client_id, .. } => client_id.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests;
