//! What is said to a provider: discovery, token requests, revocation. Each answer is sorted into what it means for a session; only one of them,
//! `invalid_grant`, says anything about a refresh token (T-057).

use crate::failure::{Failure, FailureKind, shown};
use crate::files;
use crate::limits::SECRET_FILE_BYTES_MAX;
use crate::profile::Profile;
use crate::transport::{Reply, Transport, TransportError};
use base64::Engine as _;
use freshkey_protocol::form::encode_pairs;
use freshkey_protocol::{ErrorReply, ProviderMetadata, ProviderMetadataError, Secret, TokenReply};

/// Why a token request brought no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFailure {
    /// The grant is not good, or not any more (RFC 6749 §5.2 `invalid_grant`). The text is the provider's.
    InvalidGrant(String),
    /// The request was refused for another reason.
    Refused {
        /// Its code.
        code: String,
        /// The provider's text.
        description: String,
    },
    /// Out of reach, overloaded, broken: later it may work.
    Unavailable {
        /// What happened.
        why: String,
        /// Seconds that the provider wants to be left alone.
        retry_after_s: Option<u32>,
        /// Whether the request may have been carried out although its reply was lost.
        may_have_happened: bool,
    },
    /// Not to be trusted with a secret.
    Untrusted(String),
    /// An answer that is none: a proxy's page, a redirect, a strange token.
    Strange(String),
}

impl TokenFailure {
    /// In words, for the person at `profile`.
    #[must_use]
    pub fn told(&self, profile: &str, issuer: &str) -> Failure {
        match self {
            Self::InvalidGrant(text) => Failure::new(FailureKind::SignIn, format!("{issuer} says that the sign-in is over: {text}"))
                .with_hint(format!("run `freshkey login {profile}`")),
            Self::Refused { code, description } => {
                let failure = Failure::new(FailureKind::Refused, format!("{issuer} refused the request: {code} ({description})"));
                match code.as_str() {
                    "invalid_client" | "unauthorized_client" => failure.with_hint(format!(
                        "check the client of the profile {profile} and its secret; `freshkey doctor {profile}` says which it is"
                    )),
                    _ => failure.with_hint(format!("run `freshkey doctor {profile}`")),
                }
            }
            Self::Unavailable { why, .. } => Failure::new(FailureKind::Unavailable, format!("{issuer} cannot be reached: {why}"))
                .with_hint("you stay signed in; try again, or look with `freshkey doctor`"),
            Self::Untrusted(why) => Failure::new(FailureKind::Untrusted, format!("{issuer} cannot be trusted: {why}"))
                .with_hint(format!("run `freshkey doctor {profile}`, which says how to check and trust its certificate")),
            Self::Strange(what) => Failure::new(FailureKind::Strange, format!("{issuer} answered {what}"))
                .with_hint(format!("run `freshkey doctor {profile}`; something between you and the provider may have answered instead")),
        }
    }
}

impl From<TransportError> for TokenFailure {
    fn from(error: TransportError) -> Self {
        let unavailable =
            |why: String, may_have_happened: bool| Self::Unavailable { why: shown(&why), retry_after_s: None, may_have_happened };
        match error {
            TransportError::Insecure(why) => Self::Untrusted(format!("a secret can't go there: {}", shown(&why))),
            TransportError::Untrusted(why) => Self::Untrusted(shown(&why)),
            TransportError::NoAddress(why) => unavailable(format!("its name has no address ({why})"), false),
            TransportError::NoConnection(why) => unavailable(format!("no connection ({why})"), false),
            TransportError::TimedOut => unavailable("no answer in time".to_owned(), true),
            TransportError::Lost(why) => unavailable(format!("the connection ended before the answer ({why})"), true),
            TransportError::TooLong => Self::Strange("more than any reply has".to_owned()),
        }
    }
}

/// How the client makes itself known at the token endpoint.
pub enum ClientAuthentication {
    /// By its id alone: a public client.
    None,
    /// In the `Authorization` header (RFC 6749 §2.3.1).
    Basic(Secret<String>),
    /// In the form.
    Post(Secret<String>),
}

