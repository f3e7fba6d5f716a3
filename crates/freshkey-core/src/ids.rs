//! The ids of the house, one type each, so that none can be passed for another.
//!
//! Realms, users, clients, roles and groups have a *public id*, a text of any shape as long as Keycloak's 36 characters or so, and a *key* of 16 bytes
//! that rows refer to: the UUID itself where the public id is one, else a hash of it. A key is a function of the id; no look-up is ever needed.

use crate::Entropy;
use crate::entropy::random_bytes;
use crate::time::Now;
use sha2::{Digest, Sha256};
use std::fmt;

macro_rules! key_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The key of a public id: the UUID when the id is a canonical one, otherwise the first half of its SHA-256.
            pub fn of(public_id: &str) -> Self {
                Self(key_bytes(public_id))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&uuid_text(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), uuid_text(&self.0))
            }
        }
    };
}

key_newtype!(
    /// Key of a user, unique within its realm.
    UserKey
);
key_newtype!(
    /// Key of a client, unique within its realm. Not the OAuth `client_id`, which is a text that an administrator may change.
    ClientKey
);
key_newtype!(
    /// Key of a realm role or client role, unique within its realm.
    RoleKey
);
key_newtype!(
    /// Key of a group, unique within its realm.
    GroupKey
);

/// Key of a realm, unique in the database. A realm's name can change, its key cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealmKey(pub i64);

/// A session id (`sid`): one sign-in of one user. Not a secret.
///
/// UUIDv7, so that rows are written in order of time; its 12 `rand_a` bits are a hash of the user, so that the rows of one
/// person could be split over several databases without new ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 16]);

impl SessionId {
    /// A fresh id for a sign-in of `user` at `now`.
    pub fn generate(now: Now, user: UserKey, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0_u8; 16];
        // The 48 low bits of the time: good until the year 10889.
        bytes[..6].copy_from_slice(&now.milliseconds().to_be_bytes()[2..]);
        let user_hash = Sha256::digest(user.0);
        bytes[6] = 0x70 | (user_hash[0] & 0x0f);
        bytes[7] = user_hash[1];
        bytes[8..].copy_from_slice(&random_bytes::<8>(entropy));
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// Reads the canonical text form; anything else is no id of ours.
    pub fn parse(text: &str) -> Option<Self> {
        parse_uuid(text).map(Self)
    }

    /// The id of the session that a token names: the UUID when it names one, otherwise the first half of its SHA-256, as with the keys above.
    /// `None` for what is no id: those of Keycloak have up to 36 characters of base64url.
    ///
    /// Since Keycloak 26.7 they are random texts of 24 characters. The text is kept beside the grant ([`crate::inherited::sid_text`]).
    pub fn of(text: &str) -> Option<Self> {
        let is_id = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_';
        ((1..=36).contains(&text.len()) && text.bytes().all(is_id)).then(|| Self(key_bytes(text)))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&uuid_text(&self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// One chain of refresh tokens within a client session: one sign-in, a browser tab for instance (Keycloak's `reuse_id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Family(pub i64);

impl Family {
    /// The first chain of a client in a session.
    pub const FIRST: Self = Self(0);

    /// A fresh family, for a further chain of the same client in the same session.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(i64::from_be_bytes(random_bytes::<8>(entropy)))
    }

    /// The family that a `reuse_id` of Keycloak's names: a hash of the UUID, since ours have half its size. `None` for anything but a UUID.
    pub fn of_keycloak(reuse_id: &str) -> Option<Self> {
        let digest = Sha256::digest(parse_uuid(reuse_id)?);
        let mut bytes = [0_u8; 8];
        bytes.copy_from_slice(&digest[..8]);
        Some(Self(i64::from_be_bytes(bytes)))
    }

    /// Reads what [`fmt::Display`] wrote: 16 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 16 {
            return None;
        }
        let mut value = 0_u64;
        for digit in digits {
            value = (value << 4) | u64::from(hex_digit(*digit)?);
        }
        Some(Self(value.cast_signed()))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0.cast_unsigned())
    }
}

fn key_bytes(public_id: &str) -> [u8; 16] {
    parse_uuid(public_id).unwrap_or_else(|| {
        let digest = Sha256::digest(public_id.as_bytes());
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes
    })
}

/// The canonical text form of a UUID: 36 characters, lower case.
pub fn uuid_text(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
    text
}

/// Reads a canonical UUID. Upper case is refused: two spellings of one id would be two ids to everyone else.
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 || [8, 13, 18, 23].iter().any(|&dash| text[dash] != b'-') {
        return None;
    }
    let mut bytes = [0_u8; 16];
    let mut digits = text.iter().enumerate().filter(|(position, _)| !matches!(position, 8 | 13 | 18 | 23));
    for byte in &mut bytes {
        let (_, high) = digits.next()?;
        let (_, low) = digits.next()?;
        *byte = (hex_digit(*high)? << 4) | hex_digit(*low)?;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
