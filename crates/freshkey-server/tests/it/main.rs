//! The server as its callers see it. One binary; the modules mirror the paths.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that meets the unexpected ends, and nobody else uses it")]

mod admin;
mod crash;
mod database_away;
mod health;
mod keycloak_database;
mod quickstart;
mod reference;
mod routes;
mod storm;
mod support;
mod threats;
