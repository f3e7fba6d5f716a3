//! Making and verifying hashes. Slow on purpose: callers run this on a bounded pool, never on a thread that serves refreshes (T-048).

use super::hash::{
    Argon2Parameters, Argon2Variant, Argon2Version, HashAlgorithm, HashOutOfBounds, PasswordHash, Pbkdf2Parameters, Pbkdf2Prf,
};
use crate::limits::{ARGON2_RETAINED_BLOCKS_MAX, PASSWORD_BYTES_MAX};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use freshkey_protocol::secret::Secret;
use pbkdf2::pbkdf2_hmac;

/// A password as typed, short enough to be hashed. It has no `Debug`.
#[derive(Clone, Copy)]
pub struct PlainPassword<'a>(&'a str);

impl<'a> PlainPassword<'a> {
    /// Refuses what is longer than the limit before anything is hashed (T-049).
    pub fn new(text: &'a str) -> Result<Self, PasswordTooLong> {
        if text.len() > PASSWORD_BYTES_MAX { Err(PasswordTooLong) } else { Ok(Self(text)) }
    }

    pub(super) fn as_str(self) -> &'a str {
        self.0
    }
}

/// The password has more bytes than a password may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordTooLong;

/// The memory of Argon2, kept between hashes: reusing it saves about a quarter of the time of one hash.
///
/// One for each thread that hashes. What stays behind in it is no easier to attack than the stored hash.
#[derive(Default)]
pub struct HashWorkspace {
    blocks: Vec<Block>,
}

impl HashWorkspace {
    /// Empty; grows at the first hash.
    pub fn new() -> Self {
        Self::default()
    }

    fn reserve(&mut self, count: usize) -> Result<&mut [Block], HashFailure> {
        if let Some(missing) = count.checked_sub(self.blocks.len()) {
            // An imported hash may ask for a gibibyte; not having it must not end the process.
            self.blocks.try_reserve_exact(missing).map_err(|_| HashFailure::OutOfMemory)?;
            self.blocks.resize(count, Block::new());
        }
        Ok(&mut self.blocks[..count])
    }

    /// Gives back what a single expensive hash needed, so that it doesn't stay with the thread for ever.
    fn release_excess(&mut self) {
        if self.blocks.len() > ARGON2_RETAINED_BLOCKS_MAX {
            self.blocks.truncate(ARGON2_RETAINED_BLOCKS_MAX);
            self.blocks.shrink_to_fit();
        }
    }

    #[cfg(test)]
    pub(super) fn block_count(&self) -> usize {
        self.blocks.len()
    }
}

/// Whether the password is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is.
    Match,
    /// It isn't.
    Mismatch,
}

/// Why nothing could be hashed. Neither is an answer about the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashFailure {
    /// The memory for Argon2 could not be had.
    OutOfMemory,
    /// The parameters are outside the limits.
    OutOfBounds(HashOutOfBounds),
}

/// Hashes the password at the stored parameters and compares in constant time (T-023).
pub fn verify(hash: &PasswordHash, password: PlainPassword<'_>, workspace: &mut HashWorkspace) -> Result<Verdict, HashFailure> {
    let computed = Secret::new(derive(hash.algorithm(), hash.salt(), password, workspace)?);
    let verdict = if computed.equals(hash.value()) { Verdict::Match } else { Verdict::Mismatch };
    Ok(verdict)
}

/// Does the work of verifying a password that was hashed with `algorithm`, and never matches: for unknown and locked users, so
/// that they can't be told from others by time (T-023).
///
/// A user whose imported hash has another cost still differs until the first sign-in replaces it.
pub fn verify_dummy(algorithm: &HashAlgorithm, password: PlainPassword<'_>, workspace: &mut HashWorkspace) -> Result<Verdict, HashFailure> {
    let dummy = dummy_hash(algorithm).map_err(HashFailure::OutOfBounds)?;
    // By what is discarded here even a guess of the dummy's preimage would not sign anybody in.
    let _ = verify(&dummy, password, workspace)?;
    Ok(Verdict::Mismatch)
}

pub(super) fn dummy_hash(algorithm: &HashAlgorithm) -> Result<PasswordHash, HashOutOfBounds> {
    PasswordHash::new(*algorithm, vec![0; 16], vec![0; algorithm.hash_bytes().min(crate::limits::PASSWORD_HASH_BYTES_MAX)])
}

