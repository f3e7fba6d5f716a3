//! The client scopes of a new realm with their mappers (KEYCLOAK §4.4, `OIDCLoginProtocolFactory`).

use crate::entropy::{Entropy, random_uuid};
use serde_json::{Value, json};

/// Client scopes that a new client has as default ones.
pub(crate) const DEFAULT_SCOPES: [&str; 6] = ["web-origins", "acr", "profile", "roles", "basic", "email"];

/// Client scopes that a new client has as optional ones.
pub(crate) const OPTIONAL_SCOPES: [&str; 5] = ["address", "phone", "offline_access", "organization", "microprofile-jwt"];

/// All client scopes of a new realm.
pub(crate) fn client_scopes(entropy: &dyn Entropy) -> Vec<Value> {
    let attribute = |name: &str, attribute: &str, claim: &str, kind: &str| claim_mapper(name, ATTRIBUTE, attribute, claim, kind, entropy);
    vec![
        hidden("basic", "OpenID Connect scope for add all basic claims to the token", vec![auth_time(entropy), subject(entropy)], entropy),
        consented(
            "profile",
            "OpenID Connect built-in scope: profile",
            vec![
                full_name(entropy),
                attribute("family name", "lastName", "family_name", "String"),
                attribute("given name", "firstName", "given_name", "String"),
                attribute("middle name", "middleName", "middle_name", "String"),
                attribute("nickname", "nickname", "nickname", "String"),
                attribute("username", "username", "preferred_username", "String"),
                attribute("profile", "profile", "profile", "String"),
                attribute("picture", "picture", "picture", "String"),
                attribute("website", "website", "website", "String"),
                attribute("gender", "gender", "gender", "String"),
                attribute("birthdate", "birthdate", "birthdate", "String"),
                attribute("zoneinfo", "zoneinfo", "zoneinfo", "String"),
                attribute("locale", "locale", "locale", "String"),
                attribute("updated at", "updatedAt", "updated_at", "long"),
            ],
            entropy,
        ),
        consented(
            "email",
            "OpenID Connect built-in scope: email",
            vec![
                attribute("email", "email", "email", "String"),
                claim_mapper("email verified", "oidc-usermodel-property-mapper", "emailVerified", "email_verified", "boolean", entropy),
            ],
            entropy,
        ),
        consented("address", "OpenID Connect built-in scope: address", vec![address(entropy)], entropy),
        consented(
            "phone",
            "OpenID Connect built-in scope: phone",
            vec![
                attribute("phone number", "phoneNumber", "phone_number", "String"),
                attribute("phone number verified", "phoneNumberVerified", "phone_number_verified", "boolean"),
            ],
            entropy,
        ),
        scope(
            "roles",
            "OpenID Connect scope for add user roles to the access token",
            json!({ "include.in.token.scope": "false", "consent.screen.text": "${rolesScopeConsentText}", "display.on.consent.screen": "true" }),
            vec![
                roles_mapper("realm roles", "oidc-usermodel-realm-role-mapper", "realm_access.roles", entropy),
                roles_mapper("client roles", "oidc-usermodel-client-role-mapper", "resource_access.${client_id}.roles", entropy),
                mapper("audience resolve", "oidc-audience-resolve-mapper", access_and_introspection(), entropy),
            ],
            entropy,
        ),
        hidden(
            "web-origins",
            "OpenID Connect scope for add allowed web origins to the access token",
            vec![mapper("allowed web origins", "oidc-allowed-origins-mapper", access_and_introspection(), entropy)],
            entropy,
        ),
        scope(
            "microprofile-jwt",
            "Microprofile - JWT built-in scope",
            json!({ "include.in.token.scope": "true", "display.on.consent.screen": "false" }),
            vec![attribute("upn", "username", "upn", "String"), realm_role_groups(entropy)],
            entropy,
        ),
        scope(
            "offline_access",
            "OpenID Connect built-in scope: offline_access",
            json!({ "consent.screen.text": "${offlineAccessScopeConsentText}", "display.on.consent.screen": "true" }),
            Vec::new(),
            entropy,
        ),
        hidden(
            "acr",
            "OpenID Connect scope for add acr (authentication context class reference) to the token",
            vec![mapper(
                "acr loa level",
                "oidc-acr-mapper",
                json!({ "id.token.claim": "true", "introspection.token.claim": "true", "access.token.claim": "true" }),
                entropy,
            )],
            entropy,
        ),
        consented("organization", "Additional claims about the organization a subject belongs to", vec![organization(entropy)], entropy),
        hidden(
            "service_account",
            "Specific scope for a client enabled for service accounts",
            [("Client ID", "client_id"), ("Client Host", "clientHost"), ("Client IP Address", "clientAddress")]
                .map(|(name, note)| note_mapper(name, note, note, "String", entropy))
                .into(),
            entropy,
        ),
    ]
}

