//! Strict base64url without padding (RFC 7515 §2): one text per value, everything else is refused.
//! Writing goes straight into the caller's buffer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text isn't the canonical unpadded base64url form of any bytes, or is too long for where it should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBase64Url;

/// Characters that `bytes` bytes take.
#[must_use]
pub const fn encoded_len(bytes: usize) -> usize {
    // A text of more than isize::MAX bytes can't exist, so the product can't overflow for real inputs.
    bytes / 3 * 4 + [0, 2, 3][bytes % 3]
}

/// Appends the text of `bytes` to `out`.
pub fn append(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + encoded_len(bytes.len()), 0);
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    debug_assert_eq!(written, out.len() - start, "the buffer was sized by the same formula");
}

/// The text of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of a canonical text. Padding, white space, the `+/` alphabet, a dangling character and set trailing bits are
/// refused (T-016), so that no two texts mean the same bytes.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

/// Decodes into `buffer` and answers with the part that was filled.
pub fn decode_into<'b>(text: &[u8], buffer: &'b mut [u8]) -> Result<&'b [u8], NotBase64Url> {
    let len = URL_SAFE_NO_PAD.decode_slice(text, buffer).map_err(|_| NotBase64Url)?;
    buffer.get(..len).ok_or(NotBase64Url)
}

#[cfg(test)]
mod tests {
    use super::{append, decode, decode_into, encode, encoded_len};

    #[test]
    fn appended_text_equals_encoded_text() {
        for len in 0..100_usize {
            let bytes: Vec<u8> = (0..len).map(|i| u8::try_from(i * 37 % 256).unwrap_or(0)).collect();
            let mut out = b"x.".to_vec();
            append(&bytes, &mut out);
            let text = encode(&bytes);
            assert_eq!(&out[2..], text.as_bytes());
            assert_eq!(encoded_len(len), text.len());
            assert_eq!(decode(text.as_bytes()).as_deref(), Ok(&bytes[..]));
        }
    }

    #[test]
    fn t_016_only_one_text_means_the_same_bytes() {
        assert_eq!(decode(b"Zg"), Ok(b"f".to_vec()));
        for text in ["Zg==", "Zh", "Zg=", "Z", "Zg\n", " Zg", "Zm9+", "Zm9/", "Zm 9", "Zg.", "Z\u{e9}"] {
            assert!(decode(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn text_too_long_for_the_buffer_is_refused() {
        let mut buffer = [0; 4];
        assert!(decode_into(encode(&[1; 40]).as_bytes(), &mut buffer).is_err());
        let mut buffer = [0; 40];
        assert_eq!(decode_into(encode(&[1; 40]).as_bytes(), &mut buffer), Ok(&[1; 40][..]));
    }
}
