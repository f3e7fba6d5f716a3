//! Claims of a JWT, read strictly: a registered claim of the wrong shape is an error, never an absent claim (T-029).
//! Whether the values are acceptable (expired, other issuer) is not decided here; no clock is known.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::json::{JsonRefusal, Name, StrictValue};
use crate::limits::{COMPACT_JWS_BYTES_MAX, JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

/// Largest time that is read: 2^53, up to which every JSON reader agrees on integers.
pub const NUMERIC_DATE_MAX: i64 = 1 << 53;

/// Why bytes aren't acceptable claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimsError {
    /// More bytes than any token that this crate reads can carry.
    TooLong,
    /// Not one JSON text in UTF-8, a number out of range such as `1e400`, or nested without end.
    NotJson,
    /// JSON, but not an object.
    NotAnObject,
    /// A name was sent twice, at any level. Readers disagree about which one counts.
    DuplicateName,
    /// Objects and arrays inside one another beyond [`JSON_DEPTH_MAX`].
    TooDeep,
    /// More members than [`JSON_MEMBERS_MAX`].
    TooManyMembers,
    /// A claim with a fixed shape is null or of another type; or a text claim contains a zero character; or a time
    /// is negative or above [`NUMERIC_DATE_MAX`]. The text is the claim's name.
    BadClaim(&'static str),
}

/// For whom a token is meant (RFC 7519 §4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Sent as a string.
    One(String),
    /// Sent as an array, possibly empty: then it is meant for nobody.
    Many(Vec<String>),
}

impl Audience {
    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }

    /// Whether a party is among them.
    #[must_use]
    pub fn contains(&self, party: &str) -> bool {
        self.iter().any(|value| value == party)
    }

    /// The value, when there is exactly one (RFC 7523bis wants that of client assertions).
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        let mut values = self.iter();
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }
}

/// The registered claims, those with a meaning for this service, and the rest. Times are Unix seconds.
///
/// A fraction of a second is cut off, as Jackson does for Keycloak's `Long` fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claims {
    /// Who issued it.
    pub iss: Option<String>,
    /// About whom it is.
    pub sub: Option<String>,
    /// For whom it is.
    pub aud: Option<Audience>,
    /// Not valid at or after this time.
    pub exp: Option<i64>,
    /// Not valid before this time.
    pub nbf: Option<i64>,
    /// When it was issued.
    pub iat: Option<i64>,
    /// When the user signed in.
    pub auth_time: Option<i64>,
    /// The token's own id.
    pub jti: Option<String>,
    /// Keycloak's kind of token: `Bearer`, `Refresh`, `Offline`, `ID`.
    pub typ: Option<String>,
    /// The client it was issued to.
    pub azp: Option<String>,
    /// The user session.
    pub sid: Option<String>,
    /// The granted scope, not yet split.
    pub scope: Option<String>,
    /// Ties an ID token to its request.
    pub nonce: Option<String>,
    /// The user session in tokens of Keycloak up to 14.
    pub session_state: Option<String>,
    /// Keycloak's name of a chain of rotating refresh tokens.
    pub reuse_id: Option<String>,
    /// Every other claim, in order.
    pub other: Map<String, Value>,
}

impl Claims {
    /// Reads the payload of a JWT in one pass.
    pub fn parse(payload: &[u8]) -> Result<Self, ClaimsError> {
        if payload.len() > COMPACT_JWS_BYTES_MAX {
            return Err(ClaimsError::TooLong);
        }
        // Checking the encoding once, ahead, is cheaper than once per string.
        let text = std::str::from_utf8(payload).map_err(|_| ClaimsError::NotJson)?;
        let refusal = Cell::new(ClaimsError::NotAnObject);
        let json_refusal = Cell::new(None);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = deserializer.deserialize_map(ClaimsVisitor { refusal: &refusal, json_refusal: &json_refusal });
        read.and_then(|claims| deserializer.end().map(|()| claims)).map_err(|error| match error.classify() {
            Category::Data => json_refusal.get().map_or(refusal.get(), ClaimsError::from),
            Category::Io | Category::Syntax | Category::Eof => ClaimsError::NotJson,
        })
    }
}

impl From<JsonRefusal> for ClaimsError {
    fn from(refusal: JsonRefusal) -> Self {
        match refusal {
            JsonRefusal::NotJson => Self::NotJson,
            JsonRefusal::DuplicateName => Self::DuplicateName,
            JsonRefusal::TooDeep => Self::TooDeep,
            JsonRefusal::TooManyMembers => Self::TooManyMembers,
        }
    }
}

