//! What is kept of a sign-in: the tokens, when they end, and whether a refresh is under way. It exists in memory and sealed, nowhere in clear.

use crate::clock::Moment;
use crate::failure::Failure;
use crate::freshness::Lifetime;
use freshkey_protocol::jose::CompactJws;
use freshkey_protocol::{Claims, Secret, TokenReply};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds that an access token is taken to live when neither its provider nor the token itself says so.
const LIFE_UNKNOWN_S: u32 = 300;

/// What is kept of a sign-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Raised by every write, so that the newer of two is known.
    pub version: u64,
    /// Who issued the tokens, as seen at sign-in. They go to nobody else (T-064).
    pub issuer: String,
    /// Where they are refreshed, as seen at sign-in.
    pub token_endpoint: String,
    /// Where they are revoked, if anywhere.
    pub revocation_endpoint: Option<String>,
    /// How clients may authenticate there.
    pub authentication_methods: Option<Vec<String>>,
    /// Through which client.
    pub client_id: String,
    /// How new tokens come.
    pub renewal: Renewal,
    /// Who signed in, as the tokens say.
    pub subject: Option<String>,
    /// When, in seconds since 1970.
    pub signed_in_at: i64,
    /// What to refresh with.
    #[serde(with = "secret_text")]
    pub refresh_token: Option<Secret<String>>,
    /// When the refresh token was obtained, and how long it lives unused; `None` where it has no end that we know of.
    pub refresh_life: Option<KeptLifetime>,
    /// Whether a token without an end was asked for, and given.
    pub offline: Offline,
    /// What is handed out.
    pub access: Option<Access>,
    /// Set before a refresh is asked for, and gone with its outcome. One that is found at the start was interrupted: its reply may be lost.
    pub intent: Option<Intent>,
    /// Attempts that failed since the last one that did not.
    pub failed: Option<FailedAttempts>,
    /// Why the sign-in is over, if it is.
    pub ended: Option<String>,
}

/// Attempts to renew that brought nothing, and told nothing about the refresh token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempts {
    /// How many in a row.
    pub count: u32,
    /// When the last one ended.
    pub last: KeptMoment,
    /// Milliseconds from then during which it is not tried again without a caller.
    pub rest_ms: u64,
    /// The same with one: short, so that callers are served soon after the provider's return, unless it has asked for more.
    pub rest_of_callers_ms: u64,
    /// What the last one came to.
    pub failure: Failure,
}

impl FailedAttempts {
    /// Milliseconds until it may be tried again without a caller.
    #[must_use]
    pub fn rests_for_ms(&self, now: Moment) -> u64 {
        now.since(self.last.moment()).map_or(0, |passed_ms| self.rest_ms.saturating_sub(passed_ms))
    }

    /// Whether it is too soon to try again for a caller.
    #[must_use]
    pub fn rests_for_callers(&self, now: Moment) -> bool {
        now.since(self.last.moment()).is_some_and(|passed_ms| passed_ms < self.rest_of_callers_ms)
    }
}

/// A [`Moment`] as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMoment {
    wall_ms: i64,
    boot_ms: u64,
    boot: u64,
}

impl KeptMoment {
    /// As it is kept.
    #[must_use]
    pub fn new(moment: Moment) -> Self {
        Self { wall_ms: moment.wall_ms, boot_ms: moment.boot_ms, boot: moment.boot }
    }

    /// As the arithmetic takes it.
    #[must_use]
    pub fn moment(self) -> Moment {
        Moment { wall_ms: self.wall_ms, boot_ms: self.boot_ms, boot: self.boot }
    }
}

/// How new tokens come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renewal {
    /// By the refresh token.
    RefreshToken,
    /// By the client's own credentials, which need no refresh token (RFC 6749 §4.4).
    ClientCredentials,
    /// By whoever keeps a fresh one in a file, which is read again.
    File,
}

/// Whether a token without an end was asked for, and given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offline {
    /// Nobody asked.
    NotAsked,
    /// It was given.
    Granted,
    /// It was asked for, and an ordinary one was given.
    Denied,
}

/// A refresh that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When, in seconds since 1970.
    pub begun_at: i64,
    /// Whether it was made a second time, after its reply was lost. It is not made a third time at once.
    pub was_replayed: bool,
}

/// An access token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The token.
    #[serde(with = "secret_text")]
    token: Option<Secret<String>>,
    /// Who signed in, as a token for the client.
    #[serde(with = "secret_text")]
    pub id_token: Option<Secret<String>>,
    /// What it is good for, as granted.
    pub scope: Option<String>,
    /// From when, and how long.
    pub life: KeptLifetime,
}

