//! Tokens: what a decision wants made ([`TokenPlan`]), and the making of it.

mod access;
mod id_token;
mod json_writer;
mod refresh;
mod verify;

pub use refresh::{RefreshTokenPlan, TokenIdentity};
pub use verify::{
    Expiry, VerifiedAccessToken, VerifiedRefreshToken, verify_access_token, verify_refresh_token, verify_refresh_token_of_any,
};

use crate::client::{Client, TokenTypeSpelling};
use crate::entropy::Entropy;
use crate::grant::{Grant, SessionKind, SessionNotes};
use crate::inherited::sid_text;
use crate::lifetimes::Lifetimes;
use crate::mappers::{self, MappedClaims, MapperInputs, Target};
use crate::realm::Realm;
use crate::refusal::Refusal;
use crate::role::RoleSet;
use crate::scopes::GrantedScopes;
use crate::time::{EpochSeconds, Now};
use crate::user::User;
use freshkey_protocol::jose::{Algorithm, SignError, SigningKey};
use freshkey_protocol::{TokenResponse, TokenType};

/// Everything that the tokens of one answer are made from. Made by a grant; minting it decides nothing any more.
#[derive(Debug)]
pub struct TokenPlan<'a> {
    /// The realm.
    pub realm: &'a Realm,
    /// The client.
    pub client: &'a Client,
    /// The issuer that the tokens name.
    pub issuer: &'a str,
    /// The user as read for this request.
    pub user: User,
    /// The grant as it will be once the changes are recorded; `None` for tokens without a session.
    pub grant: Option<Grant>,
    /// Facts that mappers may read, when there is no grant to hold them.
    pub notes: SessionNotes,
    /// What was granted.
    pub scopes: GrantedScopes<'a>,
    /// The roles that may be in the access token.
    pub roles: RoleSet,
    /// The refresh token to make, if any.
    pub refresh_token: Option<RefreshTokenPlan>,
    /// Whether there is an ID token.
    pub id_token: IdToken,
    /// `scope` of the response.
    pub response_scope: String,
    /// How the token was come by: the third part of Keycloak's `jti` prefix.
    pub grant_type: GrantLetters,
    /// The nonce of the authorization request, if the refresh token carries one.
    pub nonce: Option<String>,
    /// The moment of issue.
    pub now: Now,
}

/// Whether an answer carries an ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdToken {
    /// `openid` was in the first scope.
    Included,
    /// It was not.
    Absent,
}

/// The two letters that say which grant an access token came from (KC-006).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantLetters {
    /// `ro`
    Password,
    /// `rt`
    RefreshToken,
    /// `cc`
    ClientCredentials,
}

/// The tokens of one answer. No `Debug`: it holds them in clear.
pub struct TokenSet {
    /// The response body, ready to send.
    pub body: Vec<u8>,
    /// `jti` of the access token.
    pub access_token_id: String,
    /// `exp` of the access token.
    pub access_token_expires_at: EpochSeconds,
    /// `jti` of the refresh token, if there is one.
    pub refresh_token_id: Option<String>,
}

/// Makes the tokens. The only thing that can go wrong is a missing key, and then nothing has been recorded yet.
pub fn mint(plan: &TokenPlan<'_>, entropy: &dyn Entropy) -> Result<TokenSet, Refusal> {
    let realm = plan.realm;
    let default_algorithm = realm.settings.default_signature_algorithm;
    let access_key = signer(realm, plan.client.access_token_algorithm.unwrap_or(default_algorithm))?;
    let access_target = if plan.client.lightweight_access_tokens { Target::LightweightAccessToken } else { Target::AccessToken };
    // A signature leaves little in the caches of what was there. So everything is read and mapped before the first, and little is between the first and the second.
    let mapped = plan.map(access_target);
    let mapped_for_id_token = match plan.id_token {
        IdToken::Included => Some(plan.map(Target::IdToken)),
        IdToken::Absent => None,
    };
    let other = plan.map(Target::AccessTokenResponse).claims;
    let refresh = match (&plan.refresh_token, &plan.grant) {
        (Some(refresh_plan), Some(grant)) => {
            // Whoever is not told who the user is shall not read it in the refresh token either (OpenID Connect Core §8.1).
            let subject = mapped.subject.as_deref().filter(|subject| *subject == plan.user.id);
            let of_grant = refresh::OfGrant { plan: refresh_plan, grant, subject };
            Some(refresh::mint(plan, &of_grant, signer(realm, Algorithm::Hs512)?, entropy)?)
        }
        _ => None,
    };
    let access = access::mint(plan, access_key, &mapped, entropy)?;
    let id_token = match &mapped_for_id_token {
        Some(mapped) => {
            let key = signer(realm, plan.client.id_token_algorithm.unwrap_or(default_algorithm))?;
            Some(id_token::mint(plan, key, mapped, &access, entropy)?)
        }
        None => None,
    };

    let now = plan.now.seconds();
    let session_state = plan.grant.as_ref().map(sid_text);
    let body = TokenResponse {
        access_token: &access.text,
        expires_in_s: access.expires_at - now,
        refresh_expires_in_s: refresh.as_ref().and_then(|token| token.expires_at).map_or(0, |expiry| expiry - now),
        refresh_token: refresh.as_ref().map(|token| token.text.as_str()),
        token_type: match plan.client.token_type_spelling {
            TokenTypeSpelling::Capital => TokenType::Bearer,
            TokenTypeSpelling::LowerCase => TokenType::BearerLowerCase,
        },
        id_token: id_token.as_deref(),
        not_before_policy: not_before(realm, plan.client, &plan.user),
        session_state: session_state.as_deref(),
        scope: Some(&plan.response_scope),
        issued_token_type: None,
        other: Some(&other),
    }
    .to_json();
    Ok(TokenSet {
        body,
        access_token_id: access.id,
        access_token_expires_at: access.expires_at,
        refresh_token_id: refresh.map(|token| token.id),
    })
}

/// The latest of the realm's, the client's and the user's not-before: tokens issued earlier are stale (T-011).
pub fn not_before(realm: &Realm, client: &Client, user: &User) -> EpochSeconds {
    realm.settings.not_before.max(client.not_before).max(user.not_before)
}

impl TokenPlan<'_> {
    fn kind(&self) -> SessionKind {
        self.grant.as_ref().map_or(SessionKind::Online, |grant| grant.id.kind)
    }

    fn lifetimes(&self) -> Lifetimes {
        self.realm.lifetimes(self.kind(), self.client)
    }

    /// Claims that the mappers make for one target.
    pub fn map(&self, target: Target) -> MappedClaims {
        mappers::apply(target, &self.mapper_inputs())
    }

    fn mapper_inputs(&self) -> MapperInputs<'_> {
        MapperInputs {
            realm: self.realm,
            client: self.client,
            user: &self.user,
            scopes: &self.scopes.scopes,
            roles: &self.roles,
            sid: self.grant.as_ref().map(|grant| grant.id.sid),
            auth_time: self.grant.as_ref().and_then(|grant| grant.auth_time),
            notes: self.grant.as_ref().map_or(&self.notes, |grant| &grant.notes),
            nonce: self.nonce.as_deref(),
            acr: "1",
            issuer: self.issuer,
            now: self.now,
        }
    }
}

fn signer(realm: &Realm, algorithm: Algorithm) -> Result<&SigningKey, Refusal> {
    realm.keys.signer(algorithm).ok_or(Refusal::Internal)
}

impl From<SignError> for Refusal {
    fn from(_: SignError) -> Self {
        Self::Internal
    }
}
