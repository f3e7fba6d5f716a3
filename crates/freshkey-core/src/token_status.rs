//! Is a token alive, by everything that is known now? For userinfo and introspection; a refresh has its own, longer list.

use crate::client::{Client, Rotation};
use crate::grant::{Grant, RefreshContext, SessionKind, SessionNotes};
use crate::grants::Setting;
use crate::mappers::MapperInputs;
use crate::refusal::AccessTokenFault;
use crate::scopes::{self, OPENID};
use crate::tokens::{VerifiedAccessToken, VerifiedRefreshToken, not_before};
use crate::user::User;
use std::sync::Arc;

/// What is known of an access token, loaded in one round trip.
#[derive(Debug, Clone, Default)]
pub struct AccessTokenContext {
    /// Whether its `jti` was revoked.
    pub revoked: bool,
    /// The grants of its `sid`, online and offline.
    pub grants: Vec<Grant>,
    /// Its user.
    pub user: Option<User>,
}

/// A token that is alive, and whose.
#[derive(Debug)]
pub struct Living<'a> {
    /// The client.
    pub client: &'a Arc<Client>,
    /// The user, as of now.
    pub user: User,
    /// The grant; `None` for tokens without a session.
    pub grant: Option<Grant>,
}

/// Judges an access token (Keycloak's `UserInfoEndpoint` and `AccessTokenIntrospectionProvider`).
pub fn judge_access_token<'a>(
    setting: Setting<'a>,
    token: &VerifiedAccessToken,
    context: AccessTokenContext,
) -> Result<Living<'a>, AccessTokenFault> {
    let client = setting.realm.clients.get(&token.client_id).ok_or(AccessTokenFault::ClientNotFound)?;
    if !client.enabled {
        return Err(AccessTokenFault::ClientDisabled);
    }
    if context.revoked {
        return Err(AccessTokenFault::Revoked);
    }
    let grant = match token.sid {
        Some(sid) => {
            let of_client = |kind| {
                context.grants.iter().filter(move |grant| grant.id.sid == sid && grant.id.client == client.key && grant.id.kind == kind)
            };
            // Online first, then offline, as Keycloak looks; of several chains the one used last.
            let newest = |kind| of_client(kind).max_by_key(|grant| grant.last_used_at);
            let grant = newest(SessionKind::Online)
                .filter(|grant| is_alive(setting, client, grant, &context.grants))
                .or_else(|| newest(SessionKind::Offline));
            let grant = grant.or_else(|| newest(SessionKind::Online)).ok_or(AccessTokenFault::SessionNotFound)?;
            if !is_alive(setting, client, grant, &context.grants) {
                return Err(AccessTokenFault::SessionExpired);
            }
            if token.issued_at < grant.started_at {
                return Err(AccessTokenFault::SessionNotFound);
            }
            Some(grant.clone())
        }
        None => None,
    };
    let user = check_user(setting, client, context.user, token.issued_at)?;
    let same_user = token.subject.as_ref().is_none_or(|subject| *subject == user.id || grant.is_some())
        && grant.as_ref().is_none_or(|grant| grant.user == user.key);
    if !same_user {
        return Err(AccessTokenFault::UserNotFound);
    }
    Ok(Living { client, user, grant })
}

/// Judges a refresh or offline token for introspection: one that the next refresh by its client would accept is active, and no other.
pub fn judge_refresh_token<'a>(
    setting: Setting<'a>,
    client: &'a Arc<Client>,
    token: &VerifiedRefreshToken,
    context: RefreshContext,
) -> Result<Living<'a>, AccessTokenFault> {
    if !client.enabled {
        return Err(AccessTokenFault::ClientDisabled);
    }
    let outcome = crate::grants::refresh_token::decide(setting, client, token, None, context);
    let plan = outcome.answer.map_err(|_| AccessTokenFault::SessionExpired)?;
    Ok(Living { client, user: plan.user, grant: plan.grant })
}

fn is_alive(setting: Setting<'_>, client: &Client, grant: &Grant, all: &[Grant]) -> bool {
    let now = setting.now.seconds();
    let lifetimes = setting.realm.lifetimes(grant.id.kind, client);
    let granularity_s = match setting.realm.rotation(client) {
        Rotation::On => 0,
        Rotation::Off => lifetimes.last_used_granularity_s(),
    };
    let of_session = all.iter().filter(|other| other.id.sid == grant.id.sid && other.id.kind == grant.id.kind);
    let session_last_used_at = of_session.map(|other| other.last_used_at).max().unwrap_or(grant.last_used_at);
    let ends = [lifetimes.session_end(grant.session_started_at), lifetimes.client_session_end(grant)];
    ends.into_iter().flatten().all(|end| end > now)
        && lifetimes.session_idle_end(session_last_used_at, granularity_s) > now
        && lifetimes.client_session_idle_end(grant.last_used_at, granularity_s) > now
}

fn check_user(setting: Setting<'_>, client: &Client, user: Option<User>, issued_at: i64) -> Result<User, AccessTokenFault> {
    let user = user.ok_or(AccessTokenFault::UserNotFound)?;
    if !user.enabled {
        return Err(AccessTokenFault::UserDisabled);
    }
    if issued_at < not_before(setting.realm, client, &user) {
        return Err(AccessTokenFault::Stale);
    }
    Ok(user)
}

/// What mappers read for a living token: its scope as it was granted, everything about the user as of now.
pub fn with_mapper_inputs<T>(setting: Setting<'_>, living: &Living<'_>, scope: &str, read: impl FnOnce(&MapperInputs<'_>) -> T) -> T {
    let Setting { realm, issuer, now } = setting;
    let effective = scopes::effective_roles(realm, &living.user);
    let granted = scopes::resolve(realm, living.client, &effective, scopes::has_name(scope, OPENID), |name| scopes::has_name(scope, name));
    let roles = scopes::roles_in_scope(living.client, &granted, effective);
    let no_notes = SessionNotes::new();
    read(&MapperInputs {
        realm,
        client: living.client,
        user: &living.user,
        scopes: &granted.scopes,
        roles: &roles,
        sid: living.grant.as_ref().map(|grant| grant.id.sid),
        auth_time: living.grant.as_ref().and_then(|grant| grant.auth_time),
        notes: living.grant.as_ref().map_or(&no_notes, |grant| &grant.notes),
        nonce: None,
        acr: "1",
        issuer,
        now,
    })
}
