//! The fronts: three ways in which a request reaches the one verdict.

pub mod ext_authz;
mod forward_auth;
mod proxy;
mod report;
mod unchangeable;
mod upstreams;

pub use ext_authz::ExtAuthz;
pub use forward_auth::ForwardAuth;
pub use proxy::ReverseProxy;
pub use report::{FrontName, Report};
pub use upstreams::Upstreams;
