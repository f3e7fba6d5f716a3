//! One process for each user that holds the accounts and hands out tokens over a socket. Started by the first caller; a caller that finds a token in
//! its memory costs it one look.

mod account;
pub mod ask;
#[cfg(test)]
mod fixture;
pub mod frame;
mod http_helper;
mod oidc_agent;
pub mod serve;
pub mod sinks;
pub mod start;
