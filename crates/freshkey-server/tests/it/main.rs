//! The server as its callers see it. One binary; the modules mirror the paths.

mod admin;
mod crash;
mod health;
mod quickstart;
mod readme;
mod routes;
mod storm;
mod support;