/// A protocol mapper.
pub(super) fn mapper(name: &str, kind: &str, config: Value, entropy: &dyn Entropy) -> Value {
    let mut mapper = json!({
        "id": random_uuid(entropy),
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "consentRequired": false,
    });
    mapper["config"] = config;
    mapper
}

/// Keycloak's mapper of user attributes, to which name and e-mail address are attributes too.
pub(super) const ATTRIBUTE: &str = "oidc-usermodel-attribute-mapper";

/// A mapper of something of the user to a claim of every token.
pub(super) fn claim_mapper(name: &str, kind: &str, source: &str, claim: &str, json_type: &str, entropy: &dyn Entropy) -> Value {
    let config = json!({
        "introspection.token.claim": "true",
        "userinfo.token.claim": "true",
        "user.attribute": source,
        "id.token.claim": "true",
        "access.token.claim": "true",
        "claim.name": claim,
        "jsonType.label": json_type,
    });
    mapper(name, kind, config, entropy)
}

/// A client scope.
pub(super) fn scope(name: &str, description: &str, attributes: Value, mappers: Vec<Value>, entropy: &dyn Entropy) -> Value {
    let mut scope = json!({
        "id": random_uuid(entropy),
        "name": name,
        "description": description,
        "protocol": "openid-connect",
    });
    scope["attributes"] = attributes;
    if !mappers.is_empty() {
        scope["protocolMappers"] = Value::Array(mappers);
    }
    scope
}

/// A client scope that shows neither in tokens nor on the consent page.
pub(super) fn hidden(name: &str, description: &str, mappers: Vec<Value>, entropy: &dyn Entropy) -> Value {
    scope(name, description, json!({ "include.in.token.scope": "false", "display.on.consent.screen": "false" }), mappers, entropy)
}

/// A client scope that shows in tokens and on the consent page.
fn consented(name: &str, description: &str, mappers: Vec<Value>, entropy: &dyn Entropy) -> Value {
    let attributes = json!({
        "include.in.token.scope": "true",
        "consent.screen.text": format!("${{{name}ScopeConsentText}}"),
        "display.on.consent.screen": "true",
    });
    scope(name, description, attributes, mappers, entropy)
}

fn access_and_introspection() -> Value {
    json!({ "introspection.token.claim": "true", "access.token.claim": "true" })
}

fn subject(entropy: &dyn Entropy) -> Value {
    mapper("sub", "oidc-sub-mapper", access_and_introspection(), entropy)
}

fn auth_time(entropy: &dyn Entropy) -> Value {
    note_mapper("auth_time", "AUTH_TIME", "auth_time", "long", entropy)
}

fn note_mapper(name: &str, note: &str, claim: &str, json_type: &str, entropy: &dyn Entropy) -> Value {
    let config = json!({
        "user.session.note": note,
        "id.token.claim": "true",
        "introspection.token.claim": "true",
        "access.token.claim": "true",
        "claim.name": claim,
        "jsonType.label": json_type,
    });
    mapper(name, "oidc-usersessionmodel-note-mapper", config, entropy)
}

fn full_name(entropy: &dyn Entropy) -> Value {
    let config = json!({
        "id.token.claim": "true",
        "introspection.token.claim": "true",
        "access.token.claim": "true",
        "userinfo.token.claim": "true",
    });
    mapper("full name", "oidc-full-name-mapper", config, entropy)
}

fn roles_mapper(name: &str, kind: &str, claim: &str, entropy: &dyn Entropy) -> Value {
    let config = json!({
        "user.attribute": "foo",
        "introspection.token.claim": "true",
        "access.token.claim": "true",
        "claim.name": claim,
        "jsonType.label": "String",
        "multivalued": "true",
    });
    mapper(name, kind, config, entropy)
}

fn realm_role_groups(entropy: &dyn Entropy) -> Value {
    let config = json!({
        "introspection.token.claim": "true",
        "multivalued": "true",
        "user.attribute": "foo",
        "id.token.claim": "true",
        "access.token.claim": "true",
        "claim.name": "groups",
        "jsonType.label": "String",
    });
    mapper("groups", "oidc-usermodel-realm-role-mapper", config, entropy)
}

fn address(entropy: &dyn Entropy) -> Value {
    let config = json!({
        "user.attribute.formatted": "formatted",
        "user.attribute.country": "country",
        "introspection.token.claim": "true",
        "user.attribute.postal_code": "postal_code",
        "userinfo.token.claim": "true",
        "user.attribute.street": "street",
        "id.token.claim": "true",
        "user.attribute.region": "region",
        "access.token.claim": "true",
        "user.attribute.locality": "locality",
    });
    mapper("address", "oidc-address-mapper", config, entropy)
}

fn organization(entropy: &dyn Entropy) -> Value {
    let config = json!({
        "id.token.claim": "true",
        "introspection.token.claim": "true",
        "access.token.claim": "true",
        "claim.name": "organization",
        "jsonType.label": "String",
        "multivalued": "true",
    });
    mapper("organization", "oidc-organization-membership-mapper", config, entropy)
}
