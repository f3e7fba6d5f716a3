//! Secrets at rest: AES-256-GCM under a key that is kept elsewhere, bound to the place that they are sealed for (T-053, T-060).
//! Where the key is kept, and what a place is, is for the caller to say.

use crate::secret::Secret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};

/// The form of what is sealed: this byte, the id of the key, the nonce, the ciphertext with its tag.
const FORM: u8 = 1;
/// Bytes of the id of a key.
pub const SEAL_KEY_ID_BYTES: usize = 4;
const HEADER_BYTES: usize = 1 + SEAL_KEY_ID_BYTES + NONCE_LEN;

/// The cipher refused its key or its work. It does not happen with a key of 32 bytes and texts that fit into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealFailed;

/// Why something sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenError {
    /// Changed, cut, or sealed for another place.
    Broken,
    /// Of a form that this release does not know.
    UnknownForm(u8),
    /// Sealed under the key with this id.
    OtherKey([u8; SEAL_KEY_ID_BYTES]),
}

/// Seals and opens under one key.
pub struct Sealer {
    key: RandomizedNonceKey,
    id: [u8; SEAL_KEY_ID_BYTES],
}

impl Sealer {
    /// Takes the key.
    pub fn new(bytes: &Secret<[u8; 32]>) -> Result<Self, SealFailed> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.expose()).map_err(|_| SealFailed)?;
        // A hash of the key names it without telling anything about it.
        let hash = digest(&SHA256, &[b"freshkey sealing key id".as_slice(), bytes.expose()].concat());
        let mut id = [0; SEAL_KEY_ID_BYTES];
        id.copy_from_slice(&hash.as_ref()[..SEAL_KEY_ID_BYTES]);
        Ok(Self { key, id })
    }

    /// Names the key.
    #[must_use]
    pub fn key_id(&self) -> [u8; SEAL_KEY_ID_BYTES] {
        self.id
    }

    /// Seals for one place.
    pub fn seal(&self, place: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, SealFailed> {
        let mut sealed = Vec::with_capacity(HEADER_BYTES + plain.len() + AES_256_GCM.tag_len());
        sealed.push(FORM);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(plain);
        let aad = Aad::from(self.bound_to(place));
        let (nonce, tag) = self.key.seal_in_place_separate_tag(aad, &mut sealed[HEADER_BYTES..]).map_err(|_| SealFailed)?;
        sealed[HEADER_BYTES - NONCE_LEN..HEADER_BYTES].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`Sealer::seal`] has sealed for the same place.
    pub fn open(&self, place: &[&[u8]], sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        let (header, ciphertext) = sealed.split_at_checked(HEADER_BYTES).ok_or(OpenError::Broken)?;
        if header[0] != FORM {
            return Err(OpenError::UnknownForm(header[0]));
        }
        let found: [u8; SEAL_KEY_ID_BYTES] = header[1..=SEAL_KEY_ID_BYTES].try_into().map_err(|_| OpenError::Broken)?;
        if found != self.id {
            return Err(OpenError::OtherKey(found));
        }
        let nonce = Nonce::try_assume_unique_for_key(&header[1 + SEAL_KEY_ID_BYTES..]).map_err(|_| OpenError::Broken)?;
        let mut bytes = Secret::new(ciphertext.to_vec());
        let aad = Aad::from(self.bound_to(place));
        let length =
            bytes.with_mut(|bytes| self.key.open_in_place(nonce, aad, bytes).map(|plain| plain.len())).map_err(|_| OpenError::Broken)?;
        bytes.with_mut(|bytes| bytes.truncate(length));
        Ok(bytes)
    }

    /// Each part with its length before it, so that no two places have the same bytes.
    fn bound_to(&self, place: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        bytes.push(FORM);
        bytes.extend_from_slice(&self.id);
        for part in place {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &[&[u8]] = &[b"credential", b"user", b"id"];

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&Secret::new([byte; 32])).expect("a key")
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_only() {
        let sealer = sealer(1);
        let sealed = sealer.seal(PLACE, b"s3cret").expect("sealed");
        assert_eq!(sealer.open(PLACE, &sealed).unwrap_or_else(|error| panic!("{error:?}")).expose(), b"s3cret");
        for place in [&[b"credential".as_slice(), b"userid", b""], &[b"credential".as_slice(), b"user", b"di"]] {
            assert_eq!(sealer.open(place, &sealed).err(), Some(OpenError::Broken));
        }
        assert_eq!(sealer.open(&[b"credential", b"userid"], &sealed).err(), Some(OpenError::Broken));
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let sealer = sealer(1);
        let sealed = sealer.seal(PLACE, b"s3cret").expect("sealed");
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(sealer.open(PLACE, &changed).is_err(), "byte {position}");
        }
        for length in 0..sealed.len() {
            assert!(sealer.open(PLACE, &sealed[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn the_same_text_is_sealed_differently_each_time() {
        assert_ne!(sealer(1).seal(PLACE, b"s3cret"), sealer(1).seal(PLACE, b"s3cret"));
    }

    #[test]
    fn another_key_and_an_unknown_form_are_told_apart() {
        let mut sealed = sealer(1).seal(PLACE, b"s3cret").expect("sealed");
        assert_eq!(sealer(2).open(PLACE, &sealed).err(), Some(OpenError::OtherKey(sealer(1).key_id())));
        sealed[0] = 9;
        assert_eq!(sealer(1).open(PLACE, &sealed).err(), Some(OpenError::UnknownForm(9)));
    }
}
