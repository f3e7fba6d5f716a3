//! `POST …/logout` with a refresh token: ends the whole session, for every client in it.

use super::{Needs, RealmName, Visit, split};
use crate::app::App;
use crate::audit;
use crate::grants::store_refusal;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use freshkey_core::Refusal;
use freshkey_core::change::Applied;
use freshkey_core::client_auth::AuthenticatedClient;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::revocation;
use freshkey_core::tokens::{Expiry, verify_refresh_token};
use freshkey_protocol::Form;
use std::sync::Arc;

/// Answers a logout: 204 once it is durable, also for a session that is gone already.
pub async fn post(State(app): State<Arc<App>>, RealmName(realm): RealmName, request: Request<Body>) -> Response<Body> {
    let (parts, body) = split(request);
    match Visit::enter(app, &realm, &parts, Needs::Anything).await {
        Ok(visit) => visit.carry_out(body, StatusCode::NO_CONTENT, log_out).await,
        Err(response) => response,
    }
}

async fn log_out(visit: &Visit, client: &AuthenticatedClient, form: &Form<'_>) -> Result<(), Refusal> {
    if !form.duplicates().is_empty() {
        return Err(Refusal::DuplicatedParameter);
    }
    let text = form.get("refresh_token").ok_or(Refusal::MissingRefreshToken)?;
    let token = verify_refresh_token(visit.setting(), client.client(), text, Expiry::Ignored)?;
    let mut changes = revocation::log_out(client.client(), &token)?;
    // A change names its session by id alone, and ids are not secrets: it must be a session of this realm (T-046).
    let context =
        visit.app.store.refresh_context(visit.served.realm.key, token.sid, token.kind).await.map_err(|error| store_refusal(&error))?;
    if context.grants.is_empty() {
        changes.clear();
    }
    let mut event = Event::new(visit.now.milliseconds(), visit.served.realm.key, EventKind::Logout);
    event.client_id = Some(client.client().client_id.clone());
    event.user_id = token.subject.clone();
    event.sid = Some(token.sid);
    match visit.app.store.record(&changes, &audit::record(event, &visit.caller)).await {
        Ok(Applied::Yes) => Ok(()),
        Ok(Applied::Raced) => Err(Refusal::TooContended),
        Err(error) => Err(store_refusal(&error)),
    }
}
