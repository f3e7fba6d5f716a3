//! Why a key is refused.

/// Reasons without text; the caller knows which key it was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// Not PEM, base64 or DER of a key or certificate, or with something left over.
    Malformed,
    /// A kind of key or curve that isn't offered: DSA, Ed448, secp256k1, RSASSA-PSS keys with parameters.
    Unsupported,
    /// The key can't be used with that algorithm: another family or another curve.
    WrongAlgorithm,
    /// RSA below 2048 bits (RFC 7518 §3.3, T-030).
    RsaTooSmall,
    /// RSA above 8192 bits: too costly to compute with.
    RsaTooLarge,
    /// An HMAC secret shorter than the hash (RFC 7518 §3.2, T-030).
    SecretTooShort,
    /// Well formed, but not a key: a point off the curve, halves that don't belong together, an even exponent.
    Inconsistent,
    /// A key id that is empty, above 256 bytes, or not printable ASCII.
    BadKeyId,
    /// The published key is meant for something else than verifying signatures (`use`, `key_ops`).
    NotForSignatures,
    /// The cryptographic library gave up; for instance there is no randomness.
    Failed,
}
