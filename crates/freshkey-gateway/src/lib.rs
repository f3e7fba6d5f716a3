//! Checks bearer tokens where they are used: before an application, beside another proxy, or inside a Rust service.
//!
//! One verdict, a pure function of a policy, a request, keys and the time ([`verdict`], [`token`]), with several fronts ([`fronts`]). A request has one
//! form ([`request`]): it is what is judged, and what is passed on.

pub mod answer;
pub mod assertion;
pub mod claim;
pub mod cli;
pub mod clock;
pub mod config;
pub mod fronts;
pub mod gate;
pub mod http_client;
pub mod identity;
pub mod issuer;
pub mod keys;
pub mod layer;
pub mod limits;
pub mod listener;
pub mod management;
pub mod policy;
pub mod reason;
pub mod request;
pub mod revocation;
pub mod sample_api;
pub mod service;
pub mod telemetry;
pub mod token;
pub mod verdict;
