//! The kinds of mappers, each with its configuration read to the end.

use super::claim_path::{ClaimPath, Source};
use super::value::{Arity, ValueShape};
use super::{ClaimPathFault, Mapper, Target, Targets};
use serde_json::Value;

/// What a mapper does. The names in quotes are Keycloak's ids.
#[derive(Debug, Clone, PartialEq)]
pub enum MapperKind {
    /// `oidc-usermodel-attribute-mapper`. The names `username`, `email`, `firstName` and `lastName` are attributes too.
    UserAttribute {
        /// The attribute.
        attribute: String,
        /// What attributes of groups are for.
        groups: GroupAttributes,
        /// Where it goes.
        claim: ClaimPath,
        /// As what.
        shape: ValueShape,
    },
    /// `oidc-usermodel-property-mapper`
    UserProperty {
        /// The property.
        property: UserProperty,
        /// Where it goes.
        claim: ClaimPath,
        /// As what.
        shape: ValueShape,
    },
    /// `oidc-full-name-mapper`: `name`, from the given and the family name.
    FullName,
    /// `oidc-usermodel-realm-role-mapper`
    RealmRoles {
        /// Put before each role name; often empty.
        prefix: String,
        /// Where they go.
        claim: ClaimPath,
        /// As what.
        shape: ValueShape,
    },
    /// `oidc-usermodel-client-role-mapper`. `${client_id}` in the claim stands for the client of the roles.
    ClientRoles {
        /// The client whose roles these are; `None` for every client, one after the other.
        client_id: Option<String>,
        /// Put before each role name; often empty.
        prefix: String,
        /// Where they go.
        claim: ClaimPath,
        /// As what.
        shape: ValueShape,
    },
    /// `oidc-group-membership-mapper`: the groups that the user is a direct member of, always an array.
    GroupMembership {
        /// How a group is written.
        form: GroupForm,
        /// Where they go.
        claim: ClaimPath,
    },
    /// `oidc-hardcoded-claim-mapper`
    HardcodedClaim {
        /// Where it goes. `aud` adds to the audience.
        claim: ClaimPath,
        /// The value, typed.
        value: Value,
        /// Whether it replaces or joins.
        arity: Arity,
    },
    /// `oidc-hardcoded-role-mapper`: a role that every token of the client has. Seen only through mappers that write roles.
    HardcodedRole {
        /// The role.
        role: RoleName,
    },
    /// `oidc-role-name-mapper`: a role goes by another name, or into another client.
    RoleRename {
        /// As the user has it.
        from: RoleName,
        /// As tokens show it.
        to: RoleName,
    },
    /// `oidc-audience-mapper`
    Audience {
        /// The one that is added, be it the client itself.
        audience: String,
    },
    /// `oidc-audience-resolve-mapper`: every other client of which the token has a role.
    AudienceResolve,
    /// `oidc-allowed-origins-mapper`: `allowed-origins`, the client's origins, `*` included.
    AllowedOrigins,
    /// `oidc-sub-mapper`: the user's id as subject of access tokens.
    Subject,
    /// `oidc-sha256-pairwise-sub-mapper`: another subject for every sector, in all tokens.
    PairwiseSubject {
        /// The host that the subject is for; `None` for the one host of the client's redirect URIs.
        sector: Option<String>,
        /// `pairwiseSubAlgorithmSalt`
        salt: String,
    },
    /// `oidc-acr-mapper`: `acr`.
    AuthenticationContext,
    /// `oidc-amr-mapper`: `amr`. Sign-ins here record no references to methods, so it is what Keycloak says without any: an empty array.
    AuthenticationMethods,
    /// `oidc-usersessionmodel-note-mapper`
    SessionNote {
        /// The note.
        note: SessionNote,
        /// Where it goes.
        claim: ClaimPath,
        /// As what.
        shape: ValueShape,
    },
    /// `oidc-address-mapper`: `address` (OpenID Connect Core §5.1.1), an empty object for a user without any of it, as in Keycloak.
    Address(AddressAttributes),
    /// `oidc-nonce-backwards-compatible-mapper`: `nonce` in access tokens, as before Keycloak 24.
    Nonce,
    /// `oidc-session-state-mapper`: `session_state`, the session's id.
    SessionState,
    /// `oidc-claims-param-token-mapper` and `oidc-claims-param-value-idtoken-mapper`: answer to the `claims` parameter of an
    /// authorization request. No request here has one, so they emit nothing.
    ClaimsParameter,
    /// `oidc-organization-membership-mapper`: no realm here has organisations, so it emits nothing.
    OrganizationMembership,
    /// Configured in a way that can emit nothing.
    Unusable(ConfigurationFault),
    /// A mapper that this server does not have, by its id: emits nothing.
    Unknown(String),
}

