//! `POST /realms/{realm}/protocol/openid-connect/token` (RFC 6749 §3.2): the stages in Keycloak's order (KEYCLOAK §2.1).

use super::{Needs, RealmName, Visit, split};
use crate::app::App;
use crate::cors::{self, Allow, Endpoint};
use crate::grants::{self, TokenRequest};
use crate::{answer, audit, form_body};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use freshkey_core::Refusal;
use freshkey_core::client_auth::AuthenticatedClient;
use freshkey_core::event::{Event, EventKind};
use freshkey_protocol::token_request::{ClientCredentialsRequest, GrantTypeError, PasswordRequest, RefreshRequest};
use freshkey_protocol::{Form, GrantType};
use std::sync::Arc;

/// Answers a token request.
pub async fn post(State(app): State<Arc<App>>, RealmName(realm): RealmName, request: Request<Body>) -> Response<Body> {
    let (parts, body) = split(request);
    let visit = match Visit::enter(app, &realm, &parts, Needs::Current).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let (answer, client) = respond(&visit, body).await;
    let is_before_client = matches!(answer, Err(Refusal::MissingGrantType | Refusal::UnsupportedGrantType));
    let mut response = match answer {
        Ok(body) => answer::json(StatusCode::OK, body),
        Err(refusal) => visit.refuse(&refusal),
    };
    // Nothing says whose page may read what came before there was a grant.
    if !is_before_client {
        let allow = client.as_ref().map_or(Allow::AnyOrigin, |client| Allow::OriginsOf(client.client()));
        cors::add(response.headers_mut(), visit.origin.as_ref(), allow);
    }
    answer::no_store(response)
}

/// Answers a preflight, for any origin.
pub async fn options(headers: HeaderMap) -> Response<Body> {
    let mut response = answer::empty(StatusCode::OK);
    cors::add_preflight(response.headers_mut(), headers.get(axum::http::header::ORIGIN), Endpoint::Token);
    response
}

/// The stages. The client comes back too, once it is known: it decides about CORS.
async fn respond(visit: &Visit, body: Body) -> (Result<Vec<u8>, Refusal>, Option<AuthenticatedClient>) {
    let bytes = match form_body::read(&visit.headers, body).await {
        Ok(bytes) => bytes,
        Err(refusal) => return (Err(note(visit, refusal, None).await), None),
    };
    let Ok(form) = Form::parse(&bytes) else {
        return (Err(note(visit, Refusal::MalformedForm, None).await), None);
    };
    let grant_type = match known_grant_type(&form) {
        Ok(grant_type) => grant_type,
        Err(refusal) => return (Err(note(visit, refusal, Some(&form)).await), None),
    };
    let client = match visit.authenticate_client(&form).await {
        Ok(client) => client,
        Err(refusal) => return (Err(note(visit, refusal, Some(&form)).await), None),
    };
    // Before the grant: what a page may not read it shall not cause either (KC-049).
    if !cors::admits(visit.origin.as_ref(), client.client()) {
        return (Err(note(visit, Refusal::OriginNotAllowed, Some(&form)).await), Some(client));
    }
    // Only after client authentication, as Keycloak does (KC-008).
    if !form.duplicates().is_empty() {
        return (Err(note(visit, Refusal::DuplicatedParameter, Some(&form)).await), Some(client));
    }
    let request = TokenRequest { app: &visit.app, served: &visit.served, client: &client, caller: &visit.caller, now: visit.now };
    let answer = match grant_type {
        GrantType::RefreshToken => grants::refresh_token(&request, RefreshRequest::from_form(&form)).await,
        GrantType::Password => grants::password(&request, PasswordRequest::from_form(&form)).await,
        GrantType::ClientCredentials => grants::client_credentials(&request, ClientCredentialsRequest::from_form(&form)).await,
        _ => Err(Refusal::UnsupportedGrantType),
    };
    (answer, Some(client))
}

fn known_grant_type(form: &Form<'_>) -> Result<GrantType, Refusal> {
    match GrantType::from_form(form) {
        Ok(grant_type @ (GrantType::RefreshToken | GrantType::Password | GrantType::ClientCredentials)) => Ok(grant_type),
        Ok(_) | Err(GrantTypeError::Unknown) => Err(Refusal::UnsupportedGrantType),
        Err(GrantTypeError::Missing) => Err(Refusal::MissingGrantType),
    }
}

/// Writes down a refusal that came before any grant was looked at.
async fn note(visit: &Visit, refusal: Refusal, form: Option<&Form<'_>>) -> Refusal {
    let mut event = Event::new(visit.now.milliseconds(), visit.served.realm.key, EventKind::TokenRequest).refused(&refusal);
    event.client_id = form.and_then(|form| form.get("client_id")).map(str::to_owned);
    match visit.app.store.record(&[], &audit::record(event, &visit.caller)).await {
        Ok(_) => refusal,
        Err(error) => grants::store_refusal(&error),
    }
}
