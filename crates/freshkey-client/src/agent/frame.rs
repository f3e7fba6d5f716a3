//! What goes over the agent's socket: one request and one answer a connection, each a length (4 bytes, little endian) and as many bytes. The request
//! for a token is read without any parser of documents; everything else is JSON.

use crate::failure::{Failure, FailureKind};
use crate::limits::{AGENT_ANSWER_BYTES_MAX, AGENT_REQUEST_BYTES_MAX};

/// Raised when a form changes. An agent of another one says so, and is started anew.
pub const PROTOCOL: u8 = 1;

const TOKEN: u8 = 1;
const CALL: u8 = 2;

/// What a caller asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A token that is fresh enough.
    Token(TokenWish),
    /// Anything else, as JSON.
    Call(Vec<u8>),
}

/// A wish for a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenWish {
    /// Of this profile, or of the default one.
    pub profile: Option<String>,
    /// With so many seconds to live.
    pub min_ttl_s: Option<u32>,
    /// How it is written.
    pub form: TokenForm,
}

/// How a token is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TokenForm {
    /// Alone.
    #[default]
    Plain,
    /// As a header of HTTP.
    Header,
    /// As a JSON object with what is known of it.
    Json,
    /// One member of that object.
    Field(String),
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What was asked for, and what the caller should be told beside it.
    Done {
        /// For standard output.
        data: Vec<u8>,
        /// For standard error.
        warning: Option<String>,
    },
    /// Why not.
    Failed(Failure),
}

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl Request {
    /// As it is sent, with its length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = vec![PROTOCOL];
        match self {
            Self::Token(wish) => {
                body.push(TOKEN);
                append_text(wish.profile.as_deref().unwrap_or_default(), &mut body);
                body.extend_from_slice(&wish.min_ttl_s.map_or(-1, i64::from).to_le_bytes());
                let (form, field) = match &wish.form {
                    TokenForm::Plain => (0, ""),
                    TokenForm::Header => (1, ""),
                    TokenForm::Json => (2, ""),
                    TokenForm::Field(name) => (3, name.as_str()),
                };
                body.push(form);
                append_text(field, &mut body);
            }
            Self::Call(json) => {
                body.push(CALL);
                body.extend_from_slice(json);
            }
        }
        framed(&body)
    }

    /// Reads one, without its length. The version is for [`version_of`] to judge.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Rest(body);
        rest.byte()?;
        match rest.byte()? {
            TOKEN => {
                let profile = Some(rest.text()?).filter(|name| !name.is_empty());
                let min_ttl_s = match i64::from_le_bytes(rest.array()?) {
                    -1 => None,
                    seconds => Some(u32::try_from(seconds).map_err(|_| Malformed)?),
                };
                let form = rest.byte()?;
                let field = rest.text()?;
                let form = match form {
                    0 => TokenForm::Plain,
                    1 => TokenForm::Header,
                    2 => TokenForm::Json,
                    3 => TokenForm::Field(field),
                    _ => return Err(Malformed),
                };
                if rest.0.is_empty() { Ok(Self::Token(TokenWish { profile, min_ttl_s, form })) } else { Err(Malformed) }
            }
            CALL => Ok(Self::Call(rest.0.to_vec())),
            _ => Err(Malformed),
        }
    }
}

/// The form that a request is in.
#[must_use]
pub fn version_of(body: &[u8]) -> Option<u8> {
    body.first().copied()
}

impl Answer {
    /// As it is sent, with its length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        match self {
            Self::Done { data, warning } => {
                body.push(0);
                append_text(warning.as_deref().unwrap_or_default(), &mut body);
                body.extend_from_slice(data);
            }
            Self::Failed(failure) => {
                body.push(failure.kind.exit_code());
                append_text(&failure.message, &mut body);
                append_text(failure.hint.as_deref().unwrap_or_default(), &mut body);
            }
        }
        framed(&body)
    }

    /// Reads one, without its length.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Rest(body);
        match rest.byte()? {
            0 => {
                let warning = Some(rest.text()?).filter(|text| !text.is_empty());
                Ok(Self::Done { data: rest.0.to_vec(), warning })
            }
            code => {
                let kind = FailureKind::of_exit_code(code).ok_or(Malformed)?;
                let message = rest.text()?;
                let hint = Some(rest.text()?).filter(|text| !text.is_empty());
                Ok(Self::Failed(Failure { kind, message, hint }))
            }
        }
    }
}

/// The length that a frame's first four bytes tell, if it is one that is taken.
pub fn request_len(header: [u8; 4]) -> Result<usize, Malformed> {
    length(header, AGENT_REQUEST_BYTES_MAX)
}

/// The same for an answer.
pub fn answer_len(header: [u8; 4]) -> Result<usize, Malformed> {
    length(header, AGENT_ANSWER_BYTES_MAX)
}

fn length(header: [u8; 4], bytes_max: usize) -> Result<usize, Malformed> {
    let length = usize::try_from(u32::from_le_bytes(header)).map_err(|_| Malformed)?;
    if (1..=bytes_max).contains(&length) { Ok(length) } else { Err(Malformed) }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [length.to_le_bytes().as_slice(), body].concat()
}

fn append_text(text: &str, out: &mut Vec<u8>) {
    let text = &text.as_bytes()[..text.floor_char_boundary(usize::from(u16::MAX))];
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(text);
}

struct Rest<'b>(&'b [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(frame: &[u8]) -> &[u8] {
        &frame[4..]
    }

    #[test]
    fn what_was_sent_is_read() {
        for form in [TokenForm::Plain, TokenForm::Header, TokenForm::Json, TokenForm::Field("sub".into())] {
            for (profile, min_ttl_s) in [(None, None), (Some("ua".to_owned()), Some(0)), (Some("lab".to_owned()), Some(u32::MAX))] {
                let request = Request::Token(TokenWish { profile, min_ttl_s, form: form.clone() });
                let frame = request.encode();
                assert_eq!(request_len(*frame.first_chunk().expect("a length")), Ok(frame.len() - 4));
                assert_eq!(Request::decode(body(&frame)), Ok(request));
            }
        }
        let call = Request::Call(b"{}".to_vec());
        assert_eq!(Request::decode(body(&call.encode())), Ok(call));
        let failure = Failure::new(FailureKind::SignIn, "over").with_hint("sign in");
        for answer in [
            Answer::Done { data: b"token".to_vec(), warning: None },
            Answer::Done { data: vec![b'a'; 100_000], warning: Some("careful".to_owned()) },
            Answer::Failed(failure),
        ] {
            assert_eq!(Answer::decode(body(&answer.encode())), Ok(answer));
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_is_read() {
        assert_eq!(request_len([0, 0, 0, 0]), Err(Malformed));
        assert_eq!(request_len(u32::MAX.to_le_bytes()), Err(Malformed));
        assert_eq!(request_len(16_384_u32.to_le_bytes()), Ok(16_384));
        assert_eq!(request_len(16_385_u32.to_le_bytes()), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::decode(&bytes);
            let _ = Answer::decode(&bytes);
        }

        #[test]
        fn a_cut_request_is_malformed(cut in 0_usize..30) {
            let frame = Request::Token(TokenWish { profile: Some("ua".into()), min_ttl_s: Some(60), form: TokenForm::Field("sub".into()) }).encode();
            let whole = body(&frame);
            prop_assume!(cut < whole.len());
            prop_assert_eq!(Request::decode(&whole[..cut]), Err(Malformed));
        }
    }
}
