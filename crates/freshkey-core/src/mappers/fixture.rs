//! A small realm for tests of mappers: one client, one person, a tree of groups, and Keycloak's default scopes.

use super::{MappedClaims, Mapper, MapperInputs, Target};
use crate::brute_force::{BruteForceSettings, Lockout, Protection, WaitStrategy};
use crate::client::{
    AccessTokenHeader, Allowed, Client, ClientAuthentication, ClientKind, ClientProtocol, ClientScope, Rotation, TokenTypeSpelling,
    WebOrigins,
};
use crate::grant::SessionNotes;
use crate::group::{Group, GroupTree};
use crate::ids::{ClientKey, GroupKey, RealmKey, RoleKey, SessionId, UserKey};
use crate::keycloak::mappers::read_mapper;
use crate::keys::RealmKeys;
use crate::lifetimes::{ClientLifetimes, RealmLifetimes};
use crate::passwords::PasswordPolicy;
use crate::realm::{IntrospectionBy, Realm, RealmSettings, ReuseEnds, RotationSettings, SslRequired};
use crate::role::{Role, RoleContainer, RoleGraph, RoleSet};
use crate::time::Now;
use crate::user::User;
use freshkey_protocol::jose::Algorithm;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

pub(super) const USER_ID: &str = "4f1c2d3e-0000-4000-8000-000000000001";
pub(super) const SID: &str = "0190a6c8-0000-7000-8000-000000000002";
pub(super) const AUTH_TIME: i64 = 1_700_000_000;

/// Everything that mappers read.
pub(super) struct World {
    pub(super) realm: Realm,
    pub(super) client: Client,
    pub(super) user: User,
    pub(super) scopes: Vec<ClientScope>,
    pub(super) roles: RoleSet,
    pub(super) notes: SessionNotes,
    pub(super) sid: Option<SessionId>,
    pub(super) auth_time: Option<i64>,
    pub(super) nonce: Option<String>,
}

impl World {
    /// The realm without any mapper.
    pub(super) fn new() -> Self {
        let roles = RoleGraph::new(roles());
        let groups = GroupTree::new(&groups(), &roles);
        let mut held = roles.empty_set();
        for name in ["offline_access", "uma_authorization", "user"] {
            held.insert(roles.find(&RoleContainer::Realm, name).unwrap());
        }
        for (client, name) in [("account", "manage-account"), ("account", "view-profile"), ("app", "editor")] {
            held.insert(roles.find(&RoleContainer::Client(client.to_owned()), name).unwrap());
        }
        Self {
            realm: realm(roles, groups),
            client: client(),
            user: user(),
            scopes: Vec::new(),
            roles: held,
            notes: SessionNotes::from([("clientHost".to_owned(), "192.0.2.1".to_owned())]),
            sid: SessionId::parse(SID),
            auth_time: Some(AUTH_TIME),
            nonce: Some("n-1".to_owned()),
        }
    }

    /// The realm with these mappers on the client.
    pub(super) fn with(mappers: Vec<Mapper>) -> Self {
        let mut world = Self::new();
        world.client.mappers = mappers;
        world
    }

    pub(super) fn map(&self, target: Target) -> MappedClaims {
        let scopes: Vec<&ClientScope> = self.scopes.iter().collect();
        let inputs = MapperInputs {
            realm: &self.realm,
            client: &self.client,
            user: &self.user,
            scopes: &scopes,
            roles: &self.roles,
            sid: self.sid,
            auth_time: self.auth_time,
            notes: &self.notes,
            nonce: self.nonce.as_deref(),
            acr: "1",
            issuer: "https://id.example/realms/test",
            now: Now::from_seconds(AUTH_TIME + 60),
        };
        super::apply(target, &inputs)
    }

    pub(super) fn attribute(&mut self, name: &str, values: &[&str]) {
        self.user.attributes.insert(name.to_owned(), texts(values));
    }
}

/// A mapper from Keycloak's id and config, with every switch on that the config does not set itself.
pub(super) fn mapper(id: &str, config: &Value) -> Mapper {
    let switches = [
        "access.token.claim",
        "id.token.claim",
        "userinfo.token.claim",
        "introspection.token.claim",
        "lightweight.claim",
        "access.tokenResponse.claim",
    ];
    let mut all: BTreeMap<String, String> = switches.iter().map(|name| ((*name).to_owned(), "true".to_owned())).collect();
    all.extend(settings(config));
    read_mapper("test", Some("openid-connect"), id, &all)
}

