//! The stored sessions as the driver knows them, and the refresh tokens that it presents for them.
//!
//! A million tokens of 700 bytes would fill the memory, so each is minted when it is needed, with the realm's own key and in the shape of
//! one that the server has handed out.

use freshkey_core::ids::uuid_text;
use freshkey_core::realm::Realm;
use freshkey_protocol::jose::{Algorithm, CompactJws, HeaderType, sign_compact};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

/// A session's id and its user's key, 16 bytes each.
pub(crate) const ENTRY_BYTES: usize = 32;

/// Every tenth session is kept for the measurement of commits, which begins with untouched grants.
const KEPT_EVERY: usize = 10;

/// Of these the last few are for the first refresh after a start.
const UNTOUCHED: usize = 20;

/// All sessions of a database, in the order of their ids.
pub(crate) struct Sessions(Vec<[u8; ENTRY_BYTES]>);

impl Sessions {
    /// Reads what the seeder wrote.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("the list of sessions cannot be read: {error}"))?;
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        if rest.is_empty() { Ok(Self(entries.to_vec())) } else { Err("the list of sessions is damaged".to_owned()) }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The session's id.
    pub(crate) fn sid(&self, number: usize) -> [u8; 16] {
        half(&self.0[number], 0)
    }

    /// The key of the session's user, which is the UUID that tokens name.
    pub(crate) fn user(&self, number: usize) -> [u8; 16] {
        half(&self.0[number], 16)
    }

    /// Sessions for refreshes over HTTP.
    pub(crate) fn usable(&self) -> usize {
        self.len() / KEPT_EVERY * (KEPT_EVERY - 1)
    }

    /// The number of the nth of these.
    pub(crate) fn nth_usable(nth: usize) -> usize {
        nth / (KEPT_EVERY - 1) * KEPT_EVERY + nth % (KEPT_EVERY - 1)
    }

    /// Sessions for commits.
    pub(crate) fn kept(&self) -> usize {
        (self.len() / KEPT_EVERY).saturating_sub(UNTOUCHED)
    }

    /// The number of the nth of these.
    pub(crate) fn nth_kept(nth: usize) -> usize {
        nth * KEPT_EVERY + KEPT_EVERY - 1
    }

    /// The number of the nth session that is in neither of both.
    pub(crate) fn nth_untouched(&self, nth: usize) -> usize {
        Self::nth_kept(self.kept() + nth % UNTOUCHED)
    }
}

fn half(entry: &[u8; ENTRY_BYTES], from: usize) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&entry[from..from + 16]);
    bytes
}

/// Which token to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presented {
    pub(crate) session: usize,
    pub(crate) generation: u32,
    /// Makes the `jti`, which no rule reads.
    pub(crate) number: u64,
}

/// Mints refresh tokens like one that the server made.
pub(crate) struct Minter {
    realm: Arc<Realm>,
    pieces: Vec<Piece>,
}

enum Piece {
    Text(String),
    TokenId,
    User,
    Session,
}

const MARKS: [&str; 3] = ["@token-id@", "@user@", "@session@"];

impl Minter {
    /// Takes a refresh token without rotation as the model. `issued_at` becomes the `iat` of all.
    pub(crate) fn like(model: &str, issued_at: i64, realm: Arc<Realm>) -> Result<Self, String> {
        let mut claims = claims(model)?;
        if claims.contains_key("generation") || claims.contains_key("exp") || claims.get("typ") != Some(&json!("Offline")) {
            return Err(format!("an offline token without rotation was expected, not {claims:?}"));
        }
        for (name, mark) in ["jti", "sub", "sid"].into_iter().zip(MARKS) {
            claims.insert(name.to_owned(), json!(mark));
        }
        claims.insert("iat".to_owned(), json!(issued_at));
        let text = Value::Object(claims).to_string();
        Ok(Self { realm, pieces: pieces(text.trim_end_matches('}')) })
    }

    /// A token of a session.
    pub(crate) fn mint(&self, sessions: &Sessions, presented: Presented) -> Result<String, String> {
        let mut claims = String::with_capacity(640);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => claims.push_str(text),
                Piece::TokenId => claims.push_str(&uuid_text(&u128::from(presented.number).to_be_bytes())),
                Piece::User => claims.push_str(&uuid_text(&sessions.user(presented.session))),
                Piece::Session => claims.push_str(&uuid_text(&sessions.sid(presented.session))),
            }
        }
        if presented.generation > 0 {
            claims.push_str(r#","reuse_id":"0000000000000000","generation":"#);
            claims.push_str(&presented.generation.to_string());
        }
        claims.push('}');
        let key = self.realm.keys.signer(Algorithm::Hs512).ok_or("the realm has no key for refresh tokens")?;
        sign_compact(key, HeaderType::Jwt, claims.as_bytes()).map_err(|error| format!("a refresh token cannot be minted: {error:?}"))
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((at, mark)) = MARKS.iter().filter_map(|mark| Some((rest.find(mark)?, *mark))).min() {
        pieces.push(Piece::Text(rest[..at].to_owned()));
        pieces.push(match mark {
            "@token-id@" => Piece::TokenId,
            "@user@" => Piece::User,
            _ => Piece::Session,
        });
        rest = &rest[at + mark.len()..];
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Result<Map<String, Value>, String> {
    let payload = CompactJws::parse(token.as_bytes()).ok().and_then(|jws| jws.unverified_payload().ok());
    let payload = payload.ok_or("what the server sent is no JWT")?;
    serde_json::from_slice(&payload).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_serves_one_purpose() {
        let sessions = Sessions(vec![[0; ENTRY_BYTES]; 1000]);
        let mut numbers: Vec<usize> = (0..sessions.usable()).map(Sessions::nth_usable).collect();
        numbers.extend((0..sessions.kept()).map(Sessions::nth_kept));
        numbers.extend((0..UNTOUCHED).map(|nth| sessions.nth_untouched(nth)));
        numbers.sort_unstable();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn the_marks_of_a_model_become_pieces() {
        let pieces = pieces(r#"{"jti":"@token-id@","sub":"@user@","sid":"@session@","a":1"#);
        let kind = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::TokenId => "token".to_owned(),
            Piece::User => "user".to_owned(),
            Piece::Session => "session".to_owned(),
        };
        assert_eq!(
            pieces.iter().map(kind).collect::<Vec<_>>(),
            [r#"{"jti":""#, "token", r#"","sub":""#, "user", r#"","sid":""#, "session", r#"","a":1"#]
        );
    }
}