/// What an attribute mapper does with attributes of the user's groups and of their ancestors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupAttributes {
    /// Reads the first group that has the attribute, if the user has not.
    Fallback,
    /// Adds all of them, without repetition (`aggregate.attrs`).
    Aggregate,
}

/// Properties of users (`user.attribute` of a property mapper).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserProperty {
    /// `id`
    Id,
    /// `username`
    Username,
    /// `email`
    Email,
    /// `emailVerified`
    EmailVerified,
    /// `firstName`
    FirstName,
    /// `lastName`
    LastName,
    /// `enabled`
    Enabled,
    /// `createdTimestamp`, in milliseconds.
    CreatedTimestamp,
}

/// How a group is written (`full.path`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupForm {
    /// `/parent/child`
    Path,
    /// `child`
    Name,
}

/// A fact of a sign-in (`user.session.note`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionNote {
    /// `AUTH_TIME`, which is no note here.
    AuthTime,
    /// Any other, by name.
    Named(String),
}

/// A role by name, whether it exists or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleName {
    /// The client of the role; `None` for a role of the realm.
    pub client_id: Option<String>,
    /// Its name within.
    pub name: String,
}

/// Which attribute of the user is which member of `address`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressAttributes {
    /// `street_address`
    pub street: String,
    /// `locality`
    pub locality: String,
    /// `region`
    pub region: String,
    /// `postal_code`
    pub postal_code: String,
    /// `country`
    pub country: String,
    /// `formatted`
    pub formatted: String,
}

/// What is wrong with the configuration of a mapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationFault {
    /// The claim's name.
    ClaimName(ClaimPathFault),
    /// No attribute, property, note, role, value or audience is named.
    NoSource,
    /// A property that users do not have.
    UnknownProperty,
    /// The hardcoded value is not of the type that is asked for.
    ValueNotOfType,
}

/// Why a mapper will never emit anything, for the report of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence<'a> {
    /// This server does not have the mapper with this id.
    Unknown(&'a str),
    /// The configuration cannot work.
    Unusable(ConfigurationFault),
    /// The claim belongs to the server wherever the mapper would write it.
    ReservedClaim,
    /// It answers to the `claims` parameter of an authorization request.
    NeedsClaimsParameter,
    /// It tells about organisations.
    NeedsOrganizations,
    /// It is switched off for every target.
    NoTarget,
}

const EVERYWHERE: [Target; 6] = Target::ALL;
const TOKENS: [Target; 5] = [Target::AccessToken, Target::LightweightAccessToken, Target::IdToken, Target::UserInfo, Target::Introspection];
const TOKENS_BUT_USERINFO: [Target; 4] = [Target::AccessToken, Target::LightweightAccessToken, Target::IdToken, Target::Introspection];
const ACCESS_AND_INTROSPECTION: [Target; 3] = [Target::AccessToken, Target::LightweightAccessToken, Target::Introspection];
const ACCESS_ONLY: [Target; 2] = [Target::AccessToken, Target::LightweightAccessToken];

impl MapperKind {
    /// When it runs: lower first (Keycloak's `ProtocolMapperUtils`). Roles are renamed, then added, then judged, then written.
    pub fn priority(&self) -> i32 {
        match self {
            Self::Subject => -10,
            Self::RoleRename { .. } => 10,
            Self::HardcodedRole { .. } => 20,
            Self::AudienceResolve => 30,
            Self::RealmRoles { .. } | Self::ClientRoles { .. } => 40,
            _ => 0,
        }
    }

