//! `GET` and `POST …/userinfo` (OpenID Connect Core §5.3): claims about the user, as of now.

use super::{Needs, RealmName, Visit, split};
use crate::app::App;
use crate::cors::{self, Allow, Endpoint};
use crate::grants::store_refusal;
use crate::{answer, audit, form_body, keycloak};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::keycloak::wording::wording;
use freshkey_core::refusal::{AccessTokenFault, Refusal};
use freshkey_core::scopes::{self, OPENID};
use freshkey_core::token_status::{AccessTokenContext, Living, judge_access_token};
use freshkey_core::tokens::{VerifiedAccessToken, verify_access_token};
use freshkey_protocol::{BearerToken, Form};
use std::sync::Arc;

/// Answers with the user's claims.
pub async fn any(State(app): State<Arc<App>>, RealmName(realm): RealmName, request: Request<Body>) -> Response<Body> {
    let (parts, body) = split(request);
    let visit = match Visit::enter(app, &realm, &parts, Needs::Current).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let mut response = match respond(&visit, &parts.method, body).await {
        Ok((answer, living)) => {
            let mut response = answer::json(StatusCode::OK, answer.body);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
            cors::add(response.headers_mut(), visit.origin.as_ref(), Allow::OriginsOf(living.client));
            response
        }
        Err(Refusal::OriginNotAllowed) => visit.refuse(&Refusal::OriginNotAllowed),
        Err(refusal) => {
            let mut response = challenge(&visit, &refusal);
            cors::add(response.headers_mut(), visit.origin.as_ref(), Allow::AnyOrigin);
            cors::expose_challenge(response.headers_mut());
            response
        }
    };
    response = answer::no_store(response);
    response
}

/// Answers a preflight, for any origin.
pub async fn options(headers: HeaderMap) -> Response<Body> {
    let mut response = answer::empty(StatusCode::OK);
    cors::add_preflight(response.headers_mut(), headers.get(header::ORIGIN), Endpoint::Userinfo);
    response
}

async fn respond<'a>(visit: &'a Visit, method: &Method, body: Body) -> Result<(keycloak::userinfo::Answer, Living<'a>), Refusal> {
    let mut event = Event::new(visit.now.milliseconds(), visit.served.realm.key, EventKind::UserInfoRequest);
    let judged = judge(visit, method, body, &mut event).await;
    if let Err(refusal) = &judged {
        event.reason = Some(refusal.clone());
    }
    let _ = visit.app.store.record(&[], &audit::record(event, &visit.caller)).await.map_err(|error| store_refusal(&error))?;
    let (token, living) = judged?;
    let answer = keycloak::userinfo::answer(visit.setting(), &token, &living)?;
    Ok((answer, living))
}

async fn judge<'a>(visit: &'a Visit, method: &Method, body: Body, event: &mut Event) -> Result<(VerifiedAccessToken, Living<'a>), Refusal> {
    let text = bearer_token(visit, method, body).await?;
    let token = verify_access_token(visit.setting(), &text).map_err(Refusal::InvalidAccessToken)?;
    event.client_id = Some(token.client_id.clone());
    event.user_id = token.subject.clone();
    event.sid = token.sid;
    if !scopes::has_name(&token.scope, OPENID) {
        return Err(Refusal::MissingOpenidScope);
    }
    let context = visit.access_token_context(&token).await?;
    let living = judge_access_token(visit.setting(), &token, context).map_err(Refusal::InvalidAccessToken)?;
    if living.client.lightweight_access_tokens {
        return Err(Refusal::InvalidAccessToken(AccessTokenFault::Lightweight));
    }
    if !cors::admits(visit.origin.as_ref(), living.client) {
        return Err(Refusal::OriginNotAllowed);
    }
    Ok((token, living))
}

/// The token from the header, or from the form of a POST; never from the query (RFC 6750 §2.3 is not offered).
async fn bearer_token(visit: &Visit, method: &Method, body: Body) -> Result<String, Refusal> {
    let from_header = match form_body::authorization(&visit.headers)? {
        Some(value) => Some(BearerToken::parse(value).map_err(|_| Refusal::NoBearerToken)?.as_str().to_owned()),
        None => None,
    };
    let from_form = match (method, form_body::read(&visit.headers, body).await) {
        (&Method::POST, Ok(bytes)) => Form::parse(&bytes).map_err(|_| Refusal::MalformedForm)?.get("access_token").map(str::to_owned),
        (&Method::POST, Err(Refusal::BodyTooLarge)) => return Err(Refusal::BodyTooLarge),
        _ => None,
    };
    match (from_header, from_form) {
        (Some(_), Some(_)) => Err(Refusal::TwoBearerTokens),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(Refusal::NoBearerToken),
    }
}

/// An empty body and a `WWW-Authenticate` header (RFC 6750 §3).
fn challenge(visit: &Visit, refusal: &Refusal) -> Response<Body> {
    let wording = wording(refusal);
    let status = StatusCode::from_u16(wording.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        return visit.refuse(refusal);
    }
    let realm = visit.served.realm.settings.name.replace(['"', '\\'], "");
    let value = match refusal {
        Refusal::NoBearerToken => format!("Bearer realm=\"{realm}\""),
        _ => {
            let description = wording.description.unwrap_or_default();
            format!("Bearer realm=\"{realm}\", error=\"{}\", error_description=\"{description}\"", wording.error.as_str())
        }
    };
    let mut response = answer::empty(status);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

impl Visit {
    /// What the store knows of an access token.
    pub(super) async fn access_token_context(&self, token: &VerifiedAccessToken) -> Result<AccessTokenContext, Refusal> {
        let user = token.subject.as_deref().map(freshkey_core::ids::UserKey::of);
        let context = self.app.store.access_token_context(self.served.realm.key, token.sid, user, &token.id).await;
        context.map_err(|error| store_refusal(&error))
    }
}
