//! A stored password hash: algorithm with its cost, salt and value, all within bounds since construction.

use crate::limits::{
    ARGON2_ITERATIONS_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_PARALLELISM_MAX, ARGON2_SALT_BYTES_MIN, ARGON2_WORK_KIB_MAX,
    PASSWORD_HASH_BYTES_MAX, PASSWORD_HASH_BYTES_MIN, PASSWORD_SALT_BYTES_MAX, PBKDF2_ITERATIONS_MAX,
};
use freshkey_protocol::secret::Secret;
use std::fmt;

/// What a password is compared with. The value is wiped on drop and never shown by `Debug`.
///
/// Only [`PasswordHash::new`] makes one, so verifying can't be made to cost more than the limits allow (T-049).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    algorithm: HashAlgorithm,
    salt: Vec<u8>,
    value: Secret<Vec<u8>>,
}

impl PasswordHash {
    /// A hash made elsewhere, at its own cost.
    ///
    /// Errors: a parameter, the salt or the value is outside the limits, or the value's length is not the algorithm's.
    pub fn new(algorithm: HashAlgorithm, salt: Vec<u8>, value: Vec<u8>) -> Result<Self, HashOutOfBounds> {
        let value = Secret::new(value);
        algorithm.check()?;
        if value.expose().len() != algorithm.hash_bytes() {
            return Err(HashOutOfBounds::HashLength);
        }
        let salt_bytes_min = match algorithm {
            HashAlgorithm::Argon2(_) => ARGON2_SALT_BYTES_MIN,
            HashAlgorithm::Pbkdf2(_) => 1,
        };
        if !(salt_bytes_min..=PASSWORD_SALT_BYTES_MAX).contains(&salt.len()) {
            return Err(HashOutOfBounds::SaltLength);
        }
        Ok(Self { algorithm, salt, value })
    }

    /// Algorithm and cost.
    pub fn algorithm(&self) -> &HashAlgorithm {
        &self.algorithm
    }

    /// The salt; not a secret.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The hash itself, for storing and exporting. Compare with [`crate::passwords::verify`], never with `==`.
    pub fn value(&self) -> &[u8] {
        self.value.expose()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordHash").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// An algorithm with its cost and the length of its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// RFC 9106.
    Argon2(Argon2Parameters),
    /// RFC 8018 §5.2.
    Pbkdf2(Pbkdf2Parameters),
}

/// Cost of Argon2, without secret and associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Parameters {
    /// How memory is addressed.
    pub variant: Argon2Variant,
    /// Which revision of the algorithm.
    pub version: Argon2Version,
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// Length of the value in bytes.
    pub hash_bytes: usize,
}

/// The three ways in which Argon2 addresses its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argon2Variant {
    /// Hybrid, the one to use (RFC 9106 §4).
    Id,
    /// Independent of the password.
    I,
    /// Dependent on the password.
    D,
}

/// Revisions of Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argon2Version {
    /// 0x10, before RFC 9106.
    V1_0,
    /// 0x13, RFC 9106.
    V1_3,
}

/// Cost of PBKDF2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pbkdf2Parameters {
    /// The hash under HMAC.
    pub prf: Pbkdf2Prf,
    /// Iteration count.
    pub iterations: u32,
    /// Length of the value in bytes.
    pub hash_bytes: usize,
}

/// Hashes that PBKDF2 can use under HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pbkdf2Prf {
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl Pbkdf2Prf {
    /// The smallest count that OWASP's password storage advice accepts; also what Keycloak uses when a policy names none.
    pub fn recommended_iterations(self) -> u32 {
        match self {
            Self::Sha1 => 1_300_000,
            Self::Sha256 => 600_000,
            Self::Sha512 => 210_000,
        }
    }
}

impl HashAlgorithm {
    /// Argon2id with 19 MiB and two passes: OWASP's minimum, and what a realm without a rule of its own gets. Keycloak's
    /// 7 MiB and five passes are verified, and replaced at the next sign-in.
    pub const RECOMMENDED: Self = Self::Argon2(Argon2Parameters::RECOMMENDED);

    /// PBKDF2 as Keycloak writes it: 64 bytes whatever the hash.
    pub(crate) fn pbkdf2(prf: Pbkdf2Prf, iterations: u32) -> Self {
        Self::Pbkdf2(Pbkdf2Parameters { prf, iterations, hash_bytes: 64 })
    }

    /// Length of the value in bytes.
    pub fn hash_bytes(&self) -> usize {
        match self {
            Self::Argon2(parameters) => parameters.hash_bytes,
            Self::Pbkdf2(parameters) => parameters.hash_bytes,
        }
    }

    /// Whether one hash costs no more than the limits allow (T-049).
    pub fn check(&self) -> Result<(), HashOutOfBounds> {
        if !(PASSWORD_HASH_BYTES_MIN..=PASSWORD_HASH_BYTES_MAX).contains(&self.hash_bytes()) {
            return Err(HashOutOfBounds::HashLength);
        }
        match self {
            Self::Argon2(parameters) => parameters.check(),
            Self::Pbkdf2(parameters) if !(1..=PBKDF2_ITERATIONS_MAX).contains(&parameters.iterations) => Err(HashOutOfBounds::Iterations),
            Self::Pbkdf2(_) => Ok(()),
        }
    }
}

impl Argon2Parameters {
    /// See [`HashAlgorithm::RECOMMENDED`].
    pub const RECOMMENDED: Self = Self {
        variant: Argon2Variant::Id,
        version: Argon2Version::V1_3,
        memory_kib: 19_456,
        iterations: 2,
        parallelism: 1,
        hash_bytes: 32,
    };

    /// Memory times passes: what one hash costs.
    pub(crate) fn work_kib(&self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }

    fn check(&self) -> Result<(), HashOutOfBounds> {
        if !(1..=ARGON2_PARALLELISM_MAX).contains(&self.parallelism) {
            return Err(HashOutOfBounds::Parallelism);
        }
        // RFC 9106 §3.1: at least eight blocks for each lane.
        if !(8 * self.parallelism..=ARGON2_MEMORY_KIB_MAX).contains(&self.memory_kib) {
            return Err(HashOutOfBounds::Memory);
        }
        if !(1..=ARGON2_ITERATIONS_MAX).contains(&self.iterations) {
            return Err(HashOutOfBounds::Iterations);
        }
        if self.work_kib() > ARGON2_WORK_KIB_MAX {
            return Err(HashOutOfBounds::Work);
        }
        Ok(())
    }
}

/// Which bound a hash from outside breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashOutOfBounds {
    /// No iterations, or too many.
    Iterations,
    /// Too little memory for the lanes, or too much.
    Memory,
    /// No lanes, or too many.
    Parallelism,
    /// Memory and passes are each allowed, but not together.
    Work,
    /// Salt too short or too long.
    SaltLength,
    /// Value too short, too long, or not of the length that the parameters name.
    HashLength,
}
