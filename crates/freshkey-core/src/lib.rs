//! The rules: who may have which token, and what follows from asking.
//!
//! Everything here is a pure function of its arguments. Time comes in as [`Now`], randomness as [`Entropy`]; there is no
//! IO, no SQL, no HTTP, no configuration file, and nothing that waits.

pub mod brute_force;
pub mod change;
pub mod client;
pub mod client_auth;
pub mod client_keys;
pub mod documents;
pub mod entropy;
pub mod event;
#[cfg(test)]
pub(crate) mod fixture;
pub mod grant;
pub mod grants;
pub mod group;
pub mod ids;
pub mod inherited;
pub mod keycloak;
pub mod keys;
pub mod lifetimes;
pub mod limits;
pub mod mappers;
pub mod one_time_codes;
pub mod outgoing;
pub mod passwords;
pub mod realm;
pub mod refusal;
pub mod revocation;
pub mod role;
pub mod scopes;
mod sign_in;
pub mod time;
pub mod token_status;
pub mod tokens;
pub mod user;

pub use entropy::Entropy;
pub use refusal::Refusal;
pub use time::Now;
