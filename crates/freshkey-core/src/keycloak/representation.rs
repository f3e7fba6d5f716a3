//! Keycloak's representations: the fields that something here acts upon, and no others. What isn't here is kept in the documents all the same.

use super::given::{Given, Object};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Texts by name, as in `attributes` of realms and clients and `config` of mappers.
pub type Texts = BTreeMap<String, String>;
/// Lists of texts by name, as in `attributes` of users, groups and roles and `config` of components.
pub type TextLists = BTreeMap<String, Vec<String>>;

/// A realm (`RealmRepresentation`), without what becomes items.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "each field is documented where it ends up, in `realm` and `lifetimes`")]
pub struct RealmRepresentation {
    pub realm: Given<String>,
    pub enabled: Given<bool>,
    pub ssl_required: Given<String>,
    pub not_before: Given<i64>,
    pub default_signature_algorithm: Given<String>,
    pub revoke_refresh_token: Given<bool>,
    pub refresh_token_max_reuse: Given<i64>,
    pub access_token_lifespan: Given<i64>,
    pub sso_session_idle_timeout: Given<i64>,
    pub sso_session_max_lifespan: Given<i64>,
    pub client_session_idle_timeout: Given<i64>,
    pub client_session_max_lifespan: Given<i64>,
    pub offline_session_idle_timeout: Given<i64>,
    pub offline_session_max_lifespan_enabled: Given<bool>,
    pub offline_session_max_lifespan: Given<i64>,
    pub client_offline_session_idle_timeout: Given<i64>,
    pub client_offline_session_max_lifespan: Given<i64>,
    pub login_with_email_allowed: Given<bool>,
    pub brute_force_protected: Given<bool>,
    pub permanent_lockout: Given<bool>,
    pub max_temporary_lockouts: Given<i64>,
    pub brute_force_strategy: Given<String>,
    pub max_failure_wait_seconds: Given<i64>,
    pub minimum_quick_login_wait_seconds: Given<i64>,
    pub wait_increment_seconds: Given<i64>,
    pub quick_login_check_milli_seconds: Given<i64>,
    pub max_delta_time_seconds: Given<i64>,
    pub failure_factor: Given<i64>,
    pub password_policy: Given<String>,
    pub otp_policy_look_ahead_window: Given<i64>,
    pub otp_policy_code_reusable: Given<bool>,
    pub events_expiration: Given<i64>,
    pub attributes: Given<Texts>,
    pub default_role: Given<Object<RoleRepresentation>>,
    pub default_groups: Given<Vec<String>>,
    pub scope_mappings: Given<Vec<Object<ScopeMappingRepresentation>>>,
    pub client_scope_mappings: Given<BTreeMap<String, Vec<Object<ScopeMappingRepresentation>>>>,
    pub default_default_client_scopes: Given<Vec<String>>,
    pub default_optional_client_scopes: Given<Vec<String>>,
}

/// Roles that are in reach of a client or client scope (`ScopeMappingRepresentation`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScopeMappingRepresentation {
    /// `client_id` of the client.
    pub client: Given<String>,
    /// Name of the client scope.
    pub client_scope: Given<String>,
    /// Names of the roles.
    pub roles: Given<Vec<String>>,
}

/// A client (`ClientRepresentation`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "each field is documented where it ends up, in `client`")]
pub struct ClientRepresentation {
    pub id: Given<String>,
    pub client_id: Given<String>,
    pub enabled: Given<bool>,
    pub root_url: Given<String>,
    pub client_authenticator_type: Given<String>,
    pub secret: Given<String>,
    pub redirect_uris: Given<Vec<String>>,
    pub web_origins: Given<Vec<String>>,
    pub not_before: Given<i64>,
    pub bearer_only: Given<bool>,
    pub consent_required: Given<bool>,
    pub direct_access_grants_enabled: Given<bool>,
    pub service_accounts_enabled: Given<bool>,
    pub public_client: Given<bool>,
    pub protocol: Given<String>,
    pub attributes: Given<Texts>,
    pub full_scope_allowed: Given<bool>,
    pub protocol_mappers: Given<Vec<Object<ProtocolMapperRepresentation>>>,
    pub default_client_scopes: Given<Vec<String>>,
    pub optional_client_scopes: Given<Vec<String>>,
    /// Ours, never imported or exported: id of the user that stands for the client.
    #[serde(rename = "freshkey.serviceAccountUserId")]
    pub service_account_user_id: Given<String>,
}

/// A client scope (`ClientScopeRepresentation`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "each field is documented where it ends up, in `client`")]
pub struct ClientScopeRepresentation {
    pub id: Given<String>,
    pub name: Given<String>,
    pub protocol: Given<String>,
    pub attributes: Given<Texts>,
    pub protocol_mappers: Given<Vec<Object<ProtocolMapperRepresentation>>>,
}

/// A protocol mapper (`ProtocolMapperRepresentation`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProtocolMapperRepresentation {
    /// UUID.
    pub id: Given<String>,
    /// Name, unique in its client or client scope.
    pub name: Given<String>,
    /// `openid-connect`, `saml`, ….
    pub protocol: Given<String>,
    /// The kind of mapper.
    pub protocol_mapper: Given<String>,
    /// Its settings.
    pub config: Given<Texts>,
}

/// A role (`RoleRepresentation`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleRepresentation {
    /// UUID.
    pub id: Given<String>,
    /// Unique in the container.
    pub name: Given<String>,
    /// Whether the container is a client.
    pub client_role: Given<bool>,
    /// `id` of the client, or of the realm.
    pub container_id: Given<String>,
    /// The roles that this one brings along.
    pub composites: Given<Object<CompositesRepresentation>>,
}

/// The roles that a composite role brings along (`RoleRepresentation.Composites`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompositesRepresentation {
    /// Names of realm roles.
    pub realm: Given<Vec<String>>,
    /// Names of client roles by `client_id`.
    pub client: Given<TextLists>,
}

/// A group (`GroupRepresentation`), flat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupRepresentation {
    /// UUID.
    pub id: Given<String>,
    /// Unique among its siblings.
    pub name: Given<String>,
    /// `id` of the group above.
    pub parent_id: Given<String>,
    /// Attributes.
    pub attributes: Given<TextLists>,
    /// Names of realm roles.
    pub realm_roles: Given<Vec<String>>,
    /// Names of client roles by `client_id`.
    pub client_roles: Given<TextLists>,
}

/// A component (`ComponentRepresentation`), flat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComponentRepresentation {
    /// UUID.
    pub id: Given<String>,
    /// A name for humans; not unique.
    pub name: Given<String>,
    /// Which of the type.
    pub provider_id: Given<String>,
    /// Java class of the type, `org.keycloak.keys.KeyProvider` for instance.
    pub provider_type: Given<String>,
    /// Its settings.
    pub config: Given<TextLists>,
}

/// A user (`UserRepresentation`). The credentials are read one by one, as [`super::credential`] has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "each field is documented where it ends up, in `user`")]
pub struct UserRepresentation {
    pub id: Given<String>,
    pub created_timestamp: Given<i64>,
    pub username: Given<String>,
    pub enabled: Given<bool>,
    pub email_verified: Given<bool>,
    pub first_name: Given<String>,
    pub last_name: Given<String>,
    pub email: Given<String>,
    pub attributes: Given<TextLists>,
    pub required_actions: Given<Vec<String>>,
    pub realm_roles: Given<Vec<String>>,
    pub client_roles: Given<TextLists>,
    pub not_before: Given<i64>,
    pub groups: Given<Vec<String>>,
    pub service_account_client_id: Given<String>,
    pub credentials: Option<Value>,
}
