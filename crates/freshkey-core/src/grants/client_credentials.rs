//! `grant_type=client_credentials` (RFC 6749 §4.4): a client asks for itself, as its service account.

use super::Setting;
use crate::change::{Change, Outcome};
use crate::client::{Client, ClientKind};
use crate::entropy::Entropy;
use crate::event::{Event, EventKind};
use crate::grant::SessionKind;
use crate::refusal::Refusal;
use crate::scopes::{self, OFFLINE_ACCESS, OPENID};
use crate::sign_in;
use crate::tokens::{GrantLetters, IdToken, TokenPlan};
use crate::user::User;
use std::collections::BTreeMap;

/// Where the request came from, for the notes `clientHost` and `clientAddress`.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The address of the caller, as text.
    pub address: &'a str,
}

/// What must hold before the service account is looked up (Keycloak's `ClientCredentialsGrantType`).
pub fn check(client: &Client, requested_scope: Option<&str>) -> Result<(), Refusal> {
    match client.kind {
        ClientKind::Public => return Err(Refusal::PublicClientServiceAccount),
        ClientKind::BearerOnly => return Err(Refusal::BearerOnlyClient),
        ClientKind::Confidential => {}
    }
    if !client.service_accounts.is_yes() {
        return Err(Refusal::ServiceAccountNotEnabled);
    }
    scopes::check_requested(client, requested_scope)
}

/// Decides, given the service account as it is now. The client has passed [`check`].
pub fn decide<'a>(
    setting: Setting<'a>,
    client: &'a Client,
    requested_scope: Option<&str>,
    caller: Caller<'_>,
    account: Option<User>,
    entropy: &dyn Entropy,
) -> Outcome<TokenPlan<'a>> {
    let mut event = Event::new(setting.now.milliseconds(), setting.realm.key, EventKind::ClientLogin);
    event.client_id = Some(client.client_id.clone());
    event.user_id = account.as_ref().map(|user| user.id.clone());
    match judge(setting, client, requested_scope, caller, account, entropy) {
        Ok((plan, changes)) => {
            event.sid = plan.grant.as_ref().map(|grant| grant.id.sid);
            Outcome { answer: Ok(plan), changes, event }
        }
        Err(refusal) => Outcome { event: event.refused(&refusal), answer: Err(refusal), changes: Vec::new() },
    }
}

fn judge<'a>(
    setting: Setting<'a>,
    client: &'a Client,
    requested_scope: Option<&str>,
    caller: Caller<'_>,
    account: Option<User>,
    entropy: &dyn Entropy,
) -> Result<(TokenPlan<'a>, Vec<Change>), Refusal> {
    let user = account.ok_or(Refusal::ServiceAccountMissing)?;
    if !user.enabled {
        return Err(Refusal::ServiceAccountDisabled { username: user.username });
    }
    let requested = requested_scope.unwrap_or_default();
    let effective = scopes::effective_roles(setting.realm, &user);
    let openid = scopes::has_name(requested, OPENID);
    let granted = scopes::resolve(setting.realm, client, &effective, openid, |name| scopes::has_name(requested, name));
    let notes = BTreeMap::from([
        ("client_id".to_owned(), client.client_id.clone()),
        ("clientHost".to_owned(), caller.address.to_owned()),
        ("clientAddress".to_owned(), caller.address.to_owned()),
    ]);
    if client.client_credentials_refresh_tokens.is_yes() {
        let offline = granted.contains(OFFLINE_ACCESS);
        if offline && !scopes::may_have_offline_tokens(setting.realm, client, &effective) {
            return Err(Refusal::OfflineNotAllowed);
        }
        let kind = if offline { SessionKind::Offline } else { SessionKind::Online };
        let started = sign_in::Started { kind, notes, grant_type: GrantLetters::ClientCredentials };
        return Ok(sign_in::begin(setting, client, user, granted, effective, started, entropy));
    }
    let roles = scopes::roles_in_scope(client, &granted, effective);
    let response_scope = granted.shown();
    let plan = TokenPlan {
        realm: setting.realm,
        client,
        issuer: setting.issuer,
        user,
        grant: None,
        notes,
        scopes: granted,
        roles,
        refresh_token: None,
        id_token: if openid { IdToken::Included } else { IdToken::Absent },
        response_scope,
        grant_type: GrantLetters::ClientCredentials,
        nonce: None,
        now: setting.now,
    };
    Ok((plan, Vec::new()))
}
