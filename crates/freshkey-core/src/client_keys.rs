//! Keys that a client publishes at a URL (`jwks.url`): what of a fetched set is used, and when it is fetched. Who fetches is not here.

use crate::limits::{CLIENT_KEYS_MAX, CLIENT_KEYS_REFRESH_S, CLIENT_KEYS_RETRY_S, CLIENT_KEYS_STALE_S};
use crate::time::{EpochSeconds, Now};
use freshkey_protocol::jose::{Algorithm, Jwk, JwkSet, KeyId, VerifyingKey};

/// What was fetched, once. Never changed: a newer one takes its place.
#[derive(Debug)]
pub struct ClientKeys {
    keys: Vec<VerifyingKey>,
    fetched_at: EpochSeconds,
}

/// Why a fetched text is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UselessKeys {
    /// Not a JWK set, or one beyond the limits.
    NotASet,
    /// More keys than a client needs.
    TooMany,
    /// None of the keys can have signed an assertion.
    NoKey,
}

impl std::fmt::Display for UselessKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotASet => f.write_str("the answer is not a JWK set"),
            Self::TooMany => write!(f, "the JWK set has more than {CLIENT_KEYS_MAX} keys"),
            Self::NoKey => f.write_str("the JWK set has no key that an assertion can be signed with"),
        }
    }
}

impl ClientKeys {
    /// Reads a JWK set.
    pub fn read(text: &[u8], restriction: Option<Algorithm>, now: Now) -> Result<Self, UselessKeys> {
        let set = JwkSet::parse(text).map_err(|_| UselessKeys::NotASet)?;
        if set.keys.len() > CLIENT_KEYS_MAX {
            return Err(UselessKeys::TooMany);
        }
        let keys = keys_of_set(&set, restriction);
        if keys.is_empty() { Err(UselessKeys::NoKey) } else { Ok(Self { keys, fetched_at: now.seconds() }) }
    }

    /// The keys.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }
}

/// What is to be done before an assertion is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum BeforeUse {
    /// Nothing: what is known will do, or may not be asked for again yet.
    UseKnown,
    /// What is known will do, and is to be fetched anew meanwhile.
    UseKnownAndFetch,
    /// Wait for the fetch that is under way.
    Wait,
    /// Fetch and wait.
    Fetch,
}

/// When it was last tried to know more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastTry {
    /// Not yet.
    Never,
    /// That began then, and is over, whatever came of it.
    At(EpochSeconds),
    /// At this moment.
    UnderWay,
}

/// Whether an assertion that names this key can be checked with what is known, and when it was tried last to know more.
///
/// Whoever sends assertions can cause one fetch in [`CLIENT_KEYS_RETRY_S`] seconds for each client, whatever they name.
pub fn before_use(known: Option<&ClientKeys>, last: LastTry, named: Option<&KeyId>, now: Now) -> BeforeUse {
    let may_try = match last {
        LastTry::Never => true,
        LastTry::At(at) => (now.seconds() - at).abs() >= CLIENT_KEYS_RETRY_S,
        LastTry::UnderWay => false,
    };
    let fitting =
        known.filter(|known| known.is_usable(now) && named.is_none_or(|named| known.keys.iter().any(|key| key.key_id() == named)));
    match fitting {
        None if last == LastTry::UnderWay => BeforeUse::Wait,
        None if may_try => BeforeUse::Fetch,
        Some(known) if may_try && now.seconds() - known.fetched_at >= CLIENT_KEYS_REFRESH_S => BeforeUse::UseKnownAndFetch,
        _ => BeforeUse::UseKnown,
    }
}

impl ClientKeys {
    /// While the URL is down, what it said last holds; not for ever, since a key that the client has withdrawn must end some time.
    pub fn is_usable(&self, now: Now) -> bool {
        now.seconds() - self.fetched_at < CLIENT_KEYS_STALE_S
    }
}

/// The keys of a set that may verify: each for the restriction, or for what it says, or else for all algorithms that fit it.
pub fn keys_of_set(set: &JwkSet, restriction: Option<Algorithm>) -> Vec<VerifyingKey> {
    set.keys.iter().flat_map(|jwk| algorithms_of(jwk, restriction).filter_map(|algorithm| jwk.verifying_key(algorithm).ok())).collect()
}

