//! Clients, with Keycloak's defaults for what is absent (`RepresentationToModel.createClient`).

use super::roles::Roles;
use super::scopes::{ClientScopes, OPENID_CONNECT, ScopeMappings, is_true, read_mappers};
use super::{StoredClient, attribute, client_credentials};
use crate::client::{
    AccessTokenHeader, Allowed, Client, ClientAuthentication, ClientKind, ClientProtocol, Rotation, TokenTypeSpelling, WebOrigins,
};
use crate::ids::{ClientKey, UserKey};
use crate::keycloak::given::{Given, shortened};
use crate::keycloak::problems::{ItemProblems, WarningReason};
use crate::keycloak::representation::{ClientRepresentation, RealmRepresentation};
use crate::lifetimes::{AccessTokenLifespan, ClientLifetimes};
use crate::limits::LIFETIME_S_MAX;
use freshkey_protocol::jose::Algorithm;

/// The client scope that clients with a service account have by default, since Keycloak 26.1.
const SERVICE_ACCOUNT: &str = "service_account";

/// What of the realm a client is read with.
pub(super) struct Context<'a> {
    pub(super) roles: &'a Roles,
    pub(super) mappings: &'a ScopeMappings,
    pub(super) scopes: &'a ClientScopes,
    pub(super) defaults: &'a RealmRepresentation,
}

pub(super) fn read(stored: &StoredClient, context: &Context<'_>, problems: &mut ItemProblems<'_>) -> Client {
    let client = &stored.representation;
    problems.read("attributes", &client.attributes);
    let kind = kind(client, problems);
    let protocol = match problems.text("protocol", &client.protocol) {
        None | Some(OPENID_CONNECT) => ClientProtocol::OpenIdConnect,
        Some(_) => ClientProtocol::Other,
    };
    let authentication = match (kind, protocol) {
        (ClientKind::Confidential, ClientProtocol::OpenIdConnect) => client_credentials::read(client, problems),
        _ => ClientAuthentication::Secret(Vec::new()),
    };
    let consent_required = problems.flag("consentRequired", &client.consent_required, false);
    let service_accounts = Allowed::when(problems.flag("serviceAccountsEnabled", &client.service_accounts_enabled, false));
    let on = |name: &str, absent: bool| Allowed::when(attribute(&client.attributes, name).map_or(absent, is_true));
    let redirect_uris = problems.list("redirectUris", &client.redirect_uris).to_vec();
    let (default_scopes, optional_scopes) = scope_names(client, service_accounts, context, problems);
    let scope_mappings = context.mappings.of_client(&stored.client_id).to_vec();
    Client {
        key: ClientKey::of(&stored.id),
        id: stored.id.clone(),
        client_id: stored.client_id.clone(),
        enabled: problems.flag("enabled", &client.enabled, true),
        kind,
        protocol,
        authentication,
        direct_access_grants: Allowed::when(problems.flag("directAccessGrantsEnabled", &client.direct_access_grants_enabled, false)),
        service_accounts,
        consent_required,
        full_scope_allowed: problems.flag("fullScopeAllowed", &client.full_scope_allowed, !consent_required),
        role_scope: context.roles.expanded(context.roles.of_client(&stored.client_id).iter().chain(&scope_mappings)),
        not_before: problems.natural("notBefore", &client.not_before, 0),
        lifetimes: lifetimes(client, problems),
        rotation: rotation(client, problems),
        offline_upgrade_on_refresh: on("freshkey.offline.upgrade.on.refresh", false),
        refresh_tokens: on("use.refresh.tokens", true),
        client_credentials_refresh_tokens: on("client_credentials.use_refresh_token", false),
        web_origins: web_origins(client, &redirect_uris, problems),
        redirect_uris,
        default_scopes,
        optional_scopes,
        mappers: read_mappers(&client.protocol_mappers, problems),
        access_token_algorithm: algorithm(client, "access.token.signed.response.alg", problems),
        id_token_algorithm: algorithm(client, "id.token.signed.response.alg", problems),
        userinfo_algorithm: algorithm(client, "user.info.response.signature.alg", problems),
        lightweight_access_tokens: on("client.use.lightweight.access.token.enabled", false).is_yes(),
        token_type_spelling: match on("token.response.type.bearer.lower-case", false) {
            Allowed::Yes => TokenTypeSpelling::LowerCase,
            Allowed::No => TokenTypeSpelling::Capital,
        },
        access_token_header: match on("access.token.header.type.rfc9068", false) {
            Allowed::Yes => AccessTokenHeader::AtJwt,
            Allowed::No => AccessTokenHeader::Jwt,
        },
        scope_mappings,
        service_account: problems.text("freshkey.serviceAccountUserId", &client.service_account_user_id).map(UserKey::of),
        introspection_jwt: on("client.introspection.response.allow.jwt.claim.enabled", false),
    }
}

fn kind(client: &ClientRepresentation, problems: &mut ItemProblems<'_>) -> ClientKind {
    let bearer_only = problems.flag("bearerOnly", &client.bearer_only, false);
    let public = problems.flag("publicClient", &client.public_client, false);
    match (bearer_only, public) {
        (true, _) => ClientKind::BearerOnly,
        (false, true) => ClientKind::Public,
        (false, false) => ClientKind::Confidential,
    }
}

