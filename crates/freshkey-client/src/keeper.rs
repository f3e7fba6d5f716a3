//! The act: a token that is fresh enough, by one refresh at most, whoever asks and however often.
//!
//! Under the lock of the account: read again; write down the intent and take room on the disk; ask; write the new token; only then let it out. Whoever
//! is interrupted between two of these steps loses nothing: the intent is found, and the refresh made once more (T-091). The agent and a command
//! without an agent do exactly this.

use crate::clock::{Clock, Moment};
use crate::directories::Directories;
use crate::failure::{Failure, FailureKind};
use crate::files::Locked;
use crate::freshness::back_off_ms;
use crate::profile::Profile;
use crate::profile::file::Profiles;
use crate::provider::{ClientAuthentication, Provider, TokenFailure, discover};
use crate::record::{FailedAttempts, Fingerprint, Intent, KeptMoment, Record, Renewal};
use crate::sign_in::from_file;
use crate::transport::Transport;
use crate::vault::Vault;
use freshkey_protocol::TokenReply;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Requests of one renewal: the first, one after a lost reply, and as many for a refresh token that somebody else has kept meanwhile.
const ATTEMPTS_MAX: usize = 4;

/// Milliseconds after a failure during which no caller causes another attempt: few enough that all are served within two seconds of the
/// provider's return (T-099), enough that a thousand callers are one attempt.
const REST_OF_CALLERS_MS_MAX: u64 = 1500;
/// Seconds for which a provider can ask to be left alone.
const RETRY_AFTER_S_MAX: u32 = 600;

/// What is wanted of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// So many seconds to live, or what is usual.
    Ttl(Option<u32>),
    /// A renewal ahead of its callers, if it is time for that.
    Ahead,
    /// A new one, whatever is left of the one before; `version` is the record that the caller has seen.
    Newer {
        /// Of the record that is not new enough.
        version: u64,
    },
    /// Another one than this, which was refused somewhere; a new one, unless there is another already.
    InsteadOf {
        /// Of the token that was refused.
        rejected: Fingerprint,
    },
}

/// An account as it is kept, while its lock is held: nobody has changed it since.
pub struct Kept {
    /// What is kept.
    pub record: Record,
    _locked: Locked,
}

/// Keeps accounts fresh.
pub struct Keeper {
    directories: Directories,
    vault: Vault,
    clock: Arc<dyn Clock>,
    /// Connections are kept from one refresh to the next.
    transports: Mutex<HashMap<Option<PathBuf>, Transport>>,
}

impl Keeper {
    /// Over these accounts.
    #[must_use]
    pub fn new(directories: Directories, vault: Vault, clock: Arc<dyn Clock>) -> Self {
        Self { directories, vault, clock, transports: Mutex::default() }
    }

    /// The accounts.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Where things are.
    #[must_use]
    pub fn directories(&self) -> &Directories {
        &self.directories
    }

    /// The account as it is, if that is enough, or refreshed. Runs to its end once it has begun; a caller that may go away spawns it.
    pub async fn fresh(&self, name: &str, need: Need) -> Result<Kept, Failure> {
        let locked = Locked::wait_long(&self.vault.lock_file(name)).await?;
        let record = self.vault.read(name)?.ok_or_else(|| Failure::not_signed_in(name))?;
        let now = self.clock.now();
        let is_enough = match need {
            Need::Ttl(wish) => record.access.as_ref().is_some_and(|access| access.life.lifetime().suffices(now, wish)),
            Need::Ahead => record.access.as_ref().is_some_and(|access| access.renewal_in_ms(now) > 0),
            Need::Newer { version } => record.version > version && record.failed.is_none(),
            Need::InsteadOf { rejected } => replaces(&record, rejected, now),
        };
        if is_enough && record.intent.is_none() {
            return Ok(Kept { record, _locked: locked });
        }
        if record.renewal == Renewal::File {
            return Ok(Kept { record: self.read_again(name, record, need)?, _locked: locked });
        }
        if let Some(why) = &record.ended {
            return Err(TokenFailure::InvalidGrant(why.clone()).told(name, &record.issuer));
        }
        match (&record.failed, need) {
            (Some(failed), Need::Ttl(_) | Need::InsteadOf { .. }) if failed.rests_for_callers(now) => Err(failed.failure.clone()),
            (Some(failed), Need::Ahead) if failed.rests_for_ms(now) > 0 => Err(failed.failure.clone()),
            _ => Ok(Kept { record: self.renew(name, record).await?, _locked: locked }),
        }
    }

