//! A program's own way to its tokens: by the agent where there is one, and else in the program itself, under the same lock. It starts no other program,
//! so there is none that somebody could put in its place (T-086).

use crate::agent::ask::{Unanswered, ask};
use crate::agent::frame::{Answer, Request, TokenForm, TokenWish};
use crate::agent::serve::Call;
use crate::clock::Clock;
use crate::directories::Directories;
use crate::failure::{Failure, FailureKind};
use crate::handout;
use crate::keeper::{Keeper, Need};
use crate::profile::Profile;
use crate::profile::file::Profiles;
use crate::provider::TokenFailure;
use crate::record::{Record, Renewal, fingerprint_of};
use crate::token_file;
use crate::vault::Vault;
use crate::vault::key::{New, Source};
use freshkey_protocol::Secret;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether the agent is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agent {
    /// If there is one.
    IfThere,
    /// Not even then.
    Never,
}

/// A token that was handed out, and what is known of it.
pub struct Handed {
    /// The profile that it is of.
    pub profile: String,
    /// The token.
    pub token: Secret<String>,
    /// Who issued it.
    pub issuer: String,
    /// Through which client.
    pub client_id: String,
    /// To whom, as it says.
    pub subject: Option<String>,
    /// What keeps it alive: see [`Record::kind`].
    pub kind: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
    /// Seconds that are left.
    pub expires_in_s: u32,
    /// Seconds that it lived when it was new.
    pub lifetime_s: u32,
    /// What its caller should be told beside it.
    pub warning: Option<String>,
}

/// As the agent writes it.
#[derive(Deserialize)]
struct Written {
    profile: String,
    issuer: String,
    client_id: String,
    subject: Option<String>,
    access_token: String,
    expires_at: i64,
    expires_in: u32,
    lifetime: Option<u32>,
    kind: Option<String>,
}

impl Handed {
    fn of(name: &str, record: &Record, clock: &dyn Clock, warning: Option<String>) -> Result<Self, Failure> {
        let access = record.access.as_ref().ok_or_else(|| Failure::not_signed_in(name))?;
        Ok(Self {
            profile: name.to_owned(),
            token: Secret::new(access.token().to_owned()),
            issuer: record.issuer.clone(),
            client_id: record.client_id.clone(),
            subject: record.subject.clone(),
            kind: record.kind().to_owned(),
            expires_at: access.life.ends_at(),
            expires_in_s: access.life.lifetime().remaining_s(clock.now()),
            lifetime_s: access.life.lifetime().life_s,
            warning,
        })
    }

    /// An answer of the agent that could not be used as a token is none (T-083).
    fn read(name: &str, json: &[u8], warning: Option<String>) -> Result<Self, Failure> {
        let strange = |what: &str| {
            Failure::new(FailureKind::Agent, format!("the agent answered {what}")).with_hint("run `freshkey agent stop`, and try again")
        };
        let written: Written = serde_json::from_slice(json).map_err(|_| strange("something else than a token"))?;
        let token = Secret::new(written.access_token);
        if written.profile != name {
            return Err(strange("with another profile's token"));
        }
        if token.expose().is_empty() || !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(strange("something that can't be a token"));
        }
        Ok(Self {
            profile: written.profile,
            token,
            issuer: written.issuer,
            client_id: written.client_id,
            subject: written.subject,
            // An agent of the release before does not tell these.
            kind: written.kind.unwrap_or_else(|| "unknown".to_owned()),
            expires_at: written.expires_at,
            expires_in_s: written.expires_in,
            lifetime_s: written.lifetime.unwrap_or(written.expires_in),
            warning,
        })
    }

    /// Whether it lives as long as what stands in a variable or a file should: ten minutes, or as long as a token that its provider has just
    /// issued does where that is less (T-085).
    #[must_use]
    pub fn is_as_fresh_as_can_be(&self) -> bool {
        let new_s = self.lifetime_s - self.lifetime_s / 5;
        self.expires_in_s >= token_file::LEFT_S.min(new_s).max(1)
    }

    /// Seconds that must be left of it while it stands in a variable: ten minutes and some time to renew it, or half of a shorter life. Whoever reads
    /// a variable keeps what they have read for a while, so it is renewed sooner than a token that is asked for at each use.
    #[must_use]
    pub fn wanted_in_a_variable_s(&self) -> u32 {
        token_file::MIN_TTL_S.min(self.lifetime_s / 2).max(1)
    }

    /// Seconds until it should be looked whether another one has to stand in a variable. Timers stand still while a machine sleeps, so it is never long.
    #[must_use]
    pub fn looks_again_in_s(&self) -> u32 {
        const LOOK_AGAIN_S_MAX: u32 = 15;
        self.expires_in_s.saturating_sub(self.wanted_in_a_variable_s()).clamp(1, LOOK_AGAIN_S_MAX)
    }
}

/// Who asks for tokens, of any profile of these directories.
pub struct Caller {
    directories: Directories,
    clock: Arc<dyn Clock>,
    agent: Agent,
    keeper: Mutex<Option<Arc<Keeper>>>,
}

