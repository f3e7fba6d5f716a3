//! `GET /realms/{realm}`: the public facts of a realm.

use super::{Needs, RealmName, Visit};
use crate::app::App;
use crate::cors::{self, Allow};
use crate::{answer, keycloak};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use std::sync::Arc;

/// Answers with the public facts.
pub async fn get(State(app): State<Arc<App>>, RealmName(realm): RealmName, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let visit = match Visit::enter(app, &realm, &parts, Needs::Nothing).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    public_document(&visit, keycloak::documents::realm_info(&visit.served).to_string())
}

/// A public document: readable from any origin, never kept longer than it is true.
pub(super) fn public_document(visit: &Visit, body: impl Into<Body>) -> Response<Body> {
    let mut response = answer::json(StatusCode::OK, body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
    cors::add(response.headers_mut(), visit.origin.as_ref(), Allow::AnyOrigin);
    response
}

/// Answers a preflight, for any origin.
pub async fn options(headers: axum::http::HeaderMap) -> Response<Body> {
    let mut response = answer::empty(StatusCode::OK);
    cors::add_preflight(response.headers_mut(), headers.get(header::ORIGIN), cors::Endpoint::Public);
    response
}
