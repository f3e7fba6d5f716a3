//! `POST …/revoke` (RFC 7009).

use super::{Needs, RealmName, Visit, split};
use crate::app::App;
use crate::grants::store_refusal;
use crate::{audit, cors};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use freshkey_core::change::{Applied, Change};
use freshkey_core::client_auth::AuthenticatedClient;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::refusal::{RefreshTokenFault, Refusal};
use freshkey_core::revocation::{self, Session};
use freshkey_core::tokens::{Expiry, verify_access_token, verify_refresh_token};
use freshkey_protocol::Form;
use std::sync::Arc;

/// Answers a revocation: 200 only once it is durable.
pub async fn post(State(app): State<Arc<App>>, RealmName(realm): RealmName, request: Request<Body>) -> Response<Body> {
    let (parts, body) = split(request);
    match Visit::enter(app, &realm, &parts, Needs::Anything).await {
        Ok(visit) => visit.carry_out(body, StatusCode::OK, revoke).await,
        Err(response) => response,
    }
}

async fn revoke(visit: &Visit, client: &AuthenticatedClient, form: &Form<'_>) -> Result<(), Refusal> {
    if !cors::admits(visit.origin.as_ref(), client.client()) {
        return Err(Refusal::OriginNotAllowed);
    }
    if !form.duplicates().is_empty() {
        return Err(Refusal::DuplicatedParameter);
    }
    let text = form.get("token").ok_or(Refusal::MissingToken)?;
    let mut event = Event::new(visit.now.milliseconds(), visit.served.realm.key, EventKind::RevokeGrant);
    event.client_id = Some(client.client().client_id.clone());
    let changes = match changes(visit, client, text, &mut event).await {
        Ok(changes) => changes,
        Err(refusal) => {
            event.reason = Some(refusal.clone());
            let _ = visit.app.store.record(&[], &audit::record(event, &visit.caller)).await.map_err(|error| store_refusal(&error))?;
            return Err(refusal);
        }
    };
    match visit.app.store.record(&changes, &audit::record(event, &visit.caller)).await {
        Ok(Applied::Yes) => Ok(()),
        Ok(Applied::Raced) => Err(Refusal::TooContended),
        Err(error) => Err(store_refusal(&error)),
    }
}

/// What ends: the client's part of the session for a refresh token, one `jti` for an access token.
async fn changes(visit: &Visit, client: &AuthenticatedClient, text: &str, event: &mut Event) -> Result<Vec<Change>, Refusal> {
    let (setting, client) = (visit.setting(), client.client());
    let token = match verify_refresh_token(setting, client, text, Expiry::Checked) {
        Ok(token) => token,
        Err(Refusal::WrongClient) => return Err(Refusal::RevocationByOtherClient),
        // Not a refresh token by type or algorithm: an access token perhaps, or an ID token.
        Err(Refusal::InvalidRefreshToken(RefreshTokenFault::Type | RefreshTokenFault::UnknownKey)) => {
            return match verify_access_token(setting, text) {
                Ok(token) => {
                    event.user_id = token.subject.clone();
                    event.sid = token.sid;
                    revocation::revoke_access_token(visit.served.realm.key, client, &token, visit.now.seconds())
                }
                Err(freshkey_core::refusal::AccessTokenFault::Type) => Err(Refusal::RevocationOfOtherType),
                Err(_) => Err(Refusal::RevocationOfInvalidToken),
            };
        }
        Err(_) => return Err(Refusal::RevocationOfInvalidToken),
    };
    event.user_id = token.subject.clone();
    event.sid = Some(token.sid);
    let context =
        visit.app.store.refresh_context(visit.served.realm.key, token.sid, token.kind).await.map_err(|error| store_refusal(&error))?;
    let alive = context.grants.iter().any(|grant| grant.id.client == client.key) && context.user.is_some();
    revocation::revoke_refresh_token(client, &token, if alive { Session::Alive } else { Session::Gone })
}
