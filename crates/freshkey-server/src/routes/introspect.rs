//! `POST …/token/introspect` (RFC 7662): is this token alive, and whose? Everything that is not is answered by the same bytes (T-020).

use super::{Needs, RealmName, Visit, split};
use crate::app::App;
use crate::grants::store_refusal;
use crate::{answer, audit, form_body, keycloak};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use freshkey_core::client::ClientKind;
use freshkey_core::client_auth::AuthenticatedClient;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::realm::IntrospectionBy;
use freshkey_core::refusal::{AccessTokenFault, RefreshTokenFault, Refusal};
use freshkey_core::token_status::{Living, judge_access_token, judge_refresh_token};
use freshkey_core::tokens::{VerifiedAccessToken, VerifiedRefreshToken, verify_access_token, verify_refresh_token_of_any};
use freshkey_protocol::Form;
use std::sync::Arc;

/// The answer about everything that is not an active token of this realm.
const INACTIVE: &str = r#"{"active":false}"#;

/// Answers an introspection.
pub async fn post(State(app): State<Arc<App>>, RealmName(realm): RealmName, request: Request<Body>) -> Response<Body> {
    let (parts, body) = split(request);
    let visit = match Visit::enter(app, &realm, &parts, Needs::Current).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    answer::no_store(match respond(&visit, body).await {
        Ok(body) => answer::json(StatusCode::OK, body),
        Err(refusal) => visit.refuse(&refusal),
    })
}

async fn respond(visit: &Visit, body: Body) -> Result<String, Refusal> {
    let bytes = form_body::read(&visit.headers, body).await?;
    let form = Form::parse(&bytes).map_err(|_| Refusal::MalformedForm)?;
    let client = visit.authenticate_client(&form).await.map_err(|refusal| match refusal {
        Refusal::ClientSecretMissing | Refusal::WrongClientSecret | Refusal::ClientLocked => Refusal::IntrospectionAuthentication,
        other => other,
    })?;
    if client.client().kind != ClientKind::Confidential {
        return Err(Refusal::IntrospectionByPublicClient);
    }
    if !form.duplicates().is_empty() {
        return Err(Refusal::DuplicatedParameter);
    }
    let text = form.get("token").ok_or(Refusal::MissingTokenToIntrospect)?;
    if let Some(hint) =
        form.get("token_type_hint").filter(|hint| !matches!(*hint, "access_token" | "refresh_token" | "requesting_party_token"))
    {
        return Err(Refusal::UnsupportedTokenTypeHint { hint: hint.to_owned() });
    }
    introspect(visit, &client, text).await
}

async fn introspect(visit: &Visit, client: &AuthenticatedClient, text: &str) -> Result<String, Refusal> {
    let mut event = Event::new(visit.now.milliseconds(), visit.served.realm.key, EventKind::IntrospectToken);
    event.client_id = Some(client.client().client_id.clone());
    let body = match status(visit, text).await? {
        Status::Access(token, living) => {
            event.user_id = Some(living.user.id.clone());
            event.sid = token.sid;
            let status = keycloak::introspection::access_token(visit.setting(), &token, &living);
            if may_ask(visit, client, &status.audience) {
                status.body
            } else {
                event.reason = Some(Refusal::InvalidAccessToken(AccessTokenFault::OtherAudience));
                INACTIVE.to_owned()
            }
        }
        Status::Refresh(token, living) => {
            event.user_id = Some(living.user.id.clone());
            event.sid = Some(token.sid);
            keycloak::introspection::refresh_token(visit.setting(), &token, &living)
        }
        Status::Inactive(fault) => {
            event.reason = Some(Refusal::InvalidAccessToken(fault));
            INACTIVE.to_owned()
        }
    };
    // Not awaited for durability: an introspection changes nothing.
    let _ = visit.app.store.record(&[], &audit::record(event, &visit.caller)).await.map_err(|error| store_refusal(&error))?;
    Ok(body)
}

/// Whether the realm lets this client know about a token that is for these.
fn may_ask(visit: &Visit, client: &AuthenticatedClient, audience: &[String]) -> bool {
    match visit.served.realm.settings.introspection {
        IntrospectionBy::AnyClient => true,
        IntrospectionBy::Audience => audience.contains(&client.client().client_id),
    }
}

enum Status<'a> {
    Access(Box<VerifiedAccessToken>, Living<'a>),
    Refresh(Box<VerifiedRefreshToken>, Living<'a>),
    Inactive(AccessTokenFault),
}

async fn status<'a>(visit: &'a Visit, text: &str) -> Result<Status<'a>, Refusal> {
    let (setting, realm) = (visit.setting(), visit.served.realm.key);
    match verify_refresh_token_of_any(setting, text) {
        Ok((token, client)) => {
            let context = visit.app.store.refresh_context(realm, token.sid, token.kind).await.map_err(|error| store_refusal(&error))?;
            Ok(match judge_refresh_token(setting, client, &token, context) {
                Ok(living) => Status::Refresh(Box::new(token), living),
                Err(fault) => Status::Inactive(fault),
            })
        }
        Err(Refusal::InvalidRefreshToken(RefreshTokenFault::Type | RefreshTokenFault::UnknownKey)) => {
            match verify_access_token(setting, text) {
                Ok(token) => {
                    let context = visit.access_token_context(&token).await?;
                    Ok(match judge_access_token(setting, &token, context) {
                        Ok(living) => Status::Access(Box::new(token), living),
                        Err(fault) => Status::Inactive(fault),
                    })
                }
                Err(fault) => Ok(Status::Inactive(fault)),
            }
        }
        Err(_) => Ok(Status::Inactive(AccessTokenFault::Verification)),
    }
}