/// A new hash. The salt must be fresh from `Entropy`.
///
/// Errors: see [`HashFailure`]; with an algorithm from [`super::PasswordPolicy::hash_algorithm`] only want of memory.
pub fn hash(
    password: PlainPassword<'_>,
    algorithm: &HashAlgorithm,
    salt: [u8; 16],
    workspace: &mut HashWorkspace,
) -> Result<PasswordHash, HashFailure> {
    algorithm.check().map_err(HashFailure::OutOfBounds)?;
    let value = derive(algorithm, &salt, password, workspace)?;
    PasswordHash::new(*algorithm, salt.to_vec(), value).map_err(HashFailure::OutOfBounds)
}

/// Whether a hash should be replaced at the next successful sign-in: another algorithm, or weaker in anything.
///
/// A hash that is stronger than the policy stays; Keycloak replaces it.
pub fn needs_rehash(hash: &PasswordHash, wanted: &HashAlgorithm) -> bool {
    let strong_enough = match (hash.algorithm(), wanted) {
        (HashAlgorithm::Argon2(stored), HashAlgorithm::Argon2(wanted)) => {
            stored.variant == wanted.variant
                && stored.version == wanted.version
                && stored.memory_kib >= wanted.memory_kib
                && stored.work_kib() >= wanted.work_kib()
        }
        (HashAlgorithm::Pbkdf2(stored), HashAlgorithm::Pbkdf2(wanted)) => {
            stored.prf == wanted.prf && stored.iterations >= wanted.iterations
        }
        _ => false,
    };
    !strong_enough || hash.salt().len() < 16 || hash.value().len() < wanted.hash_bytes()
}

fn derive(
    algorithm: &HashAlgorithm,
    salt: &[u8],
    password: PlainPassword<'_>,
    workspace: &mut HashWorkspace,
) -> Result<Vec<u8>, HashFailure> {
    let mut value = vec![0; algorithm.hash_bytes()];
    match algorithm {
        HashAlgorithm::Argon2(parameters) => {
            argon2(parameters, salt, password, workspace, &mut value)?;
        }
        HashAlgorithm::Pbkdf2(parameters) => pbkdf2(parameters, salt, password, &mut value),
    }
    Ok(value)
}

fn pbkdf2(parameters: &Pbkdf2Parameters, salt: &[u8], password: PlainPassword<'_>, value: &mut [u8]) {
    let password = password.0.as_bytes();
    match parameters.prf {
        Pbkdf2Prf::Sha1 => pbkdf2_hmac::<sha1::Sha1>(password, salt, parameters.iterations, value),
        Pbkdf2Prf::Sha256 => {
            pbkdf2_hmac::<sha2::Sha256>(password, salt, parameters.iterations, value);
        }
        Pbkdf2Prf::Sha512 => {
            pbkdf2_hmac::<sha2::Sha512>(password, salt, parameters.iterations, value);
        }
    }
}

fn argon2(
    parameters: &Argon2Parameters,
    salt: &[u8],
    password: PlainPassword<'_>,
    workspace: &mut HashWorkspace,
    value: &mut [u8],
) -> Result<(), HashFailure> {
    let variant = match parameters.variant {
        Argon2Variant::Id => Algorithm::Argon2id,
        Argon2Variant::I => Algorithm::Argon2i,
        Argon2Variant::D => Algorithm::Argon2d,
    };
    let version = match parameters.version {
        Argon2Version::V1_0 => Version::V0x10,
        Argon2Version::V1_3 => Version::V0x13,
    };
    let cost = Params::new(parameters.memory_kib, parameters.iterations, parameters.parallelism, Some(value.len()))
        .map_err(|_| HashFailure::OutOfBounds(HashOutOfBounds::Memory))?;
    let block_count = cost.block_count();
    let blocks = workspace.reserve(block_count)?;
    let outcome = Argon2::new(variant, version, cost)
        .hash_password_into_with_memory(password.0.as_bytes(), salt, value, blocks)
        // Memory, output and password are within Argon2's own bounds by now; the salt is the only one left.
        .map_err(|_| HashFailure::OutOfBounds(HashOutOfBounds::SaltLength));
    workspace.release_excess();
    outcome
}