impl ClientAuthentication {
    /// As the profile says and the provider takes it. Without a word of the provider's it is Basic.
    pub fn of(profile: &Profile, methods: Option<&[String]>) -> Result<Self, Failure> {
        let Some(path) = &profile.client_secret_file else { return Ok(Self::None) };
        let text = files::read_text(path, SECRET_FILE_BYTES_MAX)?.map(Secret::new).ok_or_else(|| {
            Failure::new(FailureKind::Profile, format!("the file of the client's secret, {}, is not there", path.display()))
                .with_hint("put it back, or sign in again with --client-secret-file")
        })?;
        let secret = Secret::new(text.expose().trim_end_matches(['\r', '\n']).to_owned());
        if secret.expose().is_empty() {
            return Err(Failure::new(FailureKind::Profile, format!("{} is empty; it should hold the client's secret", path.display())));
        }
        let takes = |name: &str| methods.is_some_and(|methods| methods.iter().any(|method| method == name));
        if takes("client_secret_post") && !takes("client_secret_basic") { Ok(Self::Post(secret)) } else { Ok(Self::Basic(secret)) }
    }
}

/// A provider as one client speaks to it.
pub struct Provider<'a> {
    /// How it is reached.
    pub transport: &'a Transport,
    /// The client.
    pub client_id: &'a str,
    /// How the client makes itself known.
    pub authentication: &'a ClientAuthentication,
}

impl Provider<'_> {
    /// Asks for tokens.
    pub async fn token(&self, token_endpoint: &str, pairs: &[(&str, &str)]) -> Result<TokenReply, TokenFailure> {
        let reply = self.post(token_endpoint, pairs).await?;
        if reply.status == 200 {
            return TokenReply::parse(&reply.body).map_err(|error| TokenFailure::Strange(format!("200, but no usable token: {error:?}")));
        }
        Err(refusal(&reply))
    }

    /// Posts a form to any of the endpoints that clients authenticate at.
    pub async fn post(&self, endpoint: &str, pairs: &[(&str, &str)]) -> Result<Reply, TokenFailure> {
        let mut all = pairs.to_vec();
        let basic = match self.authentication {
            ClientAuthentication::None => {
                all.push(("client_id", self.client_id));
                None
            }
            ClientAuthentication::Post(secret) => {
                all.push(("client_id", self.client_id));
                all.push(("client_secret", secret.expose()));
                None
            }
            ClientAuthentication::Basic(secret) => Some(basic_header(self.client_id, secret.expose())),
        };
        let basic = basic.as_ref().map(|header| header.expose().as_str());
        Ok(self.transport.post_form(endpoint, encode_pairs(all), basic).await?)
    }

    /// Ends a token (RFC 7009). An endpoint that answers 200 has done it, or there was nothing to do.
    pub async fn revoke(&self, endpoint: &str, refresh_token: &str) -> Result<(), TokenFailure> {
        let reply = self.post(endpoint, &[("token", refresh_token), ("token_type_hint", "refresh_token")]).await?;
        if reply.status == 200 { Ok(()) } else { Err(refusal(&reply)) }
    }
}

/// RFC 6749 §2.3.1: each of the two is encoded as in a form first.
fn basic_header(client_id: &str, secret: &str) -> Secret<String> {
    let encoded = |text: &str| encode_pairs([("", text)]).trim_start_matches('=').to_owned();
    let both = Secret::new(format!("{}:{}", encoded(client_id), encoded(secret)));
    Secret::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both.expose())))
}