impl Caller {
    /// Over what is kept in these directories.
    #[must_use]
    pub fn new(directories: Directories, clock: Arc<dyn Clock>, agent: Agent) -> Self {
        Self { directories, clock, agent, keeper: Mutex::default() }
    }

    /// The profile of this name, or the default one.
    pub fn profile(&self, name: Option<&str>) -> Result<(String, Profile), Failure> {
        let profiles = Profiles::read(&self.directories)?;
        profiles.choose(name).map(|(name, profile)| (name.to_owned(), profile.clone()))
    }

    /// A token with so many seconds to live, or as many as is usual.
    pub async fn token(&self, profile: Option<&str>, min_ttl_s: Option<u32>) -> Result<Handed, Failure> {
        let (name, _) = self.profile(profile)?;
        let wish = TokenWish { profile: Some(name.clone()), min_ttl_s, form: TokenForm::Json };
        if let Some((json, warning)) = self.ask(Request::Token(wish)).await? {
            return Handed::read(&name, &json, warning);
        }
        let keeper = self.keeper()?;
        match keeper.fresh(&name, Need::Ttl(min_ttl_s)).await {
            Ok(kept) => Handed::of(&name, &kept.record, keeper.clock(), None),
            Err(failure) => {
                let stored = keeper.vault().read(&name)?.ok_or_else(|| Failure::not_signed_in(&name))?;
                match handout::warning_instead(&stored, keeper.clock().now(), min_ttl_s, &failure) {
                    Some(warning) => Handed::of(&name, &stored, keeper.clock(), Some(warning)),
                    None => Err(failure),
                }
            }
        }
    }

    /// What is kept, as it is, and why its last renewal failed. Nothing is renewed by looking at it: a page that stays open must not keep a sign-in
    /// alive that nobody uses.
    pub async fn kept(&self, profile: Option<&str>) -> Result<(Handed, Option<Failure>), Failure> {
        let (name, _) = self.profile(profile)?;
        let keeper = match self.keeper() {
            Ok(keeper) => keeper,
            // An agent may have been given a key that this process has not. What it hands out is kept, if it lives at all.
            Err(failure) => {
                let wish = TokenWish { profile: Some(name.clone()), min_ttl_s: Some(0), form: TokenForm::Json };
                let (json, warning) = self.ask(Request::Token(wish)).await?.ok_or(failure)?;
                return Ok((Handed::read(&name, &json, warning)?, None));
            }
        };
        let record = keeper.vault().read(&name)?.ok_or_else(|| Failure::not_signed_in(&name))?;
        if let Some(why) = &record.ended {
            return Err(TokenFailure::InvalidGrant(why.clone()).told(&name, &record.issuer));
        }
        if record.renewal == Renewal::File {
            // Whoever keeps that file has the newest; reading it is no renewal.
            return Ok((self.token(Some(&name), Some(0)).await?, None));
        }
        let failure = record.failed.as_ref().map(|failed| failed.failure.clone());
        Ok((Handed::of(&name, &record, keeper.clock(), None)?, failure))
    }

    /// A token for a variable, where others find it later: see [`Handed::wanted_in_a_variable_s`]. One that can't be had so fresh is better than none.
    pub async fn token_to_publish(&self, profile: Option<&str>) -> Result<Handed, Failure> {
        let handed = self.token(profile, None).await?;
        let wanted_s = handed.wanted_in_a_variable_s();
        if handed.expires_in_s >= wanted_s {
            return Ok(handed);
        }
        Ok(self.token(profile, Some(wanted_s)).await.unwrap_or(handed))
    }

    /// A new token now. With `rejected`, one that was refused somewhere, a token that has replaced it meanwhile is as good: a thousand callers who
    /// were refused with the same one are one refresh.
    pub async fn renewed(&self, profile: Option<&str>, rejected: Option<&str>) -> Result<Handed, Failure> {
        let (name, _) = self.profile(profile)?;
        let rejected = rejected.map(fingerprint_of);
        let call = Call::Refresh { profile: Some(name.clone()), rejected };
        if let Some((json, warning)) = self.ask(Request::Call(serde_json::to_vec(&call).unwrap_or_default())).await? {
            return Handed::read(&name, &json, warning);
        }
        let keeper = self.keeper()?;
        let need = match rejected {
            Some(rejected) => Need::InsteadOf { rejected },
            None => Need::Newer { version: keeper.vault().read(&name)?.ok_or_else(|| Failure::not_signed_in(&name))?.version },
        };
        let kept = keeper.fresh(&name, need).await?;
        Handed::of(&name, &kept.record, keeper.clock(), None)
    }

    /// Keeps a sign-in under its profile, in place of the one before, and lets the agent know.
    pub async fn keep(&self, name: &str, profile: &Profile, record: Record) -> Result<(), Failure> {
        let keeper = self.keeper_or_new(None)?;
        Profiles::change(&self.directories, |profiles| {
            profiles.profiles.insert(name.to_owned(), profile.clone());
            Ok(())
        })?;
        keeper.keep(name, record).await?;
        let call = Call::Reload { profile: name.to_owned() };
        self.ask(Request::Call(serde_json::to_vec(&call).unwrap_or_default())).await.map(drop)
    }

