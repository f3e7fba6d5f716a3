//! JSON Object Signing: keys, signatures and compact JWS, thin over aws-lc. Keys are parsed once and then only used.
//!
//! The key decides the algorithm, never the token: a [`VerifyingKey`] is bound to exactly one, `none` can't be written, and the
//! headers `jwk`, `jku`, `x5u` and `x5c` are never looked at (RFC 8725 §3.1, §3.10, T-027). No encryption.

mod algorithm;
mod der;
mod jwk;
mod jws;
mod key_error;
mod key_id;
mod key_ring;
mod key_text;
mod mint;
mod public_key;
mod signing_key;
mod verifying_key;

pub use algorithm::{Algorithm, Family};
pub use jwk::{Jwk, JwkSet, JwkSetError, KeyUse};
pub use jws::{CompactJws, JwsError, JwsHeader, VerifiedPayload};
pub use key_error::KeyError;
pub use key_id::KeyId;
pub use key_ring::KeyRing;
pub use mint::{HeaderType, sign_compact};
pub use public_key::PublicKey;
pub use signing_key::{KeyKind, SignError, SigningKey, generate_private_key};
pub use verifying_key::{BadSignature, VerifyingKey};

#[cfg(test)]
mod tests;
