//! Work in progress.
#![allow(dead_code)]
mod routes;
mod support;
