//! Keycloak's words on the HTTP side: the shape of its documents and answers. The rules behind them are in `freshkey_core`.

pub mod documents;
pub mod introspection;
pub mod userinfo;