/// Errors of serde carry text only, so the reason that is meant travels beside them, in the two cells.
struct ClaimsVisitor<'r> {
    refusal: &'r Cell<ClaimsError>,
    json_refusal: &'r Cell<Option<JsonRefusal>>,
}

impl ClaimsVisitor<'_> {
    fn refuse<E: de::Error>(&self, reason: ClaimsError) -> E {
        self.refusal.set(reason);
        E::custom("refused")
    }

    fn read<'de, A: MapAccess<'de>, S: DeserializeSeed<'de>>(
        &self,
        claim: &'static str,
        slot: &mut Option<S::Value>,
        shape: S,
        members: &mut A,
    ) -> Result<(), A::Error> {
        if slot.is_some() {
            return Err(self.refuse(ClaimsError::DuplicateName));
        }
        self.refusal.set(ClaimsError::BadClaim(claim));
        *slot = Some(members.next_value_seed(shape)?);
        Ok(())
    }

    fn read_other<'de, A: MapAccess<'de>>(&self, name: &str, other: &mut Map<String, Value>, members: &mut A) -> Result<(), A::Error> {
        if other.len() >= JSON_MEMBERS_MAX {
            return Err(self.refuse(ClaimsError::TooManyMembers));
        }
        let shape = StrictValue { depth: JSON_DEPTH_MAX - 1, refusal: self.json_refusal };
        let value = members.next_value_seed(shape)?;
        match other.insert(name.to_owned(), value) {
            Some(_) => Err(self.refuse(ClaimsError::DuplicateName)),
            None => Ok(()),
        }
    }
}

impl<'de> Visitor<'de> for ClaimsVisitor<'_> {
    type Value = Claims;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Claims, A::Error> {
        let mut claims = Claims::default();
        while let Some(name) = members.next_key_seed(Name)? {
            let members = &mut members;
            match name.as_ref() {
                "iss" => self.read("iss", &mut claims.iss, Text, members)?,
                "sub" => self.read("sub", &mut claims.sub, Text, members)?,
                "aud" => self.read("aud", &mut claims.aud, AudienceShape, members)?,
                "exp" => self.read("exp", &mut claims.exp, NumericDate, members)?,
                "nbf" => self.read("nbf", &mut claims.nbf, NumericDate, members)?,
                "iat" => self.read("iat", &mut claims.iat, NumericDate, members)?,
                "auth_time" => self.read("auth_time", &mut claims.auth_time, NumericDate, members)?,
                "jti" => self.read("jti", &mut claims.jti, Text, members)?,
                "typ" => self.read("typ", &mut claims.typ, Text, members)?,
                "azp" => self.read("azp", &mut claims.azp, Text, members)?,
                "sid" => self.read("sid", &mut claims.sid, Text, members)?,
                "scope" => self.read("scope", &mut claims.scope, Text, members)?,
                "nonce" => self.read("nonce", &mut claims.nonce, Text, members)?,
                "session_state" => self.read("session_state", &mut claims.session_state, Text, members)?,
                "reuse_id" => self.read("reuse_id", &mut claims.reuse_id, Text, members)?,
                other => self.read_other(other, &mut claims.other, members)?,
            }
        }
        Ok(claims)
    }
}

/// A string without zero characters, which databases cut or refuse.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        if memchr::memchr(0, text.as_bytes()).is_some() { Err(E::custom("a zero character")) } else { Ok(text.to_owned()) }
    }
}

struct AudienceShape;

impl<'de> DeserializeSeed<'de> for AudienceShape {
    type Value = Audience;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Audience, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AudienceShape {
    type Value = Audience;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or an array of strings")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Audience, E> {
        Text.visit_str(text).map(Audience::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Audience, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(Text)? {
            values.push(value);
        }
        Ok(Audience::Many(values))
    }
}

struct NumericDate;

impl<'de> DeserializeSeed<'de> for NumericDate {
    type Value = i64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<i64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for NumericDate {
    type Value = i64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time in seconds")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
        match i64::try_from(number) {
            Ok(time) if time <= NUMERIC_DATE_MAX => Ok(time),
            _ => Err(E::custom("out of range")),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<i64, E> {
        // 2^53 as a literal, because casts of the constant would need a proof of their own.
        if number.is_sign_negative() || !number.is_finite() || number > 9_007_199_254_740_992.0 {
            return Err(E::custom("out of range"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "within 0 and 2^53; the fraction is meant to go")]
        Ok(number as i64)
    }
}

#[cfg(test)]
mod tests;
