//! The gate: the verdict, with the current policy, the current keys, the tokens that were seen before, and the time. What the fronts share.

#[cfg(test)]
mod cached_verdict_tests;
mod snapshot;
#[cfg(test)]
mod tests;

pub use snapshot::{IssuerState, Snapshot};

use crate::clock::Clock;
use crate::identity::Identity;
use crate::keys::KeySet;
use crate::policy::Place;
use crate::reason::Reason;
use crate::request::{CanonicalRequest, Credential};
use crate::token::{Stop, TokenCache, VerifiedToken, verify};
use crate::verdict::{Question, Refused, authorise, question};
use arc_swap::ArcSwap;
use freshkey_protocol::jose::CompactJws;
use std::sync::Arc;

/// Judges requests.
pub struct Gate {
    snapshot: ArcSwap<Snapshot>,
    cache: TokenCache,
    clock: Arc<dyn Clock>,
}

/// A verdict and what it was made with. Application and rule are places in the snapshot's policy.
pub struct Judgement<'s> {
    /// What it was made with.
    pub snapshot: &'s Snapshot,
    /// The application that the request is for.
    pub application: Option<usize>,
    /// The rule that decided.
    pub rule: Option<usize>,
    /// The verdict.
    pub outcome: Result<Pass, Reason>,
}

/// A request may pass.
#[derive(Debug, Clone)]
pub struct Pass {
    /// The token that opened; none on a public route.
    pub token: Option<Arc<VerifiedToken>>,
    /// What is passed on about the caller.
    pub identity: Option<Arc<Identity>>,
}

impl Gate {
    /// A gate with this policy.
    #[must_use]
    pub fn new(snapshot: Snapshot, cache_entries_max: usize, clock: Arc<dyn Clock>) -> Self {
        Self { snapshot: ArcSwap::from_pointee(snapshot), cache: TokenCache::new(cache_entries_max), clock }
    }

    /// What is in force. A front takes it once for a request, and both reads and judges the request by it.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts another policy in force. Requests under way end with the one that they began with.
    pub fn replace(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// The time.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn cached_tokens(&self) -> usize {
        self.cache.len()
    }

    /// The verdict on a request, by what was in force when it came.
    pub async fn judge<'s>(&self, snapshot: &'s Snapshot, request: &CanonicalRequest<'_>) -> Judgement<'s> {
        let (application, rule, outcome) = match question(&snapshot.policy, request) {
            Err(Refused { reason, application, rule }) => (application, rule, Err(reason)),
            Ok(Question::Public(place)) => (Some(place.application), Some(place.rule), Ok(Pass { token: None, identity: None })),
            Ok(Question::Token(place, credential)) => {
                let outcome = self.pass(snapshot, place, credential).await;
                (Some(place.application), Some(place.rule), outcome)
            }
        };
        Judgement { snapshot, application, rule, outcome }
    }

    async fn pass(&self, snapshot: &Snapshot, place: Place, credential: Credential<'_>) -> Result<Pass, Reason> {
        let (token, now_s) = self.verified(snapshot, credential).await?;
        let policy = &snapshot.policy;
        authorise(policy, policy.rule(place), &token, now_s)?;
        snapshot.check_revocation(&token, credential, &*self.clock).await?;
        let identity = Identity::of(policy, place.application, &token, snapshot.signer.as_deref(), now_s)?;
        Ok(Pass { token: Some(token), identity: Some(identity) })
    }

    /// The token, verified now or before, and the time at which it was, in seconds since 1970.
    async fn verified(&self, snapshot: &Snapshot, credential: Credential<'_>) -> Result<(Arc<VerifiedToken>, i64), Reason> {
        let now_s = self.now_s();
        let name = self.cache.name(credential.as_bytes());
        if let Some(known) = name.and_then(|name| self.cache.get(name))
            && still_counts(snapshot, &known, now_s)
        {
            return Ok((known, now_s));
        }
        let token = credential.token()?;
        let verified = match self.verify(snapshot, token) {
            Ok(verified) => verified,
            Err(Stop::Refused(reason)) => return Err(reason),
            Err(Stop::NeedsKey(place)) => {
                // In a box: what few requests have to keep while they wait, all would have to carry.
                Box::pin(self.wait_for_key(snapshot, place, token)).await?;
                self.verify(snapshot, token).map_err(|stop| match stop {
                    Stop::Refused(reason) => reason,
                    Stop::NeedsKey(_) => Reason::UnknownKey,
                })?
            }
        };
        let verified = Arc::new(verified);
        if let Some(name) = name {
            self.cache.put(name, Arc::clone(&verified));
        }
        // Not the time of before: there may have been a wait for keys.
        Ok((verified, self.now_s()))
    }

    fn verify(&self, snapshot: &Snapshot, token: &str) -> Result<VerifiedToken, Stop> {
        let keys: Vec<Option<Arc<KeySet>>> = snapshot.issuers.iter().map(|issuer| issuer.keys.current().clone()).collect();
        verify(&snapshot.policy, &keys, token, self.now_s())
    }

    async fn wait_for_key(&self, snapshot: &Snapshot, place: usize, token: &str) -> Result<(), Reason> {
        let jws = CompactJws::parse(token.as_bytes()).map_err(|_| Reason::MalformedToken)?;
        let header = jws.header();
        let issuer = snapshot.issuers.get(place).ok_or(Reason::Failed)?;
        let is_there = |set: &KeySet| set.find(header.key_id.as_ref(), header.algorithm).is_some();
        if issuer.keys.wait_for(is_there).await { Ok(()) } else { Err(Reason::UnknownKey) }
    }

    fn now_s(&self) -> i64 {
        self.clock.now_ms().div_euclid(1000)
    }
}

/// Whether what was read before is what would be read now.
fn still_counts(snapshot: &Snapshot, known: &VerifiedToken, now_s: i64) -> bool {
    let keys = snapshot.issuers.get(known.issuer).map(|issuer| issuer.keys.current());
    let has_same_keys = keys.is_some_and(|keys| keys.as_ref().is_some_and(|keys| keys.generation == known.key_generation));
    known.policy_generation == snapshot.policy.generation && has_same_keys && now_s < known.valid_until_s && now_s >= known.valid_from_s
}
