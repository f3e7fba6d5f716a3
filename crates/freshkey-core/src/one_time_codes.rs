//! One-time codes, counted by events (HOTP, RFC 4226) or by time (TOTP, RFC 6238): pure functions of the device, the code and the moment.
//!
//! Nothing is remembered here. What was used is a number that only grows, [`Device::next`]; the caller records it with the sign-in.

pub use crate::keycloak::one_time_code::{read_device, with_counter};

use crate::ids::{RealmKey, UserKey};
use crate::limits::{ONE_TIME_CODE_DEVICES_MAX, ONE_TIME_CODE_WINDOW_MAX};
use crate::time::{EpochSeconds, Now};
use freshkey_protocol::Secret;
use hmac::Hmac;
use std::fmt;

/// A device as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// Public id of the credential.
    pub credential_id: String,
    /// What it counts.
    pub counts: Counts,
    /// How long its codes are.
    pub digits: CodeDigits,
    /// The hash that its codes are made with.
    pub hash: CodeHash,
    /// The key that it shares with us.
    pub secret: Secret<Vec<u8>>,
    /// The lowest count whose code may still be used: all below are used up.
    pub next: i64,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({} {:?} {:?} {:?} next {})", self.credential_id, self.counts, self.digits, self.hash, self.next)
    }
}

/// What a device counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Its own codes (HOTP).
    Events,
    /// Periods since the epoch (TOTP).
    Periods {
        /// How long one is; never 0.
        period_s: i64,
    },
}

/// How many digits a code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeDigits {
    /// The usual length, and the shortest (RFC 4226 §5.3).
    Six,
    /// No app of today makes these; Keycloak takes them.
    Seven,
    /// The longest one.
    Eight,
}

/// The hash under the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeHash {
    /// What RFC 4226 has, and every app.
    Sha1,
    /// RFC 6238 §1.2.
    Sha256,
    /// RFC 6238 §1.2.
    Sha512,
}

/// What a realm says of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodePolicy {
    /// By how many counts a device may be ahead; one that counts periods, behind as well.
    pub window: u32,
    /// Whether a code by time may be used twice. A counted one never may.
    pub reuse: CodeReuse,
}

impl CodePolicy {
    /// Keycloak's defaults.
    pub const KEYCLOAK: Self = Self { window: 1, reuse: CodeReuse::Refused };
}

/// Whether a code by time may be used again while it is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeReuse {
    /// It may not (RFC 6238 §5.2).
    Refused,
    /// It may (`otpPolicyCodeReusable`).
    Allowed,
}

/// A code that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Accepted {
    /// It is used up with this sign-in.
    Once(CodeUse),
    /// It may be used again.
    Reusable,
}

/// What is to be recorded, so that a code serves once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeUse {
    /// The realm.
    pub realm: RealmKey,
    /// Whose device it is.
    pub user: UserKey,
    /// Public id of the credential.
    pub credential_id: String,
    /// [`Device::next`] from now on, if that is more than it is.
    pub next: i64,
}

/// Why a code does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeFault {
    /// No device has it as one of its next codes.
    Wrong,
    /// It was right, and was used before.
    Used,
}

/// Judges a code. Any of the user's devices will do.
pub fn judge(devices: &[Device], code: &str, policy: CodePolicy, whose: (RealmKey, UserKey), now: Now) -> Result<Accepted, CodeFault> {
    let mut fault = CodeFault::Wrong;
    for device in devices.iter().take(ONE_TIME_CODE_DEVICES_MAX) {
        let reusable = policy.reuse == CodeReuse::Allowed && device.counts != Counts::Events;
        for count in device.window(policy.window, now.seconds()) {
            if !device.code(count).equals(code.as_bytes()) {
                continue;
            }
            if reusable {
                return Ok(Accepted::Reusable);
            }
            if count >= device.next {
                let (realm, user) = whose;
                let next = count.saturating_add(1);
                return Ok(Accepted::Once(CodeUse { realm, user, credential_id: device.credential_id.clone(), next }));
            }
            fault = CodeFault::Used;
        }
    }
    Err(fault)
}

impl Device {
    /// The counts whose codes are looked at, used ones included where it is worth telling that they were.
    fn window(&self, window: u32, now: EpochSeconds) -> std::ops::RangeInclusive<i64> {
        let window = i64::from(window.min(ONE_TIME_CODE_WINDOW_MAX));
        match self.counts {
            Counts::Events => self.next..=self.next.saturating_add(window),
            Counts::Periods { period_s } => {
                let present = now.div_euclid(period_s.max(1));
                present.saturating_sub(window).max(0)..=present.saturating_add(window)
            }
        }
    }

    /// The device's code for a count (RFC 4226 §5.3).
    pub fn code(&self, count: i64) -> Secret<String> {
        let moving = count.to_be_bytes();
        let mac = match self.hash {
            CodeHash::Sha1 => mac::<Hmac<sha1::Sha1>>(self.secret.expose(), moving),
            CodeHash::Sha256 => mac::<Hmac<sha2::Sha256>>(self.secret.expose(), moving),
            CodeHash::Sha512 => mac::<Hmac<sha2::Sha512>>(self.secret.expose(), moving),
        };
        let binary = truncated(mac.expose());
        Secret::new(match self.digits {
            CodeDigits::Six => format!("{:06}", binary % 1_000_000),
            CodeDigits::Seven => format!("{:07}", binary % 10_000_000),
            CodeDigits::Eight => format!("{:08}", binary % 100_000_000),
        })
    }
}

fn mac<M: hmac::Mac + hmac::KeyInit>(secret: &[u8], moving: [u8; 8]) -> Secret<Vec<u8>> {
    let mac = <M as hmac::KeyInit>::new_from_slice(secret).map(|mac| mac.chain_update(moving).finalize().into_bytes().to_vec());
    // HMAC takes a key of any length (RFC 2104 §2).
    Secret::new(mac.unwrap_or_default())
}

/// Dynamic truncation: 31 bits at the place that the last four bits name.
fn truncated(mac: &[u8]) -> u32 {
    let at = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
    let word = mac.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).unwrap_or_default();
    u32::from_be_bytes(word) & 0x7fff_ffff
}

#[cfg(test)]
mod tests;
