//! A token, verified: by a key of its issuer, for this audience, now. What the policy may ask about it is kept, and nothing else.

mod cache;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

pub use cache::{TokenCache, TokenName};
pub use verify::{Checked, Stop, check, check_claims, verify};

use crate::claim::ClaimValue;
use crate::identity::Identity;
use crate::revocation::Standing;
use arc_swap::ArcSwapOption;

/// A verified token. It holds claims only: whether they suffice is decided anew for every request (T-074).
#[derive(Debug)]
pub struct VerifiedToken {
    /// The issuer, by its place in the policy.
    pub issuer: usize,
    /// The policy under which it was read.
    pub policy_generation: u64,
    /// The keys by which it was verified.
    pub key_generation: u64,
    /// First second at which it is valid.
    pub valid_from_s: i64,
    /// Its `exp`.
    pub ends_at_s: i64,
    /// First second at which it is not valid any more, the issuer's skew included.
    pub valid_until_s: i64,
    /// What it says about the claims that the policy asks for.
    pub facts: Box<[ClaimValue]>,
    /// Its subject, for logs.
    pub subject: Option<Box<str>>,
    /// Whether its issuer still stands by it, as far as it was asked.
    pub standing: Standing,
    /// The identity that was last passed on, since the next request most likely needs the same.
    pub(crate) identity: ArcSwapOption<Identity>,
}
