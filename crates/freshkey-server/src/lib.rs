//! The token service: endpoints, administration, and the binary `freshkey-server`.
//!
//! This crate moves data between HTTP, the rules of `freshkey-core` and the memory of `freshkey-store`. It decides no policy, and has no SQL
//! but that of [`keycloak_database`], which reads somebody else's tables.

pub mod answer;
pub mod app;
pub mod audit;
pub mod caller;
pub mod cli;
pub mod client_keys;
pub mod clock;
pub mod config;
pub mod cors;
pub mod envelope;
pub mod form_body;
pub mod grants;
pub mod guesses;
pub mod hashing;
pub mod key_material;
pub mod keycloak;
pub mod keycloak_database;
pub mod limits;
pub mod listener;
pub mod local_ca;
pub mod management;
pub mod outgoing;
mod private_file;
pub mod realms;
pub mod router;
pub mod routes;
pub mod server;
pub mod sweeper;
pub mod telemetry;