/// What a reply other than 200 means. What is not in the words of OAuth says nothing about the request: somebody else has answered.
fn refusal(reply: &Reply) -> TokenFailure {
    let error = ErrorReply::parse(&reply.body);
    let code = error.as_ref().map(|error| error.code.as_str()).unwrap_or_default();
    let is_passing = ["temporarily_unavailable", "server_error", "slow_down"].contains(&code);
    if reply.status == 429 || reply.status >= 500 || is_passing {
        let why = format!("it answered {}{}", reply.status, if code.is_empty() { String::new() } else { format!(" {}", shown(code)) });
        return TokenFailure::Unavailable { why, retry_after_s: reply.retry_after_s, may_have_happened: false };
    }
    match (reply.status, error) {
        (300..=399, _) => TokenFailure::Strange(format!("{}: a redirect, which is not followed with a secret", reply.status)),
        (400 | 401 | 403, Some(error)) => {
            let description = shown(error.description.as_deref().unwrap_or("no reason given"));
            if error.code == "invalid_grant" {
                TokenFailure::InvalidGrant(description)
            } else {
                TokenFailure::Refused { code: shown(&error.code), description }
            }
        }
        (status, _) => TokenFailure::Strange(format!("{status} without a word of OAuth")),
    }
}

/// Fetches what the provider says of itself.
pub async fn discover(profile: &Profile, transport: &Transport) -> Result<ProviderMetadata, TokenFailure> {
    let url = profile.discovery_url.clone().unwrap_or_else(|| ProviderMetadata::url_of(&profile.issuer));
    let reply = transport.get(&url).await?;
    match reply.status {
        200 => ProviderMetadata::parse(&profile.issuer, &reply.body).map_err(|error| match error {
            ProviderMetadataError::NotJson => TokenFailure::Strange("something else than a discovery document".to_owned()),
            ProviderMetadataError::Member(name) => TokenFailure::Strange(format!("a discovery document whose {name} is unusable")),
            ProviderMetadataError::OtherIssuer(said) => {
                TokenFailure::Untrusted(format!("its discovery document is that of {}, not of {}", shown(&said), profile.issuer))
            }
        }),
        404 => Err(TokenFailure::Refused {
            code: "not_found".to_owned(),
            description: format!("there is no discovery document at {}; is the issuer spelled right?", shown(&url)),
        }),
        _ => Err(refusal(&reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, body: &str) -> TokenFailure {
        refusal(&Reply { status, body: body.as_bytes().to_vec(), retry_after_s: None, date_s: None })
    }

    #[test]
    fn t_057_only_invalid_grant_says_anything_about_a_refresh_token() {
        assert_eq!(
            meaning(400, r#"{"error":"invalid_grant","error_description":"Token is not active"}"#),
            TokenFailure::InvalidGrant("Token is not active".to_owned())
        );
        for (status, body) in [
            (500, r#"{"error":"invalid_grant"}"#),
            (502, "<html>"),
            (503, r#"{"error":"temporarily_unavailable"}"#),
            (429, ""),
            (400, r#"{"error":"server_error"}"#),
        ] {
            assert!(matches!(meaning(status, body), TokenFailure::Unavailable { .. }), "{status} {body}");
        }
        for (status, body) in [(302, ""), (400, "<html>invalid_grant</html>"), (404, ""), (403, "Blocked by the proxy")] {
            assert!(matches!(meaning(status, body), TokenFailure::Strange(_)), "{status} {body}");
        }
        for code in ["invalid_client", "unauthorized_client", "invalid_scope", "invalid_request"] {
            assert!(matches!(meaning(401, &format!(r#"{{"error":"{code}"}}"#)), TokenFailure::Refused { .. }), "{code}");
        }
    }

    #[test]
    fn the_words_of_a_provider_are_escaped() {
        let told = meaning(400, r#"{"error":"invalid_scope","error_description":"\u001b[2Jno"}"#).told("ua", "https://sso.example");
        assert!(told.message.contains("\\u{1b}[2Jno"), "{told}");
    }

    #[test]
    fn both_parts_of_a_basic_header_are_encoded_first() {
        // RFC 6749 §2.3.1 with characters that a form encodes.
        let header = basic_header("a:b", "p+q r");
        let text = base64::engine::general_purpose::STANDARD.decode(header.expose().trim_start_matches("Basic ")).expect("base64");
        assert_eq!(String::from_utf8(text).expect("text"), "a%3Ab:p%2Bq+r");
    }
}
