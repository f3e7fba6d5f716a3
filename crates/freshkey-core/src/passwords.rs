//! Passwords: stored hashes, verifying and making them, and the rules that a new password must meet.
//!
//! Nothing here reads Keycloak's words: credentials and policy strings are translated by `keycloak::credential` and
//! `keycloak::password_policy`. Guess counting is `brute_force`.

mod hash;
mod hashing;
mod policy;

pub use hash::{Argon2Parameters, Argon2Variant, Argon2Version, HashAlgorithm, HashOutOfBounds, PasswordHash, Pbkdf2Parameters, Pbkdf2Prf};
pub use hashing::{HashFailure, HashWorkspace, PasswordTooLong, PlainPassword, Verdict, hash, needs_rehash, verify, verify_dummy};
pub use policy::{HashFamily, PasswordPolicy, PolicyRefusal, PolicyRule, PolicySubject, PolicyViolation};

pub use crate::keycloak::stored_credential::{ONE_TIME_CODE_KIND, PASSWORD_KIND, read_stored, write_stored};

#[cfg(test)]
mod tests;
