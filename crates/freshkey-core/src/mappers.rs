//! Protocol mappers: what of the user, the client and the session becomes which claim of which token.
//!
//! Configuration is parsed once into [`MapperKind`]; applying it reads nothing but [`MapperInputs`]. No mapper can write a claim
//! that the server itself answers for ([`claim_path`] has the list), and none writes `null`.

pub mod claim_path;
pub mod kind;
mod membership;
mod pairwise;
mod person;
mod plan;
mod run;
pub mod value;

pub use claim_path::{ClaimPath, ClaimPathFault};
pub use kind::{MapperKind, Silence};
pub(crate) use pairwise::host as host_of_uri;
pub use plan::{MapperPlan, apply};
pub use value::{Arity, JsonType, ValueShape};

use crate::client::{Client, ClientScope};
use crate::grant::SessionNotes;
use crate::ids::SessionId;
use crate::realm::Realm;
use crate::role::RoleSet;
use crate::time::{EpochSeconds, Now};
use crate::user::User;
use serde_json::{Map, Value};

/// Everything that a mapper may read.
pub struct MapperInputs<'a> {
    /// The realm.
    pub realm: &'a Realm,
    /// The client that the token is for.
    pub client: &'a Client,
    /// The user, as of now.
    pub user: &'a User,
    /// The granted client scopes, defaults included.
    pub scopes: &'a [&'a ClientScope],
    /// The roles that the token may carry: the user's effective roles within the client's scope.
    pub roles: &'a RoleSet,
    /// The session, for tokens that have one.
    pub sid: Option<SessionId>,
    /// When the user authenticated in person.
    pub auth_time: Option<EpochSeconds>,
    /// Facts frozen at sign-in.
    pub notes: &'a SessionNotes,
    /// The nonce of the authorization request, for sign-ins that had one.
    pub nonce: Option<&'a str>,
    /// The authentication context class: `1` for a fresh sign-in.
    pub acr: &'a str,
    /// The issuer of the realm.
    pub issuer: &'a str,
    /// Now.
    pub now: Now,
}

/// A mapper as configured, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapper {
    /// Its name, unique within its client or client scope.
    pub name: String,
    /// What it does.
    pub kind: MapperKind,
    /// Where its claim goes.
    pub emit: Targets,
    /// Lower runs first; [`MapperKind::priority`] has Keycloak's.
    pub priority: i32,
}

/// What claims are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The access token.
    AccessToken,
    /// The access token of a client that wants lightweight ones.
    LightweightAccessToken,
    /// The ID token.
    IdToken,
    /// The userinfo answer.
    UserInfo,
    /// The introspection answer.
    Introspection,
    /// The token response itself, beside `access_token`.
    AccessTokenResponse,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 6] =
        [Self::AccessToken, Self::LightweightAccessToken, Self::IdToken, Self::UserInfo, Self::Introspection, Self::AccessTokenResponse];

    fn bit(self) -> u8 {
        match self {
            Self::AccessToken => 1,
            Self::LightweightAccessToken => 1 << 1,
            Self::IdToken => 1 << 2,
            Self::UserInfo => 1 << 3,
            Self::Introspection => 1 << 4,
            Self::AccessTokenResponse => 1 << 5,
        }
    }
}

/// A set of targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Targets(u8);

impl Targets {
    /// No target.
    pub const NONE: Self = Self(0);

    /// These targets.
    pub fn of(targets: &[Target]) -> Self {
        Self(targets.iter().fold(0, |bits, target| bits | target.bit()))
    }

    /// Whether the set has this target.
    pub fn has(self, target: Target) -> bool {
        self.0 & target.bit() != 0
    }

    /// What both sets have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The members.
    pub fn iter(self) -> impl Iterator<Item = Target> {
        Target::ALL.into_iter().filter(move |target| self.has(*target))
    }
}

/// What the mappers made for one target.
#[derive(Debug, Default, PartialEq)]
pub struct MappedClaims {
    /// Claims by name, never a reserved one ([`claim_path`]) and never `null`; `acr` and `auth_time` are here when a mapper made them.
    pub claims: Map<String, Value>,
    /// What audience mappers ask for, without repetition, in the order of first appearance. Holds the client's own id only when an audience mapper names it.
    pub audience: Vec<String>,
    /// The subject, where a mapper decides about it. `None` means no `sub` in an access token or introspection answer, and the
    /// user's id in an ID token or userinfo answer, which must have one (OpenID Connect Core §2, §5.3.2).
    pub subject: Option<String>,
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