    /// Where a mapper of this kind can write at all (the interfaces that Keycloak's class implements).
    pub fn possible_targets(&self) -> Targets {
        match self {
            Self::HardcodedClaim { .. } | Self::SessionNote { .. } => Targets::of(&EVERYWHERE),
            Self::UserAttribute { .. }
            | Self::UserProperty { .. }
            | Self::FullName
            | Self::RealmRoles { .. }
            | Self::ClientRoles { .. }
            | Self::GroupMembership { .. }
            | Self::HardcodedRole { .. }
            | Self::RoleRename { .. }
            | Self::PairwiseSubject { .. }
            | Self::Address(_)
            | Self::SessionState => Targets::of(&TOKENS),
            Self::Audience { .. } | Self::AuthenticationContext | Self::AuthenticationMethods => Targets::of(&TOKENS_BUT_USERINFO),
            Self::AudienceResolve | Self::AllowedOrigins | Self::Subject => Targets::of(&ACCESS_AND_INTROSPECTION),
            Self::Nonce => Targets::of(&ACCESS_ONLY),
            Self::ClaimsParameter | Self::OrganizationMembership | Self::Unusable(_) | Self::Unknown(_) => Targets::NONE,
        }
    }

    /// The claim that an administrator chose, and what is written to it.
    fn chosen_claim(&self) -> Option<(&ClaimPath, Source)> {
        match self {
            Self::UserAttribute { claim, .. }
            | Self::UserProperty { claim, .. }
            | Self::RealmRoles { claim, .. }
            | Self::ClientRoles { claim, .. }
            | Self::GroupMembership { claim, .. } => Some((claim, Source::User)),
            Self::HardcodedClaim { claim, .. } => Some((claim, Source::Configuration)),
            Self::SessionNote { note, claim, .. } => Some((claim, note.source())),
            _ => None,
        }
    }
}

impl SessionNote {
    pub(super) fn source(&self) -> Source {
        match self {
            Self::AuthTime => Source::AuthTime,
            Self::Named(_) => Source::Session,
        }
    }
}

impl RoleName {
    /// `name` of a realm role, or `client.name`: the last dot divides, whether or not there is such a client (Keycloak's `parseRole`).
    pub fn parse(text: &str) -> Self {
        match text.rsplit_once('.') {
            Some((client_id, name)) => Self { client_id: Some(client_id.to_owned()), name: name.to_owned() },
            None => Self { client_id: None, name: text.to_owned() },
        }
    }
}

impl UserProperty {
    /// Reads the name of a property; `None` for one that users do not have.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "id" => Some(Self::Id),
            "username" => Some(Self::Username),
            "email" => Some(Self::Email),
            "emailVerified" => Some(Self::EmailVerified),
            "firstName" => Some(Self::FirstName),
            "lastName" => Some(Self::LastName),
            "enabled" => Some(Self::Enabled),
            "createdTimestamp" => Some(Self::CreatedTimestamp),
            _ => None,
        }
    }
}

impl Mapper {
    /// Why it will never emit anything; `None` when it may.
    pub fn silence(&self) -> Option<Silence<'_>> {
        match &self.kind {
            MapperKind::Unknown(id) => return Some(Silence::Unknown(id)),
            MapperKind::Unusable(fault) => return Some(Silence::Unusable(*fault)),
            MapperKind::ClaimsParameter => return Some(Silence::NeedsClaimsParameter),
            MapperKind::OrganizationMembership => return Some(Silence::NeedsOrganizations),
            _ => {}
        }
        let targets = self.emit.and(self.kind.possible_targets());
        if targets == Targets::NONE {
            return Some(Silence::NoTarget);
        }
        let (claim, source) = self.kind.chosen_claim()?;
        (!targets.iter().any(|target| claim.admits(source, target, None))).then_some(Silence::ReservedClaim)
    }
}
