//! `GET …/certs`: the public keys (RFC 7517 §5), active and passive ones, never a disabled one, never a secret.

use super::{Needs, RealmName, Visit};
use crate::app::App;
use crate::cors::{self, Allow};
use crate::{answer, keycloak};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use std::sync::Arc;

/// Answers with the key set.
pub async fn get(State(app): State<Arc<App>>, RealmName(realm): RealmName, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let visit = match Visit::enter(app, &realm, &parts, Needs::Anything).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let mut response = answer::json(StatusCode::OK, keycloak::documents::key_set(&visit.served.realm));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    cors::add(response.headers_mut(), visit.origin.as_ref(), Allow::AnyOrigin);
    response
}
