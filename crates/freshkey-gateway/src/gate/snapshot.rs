//! Everything that is in force at one time.

use crate::assertion::AssertionSigner;
use crate::clock::Clock;
use crate::identity::IdentityNames;
use crate::issuer::{Issuer, KeySource};
use crate::keys::{HttpSource, IssuerKeys, run};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::request::Credential;
use crate::token::VerifiedToken;
use freshkey_service::network::TrustedProxies;
use std::sync::Arc;
use tokio::task::AbortHandle;

/// A policy with what belongs to it. Swapped whole.
pub struct Snapshot {
    /// The policy.
    pub policy: Policy,
    /// The keys of its issuers, in their order.
    pub issuers: Vec<Arc<IssuerState>>,
    /// The headers that only the gateway may set.
    pub identity_names: IdentityNames,
    /// Who may speak for others.
    pub trusted_proxies: TrustedProxies,
    /// What signs assertions.
    pub signer: Option<Arc<AssertionSigner>>,
    /// What refusals name as their realm.
    pub realm: String,
}

/// What is known of an issuer while the gateway runs. It outlives a change of the policy that does not concern where its keys come from.
pub struct IssuerState {
    /// Its keys.
    pub keys: Arc<IssuerKeys>,
    name: String,
    source: KeySource,
    algorithms: Vec<freshkey_protocol::jose::Algorithm>,
    fetching: Option<AbortHandle>,
}

impl IssuerState {
    /// Keys that are fetched from now on, for as long as this is held.
    #[must_use]
    pub fn start(issuer: &Arc<Issuer>) -> Arc<Self> {
        let keys = Arc::new(IssuerKeys::default());
        let task = {
            let (keys, issuer) = (Arc::clone(&keys), Arc::clone(issuer));
            tokio::spawn(async move {
                run(&keys, &issuer, HttpSource::new(&issuer)).await;
            })
        };
        Arc::new(Self::of(issuer, keys, Some(task.abort_handle())))
    }

    /// Keys that somebody else looks after.
    #[must_use]
    pub fn with_keys(issuer: &Issuer, keys: Arc<IssuerKeys>) -> Arc<Self> {
        Arc::new(Self::of(issuer, keys, None))
    }

    fn of(issuer: &Issuer, keys: Arc<IssuerKeys>, fetching: Option<AbortHandle>) -> Self {
        Self { keys, name: issuer.name.clone(), source: issuer.keys.clone(), algorithms: issuer.algorithms.clone(), fetching }
    }

    /// Whether it would be the same for what the configuration says now.
    #[must_use]
    pub fn serves(&self, issuer: &Issuer) -> bool {
        self.name == issuer.name && self.source == issuer.keys && self.algorithms == issuer.algorithms
    }
}

impl Drop for IssuerState {
    fn drop(&mut self) {
        if let Some(task) = &self.fetching {
            task.abort();
        }
    }
}

impl Snapshot {
    /// Waits until every issuer has keys, however long that takes.
    pub async fn ready(&self) {
        for issuer in &self.issuers {
            issuer.keys.ready().await;
        }
    }

    /// Whether every issuer has keys.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.issuers.iter().all(|issuer| issuer.keys.is_ready())
    }

    /// Asks the issuer, where the configuration wants that.
    pub(crate) async fn check_revocation(
        &self,
        token: &VerifiedToken,
        credential: Credential<'_>,
        clock: &dyn Clock,
    ) -> Result<(), Reason> {
        let Some(issuer) = self.policy.issuers.get(token.issuer) else { return Err(Reason::Failed) };
        match &issuer.introspection {
            Some(introspection) => crate::revocation::check(issuer, introspection, token, credential, clock).await,
            None => Ok(()),
        }
    }
}
