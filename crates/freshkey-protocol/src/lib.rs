//! What goes over the wire: OAuth and OpenID Connect messages, JOSE, keys, signatures, scopes.
//!
//! This crate parses and prints. It decides nothing: it knows no realm, no user, no session, no clock,
//! no HTTP framework and no async runtime. Every parser is bounded ([`limits`]) and answers with an enum of reasons.

pub mod base64url;
pub mod bearer;
pub mod claims;
pub mod client_credentials;
pub mod device;
pub mod discovery;
pub mod form;
pub mod jose;
pub mod limits;
pub mod oauth_error;
pub mod pkce;
pub mod provider_metadata;
pub mod scope;
pub mod sealing;
pub mod secret;
pub mod token_reply;
pub mod token_request;
pub mod token_response;

mod json;

pub use bearer::{BearerCredentials, BearerError, BearerToken};
pub use claims::{Audience, Claims, ClaimsError};
pub use client_credentials::PresentedCredentials;
pub use device::DeviceAuthorization;
pub use form::{Form, FormError};
pub use oauth_error::{ErrorBody, ErrorCode};
pub use provider_metadata::{ProviderMetadata, ProviderMetadataError};
pub use scope::{ScopeError, ScopeList};
pub use secret::Secret;
pub use token_reply::{ErrorReply, TokenReply, TokenReplyError};
pub use token_request::GrantType;
pub use token_response::{TokenResponse, TokenType};