    /// A token that somebody else keeps fresh in a file: nobody is asked for another, and nothing can be lost.
    fn read_again(&self, name: &str, mut record: Record, need: Need) -> Result<Record, Failure> {
        let profile = self.profile_of(name, &record)?;
        let path = profile.access_token_file.ok_or_else(|| {
            Failure::new(FailureKind::Profile, format!("the profile {name} does not name the file of its tokens any more"))
                .with_hint(format!("run `freshkey login {name} --from-token-file PATH`"))
        })?;
        let now = self.clock.now();
        let is_new = from_file::read_again(&mut record, &path, now)?;
        if is_new {
            self.vault.write(name, &mut record)?;
        }
        match need {
            Need::Ttl(wish) => from_file::check(&record, &path, now, wish)?,
            // Only its keeper can renew it, and this is asked again later.
            Need::InsteadOf { rejected } if replaces(&record, rejected, now) => {}
            Need::Ahead | Need::Newer { .. } | Need::InsteadOf { .. } if !is_new => {
                let what = format!("the token in {} is the same as before: whoever keeps that file renews it", path.display());
                return Err(Failure::new(FailureKind::Unavailable, what));
            }
            Need::Ahead | Need::Newer { .. } | Need::InsteadOf { .. } => {}
        }
        Ok(record)
    }

    async fn renew(&self, name: &str, mut record: Record) -> Result<Record, Failure> {
        let profile = self.profile_of(name, &record)?;
        let transport = self.transport(&profile).map_err(|why| TokenFailure::Untrusted(why).told(name, &record.issuer))?;
        let authentication = ClientAuthentication::of(&profile, record.authentication_methods.as_deref())?;
        let provider = Provider { transport: &transport, client_id: &record.client_id.clone(), authentication: &authentication };
        let mut was_replayed = record.intent.is_some();
        for _ in 0..ATTEMPTS_MAX {
            record.intent = Some(Intent { begun_at: self.clock.now().wall_s(), was_replayed });
            self.vault.write(name, &mut record)?;
            let room = self.vault.reserve(name, &record)?;
            let asked = self.clock.now();
            match request(&provider, &profile, &record).await {
                Ok(reply) => {
                    record.take(reply, asked);
                    self.vault.write_into(room, name, &mut record)?;
                    return Ok(record);
                }
                // The same token once more, at once: a provider that gives the successor again does so for some seconds only.
                Err(TokenFailure::Unavailable { may_have_happened: true, .. }) if !was_replayed => was_replayed = true,
                Err(TokenFailure::InvalidGrant(why)) => {
                    // Read again: another program may have kept a newer one here in spite of the lock.
                    let stored = self.vault.read(name)?.ok_or_else(|| Failure::not_signed_in(name))?;
                    if stored.refresh_token == record.refresh_token {
                        record.end(&why);
                        self.vault.write(name, &mut record)?;
                        return Err(TokenFailure::InvalidGrant(why).told(name, &record.issuer));
                    }
                    record = stored;
                }
                Err(failure) => return Err(self.put_off(name, record, &failure)),
            }
        }
        Err(Failure::new(FailureKind::Failed, format!("another program keeps changing the account {name}")))
    }

    /// Notes that it did not work, and when to try again. The refresh token stays: only `invalid_grant` says anything about it (T-057).
    fn put_off(&self, name: &str, mut record: Record, failure: &TokenFailure) -> Failure {
        let told = failure.told(name, &record.issuer);
        let count = record.failed.as_ref().map_or(0, |failed| failed.count).saturating_add(1);
        let (wish_s, may_have_happened) = match failure {
            TokenFailure::Unavailable { retry_after_s, may_have_happened, .. } => (retry_after_s.unwrap_or(0), *may_have_happened),
            _ => (0, false),
        };
        let wish_ms = u64::from(wish_s.min(RETRY_AFTER_S_MAX)) * 1000;
        let rest_ms = back_off_ms(count, self.clock.lot());
        record.failed = Some(FailedAttempts {
            count,
            last: KeptMoment::new(self.clock.now()),
            rest_ms: rest_ms.max(wish_ms),
            rest_of_callers_ms: rest_ms.min(REST_OF_CALLERS_MS_MAX).max(wish_ms),
            failure: told.clone(),
        });
        if !may_have_happened {
            record.intent = None;
        }
        // Without this note the next caller tries at once, which is all that is lost.
        let _ = self.vault.write(name, &mut record);
        told
    }

