//! Keys and certificates as text: PEM, or the bare base64 of the DER that Keycloak keeps in its exports.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeyError;
use crate::limits::KEY_TEXT_BYTES_MAX;

/// The DER bytes of the first PEM block, or of the whole text when it has no armour. The label is not
/// looked at, because the content tells what it is.
pub(super) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if text.len() > KEY_TEXT_BYTES_MAX {
        return Err(KeyError::Malformed);
    }
    let body = unarmoured(text).ok_or(KeyError::Malformed)?;
    let compact: Zeroizing<Vec<u8>> = Zeroizing::new(body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    let der = STANDARD.decode(&*compact).map(Zeroizing::new).map_err(|_| KeyError::Malformed)?;
    if der.is_empty() { Err(KeyError::Malformed) } else { Ok(der) }
}

fn unarmoured(text: &str) -> Option<&str> {
    let Some((_, after_begin)) = text.split_once("-----BEGIN ") else { return Some(text) };
    let (label, after_label) = after_begin.split_once("-----")?;
    let (body, after_body) = after_label.split_once("-----END ")?;
    after_body.strip_prefix(label)?.starts_with("-----").then_some(body)
}
