//! A client application as configured, parsed once when its realm is read.

use crate::ids::{ClientKey, RoleKey, UserKey};
use crate::lifetimes::ClientLifetimes;
use crate::mappers::{Mapper, MapperKind};
use crate::outgoing::FetchedUrl;
use crate::role::RoleSet;
use crate::time::EpochSeconds;
use freshkey_protocol::Secret;
use freshkey_protocol::jose::{Algorithm, VerifyingKey};
use std::fmt;

/// What the rules know about a client.
#[derive(Debug)]
pub struct Client {
    /// The key that rows refer to.
    pub key: ClientKey,
    /// The public id of administration (`id`), a UUID in Keycloak.
    pub id: String,
    /// The OAuth `client_id`.
    pub client_id: String,
    /// A disabled client is treated as an unknown one.
    pub enabled: bool,
    /// Public, confidential or bearer-only.
    pub kind: ClientKind,
    /// Whether the client speaks OpenID Connect (and not SAML).
    pub protocol: ClientProtocol,
    /// How a confidential client proves itself.
    pub authentication: ClientAuthentication,
    /// `grant_type=password` is allowed.
    pub direct_access_grants: Allowed,
    /// `grant_type=client_credentials` is allowed.
    pub service_accounts: Allowed,
    /// The user must have agreed; without a consent page every grant here refuses such a client.
    pub consent_required: bool,
    /// Whether the client's tokens may carry every role of the user.
    pub full_scope_allowed: bool,
    /// Roles that may appear in tokens when full scope is off: the client's own roles and its scope mappings, expanded.
    pub role_scope: RoleSet,
    /// Tokens issued before this are stale; 0 for none.
    pub not_before: EpochSeconds,
    /// Lifetimes that override the realm's.
    pub lifetimes: ClientLifetimes,
    /// Whether refresh tokens rotate: the client's own setting, if it has one.
    pub rotation: Option<Rotation>,
    /// Whether a refresh with `scope=offline_access` turns an ordinary refresh token into an offline one.
    pub offline_upgrade_on_refresh: Allowed,
    /// Whether token responses carry a refresh token at all (`use.refresh.tokens`).
    pub refresh_tokens: Allowed,
    /// Whether client credentials get a session and a refresh token (`client_credentials.use_refresh_token`).
    pub client_credentials_refresh_tokens: Allowed,
    /// Browser origins that may read answers (CORS).
    pub web_origins: WebOrigins,
    /// Redirect URIs as configured.
    pub redirect_uris: Vec<String>,
    /// Client scopes that every token has, by name.
    pub default_scopes: Vec<String>,
    /// Client scopes that can be asked for, by name.
    pub optional_scopes: Vec<String>,
    /// The client's own mappers.
    pub mappers: Vec<Mapper>,
    /// Algorithm of access tokens, if not the realm's.
    pub access_token_algorithm: Option<Algorithm>,
    /// Algorithm of ID tokens, if not the realm's.
    pub id_token_algorithm: Option<Algorithm>,
    /// Algorithm of signed userinfo answers; `None` for plain JSON.
    pub userinfo_algorithm: Option<Algorithm>,
    /// Access tokens carry only the claims of mappers marked for lightweight tokens.
    pub lightweight_access_tokens: bool,
    /// How the token type is written.
    pub token_type_spelling: TokenTypeSpelling,
    /// The `typ` header of access tokens.
    pub access_token_header: AccessTokenHeader,
    /// Scope mappings as configured, for administration.
    pub scope_mappings: Vec<RoleKey>,
    /// The user that stands for the client in the client credentials grant.
    pub service_account: Option<UserKey>,
    /// Whether introspection may answer with a signed JWT.
    pub introspection_jwt: Allowed,
}

/// OAuth's client types (RFC 6749 §2.1), and Keycloak's resource servers that may not ask for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Has no secret; whatever secret it sends is ignored.
    Public,
    /// Must authenticate.
    Confidential,
    /// Never gets a token.
    BearerOnly,
}

