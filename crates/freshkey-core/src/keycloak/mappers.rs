//! From Keycloak's representation of a protocol mapper to ours. Whatever the texts say, the result is a mapper: one that cannot work says why
//! ([`Mapper::silence`]) and is kept, because an import must not fail for it.

use crate::mappers::kind::{AddressAttributes, ConfigurationFault, GroupAttributes, GroupForm, RoleName, SessionNote, UserProperty};
use crate::mappers::{Arity, ClaimPath, ClaimPathFault, JsonType, Mapper, MapperKind, Silence, Target, Targets, ValueShape};
use std::collections::BTreeMap;

/// The one protocol whose mappers mean something here.
const PROTOCOL: &str = "openid-connect";

/// Reads a mapper: its `name`, `protocol` (absent means OpenID Connect), `protocolMapper` and `config`.
pub fn read_mapper(name: &str, protocol: Option<&str>, mapper_id: &str, config: &BTreeMap<String, String>) -> Mapper {
    let config = Config { texts: config };
    let kind = if protocol.is_none_or(|protocol| protocol == PROTOCOL) {
        read_kind(mapper_id, config).unwrap_or_else(MapperKind::Unusable)
    } else {
        MapperKind::Unknown(mapper_id.to_owned())
    };
    let emit = targets(&kind, config).and(kind.possible_targets());
    Mapper { name: name.to_owned(), emit, priority: kind.priority(), kind }
}

/// Why a mapper emits nothing, in words for the report of an import.
pub fn explain(silence: Silence<'_>) -> String {
    let words = match silence {
        Silence::Unknown(id) => return format!("this server has no mapper {id:?}"),
        Silence::Unusable(ConfigurationFault::ClaimName(ClaimPathFault::Missing)) => "it names no claim",
        Silence::Unusable(ConfigurationFault::ClaimName(ClaimPathFault::TooLong)) => "the claim's name is too long",
        Silence::Unusable(ConfigurationFault::ClaimName(ClaimPathFault::TooDeep)) => "the claim's name is nested too deeply",
        Silence::Unusable(ConfigurationFault::NoSource) => "it does not say what to put into the claim",
        Silence::Unusable(ConfigurationFault::UnknownProperty) => "users have no such property",
        Silence::Unusable(ConfigurationFault::ValueNotOfType) => "the value is not of the type that it should have",
        Silence::ReservedClaim => "only the server itself writes this claim",
        Silence::NeedsClaimsParameter => "it needs the claims parameter of an authorization request",
        Silence::NeedsOrganizations => "it needs organisations",
        Silence::NoTarget => "it is switched off for every token",
    };
    words.to_owned()
}

fn read_kind(mapper_id: &str, config: Config<'_>) -> Result<MapperKind, ConfigurationFault> {
    Ok(match mapper_id {
        "oidc-usermodel-attribute-mapper" => MapperKind::UserAttribute {
            attribute: config.source("user.attribute")?,
            groups: if config.text("aggregate.attrs").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
                GroupAttributes::Aggregate
            } else {
                GroupAttributes::Fallback
            },
            claim: config.claim()?,
            shape: config.shape(),
        },
        "oidc-usermodel-property-mapper" => MapperKind::UserProperty {
            property: UserProperty::parse(&config.source("user.attribute")?).ok_or(ConfigurationFault::UnknownProperty)?,
            claim: config.claim()?,
            shape: config.shape(),
        },
        "oidc-full-name-mapper" => MapperKind::FullName,
        "oidc-usermodel-realm-role-mapper" => MapperKind::RealmRoles {
            prefix: config.optional("usermodel.realmRoleMapping.rolePrefix").unwrap_or_default(),
            claim: config.claim()?,
            shape: config.shape(),
        },
        "oidc-usermodel-client-role-mapper" => MapperKind::ClientRoles {
            client_id: config.optional("usermodel.clientRoleMapping.clientId"),
            prefix: config.optional("usermodel.clientRoleMapping.rolePrefix").unwrap_or_default(),
            claim: config.claim()?,
            shape: config.shape(),
        },
        "oidc-group-membership-mapper" => MapperKind::GroupMembership {
            form: if config.is_true("full.path") { GroupForm::Path } else { GroupForm::Name },
            claim: config.claim()?,
        },
        "oidc-hardcoded-claim-mapper" => hardcoded_claim(config)?,
        "oidc-hardcoded-role-mapper" => MapperKind::HardcodedRole { role: RoleName::parse(&config.source("role")?) },
        "oidc-role-name-mapper" => {
            MapperKind::RoleRename { from: RoleName::parse(&config.source("role")?), to: RoleName::parse(&config.source("new.role.name")?) }
        }
        "oidc-audience-mapper" => {
            let named = config.optional("included.client.audience").or_else(|| config.optional("included.custom.audience"));
            MapperKind::Audience { audience: named.ok_or(ConfigurationFault::NoSource)? }
        }
        "oidc-audience-resolve-mapper" => MapperKind::AudienceResolve,
        "oidc-allowed-origins-mapper" => MapperKind::AllowedOrigins,
        "oidc-sub-mapper" => MapperKind::Subject,
        "oidc-sha256-pairwise-sub-mapper" => pairwise_subject(config),
        "oidc-acr-mapper" => MapperKind::AuthenticationContext,
        "oidc-amr-mapper" => MapperKind::AuthenticationMethods,
        "oidc-usersessionmodel-note-mapper" => MapperKind::SessionNote {
            note: match config.source("user.session.note")? {
                note if note == "AUTH_TIME" => SessionNote::AuthTime,
                note => SessionNote::Named(note),
            },
            claim: config.claim()?,
            shape: config.shape(),
        },
        "oidc-address-mapper" => address(config),
        "oidc-nonce-backwards-compatible-mapper" => MapperKind::Nonce,
        "oidc-session-state-mapper" => MapperKind::SessionState,
        "oidc-claims-param-token-mapper" | "oidc-claims-param-value-idtoken-mapper" => MapperKind::ClaimsParameter,
        "oidc-organization-membership-mapper" => MapperKind::OrganizationMembership,
        other => MapperKind::Unknown(other.to_owned()),
    })
}