fn algorithms_of(jwk: &Jwk, restriction: Option<Algorithm>) -> impl Iterator<Item = Algorithm> {
    let named = jwk.algorithm.as_deref().map(Algorithm::parse);
    Algorithm::ALL.into_iter().filter(move |algorithm| {
        restriction.is_none_or(|only| only == *algorithm)
            && named.is_none_or(|named| named == Some(*algorithm))
            && jwk.public_key.fits(*algorithm)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshkey_protocol::jose::{KeyKind, SigningKey, generate_private_key};

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Now {
        Now::from_seconds(NOW + seconds)
    }

    fn key() -> SigningKey {
        SigningKey::from_private_key_der(Algorithm::Es256, generate_private_key(KeyKind::P256).unwrap().expose()).unwrap()
    }

    fn set(keys: &[&SigningKey]) -> String {
        let keys = keys.iter().map(|key| Jwk::of_verifying_key(&key.verifying_key().unwrap(), Vec::new()).unwrap()).collect();
        serde_json::to_string(&JwkSet { keys, ignored: 0 }).unwrap()
    }

    fn known(key: &SigningKey) -> ClientKeys {
        ClientKeys::read(set(&[key]).as_bytes(), None, at(0)).unwrap()
    }

    #[test]
    fn t_051_a_set_beyond_the_limits_is_of_no_use() {
        let key = key();
        assert_eq!(known(&key).keys().len(), 1);
        let read = |text: &str| ClientKeys::read(text.as_bytes(), None, at(0)).map(|_| ()).unwrap_err();
        assert_eq!(read("<html>"), UselessKeys::NotASet);
        assert_eq!(read(r#"{"keys":[]}"#), UselessKeys::NoKey);
        assert_eq!(read(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#), UselessKeys::NoKey);
        assert_eq!(read(&set(&vec![&key; CLIENT_KEYS_MAX + 1])), UselessKeys::TooMany);
        let other = ClientKeys::read(set(&[&key]).as_bytes(), Some(Algorithm::Rs256), at(0)).map(|_| ());
        assert_eq!(other, Err(UselessKeys::NoKey), "the restriction holds for fetched keys, too");
    }

    #[test]
    fn a_key_that_is_known_is_used_at_once_and_fetched_anew_now_and_then() {
        let (key, tried) = (key(), LastTry::At(NOW));
        let (known, id) = (known(&key), key.key_id().clone());
        for (seconds, expected) in [
            (0, BeforeUse::UseKnown),
            (CLIENT_KEYS_REFRESH_S - 1, BeforeUse::UseKnown),
            (CLIENT_KEYS_REFRESH_S, BeforeUse::UseKnownAndFetch),
            (CLIENT_KEYS_STALE_S - 1, BeforeUse::UseKnownAndFetch),
            (CLIENT_KEYS_STALE_S, BeforeUse::Fetch),
        ] {
            assert_eq!(before_use(Some(&known), tried, Some(&id), at(seconds)), expected, "after {seconds} s");
            assert_eq!(before_use(Some(&known), tried, None, at(seconds)), expected, "after {seconds} s, no key named");
        }
        let recently = LastTry::At(NOW + CLIENT_KEYS_REFRESH_S - 1);
        assert_eq!(before_use(Some(&known), LastTry::UnderWay, Some(&id), at(CLIENT_KEYS_REFRESH_S)), BeforeUse::UseKnown);
        assert_eq!(before_use(Some(&known), recently, Some(&id), at(CLIENT_KEYS_REFRESH_S)), BeforeUse::UseKnown);
    }

    #[test]
    fn t_051_an_unknown_key_is_asked_for_once_in_ten_seconds() {
        let known = known(&key());
        let stranger = KeyId::parse("stranger").unwrap();
        for (tried_at, expected) in [
            (LastTry::Never, BeforeUse::Fetch),
            (LastTry::UnderWay, BeforeUse::Wait),
            (LastTry::At(NOW), BeforeUse::UseKnown),
            (LastTry::At(NOW - 9), BeforeUse::UseKnown),
            (LastTry::At(NOW - 10), BeforeUse::Fetch),
        ] {
            assert_eq!(before_use(Some(&known), tried_at, Some(&stranger), at(0)), expected, "{tried_at:?}");
            assert_eq!(before_use(None, tried_at, Some(&stranger), at(0)), expected, "{tried_at:?}, nothing known");
            assert_eq!(before_use(None, tried_at, None, at(0)), expected, "{tried_at:?}, nothing known, no key named");
        }
    }
}