fn lifetimes(client: &ClientRepresentation, problems: &mut ItemProblems<'_>) -> ClientLifetimes {
    let mut seconds = |name: &str| {
        let text = attribute(&client.attributes, name)?;
        let number = text.parse::<i64>().ok().filter(|seconds| *seconds <= LIFETIME_S_MAX);
        if number.is_none() {
            problems.broken(&format!("attributes.{name}"), shortened(text), "a number of seconds, at most 2147483647");
        }
        number
    };
    let access_token = match seconds("access.token.lifespan") {
        Some(-1) => Some(AccessTokenLifespan::SessionMaximum),
        Some(lifespan) if lifespan > 0 => Some(AccessTokenLifespan::Seconds(lifespan)),
        _ => None,
    };
    let mut positive = |name: &str| seconds(name).filter(|seconds| *seconds > 0);
    ClientLifetimes {
        access_token,
        session_idle_s: positive("client.session.idle.timeout"),
        session_max_s: positive("client.session.max.lifespan"),
        offline_session_idle_s: positive("client.offline.session.idle.timeout"),
        offline_session_max_s: positive("client.offline.session.max.lifespan"),
    }
}

fn rotation(client: &ClientRepresentation, problems: &mut ItemProblems<'_>) -> Option<Rotation> {
    match attribute(&client.attributes, "freshkey.refresh.rotation")? {
        "on" => Some(Rotation::On),
        "off" => Some(Rotation::Off),
        other => {
            problems.broken("attributes.freshkey.refresh.rotation", shortened(other), "on or off");
            None
        }
    }
}

fn algorithm(client: &ClientRepresentation, name: &'static str, problems: &mut ItemProblems<'_>) -> Option<Algorithm> {
    let text = attribute(&client.attributes, name)?;
    let algorithm = Algorithm::parse(text);
    // Userinfo answers that aren't signed are written so.
    if algorithm.is_none() && !matches!(text, "none" | "unsigned" | "any") {
        problems.warn(WarningReason::UnknownAlgorithm { field: name, name: text.to_owned() });
    }
    algorithm
}

/// Default and optional scopes by name. A client that names neither has the realm's, and `service_account` if it has one; only scopes of OpenID Connect that exist count.
fn scope_names(
    client: &ClientRepresentation,
    service_accounts: Allowed,
    context: &Context<'_>,
    problems: &mut ItemProblems<'_>,
) -> (Vec<String>, Vec<String>) {
    let own = (
        problems.read("defaultClientScopes", &client.default_client_scopes),
        problems.read("optionalClientScopes", &client.optional_client_scopes),
    );
    let own_is_absent = own == (None, None);
    let (default, optional) = match own {
        (None, None) => (context.defaults.default_default_client_scopes.get(), context.defaults.default_optional_client_scopes.get()),
        named => named,
    };
    let mut default = existing(default, context.scopes, problems);
    let by_realm = own_is_absent && service_accounts.is_yes() && context.scopes.by_name.contains_key(SERVICE_ACCOUNT);
    if by_realm && !default.iter().any(|name| name == SERVICE_ACCOUNT) {
        default.push(SERVICE_ACCOUNT.to_owned());
    }
    let mut optional = existing(optional, context.scopes, problems);
    optional.retain(|name| !default.contains(name));
    (default, optional)
}

fn existing(names: Option<&Vec<String>>, scopes: &ClientScopes, problems: &mut ItemProblems<'_>) -> Vec<String> {
    let mut existing: Vec<String> = Vec::new();
    for name in names.into_iter().flatten() {
        if scopes.by_name.contains_key(name) {
            if !existing.contains(name) {
                existing.push(name.clone());
            }
        } else if !scopes.foreign.contains(name) {
            problems.warn(WarningReason::UnknownClientScope(name.clone()));
        }
    }
    existing
}

/// Web origins with `+` replaced by the origins of the redirect URIs (Keycloak's `WebOriginsUtils`).
fn web_origins(client: &ClientRepresentation, redirect_uris: &[String], problems: &mut ItemProblems<'_>) -> WebOrigins {
    let configured = problems.list("webOrigins", &client.web_origins);
    if configured.iter().any(|origin| origin == "*") {
        return WebOrigins::Any;
    }
    let mut origins: Vec<String> = Vec::new();
    let mut add = |origin: String| {
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    };
    for configured in configured {
        if configured == "+" {
            redirect_uris.iter().filter_map(|uri| origin_of(uri, &client.root_url)).for_each(&mut add);
        } else if !configured.is_empty() {
            add(configured.clone());
        }
    }
    WebOrigins::These(origins)
}

/// Scheme, host and port of a redirect URI, which may be relative to the client's root URL.
fn origin_of(uri: &str, root_url: &Given<String>) -> Option<String> {
    let uri = if uri.starts_with('/') { root_url.get()?.as_str() } else { uri };
    let scheme = ["https://", "http://"].into_iter().find(|scheme| uri.starts_with(scheme))?;
    let authority = uri[scheme.len()..].split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    Some(format!("{scheme}{authority}"))
}