fn hardcoded_claim(config: Config<'_>) -> Result<MapperKind, ConfigurationFault> {
    let claim = config.claim()?;
    let ValueShape { json_type, arity } = config.shape();
    // An empty text is a value.
    let text = config.text("claim.value").ok_or(ConfigurationFault::NoSource)?;
    let value = json_type.read(text).ok_or(ConfigurationFault::ValueNotOfType)?;
    Ok(MapperKind::HardcodedClaim { claim, value, arity })
}

fn pairwise_subject(config: Config<'_>) -> MapperKind {
    let sector = config.optional("sectorIdentifierUri").and_then(|uri| crate::mappers::host_of_uri(&uri).map(str::to_owned));
    MapperKind::PairwiseSubject { sector, salt: config.optional("pairwiseSubAlgorithmSalt").unwrap_or_default() }
}

fn address(config: Config<'_>) -> MapperKind {
    let attribute = |member: &str| config.text(&format!("user.attribute.{member}")).unwrap_or(member).to_owned();
    MapperKind::Address(AddressAttributes {
        street: attribute("street"),
        locality: attribute("locality"),
        region: attribute("region"),
        postal_code: attribute("postal_code"),
        country: attribute("country"),
        formatted: attribute("formatted"),
    })
}

/// Where the switches send the claim. An absent switch means off, with the exceptions that Keycloak makes for configurations older than the switch.
fn targets(kind: &MapperKind, config: Config<'_>) -> Targets {
    // These have no switches: role lists decide what becomes of the roles, and a pairwise client must not learn the user's id anywhere.
    if matches!(
        kind,
        MapperKind::HardcodedRole { .. } | MapperKind::RoleRename { .. } | MapperKind::PairwiseSubject { .. } | MapperKind::Nonce
    ) {
        return Targets::of(&Target::ALL);
    }
    let on_by_default = matches!(kind, MapperKind::AudienceResolve | MapperKind::AllowedOrigins);
    let switch = |name: &str, absent: bool| config.text(name).map_or(absent, |text| text == "true");
    let access = switch("access.token.claim", on_by_default);
    let id = switch("id.token.claim", false);
    let switched = [
        (Target::AccessToken, access),
        (Target::IdToken, id),
        (Target::UserInfo, switch("userinfo.token.claim", id)),
        (Target::Introspection, switch("introspection.token.claim", on_by_default || access)),
        (Target::LightweightAccessToken, switch("lightweight.claim", false)),
        (Target::AccessTokenResponse, switch("access.tokenResponse.claim", false)),
    ];
    let on: Vec<Target> = switched.into_iter().filter(|(_, on)| *on).map(|(target, _)| target).collect();
    Targets::of(&on)
}

/// The settings of one mapper.
#[derive(Clone, Copy)]
struct Config<'a> {
    texts: &'a BTreeMap<String, String>,
}

impl<'a> Config<'a> {
    fn text(self, name: &str) -> Option<&'a str> {
        self.texts.get(name).map(String::as_str)
    }

    /// A setting for which empty is the same as absent.
    fn optional(self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn source(self, name: &str) -> Result<String, ConfigurationFault> {
        self.optional(name).ok_or(ConfigurationFault::NoSource)
    }

    /// Only the lower-case word counts, as in Keycloak.
    fn is_true(self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    fn claim(self) -> Result<ClaimPath, ConfigurationFault> {
        ClaimPath::parse(self.text("claim.name").unwrap_or_default()).map_err(ConfigurationFault::ClaimName)
    }

    fn shape(self) -> ValueShape {
        let json_type = match self.text("jsonType.label") {
            Some("long") => JsonType::Long,
            Some("int") => JsonType::Int,
            Some("boolean") => JsonType::Boolean,
            Some("JSON") => JsonType::Json,
            _ => JsonType::Text,
        };
        let arity = if self.is_true("multivalued") { Arity::All } else { Arity::First };
        ValueShape { json_type, arity }
    }
}

#[cfg(test)]
mod tests;
