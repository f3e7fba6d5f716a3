//! The grants as they run: load, decide, mint, record; again when a race was lost; then answer.
//!
//! The decisions are those of `freshkey_core::grants`. Here is only the order of things: signed before recorded, recorded before answered.

mod client_credentials;
mod password;
mod refresh_token;

pub use client_credentials::client_credentials;
pub use password::password;
pub use refresh_token::refresh_token;

use crate::app::App;
use crate::audit;
use crate::caller::Caller;
use crate::realms::ServedRealm;
use freshkey_core::change::{Applied, Outcome};
use freshkey_core::client_auth::AuthenticatedClient;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::grants::Setting;
use freshkey_core::tokens::{self, TokenPlan};
use freshkey_core::{Now, Refusal};
use freshkey_store::StoreError;

/// One token request: where, who, when, by whom.
pub struct TokenRequest<'a> {
    /// The application.
    pub app: &'a App,
    /// The realm.
    pub served: &'a ServedRealm,
    /// The client, authenticated.
    pub client: &'a AuthenticatedClient,
    /// The caller.
    pub caller: &'a Caller,
    /// The moment.
    pub now: Now,
}

impl<'a> TokenRequest<'a> {
    fn setting(&self) -> Setting<'a> {
        Setting { realm: &self.served.realm, issuer: &self.served.issuer, now: self.now }
    }

    /// Writes down a refusal that the store had no part in, and gives it back.
    async fn refuse(&self, kind: EventKind, refusal: Refusal, details: &[(&'static str, &str)]) -> Result<Vec<u8>, Refusal> {
        let mut event = Event::new(self.now.milliseconds(), self.served.realm.key, kind).refused(&refusal);
        event.client_id = Some(self.client.client().client_id.clone());
        event.details.extend(details.iter().map(|(name, value)| (*name, (*value).to_owned())));
        match self.app.store.record(&[], &audit::record(event, self.caller)).await {
            Ok(_) => Err(refusal),
            Err(error) => Err(store_refusal(&error)),
        }
    }

    /// Mints and records what was decided: `None` when the race was lost and all is to be done again.
    async fn conclude(&self, outcome: Outcome<TokenPlan<'_>>) -> Option<Result<Vec<u8>, Refusal>> {
        let Outcome { answer, changes, mut event } = outcome;
        // Signed before recorded: a token that cannot be signed must not use up the old one.
        let minted = answer.and_then(|plan| {
            let scope = plan.response_scope.clone();
            tokens::mint(&plan, &*self.app.entropy).map(|set| (set, scope))
        });
        let body = match minted {
            Ok((set, scope)) => {
                event.details.push(("token_id", set.access_token_id));
                event.details.push(("access_token_expiration_time", set.access_token_expires_at.to_string()));
                event.details.extend(set.refresh_token_id.map(|id| ("updated_refresh_token_id", id)));
                event.details.push(("scope", scope));
                event.details.push(("client_auth_method", self.client.method().as_str().to_owned()));
                Ok(set.body)
            }
            Err(refusal) => {
                event.reason = Some(refusal.clone());
                Err(refusal)
            }
        };
        // A failure of ours must change nothing; a refusal of policy may well do so.
        let changes = if body == Err(Refusal::Internal) { Vec::new() } else { changes };
        match self.app.store.record(&changes, &audit::record(event, self.caller)).await {
            Ok(Applied::Yes) => Some(body),
            Ok(Applied::Raced) | Err(StoreError::OutcomeUnknown(_)) => None,
            Err(error) => Some(Err(store_refusal(&error))),
        }
    }
}

/// What the caller hears when the store cannot do its part. The log has the rest.
pub fn store_refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::Inconsistent { .. } => {
            tracing::error!(error = %error, "the store holds something that does not fit");
            Refusal::Internal
        }
        _ => {
            tracing::warn!(error = %error, "the store is unavailable");
            Refusal::StoreUnavailable
        }
    }
}