impl Access {
    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_ref().map_or("", |token| token.expose())
    }

    /// Tells it from another one, and tells nobody what it is.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint_of(self.token())
    }

    /// Milliseconds until it is renewed ahead. The lot is drawn from the token, so that it is the same at each look and in each process.
    #[must_use]
    pub fn renewal_in_ms(&self, now: Moment) -> u64 {
        let lot = self.token().bytes().rev().take(8).fold(0_u64, |lot, byte| lot << 8 | u64::from(byte));
        self.life.lifetime().renewal_in_ms(now, lot)
    }
}

/// A [`Lifetime`] as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLifetime {
    obtained: KeptMoment,
    life_s: u32,
}

impl KeptLifetime {
    /// From a moment on.
    #[must_use]
    pub fn new(obtained: Moment, life_s: u32) -> Self {
        Self { obtained: KeptMoment::new(obtained), life_s }
    }

    /// As the arithmetic takes it.
    #[must_use]
    pub fn lifetime(self) -> Lifetime {
        Lifetime { obtained: self.obtained.moment(), life_s: self.life_s }
    }

    /// When it ends by the clock on the wall, in seconds since 1970.
    #[must_use]
    pub fn ends_at(self) -> i64 {
        self.obtained.moment().wall_s() + i64::from(self.life_s)
    }
}

impl Record {
    /// Takes over what a provider has granted to a request that was sent at `asked`. What it does not send again stays as it was (RFC 6749 §6).
    pub fn take(&mut self, reply: TokenReply, asked: Moment) {
        let life_s = reply.expires_in_s.or_else(|| life_of_jwt(reply.access_token.expose())).unwrap_or(LIFE_UNKNOWN_S);
        let claims = claims_of(reply.access_token.expose());
        let subject = claims.and_then(|claims| {
            let name = claims.other.get("preferred_username").and_then(serde_json::Value::as_str).map(str::to_owned);
            name.or(claims.sub)
        });
        self.subject = subject.or(self.subject.take());
        if let Some(refresh_token) = &reply.refresh_token {
            let is_offline = claims_of(refresh_token.expose()).and_then(|claims| claims.typ).is_some_and(|typ| typ == "Offline");
            let is_granted =
                is_offline || reply.scope.as_deref().is_some_and(|scope| scope.split(' ').any(|name| name == "offline_access"));
            self.offline = match self.offline {
                Offline::NotAsked => Offline::NotAsked,
                Offline::Granted | Offline::Denied if is_granted => Offline::Granted,
                Offline::Granted | Offline::Denied => Offline::Denied,
            };
            // Keycloak says 0 of a token without an end.
            self.refresh_life = reply.refresh_expires_in_s.filter(|life_s| *life_s > 0).map(|life_s| KeptLifetime::new(asked, life_s));
        }
        self.refresh_token = reply.refresh_token.or(self.refresh_token.take());
        let before = self.access.take();
        self.access = Some(Access {
            token: Some(reply.access_token),
            id_token: reply.id_token.or_else(|| before.as_ref().and_then(|access| access.id_token.clone())),
            scope: reply.scope.or_else(|| before.and_then(|access| access.scope)),
            life: KeptLifetime::new(asked, life_s),
        });
        self.intent = None;
        self.failed = None;
        self.ended = None;
    }

    /// What keeps it alive, in a word or two for a person.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (self.renewal, self.offline, &self.refresh_token) {
            (Renewal::File, ..) => "from a file",
            (Renewal::ClientCredentials, ..) => "client credentials",
            (Renewal::RefreshToken, _, None) => "not renewable",
            (Renewal::RefreshToken, Offline::Granted, Some(_)) => "offline",
            (Renewal::RefreshToken, _, Some(_)) => "session",
        }
    }

    /// The sign-in is over. What is still handed out ends by itself; the refresh token is gone.
    pub fn end(&mut self, why: &str) {
        self.refresh_token = None;
        self.refresh_life = None;
        self.intent = None;
        self.failed = None;
        self.ended = Some(why.to_owned());
    }
}

/// A hash of a token.
pub type Fingerprint = [u8; 32];

/// Tells a token from another one, and tells nobody what it is.
#[must_use]
pub fn fingerprint_of(token: &str) -> Fingerprint {
    let mut hash = [0; 32];
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref());
    hash
}

/// What a JWT says, unverified: for display and for life times that the reply does not tell, never for a decision about access.
#[must_use]
pub fn claims_of(token: &str) -> Option<Claims> {
    let payload = CompactJws::parse(token.as_bytes()).ok()?.unverified_payload().ok()?;
    Claims::parse(&payload).ok()
}

fn life_of_jwt(token: &str) -> Option<u32> {
    let claims = claims_of(token)?;
    u32::try_from(claims.exp?.checked_sub(claims.iat?)?).ok()
}

/// A secret as text of the sealed file.
mod secret_text {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(|secret| secret.expose()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}
