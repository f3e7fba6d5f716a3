//! The grants of the token endpoint: from a checked request and what the store knows to an [`crate::change::Outcome`].

pub mod client_credentials;
pub mod password;
pub mod refresh_token;

use crate::realm::Realm;
use crate::time::Now;

/// What every grant is judged in: the place and the moment.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The realm's snapshot.
    pub realm: &'a Realm,
    /// The issuer that its tokens name.
    pub issuer: &'a str,
    /// The moment.
    pub now: Now,
}
