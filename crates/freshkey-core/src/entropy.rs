//! Randomness as an argument. Product code hands in the operating system's, tests hand in a seeded one.

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer. An implementation that cannot must not return.
    fn fill(&self, buffer: &mut [u8]);
}

/// `N` fresh random bytes.
pub fn random_bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0_u8; N];
    entropy.fill(&mut bytes);
    bytes
}

/// A random (version 4) UUID in its canonical text form, the shape of Keycloak's ids of users, clients and tokens.
pub fn random_uuid(entropy: &dyn Entropy) -> String {
    let mut bytes = random_bytes::<16>(entropy);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    crate::ids::uuid_text(&bytes)
}
