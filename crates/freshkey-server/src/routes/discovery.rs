//! The discovery documents (OpenID Connect Discovery §4, RFC 8414 §3): one document under two names. It announces only what works.

use super::realm_info::public_document;
use super::{Needs, RealmName, Visit};
use crate::app::App;
use crate::keycloak;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use std::sync::Arc;

/// Answers with the document.
pub async fn get(State(app): State<Arc<App>>, RealmName(realm): RealmName, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    match Visit::enter(app, &realm, &parts, Needs::Nothing).await {
        Ok(visit) => public_document(&visit, keycloak::documents::discovery(&visit.served)),
        Err(response) => response,
    }
}
