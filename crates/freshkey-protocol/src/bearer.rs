//! `Authorization: Bearer …` (RFC 6750 §2.1). Takes the token out of the header; whether it is any good is not known here.
//! Tokens in form bodies and query strings are deliberately not looked for.

use crate::limits::{BEARER_HEADER_BYTES_MAX, COMPACT_JWS_BYTES_MAX};

/// Why a header value holds no bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerError {
    /// Another scheme, `Basic` for instance.
    OtherScheme,
    /// Nothing after the scheme, or something that isn't a `b64token`.
    Malformed,
    /// Header above [`BEARER_HEADER_BYTES_MAX`] or token above [`COMPACT_JWS_BYTES_MAX`] bytes.
    TooLong,
}

/// What an `Authorization` header of this scheme presents, whatever it is: each byte of a token is looked at only when the token is wanted, which saves
/// the work for whoever knows these bytes already. As good as a password: no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerCredentials<'a>(&'a [u8]);

/// A token as it was presented. It is as good as a password until it expires: no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a>(&'a str);

impl<'a> BearerCredentials<'a> {
    /// Reads the scheme of one `Authorization` header, whose case doesn't matter (RFC 9110 §11.1), and finds what follows.
    pub fn of_header(header: &'a [u8]) -> Result<Self, BearerError> {
        if header.len() > BEARER_HEADER_BYTES_MAX {
            return Err(BearerError::TooLong);
        }
        let credentials = credentials(header, "bearer").ok_or(BearerError::OtherScheme)?;
        if credentials.len() > COMPACT_JWS_BYTES_MAX {
            return Err(BearerError::TooLong);
        }
        Ok(Self(credentials))
    }

    /// All of it.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The token, if it is one.
    pub fn token(self) -> Result<BearerToken<'a>, BearerError> {
        let body = self.0.trim_ascii_end();
        let padding = body.iter().rev().take_while(|&&byte| byte == b'=').count();
        // Without a way out in the middle, so that many bytes are looked at in one step.
        let is_token = body.len() > padding && body[..body.len() - padding].iter().fold(true, |good, &byte| good & is_token_byte(byte));
        match std::str::from_utf8(body) {
            Ok(text) if is_token => Ok(BearerToken(text)),
            _ => Err(BearerError::Malformed),
        }
    }
}

impl<'a> BearerToken<'a> {
    /// Reads the value of one `Authorization` header.
    pub fn parse(header: &'a [u8]) -> Result<Self, BearerError> {
        BearerCredentials::of_header(header)?.token()
    }

    /// The token's text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// What follows the scheme and its spaces, when the header has that scheme (given in lower case).
pub(crate) fn credentials<'a>(header: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let header = header.trim_ascii_start();
    let (name, rest) = header.split_at_checked(scheme.len())?;
    let is_scheme = name.eq_ignore_ascii_case(scheme.as_bytes()) && rest.first().is_none_or(|&byte| byte == b' ');
    is_scheme.then(|| rest.trim_ascii_start())
}

/// Few comparisons, all of them made: `-`, `.`, `/` and the digits are neighbours.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphabetic() | matches!(byte, b'-'..=b'9') | (byte == b'+') | (byte == b'_') | (byte == b'~')
}

#[cfg(test)]
mod tests {
    use super::{BearerError, BearerToken};
    use crate::limits::COMPACT_JWS_BYTES_MAX;
    use proptest::prelude::*;

    fn parse(header: &str) -> Result<&str, BearerError> {
        BearerToken::parse(header.as_bytes()).map(BearerToken::as_str)
    }

    #[test]
    fn rfc_6750_section_2_1_example_is_read() {
        assert_eq!(parse("Bearer mF_9.B5f-4.1JqM"), Ok("mF_9.B5f-4.1JqM"));
        assert_eq!(parse("bEARER   abc== "), Ok("abc=="));
    }

    #[test]
    fn everything_else_is_refused_with_the_reason() {
        for (header, expected) in [
            ("", BearerError::OtherScheme),
            ("Basic abc", BearerError::OtherScheme),
            ("Bearerabc", BearerError::OtherScheme),
            ("Bearer\tabc", BearerError::OtherScheme),
            ("Bearer", BearerError::Malformed),
            ("Bearer ", BearerError::Malformed),
            ("Bearer ==", BearerError::Malformed),
            ("Bearer a b", BearerError::Malformed),
            ("Bearer a=b", BearerError::Malformed),
            ("Bearer a,b", BearerError::Malformed),
            ("Bearer \u{e4}", BearerError::Malformed),
        ] {
            assert_eq!(parse(header), Err(expected), "{header:?}");
        }
    }

    #[test]
    fn token_length_is_limited() {
        let header = |len| format!("Bearer {}", "a".repeat(len));
        assert!(parse(&header(COMPACT_JWS_BYTES_MAX)).is_ok());
        assert_eq!(parse(&header(COMPACT_JWS_BYTES_MAX + 1)), Err(BearerError::TooLong));
        assert_eq!(parse(&header(COMPACT_JWS_BYTES_MAX * 2)), Err(BearerError::TooLong));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn t_050_any_header_is_read_or_refused(tail in prop::collection::vec(any::<u8>(), 0..64)) {
            let header = [b"Bearer ".as_slice(), &tail].concat();
            if let Ok(token) = BearerToken::parse(&header) {
                prop_assert!(!token.as_str().is_empty());
            }
        }
    }
}