    /// The profile that the account was made with. Tokens go to nobody whom the user has not seen at the sign-in (T-064).
    fn profile_of(&self, name: &str, record: &Record) -> Result<Profile, Failure> {
        let profiles = Profiles::read(&self.directories)?;
        let profile = profiles.choose(Some(name))?.1.clone();
        if profile.issuer == record.issuer && profile.client_id == record.client_id {
            return Ok(profile);
        }
        let what =
            format!("the profile {name} names another issuer or client than at the sign-in ({}, {})", record.issuer, record.client_id);
        Err(Failure::new(FailureKind::Untrusted, what).with_hint(format!("run `freshkey login {name}` to sign in there")))
    }

    /// A transport for the profile.
    pub fn transport(&self, profile: &Profile) -> Result<Transport, String> {
        let mut transports = self.transports.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(transport) = transports.get(&profile.ca_file) {
            return Ok(transport.clone());
        }
        let transport = Transport::new(profile.ca_file.as_deref())?;
        transports.insert(profile.ca_file.clone(), transport.clone());
        Ok(transport)
    }

    /// Signs out: nobody hands out anything of it afterwards, whatever the provider says (T-059). The answer tells whether the provider has heard it.
    pub async fn forget(&self, name: &str) -> Result<Result<(), TokenFailure>, Failure> {
        let _locked = Locked::wait_long(&self.vault.lock_file(name)).await?;
        let record = match self.vault.read(name) {
            Ok(record) => record.ok_or_else(|| Failure::not_signed_in(name))?,
            // What can't be opened can't be revoked, but it can be removed.
            Err(failure) if failure.kind == FailureKind::Key => {
                self.vault.remove(name)?;
                return Ok(Err(TokenFailure::Strange(failure.message)));
            }
            Err(failure) => return Err(failure),
        };
        self.vault.remove(name)?;
        Ok(self.revoke(name, &record).await)
    }

    async fn revoke(&self, name: &str, record: &Record) -> Result<(), TokenFailure> {
        let (Some(token), Some(endpoint)) = (&record.refresh_token, &record.revocation_endpoint) else { return Ok(()) };
        let profile = self.profile_of(name, record).map_err(|failure| TokenFailure::Untrusted(failure.message))?;
        let transport = self.transport(&profile).map_err(TokenFailure::Untrusted)?;
        let authentication = ClientAuthentication::of(&profile, record.authentication_methods.as_deref())
            .map_err(|failure| TokenFailure::Untrusted(failure.message))?;
        let provider = Provider { transport: &transport, client_id: &record.client_id, authentication: &authentication };
        provider.revoke(endpoint, token.expose()).await
    }

    /// Keeps a sign-in, in place of the one before.
    pub async fn keep(&self, name: &str, mut record: Record) -> Result<Record, Failure> {
        crate::profile::check_name(name)?;
        let _locked = Locked::wait_long(&self.vault.lock_file(name)).await?;
        record.version = self.vault.read(name).ok().flatten().map_or(0, |before| before.version);
        self.vault.write(name, &mut record)?;
        Ok(record)
    }

    /// What the provider says of itself.
    pub async fn discover(&self, profile: &Profile) -> Result<freshkey_protocol::ProviderMetadata, TokenFailure> {
        let transport = self.transport(profile).map_err(TokenFailure::Untrusted)?;
        discover(profile, &transport).await
    }
}

/// Whether what is kept is another token than one that was refused, and fresh.
pub(crate) fn replaces(record: &Record, rejected: Fingerprint, now: Moment) -> bool {
    record.access.as_ref().is_some_and(|access| access.fingerprint() != rejected && access.life.lifetime().suffices(now, None))
}

async fn request(provider: &Provider<'_>, profile: &Profile, record: &Record) -> Result<TokenReply, TokenFailure> {
    match (record.renewal, &record.refresh_token) {
        (Renewal::ClientCredentials, _) => {
            provider.token(&record.token_endpoint, &[("grant_type", "client_credentials"), ("scope", &profile.scope)]).await
        }
        (Renewal::RefreshToken, Some(token)) => {
            provider.token(&record.token_endpoint, &[("grant_type", "refresh_token"), ("refresh_token", token.expose())]).await
        }
        // Read by `read_again`, and never asked for.
        (Renewal::File, _) => Err(TokenFailure::Strange("nothing: these tokens come from a file".to_owned())),
        (Renewal::RefreshToken, None) => Err(TokenFailure::InvalidGrant("the provider gave no refresh token at the sign-in".to_owned())),
    }
}
