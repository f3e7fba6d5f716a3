//! How oidc-agent's callers frame and seal what they say: each side sends a fresh public key in base64; then the request and the answer go as
//! `length:nonce:box`, where the box is NaCl's `crypto_box` and the length that of the text. Nothing says where a message ends but its own form.

use crate::clock::random;
use crate::limits::{AGENT_REQUEST_TIMEOUT, HELPER_REQUEST_BYTES_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Characters of 32 bytes in base64.
const KEY_CHARS: usize = 44;
/// Characters of 24 bytes in base64.
const NONCE_CHARS: usize = 32;
/// Bytes that sealing adds.
const TAG_BYTES: usize = 16;
/// Digits of a length.
const LENGTH_DIGITS_MAX: usize = 5;

/// A caller who has asked, and waits.
pub(super) struct Channel {
    stream: UnixStream,
    sealing: SalsaBox,
}

impl Channel {
    /// Exchanges keys, and reads the request. `None` for a caller who is too slow, says too much, or speaks otherwise.
    pub(super) async fn open(stream: UnixStream) -> Option<(Self, Vec<u8>)> {
        timeout(AGENT_REQUEST_TIMEOUT, Self::accept(stream)).await.ok()?
    }

    async fn accept(mut stream: UnixStream) -> Option<(Self, Vec<u8>)> {
        let mut text = [0; KEY_CHARS];
        stream.read_exact(&mut text).await.ok()?;
        let theirs: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
        let ours = SecretKey::from(random::<32>());
        let sealing = SalsaBox::new(&PublicKey::from(theirs), &ours);
        stream.write_all(STANDARD.encode(ours.public_key().as_bytes()).as_bytes()).await.ok()?;

        let length = read_length(&mut stream).await?;
        let box_chars = (length + TAG_BYTES).div_ceil(3) * 4;
        let mut rest = vec![0; NONCE_CHARS + 1 + box_chars];
        stream.read_exact(&mut rest).await.ok()?;
        let request = open(&sealing, &rest)?;
        Some((Self { stream, sealing }, request))
    }

    /// Sends the answer, sealed. A caller that has gone away wants none.
    pub(super) async fn answer(mut self, text: &str) {
        let nonce = random::<24>();
        let Ok(sealed) = self.sealing.encrypt(&nonce.into(), text.as_bytes()) else { return };
        let message = format!("{}:{}:{}", text.len(), STANDARD.encode(nonce), STANDARD.encode(sealed));
        let _ = timeout(AGENT_REQUEST_TIMEOUT, self.stream.write_all(message.as_bytes())).await;
    }
}

/// The number before the first colon.
async fn read_length(stream: &mut UnixStream) -> Option<usize> {
    let mut digits = String::new();
    loop {
        match char::from(stream.read_u8().await.ok()?) {
            ':' => break,
            digit if digit.is_ascii_digit() && digits.len() < LENGTH_DIGITS_MAX => digits.push(digit),
            _ => return None,
        }
    }
    digits.parse().ok().filter(|length| *length <= HELPER_REQUEST_BYTES_MAX)
}

/// `nonce:box`.
fn open(sealing: &SalsaBox, text: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = text.split_at_checked(NONCE_CHARS)?;
    let nonce: [u8; 24] = STANDARD.decode(nonce).ok()?.try_into().ok()?;
    let sealed = STANDARD.decode(sealed.strip_prefix(b":")?).ok()?;
    sealing.decrypt(&nonce.into(), sealed.as_slice()).ok()
}
