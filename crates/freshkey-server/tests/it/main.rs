//! The server as its callers see it. One binary; the modules mirror the paths.

mod admin;
mod crash;
mod quickstart;
mod readme;
mod routes;
mod support;