/// The protocol of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientProtocol {
    /// OpenID Connect.
    OpenIdConnect,
    /// Anything else, SAML for instance: known, but refused here.
    Other,
}

/// A permission that a client has or lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// It may.
    Yes,
    /// It may not.
    No,
}

impl Allowed {
    /// From a configured flag.
    pub fn when(flag: bool) -> Self {
        if flag { Self::Yes } else { Self::No }
    }

    /// Whether it may.
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

/// Whether using a refresh token replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Each use advances the chain, and the token used is dead after the grace window.
    On,
    /// A refresh token can be used repeatedly.
    Off,
}

/// How a confidential client proves itself (`clientAuthenticatorType`).
#[derive(Debug)]
pub enum ClientAuthentication {
    /// `client_secret_basic` and `client_secret_post`.
    Secret(Vec<ClientSecret>),
    /// `private_key_jwt`, with the public keys registered for the client.
    PrivateKeyJwt {
        /// Keys that may have signed the assertion.
        keys: Vec<VerifyingKey>,
        /// The one algorithm allowed, if restricted (`token.endpoint.auth.signing.alg`).
        algorithm: Option<Algorithm>,
    },
    /// `private_key_jwt`, with public keys that the client publishes.
    KeysAtUrl {
        /// Where (`jwks.url`).
        url: FetchedUrl,
        /// The one algorithm allowed, if restricted.
        algorithm: Option<Algorithm>,
    },
    /// `client_secret_jwt`: an assertion MACed with the client's secret.
    SecretJwt {
        /// The secrets in force.
        secrets: Vec<ClientSecret>,
        /// The one algorithm allowed, if restricted.
        algorithm: Option<Algorithm>,
    },
    /// A method that this server does not have (`client-x509`, …): nobody can authenticate as this client.
    Unavailable(String),
}

/// A secret in force, and until when.
#[derive(Clone)]
pub struct ClientSecret {
    /// The secret itself.
    pub value: Secret<String>,
    /// The last second at which it is accepted; `None` for no end. A rotated secret has one.
    pub accepted_until: Option<EpochSeconds>,
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecret").field("accepted_until", &self.accepted_until).finish_non_exhaustive()
    }
}

/// Browser origins of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebOrigins {
    /// `*`
    Any,
    /// Exact origins; `+` has been replaced by those of the redirect URIs.
    These(Vec<String>),
}

/// How `token_type` and the access token's `typ` are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenTypeSpelling {
    /// `Bearer`
    Capital,
    /// `bearer` (`token.response.type.bearer.lower-case`)
    LowerCase,
}

/// The `typ` header of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessTokenHeader {
    /// `JWT`, as Keycloak.
    Jwt,
    /// `at+jwt` (RFC 9068 §2.1).
    AtJwt,
}

/// A client scope as configured.
#[derive(Debug)]
pub struct ClientScope {
    /// The public id.
    pub id: String,
    /// The name that is asked for and granted.
    pub name: String,
    /// Whether the name shows in `scope` (`include.in.token.scope`).
    pub in_token_scope: bool,
    /// The scope's mappers.
    pub mappers: Vec<Mapper>,
    /// Roles of which the user must have one for the scope to be granted; also what the scope adds to a client without full scope. Expanded.
    pub role_scope: Option<RoleSet>,
    /// Scope mappings as configured, for administration.
    pub scope_mappings: Vec<RoleKey>,
}

impl Client {
    /// Whether it knows its users by pseudonyms of its own (OpenID Connect Core §8.1).
    pub fn has_pairwise_subjects(&self) -> bool {
        self.mappers.iter().any(|mapper| matches!(mapper.kind, MapperKind::PairwiseSubject { .. }))
    }

    /// Whether a client scope of this name belongs to the client at all.
    pub fn has_scope(&self, name: &str) -> bool {
        self.default_scopes.iter().chain(&self.optional_scopes).any(|own| own == name)
    }
}
