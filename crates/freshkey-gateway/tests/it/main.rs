//! Tests of the gateway as a whole: real sockets, a provider whose keys are ours, and an application that says what it got.

mod configuration;
mod explain;
mod ext_authz;
mod forward_auth;
mod framing;
mod http2;
mod identity;
mod keys;
mod logs;
mod outages;
mod proxy;
mod revocation;
mod streams;
mod support;
mod tls;
