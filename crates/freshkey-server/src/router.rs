//! The table of contents: every path, and the file that answers it.

use crate::app::App;
use crate::routes::{self, certs, discovery, introspect, logout, realm_info, revoke, token, userinfo};
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// All public paths, under the configured prefix.
pub fn router(app: Arc<App>) -> Router {
    let oidc = Router::new()
        .route("/token", post(token::post).options(token::options))
        .route("/token/introspect", post(introspect::post))
        .route("/revoke", post(revoke::post).options(token::options))
        .route("/userinfo", get(userinfo::any).post(userinfo::any).options(userinfo::options))
        .route("/logout", post(logout::post))
        .route("/certs", get(certs::get).options(realm_info::options));
    let realm = Router::new()
        .route("/realms/{realm}", get(realm_info::get).options(realm_info::options))
        .route("/realms/{realm}/.well-known/openid-configuration", get(discovery::get).options(realm_info::options))
        .route("/realms/{realm}/.well-known/oauth-authorization-server", get(discovery::get).options(realm_info::options))
        .route("/.well-known/oauth-authorization-server/realms/{realm}", get(discovery::get).options(realm_info::options))
        .nest("/realms/{realm}/protocol/openid-connect", oidc);
    let prefixed = if app.path_prefix.is_empty() { realm } else { Router::new().nest(&app.path_prefix, realm) };
    prefixed.method_not_allowed_fallback(routes::method_not_allowed).fallback(routes::not_found).with_state(app)
}
