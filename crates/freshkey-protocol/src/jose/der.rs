//! As much DER as keys need: reading and writing elements with one-byte tags and definite lengths. Nothing is interpreted,
//! and no element may be longer than its surroundings.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`, the version of a certificate.
pub(super) const CONTEXT_0: u8 = 0xa0;

pub(super) const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
pub(super) const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(super) const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];
pub(super) const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(super) const OID_P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
pub(super) const OID_P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// Walks over the elements of one level.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The content of the one element that `bytes` consists of.
    pub(super) fn only(tag: u8, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let mut reader = Self::new(bytes);
        let content = reader.read(tag)?;
        reader.is_at_end().then_some(content)
    }

    /// The content of the next element, which must have that tag.
    pub(super) fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.peek()? != tag {
            return None;
        }
        self.read_any().map(|(_, content)| content)
    }

    /// The next element whole, tag and length included.
    pub(super) fn read_whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        let before = self.rest;
        self.read(tag)?;
        before.get(..before.len() - self.rest.len())
    }

    /// A non-negative integer without its sign byte.
    pub(super) fn read_unsigned(&mut self) -> Option<&'a [u8]> {
        match self.read(INTEGER)? {
            [0, magnitude @ ..] if magnitude.first().is_some_and(|&byte| byte >= 0x80) => Some(magnitude),
            [0] => Some(&[]),
            [first, ..] if *first == 0 || *first >= 0x80 => None,
            [] => None,
            magnitude => Some(magnitude),
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn read_any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.rest.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Up to three length bytes: 16 MiB is more than any limit here lets in.
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let len = digits.iter().fold(0_usize, |len, &digit| len << 8 | usize::from(digit));
                // DER: no leading zero, and the short form where it fits.
                if digits.first() == Some(&0) || len < 0x80 {
                    return None;
                }
                (len, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some((tag, content))
    }
}

/// One element.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(len + 5);
    out.push(tag);
    let digits = len.to_be_bytes();
    match len {
        0..=0x7f => out.push(digits[digits.len() - 1]),
        _ => {
            let significant = digits.iter().copied().skip_while(|&digit| digit == 0);
            // At most eight digits.
            out.push(0x80 | u8::try_from(significant.clone().count()).unwrap_or(8));
            out.extend(significant);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A non-negative integer of big-endian bytes without leading zeros.
pub(super) fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let needs_sign_byte = magnitude.first().is_none_or(|&byte| byte >= 0x80);
    element(INTEGER, &[if needs_sign_byte { &[0] } else { &[] }, magnitude])
}