/// A mapper from Keycloak's id and config, exactly as given.
pub(super) fn bare_mapper(id: &str, config: &Value) -> Mapper {
    read_mapper("test", Some("openid-connect"), id, &settings(config))
}

/// Keycloak's default scopes `basic`, `profile`, `email`, `roles`, `web-origins`, `acr`, and `address` and `phone` beside them.
pub(super) fn default_scopes() -> Vec<ClientScope> {
    let tokens = |claim: &str, more: Value| {
        let mut config = json!({ "claim.name": claim, "access.token.claim": "true", "id.token.claim": "true", "userinfo.token.claim": "true",
            "introspection.token.claim": "true" });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let attribute = |name: &str, claim: &str, json_type: &str| {
        bare_mapper("oidc-usermodel-attribute-mapper", &tokens(claim, json!({ "user.attribute": name, "jsonType.label": json_type })))
    };
    let access = || json!({ "access.token.claim": "true", "introspection.token.claim": "true" });
    let roles = |id: &str, claim: &str| {
        let config = json!({ "claim.name": claim, "jsonType.label": "String", "multivalued": "true", "access.token.claim": "true",
            "introspection.token.claim": "true" });
        bare_mapper(id, &config)
    };
    let same = ["middle_name", "nickname", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale"];
    let mut profile: Vec<Mapper> = [("lastName", "family_name"), ("firstName", "given_name"), ("username", "preferred_username")]
        .into_iter()
        .chain(same.map(|name| (name, name)))
        .map(|(name, claim)| attribute(name, claim, "String"))
        .collect();
    profile.push(attribute("updatedAt", "updated_at", "long"));
    profile.push(bare_mapper("oidc-full-name-mapper", &tokens("unused", json!({}))));
    let verified = tokens("email_verified", json!({ "user.attribute": "emailVerified", "jsonType.label": "boolean" }));
    let auth_time = json!({ "user.session.note": "AUTH_TIME", "claim.name": "auth_time", "jsonType.label": "long",
        "access.token.claim": "true", "id.token.claim": "true", "introspection.token.claim": "true" });
    vec![
        scope("basic", vec![bare_mapper("oidc-usersessionmodel-note-mapper", &auth_time), bare_mapper("oidc-sub-mapper", &access())]),
        scope("profile", profile),
        scope("email", vec![attribute("email", "email", "String"), bare_mapper("oidc-usermodel-property-mapper", &verified)]),
        scope(
            "roles",
            vec![
                roles("oidc-usermodel-realm-role-mapper", "realm_access.roles"),
                roles("oidc-usermodel-client-role-mapper", "resource_access.${client_id}.roles"),
                bare_mapper("oidc-audience-resolve-mapper", &access()),
            ],
        ),
        scope("web-origins", vec![bare_mapper("oidc-allowed-origins-mapper", &access())]),
        scope("acr", vec![bare_mapper("oidc-acr-mapper", &tokens("unused", json!({})))]),
        scope("address", vec![bare_mapper("oidc-address-mapper", &tokens("unused", json!({})))]),
        scope(
            "phone",
            vec![attribute("phoneNumber", "phone_number", "String"), attribute("phoneNumberVerified", "phone_number_verified", "boolean")],
        ),
    ]
}

pub(super) fn scope(name: &str, mappers: Vec<Mapper>) -> ClientScope {
    ClientScope { id: name.to_owned(), name: name.to_owned(), in_token_scope: true, mappers, role_scope: None, scope_mappings: Vec::new() }
}

pub(super) fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn settings(config: &Value) -> BTreeMap<String, String> {
    config.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn roles() -> Vec<Role> {
    [
        (None, "offline_access"),
        (None, "uma_authorization"),
        (None, "user"),
        (Some("account"), "manage-account"),
        (Some("account"), "view-profile"),
        (Some("app"), "editor"),
    ]
    .into_iter()
    .map(|(client, name): (Option<&str>, &str)| Role {
        key: RoleKey::of(&format!("{client:?}/{name}")),
        name: name.to_owned(),
        container: client.map_or(RoleContainer::Realm, |client| RoleContainer::Client(client.to_owned())),
        composites: Vec::new(),
    })
    .collect()
}

/// `/staff/engineers`, and `/a,admin` with a comma in its name.
fn groups() -> Vec<Group> {
    let group = |name: &str, parent: Option<&str>, attributes: &[(&str, &[&str])]| Group {
        key: GroupKey::of(name),
        id: name.to_owned(),
        name: name.to_owned(),
        parent: parent.map(GroupKey::of),
        roles: Vec::new(),
        attributes: attributes.iter().map(|(attribute, values)| ((*attribute).to_owned(), texts(values))).collect(),
    };
    vec![
        group("staff", None, &[("site", &["berlin"]), ("floor", &["1"])]),
        group("engineers", Some("staff"), &[("floor", &["2"]), ("tools", &["lathe"])]),
        group("a,admin", None, &[("tools", &["keys", "lathe"])]),
    ]
}

fn user() -> User {
    User {
        id: USER_ID.to_owned(),
        key: UserKey::of(USER_ID),
        username: "alice".to_owned(),
        email: Some("alice@example.org".to_owned()),
        email_verified: true,
        first_name: Some("Alice".to_owned()),
        last_name: Some("Liddell".to_owned()),
        enabled: true,
        not_before: 0,
        created_at_ms: 1_600_000_000_123,
        attributes: BTreeMap::from([
            ("locale".to_owned(), texts(&["de"])),
            ("updatedAt".to_owned(), texts(&["1650000000"])),
            ("street".to_owned(), texts(&["1 Hatter's Lane"])),
            ("country".to_owned(), texts(&["GB"])),
        ]),
        required_actions: Vec::new(),
        service_account_of: None,
        roles: Vec::new(),
        groups: vec![GroupKey::of("engineers"), GroupKey::of("a,admin")],
    }
}

fn client() -> Client {
    Client {
        key: ClientKey::of("app"),
        id: "app".to_owned(),
        client_id: "app".to_owned(),
        enabled: true,
        kind: ClientKind::Public,
        protocol: ClientProtocol::OpenIdConnect,
        authentication: ClientAuthentication::Secret(Vec::new()),
        direct_access_grants: Allowed::Yes,
        service_accounts: Allowed::No,
        consent_required: false,
        full_scope_allowed: true,
        role_scope: RoleGraph::default().empty_set(),
        not_before: 0,
        lifetimes: ClientLifetimes::default(),
        rotation: None,
        offline_upgrade_on_refresh: Allowed::No,
        refresh_tokens: Allowed::Yes,
        client_credentials_refresh_tokens: Allowed::No,
        web_origins: WebOrigins::These(texts(&["https://app.example"])),
        redirect_uris: texts(&["https://app.example/*", "https://app.example/back"]),
        default_scopes: Vec::new(),
        optional_scopes: Vec::new(),
        mappers: Vec::new(),
        access_token_algorithm: None,
        id_token_algorithm: None,
        userinfo_algorithm: None,
        lightweight_access_tokens: false,
        token_type_spelling: TokenTypeSpelling::Capital,
        access_token_header: AccessTokenHeader::Jwt,
        scope_mappings: Vec::new(),
        service_account: None,
        introspection_jwt: Allowed::No,
    }
}

fn realm(roles: RoleGraph, groups: GroupTree) -> Realm {
    Realm {
        key: RealmKey(1),
        version: 1,
        settings: RealmSettings {
            name: "test".to_owned(),
            enabled: true,
            ssl_required: SslRequired::None,
            not_before: 0,
            default_signature_algorithm: Algorithm::Rs256,
            lifetimes: RealmLifetimes {
                access_token_lifespan_s: 300,
                session_idle_s: 1800,
                session_max_s: 36000,
                client_session_idle_s: 0,
                client_session_max_s: 0,
                offline_session_idle_s: 2_592_000,
                offline_session_max_s: None,
                client_offline_session_idle_s: 0,
                client_offline_session_max_s: 0,
            },
            rotation: RotationSettings { default: Rotation::Off, reuse_max: 0, grace_s: 10, reuse_ends: ReuseEnds::Grant },
            introspection: IntrospectionBy::AnyClient,
            offline_grants_max: None,
            login_with_email_allowed: true,
            brute_force: BruteForceSettings {
                protection: Protection::Off,
                lockout: Lockout::Temporary,
                strategy: WaitStrategy::Multiple,
                failures_max: 30,
                wait_increment_s: 60,
                wait_max_s: 900,
                quick_failure_wait_s: 60,
                quick_failure_ms: 1000,
                reset_after_s: 43200,
            },
            password_policy: PasswordPolicy::default(),
            one_time_codes: crate::one_time_codes::CodePolicy::KEYCLOAK,
            frontend_url: None,
            events_kept_s: 0,
        },
        clients: HashMap::new(),
        client_ids: HashMap::new(),
        scopes: HashMap::new(),
        roles,
        offline_access_role: None,
        groups,
        keys: RealmKeys::default(),
    }
}