    /// Over accounts that are open already.
    #[must_use]
    pub fn with_keeper(keeper: Arc<Keeper>, clock: Arc<dyn Clock>, agent: Agent) -> Self {
        Self { directories: keeper.directories().clone(), clock, agent, keeper: Mutex::new(Some(keeper)) }
    }

    /// All profiles.
    pub fn profiles(&self) -> Result<Profiles, Failure> {
        Profiles::read(&self.directories)
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The accounts, with a key of their own if there is none yet.
    pub fn keeper_or_new(&self, wish: Option<Source>) -> Result<Arc<Keeper>, Failure> {
        let vault = Vault::open_or_make(&self.directories, wish, &nobody_to_ask)?;
        let keeper = Arc::new(Keeper::new(self.directories.clone(), vault, Arc::clone(&self.clock)));
        *self.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keeper));
        Ok(keeper)
    }

    /// The accounts, opened once: their key is asked for at the first use.
    fn keeper(&self) -> Result<Arc<Keeper>, Failure> {
        let mut known = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = &*known {
            return Ok(Arc::clone(keeper));
        }
        let vault = Vault::open(&self.directories, &nobody_to_ask)?;
        let keeper = Arc::new(Keeper::new(self.directories.clone(), vault, Arc::clone(&self.clock)));
        *known = Some(Arc::clone(&keeper));
        Ok(keeper)
    }

    /// Asks the agent; `None` when there is none.
    async fn ask(&self, request: Request) -> Result<Option<(Vec<u8>, Option<String>)>, Failure> {
        if self.agent == Agent::Never {
            return Ok(None);
        }
        let directories = self.directories.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&directories, &request)).await;
        match asked.map_err(|error| Failure::new(FailureKind::Failed, format!("nobody could be asked: {error}")))? {
            Ok(Answer::Done { data, warning }) => Ok(Some((data, warning))),
            Ok(Answer::Failed(failure)) | Err(Unanswered::Failed(failure)) => Err(failure),
            Err(Unanswered::NoAgent) => Ok(None),
        }
    }
}

/// A program that works for somebody has no terminal to ask at: a passphrase comes from the file that `FRESHKEY_PASSPHRASE_FILE` names.
fn nobody_to_ask(_: New) -> Option<Result<Secret<String>, Failure>> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(lifetime_s: u32, expires_in_s: u32) -> Handed {
        Handed {
            profile: "ua".to_owned(),
            token: Secret::new("x".to_owned()),
            issuer: String::new(),
            client_id: String::new(),
            subject: None,
            kind: String::new(),
            expires_at: 0,
            expires_in_s,
            lifetime_s,
            warning: None,
        }
    }

    #[test]
    fn t_085_ten_minutes_are_enough_and_of_a_shorter_life_most_of_it() {
        for (lifetime_s, expires_in_s, expected) in [
            (3600, 600, true),
            (3600, 599, false),
            (1800, 600, true),
            (601, 600, true),
            (600, 599, true),
            (600, 480, true),
            (600, 479, false),
            (60, 59, true),
            (60, 48, true),
            (60, 47, false),
            (1, 1, true),
            (1, 0, false),
            (0, 0, false),
        ] {
            assert_eq!(handed(lifetime_s, expires_in_s).is_as_fresh_as_can_be(), expected, "{expires_in_s} of {lifetime_s}");
        }
    }

    #[test]
    fn a_variable_is_looked_after_often_enough_for_any_life() {
        for lifetime_s in (0..4000).step_by(13) {
            for expires_in_s in 0..=lifetime_s {
                let handed = handed(lifetime_s, expires_in_s);
                let pause_s = handed.looks_again_in_s();
                assert!((1..=15).contains(&pause_s));
                let wanted_s = handed.wanted_in_a_variable_s();
                assert!(expires_in_s <= wanted_s || expires_in_s - pause_s >= wanted_s, "{expires_in_s} of {lifetime_s}: {pause_s}");
            }
        }
    }

    #[test]
    fn t_083_an_answer_that_is_no_token_of_this_profile_is_none() {
        let answer = |profile: &str, token: &str| {
            let text = serde_json::json!({ "profile": profile, "issuer": "i", "client_id": "c", "access_token": token, "expires_at": 1, "expires_in": 1 });
            Handed::read("ua", text.to_string().as_bytes(), None).err().map(|failure| failure.kind)
        };
        assert_eq!(answer("ua", "a.b.c"), None);
        for (profile, token) in [("lab", "a.b.c"), ("ua", ""), ("ua", "a b"), ("ua", "a\r\nHost: b"), ("ua", "ü")] {
            assert_eq!(answer(profile, token), Some(FailureKind::Agent), "{profile} {token:?}");
        }
        for json in ["", "{}", "[]", "x"] {
            assert_eq!(Handed::read("ua", json.as_bytes(), None).err().map(|failure| failure.kind), Some(FailureKind::Agent));
        }
    }
}
