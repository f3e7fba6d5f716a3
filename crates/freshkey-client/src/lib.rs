//! Gets, keeps and refreshes tokens of any OpenID Connect provider, once for every program of a user.
//!
//! [`keeper`] is the act; [`agent`] lets many share it; [`vault`] keeps what must outlive them. Nothing here knows a realm, a server's inside, or what a
//! command line looks like.

pub mod agent;
pub mod caller;
pub mod clock;
pub mod diagnosis;
pub mod directories;
pub mod failure;
pub mod files;
pub mod freshness;
pub mod handout;
pub mod keeper;
pub mod limits;
pub mod profile;
pub mod provider;
pub mod record;
pub mod sign_in;
pub mod token_file;
pub mod transport;
pub mod vault;

pub use failure::{Failure, FailureKind};
